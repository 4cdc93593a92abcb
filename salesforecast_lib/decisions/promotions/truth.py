"""What a promotion plan really earns in the simulated marketplace (chapter 12)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.simulate import Marketplace, expected_demand


def true_options(
    market: Marketplace, start: pd.Timestamp, periods: int, depths: tuple[float, ...], fee: float
) -> pd.DataFrame:
    """What `market_options` estimates, by the true model: exact for one promotion at a time.

    Coming prices, costs and shocks are known as well, so that the best plan from these options is the optimum up to
    what promotions of the same category and week do to each other.
    """
    truth = market.truth
    effect = market.products.set_index("unique_id")["promotion_effect"]
    units = expected_demand(market, truth["list_price"]) * np.exp(-truth["unique_id"].map(effect) * truth["promotion"])
    inside = (truth["ds"] >= start) & (truth["ds"] < start + pd.Timedelta(weeks=periods))
    frame = truth[inside].assign(units=units[inside])
    wide = frame.pivot(index="unique_id", columns="ds", values=["units", "list_price", "cost"]).fillna(0.0)
    volume, price, cost = (wide[name].to_numpy() for name in ("units", "list_price", "cost"))  # (products, days)
    ids = wide.index.to_numpy()
    elasticity = np.zeros((len(ids), len(ids)))
    for table in market.cross_elasticity.values():
        place = pd.Index(ids).get_indexer(table.index)
        kept = place >= 0
        elasticity[np.ix_(place[kept], place[kept])] = table.to_numpy()[np.ix_(kept, kept)]
    own, seen = np.diag(elasticity).copy(), effect.loc[ids].to_numpy()
    np.fill_diagonal(elasticity, 0.0)
    week = (wide["units"].columns - start).days.to_numpy() // 7
    rows = []
    for depth in depths:
        lift = np.exp(own * np.log(1 - depth) + seen)[:, None]
        lost = (1 - np.exp(elasticity * np.log(1 - depth))).T @ (volume * (price - cost))
        profit = volume * ((price * (1 - depth) - cost) * lift - (price - cost)) - lost
        spend = volume * lift * price * depth
        for period in range(periods):
            days = week == period
            columns = {"profit": profit[:, days].sum(1) - fee, "spend": spend[:, days].sum(1) + fee}
            rows.append(pd.DataFrame({"unique_id": ids, "period": period, "depth": depth, **columns}))
    return pd.concat(rows, ignore_index=True)


def true_profit(market: Marketplace, plan: pd.DataFrame, start: pd.Timestamp, periods: int, fee: float) -> float:
    """Expected profit of ``plan`` (``unique_id, period, depth``) over ``periods`` weeks from ``start``, by the truth.

    Cross effects and promotions at the same time included; the promotions that the simulation had are taken away.
    """
    truth = market.truth
    effect = truth["unique_id"].map(market.products.set_index("unique_id")["promotion_effect"])
    inside = (truth["ds"] >= start) & (truth["ds"] < start + pd.Timedelta(weeks=periods))
    week = (truth["ds"] - start).dt.days // 7
    keys = pd.MultiIndex.from_arrays([truth["unique_id"], week])
    depth = plan.set_index(["unique_id", "period"])["depth"].astype(float).reindex(keys).fillna(0.0).to_numpy() * inside
    price = truth["list_price"] * (1 - depth)
    units = expected_demand(market, price) * np.exp(effect * ((depth > 0).astype(float) - truth["promotion"]))
    return float((((price - truth["cost"]) * units)[inside]).sum() - fee * len(plan))
