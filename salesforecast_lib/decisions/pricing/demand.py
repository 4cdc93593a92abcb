"""Demand and profit of a category at other prices, and under draws of the elasticities (chapter 13).

With log changes ``x_i = log(p_i / p0_i)`` and the category's index ``G = sum_j s_j x_j`` demand is

``D_i = a_i exp(e_i x_i + c_i (G - s_i x_i) / (1 - s_i))``

with own elasticity e, cross elasticity c to the rivals together, and share s of the category's units.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.pricing.rules import refuse_customers

NUMBERS = ("price", "cost", "units", "share", "own", "cross")
_COLUMNS = ("unique_id", *NUMBERS, "price_low", "price_high")


def check_category(products: pd.DataFrame) -> None:
    """Raise ValueError on customer columns, missing columns, or numbers that are no prices, costs, units or shares."""
    refuse_customers(products.columns, "price optimisation")
    missing = [name for name in _COLUMNS if name not in products]
    if missing:
        raise ValueError(f"price optimisation: columns {missing} are missing; expected {list(_COLUMNS)}")
    numbers = products[list(_COLUMNS[1:])]
    bad = ~np.isfinite(numbers).all(axis=1) | (numbers[["price", "units", "share"]] <= 0).any(axis=1)
    bad |= products["share"] > 1 + 1e-9
    if bad.any():
        row = products[bad].iloc[0]
        raise ValueError(
            f"price optimisation: {row['unique_id']!r} has {row[list(_COLUMNS[1:])].to_dict()}; expected finite "
            "numbers, positive price and units, a share of at most 1"
        )


def demand_factor(x: np.ndarray, own: np.ndarray, cross: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Demand at log price changes ``x`` (..., products) against demand today; parameters broadcast against ``x``.

    ``share`` sums to 1 over the whole category; products that are not in ``x`` keep their prices.
    """
    index = (share * x).sum(-1, keepdims=True)
    others = np.maximum(1 - share, 1e-12)
    rivals = np.where(1 - share > 1e-9, (index - share * x) / others, 0.0)
    return np.exp(own * x + cross * rivals)


def profit(products: pd.DataFrame, prices: np.ndarray) -> np.ndarray:
    """Expected profit of each row of ``prices`` (..., products), in money a period."""
    p0, cost, units, share, own, cross = (
        products[name].to_numpy(dtype="float64") for name in ("price", "cost", "units", "share", "own", "cross")
    )
    return ((prices - cost) * units * demand_factor(np.log(prices / p0), own, cross, share)).sum(-1)


def units_at(rows: pd.DataFrame, price: pd.Series, own: pd.Series) -> pd.Series:
    """Mean units a period of each product had ``price`` been asked in these rows, by its own elasticity.

    Without it, the weeks of a promotion would count as demand at the full price.

    Parameters
    ----------
    rows : ``unique_id, units, log_price``. ``price, own`` : by unique_id.
    """
    names = rows["unique_id"]
    factor = np.exp(names.map(own) * (np.log(names.map(price)) - rows["log_price"]))
    return (rows["units"] * factor).groupby(names).mean()


def draw_elasticities(posterior: pd.DataFrame, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples of own and cross elasticities, each (draws, products); own ones are cut at -0.05.

    ``posterior`` has ``own, own_sd, cross, cross_sd, covariance``, as `shrinkage.shrink` returns.
    """
    noise = np.random.default_rng(seed).standard_normal((2, draws, len(posterior)))
    own_sd, cross_sd = posterior["own_sd"].to_numpy(), posterior["cross_sd"].to_numpy()
    limit = own_sd * cross_sd
    with np.errstate(divide="ignore", invalid="ignore"):  # no spread, no correlation
        correlation = np.clip(np.nan_to_num(posterior["covariance"].to_numpy() / limit), -0.99, 0.99)
    own = posterior["own"].to_numpy() + own_sd * noise[0]
    second = correlation * noise[0] + np.sqrt(1 - correlation**2) * noise[1]
    return np.minimum(own, -0.05), posterior["cross"].to_numpy() + cross_sd * second


def profit_draws(products: pd.DataFrame, prices: np.ndarray, own: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Profit of each product at ``prices`` (products,) under every draw of the elasticities, (draws, products)."""
    p0, cost, units, share = (products[name].to_numpy(dtype="float64") for name in ("price", "cost", "units", "share"))
    x = np.broadcast_to(np.log(prices / p0), own.shape)
    return (prices - cost) * units * demand_factor(x, own, cross, share)


def gain_draws(state: pd.DataFrame, prices: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Change of the whole shop's profit if ``prices`` replace today's, under draws of the elasticities, (draws,).

    ``state`` has the columns of `check_category` and ``category, own_sd, cross_sd, covariance``.
    """
    own, cross = draw_elasticities(state, draws, seed)
    today = state["price"].to_numpy()
    gain = np.zeros(draws)
    for place in state.groupby("category").indices.values():
        part = (own[:, place], cross[:, place])
        rows = state.iloc[place]
        gain += (profit_draws(rows, prices[place], *part) - profit_draws(rows, today[place], *part)).sum(1)
    return gain
