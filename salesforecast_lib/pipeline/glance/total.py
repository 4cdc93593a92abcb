"""Sales and forecast of a whole shop: the sum over its products, with a fan that knows how their errors go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.orders import (
    daily_sd,
    forecast_arrays,
    interval_correlation,
    interval_moments,
    order_up_to_level,
)
from salesforecast_lib.pipeline.glance.files import RunFiles

BANDS = ((90, 0.05, 0.95), (80, 0.1, 0.9), (50, 0.25, 0.75))  # percent, and its two quantiles
_RECENT = 28  # periods of sales whose price is today's price
_HIGHEST = 0.95  # correlation, as within an interval


@dataclass(frozen=True)
class Total:
    """A shop's sales and forecast in one unit (units, or money).

    ``history`` is a series by date; ``fan`` has ``ds``, ``mean`` and the quantiles ``q0.05`` … of each period ahead,
    ``whole`` the same of their sum. ``correlation`` is that of two products' errors, ``covered`` the share of the
    ``judged`` earlier periods that fell inside the 80 % band when the correlation was taken from other cutoffs; not a
    number where there is one cutoff only.
    """

    history: pd.Series
    fan: pd.DataFrame
    whole: dict[str, float]
    correlation: float
    covered: float
    judged: int


def today_prices(panel: pd.DataFrame) -> pd.Series:
    """Money a unit of each product brought in its newest periods, by ``unique_id``; products without a price are out.

    Sales of the last 28 periods are weighed by their units; a product that did not sell then has its last price.
    """
    if "price" not in panel:
        return pd.Series(dtype=float)
    rows = panel.dropna(subset="price").sort_values("ds", kind="stable")
    rows = rows[rows["price"] > 0]
    last = rows.groupby("unique_id")["price"].last()
    recent = rows[rows["ds"] > _since(panel)]
    recent = recent.assign(money=recent["y"] * recent["price"]).groupby("unique_id")[["y", "money"]].sum()
    sold = recent[recent["y"] > 0]
    return (sold["money"] / sold["y"]).reindex(last.index).fillna(last)


def _since(panel: pd.DataFrame) -> pd.Timestamp:
    """The date after which the newest periods lie."""
    dates = np.sort(panel["ds"].unique())
    return pd.Timestamp(dates[-min(_RECENT + 1, len(dates))])


def common_correlation(errors: np.ndarray, sd: np.ndarray) -> float:
    """Correlation of any two products' errors in one period, in 0..0.95, from the errors of their sum.

    Parameters
    ----------
    errors, sd : (..., products), in the unit of the sum; the errors of forecasts that were made before.

    With one correlation r for all pairs the variance of the sum is (1-r) Σ sd² + r (Σ sd)²; r is solved from the mean
    square of the sum's errors, each period relative to (Σ sd)².
    """
    whole = np.maximum(sd.sum(axis=-1) ** 2, 1e-12)
    apart = ((sd**2).sum(axis=-1) / whole).mean()
    found = (errors.sum(axis=-1) ** 2 / whole).mean()
    return float(np.clip((found - apart) / max(1 - apart, 1e-12), 0.0, _HIGHEST))


def _quantiles(mean: np.ndarray, sd: np.ndarray) -> dict[str, np.ndarray]:
    """Quantiles of the fan by name, as a gamma with this mean and sd: never negative."""
    return {f"q{level}": order_up_to_level(mean, sd, level) for _, *pair in BANDS for level in pair}


def shop_total(run: RunFiles, weights: Mapping[str, float] | None = None) -> Total:
    """Sum over the products of a run.

    Quantiles of a sum are not sums of quantiles: means add, and variances with the correlation that the errors of the
    known cutoffs show (`common_correlation`); the sum over periods likewise (`interval_correlation`).

    Parameters
    ----------
    weights : money a unit, by product; products that it lacks are left out. None: units of all products.
    """
    known = forecast_arrays(run.forecasts.dropna(subset="y"), run.model)[2]
    newest = run.forecasts["cutoff"] == run.forecasts["cutoff"].max()
    coming = run.forecasts[newest & run.forecasts["y"].isna()]
    ids, _, ahead = forecast_arrays(coming, run.model)
    weight = np.array([1.0 if weights is None else weights.get(name, 0.0) for name in ids])  # (products,)

    def by_period(values: np.ndarray) -> np.ndarray:
        return np.moveaxis(values, 1, 2) * weight  # (cutoffs, periods, products)

    sd, past = by_period(daily_sd(ahead["quantiles"]))[0], by_period(daily_sd(known["quantiles"]))
    errors = by_period(known["y"] - known["mean"])
    correlation = common_correlation(errors, past)
    mean, spread = interval_moments(by_period(ahead["mean"])[0], sd, correlation)  # (periods,)
    judged, covered = _checked(by_period(known["mean"]), past, errors)
    shop_sd = interval_moments(past, past, correlation)[1]  # (cutoffs, periods)
    together = interval_correlation(errors.sum(axis=2), shop_sd, min(run.season, len(mean)))
    whole_mean, whole_sd = interval_moments(mean, spread, together)
    whole = {name: float(value) for name, value in _quantiles(whole_mean, whole_sd).items()}
    dates = np.sort(coming["ds"].unique())
    return Total(
        history=_history(run.panel, weights),
        fan=pd.DataFrame({"ds": dates, "mean": mean, **_quantiles(mean, spread)}),
        whole={"mean": float(whole_mean), **whole},
        correlation=correlation,
        covered=covered,
        judged=judged,
    )


def _history(panel: pd.DataFrame, weights: Mapping[str, float] | None) -> pd.Series:
    """Sales of the shop by date; in money each period's own price counts, and today's where it has none."""
    sold = panel["y"].fillna(0.0)
    if weights is not None:
        today = panel["unique_id"].map(dict(weights)).fillna(0.0)
        price = panel["price"].where(panel["price"] > 0).fillna(today)
        sold = sold * np.where(today > 0, price, 0.0)
    return sold.groupby(panel["ds"]).sum().sort_index()


def _checked(mean: np.ndarray, sd: np.ndarray, errors: np.ndarray) -> tuple[int, float]:
    """Earlier periods and the share of them inside the 80 % band, each cutoff with the correlation of the others."""
    if len(mean) < 2:
        return 0, float("nan")
    inside = []
    for cutoff in range(len(mean)):
        others = np.arange(len(mean)) != cutoff
        moments = interval_moments(mean[cutoff], sd[cutoff], common_correlation(errors[others], sd[others]))
        sold = (mean[cutoff] + errors[cutoff]).sum(axis=1)
        low, high = (order_up_to_level(*moments, level) for level in (0.1, 0.9))
        inside.append((sold >= low) & (sold <= high))
    return int(np.size(inside)), float(np.mean(inside))


def recent(total: Total, periods: int) -> Total:
    """The same with the last ``periods`` of history only."""
    return replace(total, history=total.history.tail(periods))
