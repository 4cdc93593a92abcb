"""Promotions of the simulated marketplace as its shop sees them: effects and options to choose from (chapter 12)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.simulate import Marketplace
from salesforecast_lib.decisions.promotions.product_effects import hierarchy_step

_WINDOW = 57  # days of the local level around a day: longer than a promotion, shorter than a season
_LOST_AFTER = 0.25  # a day on which the product was in stock for less of it says too little


@dataclass(frozen=True)
class PromotionResponse:
    """Log lift of product i at depth d: ``seen_i + elasticity_i log(1 - d)``, the elasticity negative.

    Parameters
    ----------
    draws : (draws, products, 2) of ``(elasticity, seen)`` from the posterior; ``ids`` are its products.
    cross, cross_se : log change of a product's sales per unit of its rivals' weighted ``log(1 - depth)``.
    """

    ids: tuple[str, ...]
    draws: np.ndarray
    cross: float
    cross_se: float

    def lift(self, depth: float) -> np.ndarray:
        """Sales on promotion over sales without, (draws, products)."""
        return np.exp(self.draws[..., 0] * np.log(1 - depth) + self.draws[..., 1])


def rival_shares(products: pd.DataFrame, size: np.ndarray) -> np.ndarray:
    """Share of product j in the sales of i's category without i, (products, products), zero elsewhere."""
    group = products["category"].to_numpy()
    near = (group[:, None] == group[None, :]) & ~np.eye(len(group), dtype=bool)
    weight = near * size[None, :]
    total = weight.sum(1, keepdims=True)
    return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)


def _wide(truth: pd.DataFrame, ids: pd.Index, name: str) -> np.ndarray:
    return truth.pivot(index="unique_id", columns="ds", values=name).reindex(ids).to_numpy(float)  # (products, days)


def estimate_response(market: Marketplace, until: pd.Timestamp, seed: int = 0, draws: int = 200) -> PromotionResponse:
    """Response of every product from what the shop recorded up to ``until``.

    The expected sales without promotion are the product's own level over the days around, times the whole shop's day;
    promoted weeks are compared with them. A product has few promotions, so that its elasticity and its effect of being
    seen are drawn towards those of all products: a normal-normal hierarchy, fitted by expectation maximisation on
    quasi-Poisson weights.
    """
    seen = market.truth[market.truth["ds"] <= until]
    ids = pd.Index(market.products["unique_id"])
    ids = ids[ids.isin(seen["unique_id"].unique())]
    sales, available, depth = (_wide(seen, ids, name) for name in ("sales", "available", "depth"))
    usable = np.isfinite(sales) & (available > _LOST_AFTER)
    units = np.where(usable, sales / np.maximum(available, _LOST_AFTER), 0.0)
    off = usable & (depth == 0)
    base = _baseline(units, off)
    products = market.products.set_index("unique_id").loc[ids].reset_index()
    size = (units * off).sum(1) / np.maximum(off.sum(1), 1)
    pull = rival_shares(products, size) @ np.log(1 - np.nan_to_num(depth))  # (products, days), zero or below
    cross, cross_se = _cross(units, base, pull, off)
    base = base * np.exp(cross * pull)
    weeks = np.arange(sales.shape[1]) // 7
    on = usable & (depth > 0)
    rows = pd.DataFrame({"product": np.nonzero(on)[0], "week": weeks[np.nonzero(on)[1]], "depth": depth[on].round(3)})
    rows = rows.assign(units=units[on], base=base[on])
    rows = rows.groupby(["product", "week", "depth"], as_index=False)[["units", "base"]].sum()
    chance, drift = _spread(units, base, off, weeks)
    theta, spread = _hierarchy(rows[rows["base"] > 0.2], len(ids), chance, drift)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((draws, len(ids), 2))
    return PromotionResponse(
        tuple(ids), theta + np.einsum("pij,dpj->dpi", np.linalg.cholesky(spread), noise), cross, cross_se
    )


def _baseline(units: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Expected units without promotion: local level of the product times the day of the whole shop."""
    kernel = np.ones(_WINDOW)

    def local(values: np.ndarray) -> np.ndarray:
        return np.stack([np.convolve(row, kernel, mode="same") for row in values])

    level = local(units * off) / np.maximum(local(off.astype(float)), 1.0)
    day = (units * off).sum(0) / np.maximum((level * off).sum(0), 1e-9)
    return level * day


def _cross(units: np.ndarray, base: np.ndarray, pull: np.ndarray, off: np.ndarray) -> tuple[float, float]:
    """One Poisson coefficient of the rivals' discounts on products off promotion, errors clustered by product."""
    keep = off & (base > 0)
    product = np.nonzero(keep)[0]
    y, b, x = units[keep], base[keep], pull[keep]
    number = int(product.max()) + 1

    def centred(weight: np.ndarray) -> np.ndarray:
        mean = np.bincount(product, weight * x, number) / np.maximum(np.bincount(product, weight, number), 1e-12)
        return x - mean[product]

    c = 0.0
    for _ in range(25):
        mean = b * np.exp(c * x)
        mean *= (np.bincount(product, y, number) / np.maximum(np.bincount(product, mean, number), 1e-12))[product]
        flat = centred(mean)
        score, information = (flat * (y - mean)).sum(), (mean * flat**2).sum()
        if information <= 1e-9:
            return 0.0, 0.0
        c += float(score / information)
        if abs(score / information) < 1e-8:
            break
    clusters = np.bincount(product, flat * (y - mean), number)
    return c, float(np.sqrt((clusters**2).sum()) / information)


def _spread(units: np.ndarray, base: np.ndarray, off: np.ndarray, weeks: np.ndarray) -> tuple[float, float]:
    """Relative variance of a week's units, ``chance / mean + drift``, from weeks off promotion."""
    number = int(weeks[-1]) + 1
    product, day = np.nonzero(off)
    cell = product * number + weeks[day]
    y, b = np.bincount(cell, units[off]), np.bincount(cell, base[off])
    y, b = y[b > 1], b[b > 1]
    design = np.column_stack([1 / b, np.ones_like(b)])
    weight = np.sqrt(b)
    chance, drift = np.linalg.lstsq(design * weight[:, None], ((y / b - 1) ** 2) * weight, rcond=None)[0]
    return max(float(chance), 1.0), max(float(drift), 1e-4)


def _hierarchy(rows: pd.DataFrame, products: int, chance: float, drift: float) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean (products, 2) and covariance (products, 2, 2) of (elasticity, seen)."""
    x = np.column_stack([np.log(1 - rows["depth"]), np.ones(len(rows))])
    code, y, base = (rows[name].to_numpy() for name in ("product", "units", "base"))
    centre, omega = np.array([-1.5, 0.2]), np.diag([1.0, 0.1])
    theta = np.tile(centre, (products, 1))
    for _ in range(60):
        mean = base * np.exp((x * theta[code]).sum(1))
        weight = 1 / (chance / mean + drift)
        target = (x * theta[code]).sum(1) + (y - mean) / mean
        precision, load = np.zeros((products, 2, 2)), np.zeros((products, 2))
        np.add.at(precision, code, weight[:, None, None] * x[:, :, None] * x[:, None, :])
        np.add.at(load, code, (weight * target)[:, None] * x)
        new, spread, centre, omega = hierarchy_step(precision, load, centre, omega)
        done = np.abs(new - theta).max() < 1e-5
        theta = new
        if done:
            break
    return theta, spread


def weekly_baseline(market: Marketplace, until: pd.Timestamp, periods: int) -> pd.DataFrame:
    """Units a week expected without promotion after ``until``, (products, periods): what a planner can know.

    The product's mean week off promotion over the last eight, times how its category moved in the same weeks of the
    year before (1 where there is no year before).
    """
    seen = market.truth[market.truth["ds"] <= until]
    seen = seen.merge(market.products[["unique_id", "category"]], on="unique_id")
    usable = (seen["promotion"] == 0) & (seen["available"] > _LOST_AFTER)
    seen = seen[usable].assign(units=lambda rows: rows["sales"] / rows["available"])
    recent = seen[seen["ds"] > until - pd.Timedelta(weeks=8)]
    level = 7 * recent.groupby("unique_id")["units"].mean()
    year = pd.Timedelta(days=364)
    out = {}
    for period in range(periods):
        first = until + pd.Timedelta(days=1 + 7 * period)
        before = seen[(seen["ds"] > until - year - pd.Timedelta(weeks=8)) & (seen["ds"] <= until - year)]
        same = seen[
            (seen["ds"] >= first - year - pd.Timedelta(days=7)) & (seen["ds"] < first - year + pd.Timedelta(days=14))
        ]
        change = same.groupby("category")["units"].mean() / before.groupby("category")["units"].mean()
        category = market.products.set_index("unique_id")["category"].reindex(level.index)
        out[period] = level * category.map(change).fillna(1.0).clip(0.5, 2.0).to_numpy()
    return pd.DataFrame(out)


def market_options(
    market: Marketplace,
    response: PromotionResponse,
    baseline: pd.DataFrame,
    until: pd.Timestamp,
    depths: tuple[float, ...],
    fee: float,
) -> pd.DataFrame:
    """Expected profit and spend of every product, week and depth, at the list price and the cost of the last day.

    Profit is the mean over the draws, less the margin that the rivals lose and less ``fee``; ``low`` and ``high`` are
    its 90 % interval. Spend is the money off plus the fee.
    """
    last = market.truth[market.truth["ds"] == until].set_index("unique_id")
    products = market.products[market.products["unique_id"].isin(baseline.index.intersection(last.index))]
    ids = products["unique_id"].to_numpy()
    price, cost = (last.loc[ids, name].to_numpy() for name in ("list_price", "cost"))
    units = baseline.loc[ids].to_numpy()  # (products, periods)
    shares = rival_shares(products, units.mean(1))  # row j: what j's rivals are to it
    place = pd.Index(response.ids).get_indexer(ids)
    rows = []
    for depth in depths:
        lift = response.lift(depth)[:, place]  # (draws, products)
        earned = (price * (1 - depth) - cost) * lift - (price - cost)  # a unit of baseline
        lost = 1 - np.exp(response.cross * shares * np.log(1 - depth))  # [j, i]: j's share of sales lost when i is cut
        margin_lost = (units * (price - cost)[:, None]).T @ lost  # (periods, products)
        for period in range(units.shape[1]):
            profit = earned * units[:, period] - margin_lost[period] - fee
            low, high = np.quantile(profit, [0.05, 0.95], axis=0)
            spend = lift.mean(0) * units[:, period] * price * depth + fee
            rows.append(
                pd.DataFrame(
                    {"unique_id": ids, "period": period, "depth": depth, "profit": profit.mean(0), "low": low,
                     "high": high, "extra_units": (lift.mean(0) - 1) * units[:, period], "spend": spend}
                )
            )  # fmt: skip
    return pd.concat(rows, ignore_index=True)
