"""Price data, categories and panels with known elasticities, for the tests beside."""

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.pricing.data import PriceData, rival_index


def synthetic(seed=0, products=6, periods=400, own=-2.0, cross=0.5, confounding=0.8):
    """Prices that answer to a shock, with a cost that moves them; the truth is ``own`` and ``cross`` everywhere."""
    rng = np.random.default_rng(seed)
    cost, shock = rng.normal(0, 0.2, (2, products, periods))
    price = cost + confounding * shock
    table = pd.DataFrame(
        {
            "unique_id": np.repeat([f"p{i}" for i in range(products)], periods),
            "category": "all",
            "ds": np.tile(pd.date_range("2024-01-01", periods=periods), products),
            "block": np.tile(np.arange(periods) // 28, products),
            "units": 10.0,
            "share": 1 / products,
            "log_price": price.ravel(),
            "log_cost": cost.ravel(),
        }
    )
    table["rival_price"] = rival_index(table, "log_price")
    table["rival_log_cost"] = rival_index(table, "log_cost")
    table["control"] = rng.normal(size=len(table))
    noise = rng.normal(0, 0.1, len(table))
    table["log_units"] = (
        own * table["log_price"] + cross * table["rival_price"] + shock.ravel() + table["control"] + noise
    )
    return PriceData(table, ("log_cost", "rival_log_cost"), ("control",))


def category(seed, n):
    rng = np.random.default_rng(seed)
    price = np.round(rng.uniform(2, 9, n), 2)
    return pd.DataFrame(
        {
            "unique_id": [f"p{i}" for i in range(n)],
            "price": price,
            "cost": price * rng.uniform(0.4, 0.7, n),
            "units": rng.uniform(5, 50, n),
            "share": rng.dirichlet(np.ones(n)),
            "own": rng.normal(-2, 0.5, n),
            "cross": rng.uniform(0, 1.2, n),
            "price_low": price * 0.85,
            "price_high": price * 1.2,
        }
    )


def weekly_panel(seed=0, weeks=104, elasticity=-1.6, fixed=("c",)):
    rng = np.random.default_rng(seed)
    parts = []
    for name in ("a", "b", "c", "d"):
        price = (
            np.full(weeks, 3.0) if name in fixed else np.round(3 * np.exp(rng.choice([0, 0, 0, -0.2, 0.1], weeks)), 2)
        )
        mean = (0.5 if name == "d" else 80.0) * (price / 3) ** elasticity
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": name, "ds": pd.date_range("2022-01-02", periods=weeks, freq="W-SUN"),
                    "y": rng.poisson(mean).astype(float), "price": price, "available": 1.0, "group": "g",
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
