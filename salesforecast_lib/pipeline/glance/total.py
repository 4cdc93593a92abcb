"""Sales and forecast of a whole shop: the sum over its products, with a fan that knows how their errors go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.decisions.inventory.orders import (
    daily_sd,
    interval_correlation,
    interval_moments,
    order_up_to_level,
)
from salesforecast_lib.pipeline.glance.files import RunFiles

BANDS = ((90, 0.05, 0.95), (80, 0.1, 0.9), (50, 0.25, 0.75))  # percent, and its two quantiles
_RECENT = 28  # periods of sales whose price is today's price
_HIGHEST = 0.95  # correlation, as within an interval
_UNKNOWN = 0.1  # correlation where no earlier forecast tells, as in chapter 08


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


def common_correlation(sums: pd.DataFrame) -> float:
    """Correlation of any two products' errors in one period, in 0..0.95, from the errors of their sum.

    Parameters
    ----------
    sums : one row a period that was forecast before: ``error`` of the sum, ``apart`` (Σ sd²), ``whole`` (Σ sd).

    With one correlation r for all pairs the variance of the sum is (1-r) Σ sd² + r (Σ sd)²; r is solved from the mean
    square of the sum's errors, each period relative to (Σ sd)². A tenth where nothing was forecast before.
    """
    if sums.empty:
        return _UNKNOWN
    whole = np.maximum(sums["whole"] ** 2, 1e-12)
    apart, found = (sums["apart"] / whole).mean(), (sums["error"] ** 2 / whole).mean()
    return float(np.clip((found - apart) / max(1 - apart, 1e-12), 0.0, _HIGHEST))


def _spread(sums: pd.DataFrame, correlation: float) -> np.ndarray:
    """Standard deviation of each period's sum, (periods,)."""
    return np.sqrt((1 - correlation) * sums["apart"] + correlation * sums["whole"] ** 2).to_numpy()


def _quantiles(mean: np.ndarray, sd: np.ndarray) -> dict[str, np.ndarray]:
    """Quantiles of the fan by name, as a gamma with this mean and sd: never negative."""
    return {f"q{level}": order_up_to_level(mean, sd, level) for _, *pair in BANDS for level in pair}


def _sums(forecasts: pd.DataFrame, weights: Mapping[str, float] | None) -> pd.DataFrame:
    """One row a cutoff and date with ``mean``, ``error``, ``apart`` and ``whole`` of the shop, in one unit.

    Each sum is over the products that were forecast there: a shop has new ones, and old ones leave.
    """
    weight = 1.0 if weights is None else forecasts["unique_id"].map(dict(weights)).fillna(0.0).to_numpy()
    sd = weight * daily_sd(forecasts[list(QUANTILE_COLUMNS)].to_numpy(float))
    rows = forecasts[["cutoff", "ds"]].assign(
        mean=weight * forecasts["mean"],
        error=weight * (forecasts["y"] - forecasts["mean"]),
        apart=sd**2,
        whole=sd,
    )
    return rows.groupby(["cutoff", "ds"], as_index=False).sum()


def shop_total(run: RunFiles, weights: Mapping[str, float] | None = None) -> Total:
    """Sum over the products of a run.

    Quantiles of a sum are not sums of quantiles: means add, and variances with the correlation that the errors of the
    known cutoffs show (`common_correlation`); the sum over periods likewise (`interval_correlation`).

    Parameters
    ----------
    weights : money a unit, by product; products that it lacks are left out. None: units of all products.
    """
    newest = run.forecasts["cutoff"] == run.forecasts["cutoff"].max()
    known = _sums(run.forecasts[run.forecasts["y"].notna()], weights)
    coming = _sums(run.forecasts[newest & run.forecasts["y"].isna()], weights)
    correlation = common_correlation(known)
    mean, spread = coming["mean"].to_numpy(), _spread(coming, correlation)
    judged, covered = _checked(known)
    whole_mean, whole_sd = interval_moments(mean, spread, _over_time(known, correlation, run.season))
    whole = {name: float(value) for name, value in _quantiles(whole_mean, whole_sd).items()}
    return Total(
        history=_history(run.panel, weights),
        fan=pd.DataFrame({"ds": coming["ds"], "mean": mean, **_quantiles(mean, spread)}),
        whole={"mean": float(whole_mean), **whole},
        correlation=correlation,
        covered=covered,
        judged=judged,
    )


def _over_time(known: pd.DataFrame, correlation: float, season: int) -> float:
    """Correlation of the shop's errors in two periods of one forecast; a tenth where no forecast is known whole."""
    sums = known.assign(sd=_spread(known, correlation), step=known.groupby("cutoff").cumcount())
    errors, sd = (sums.pivot(index="cutoff", columns="step", values=name).dropna() for name in ("error", "sd"))
    if errors.empty or errors.shape[1] < 2:
        return _UNKNOWN
    return interval_correlation(errors.to_numpy(), sd.to_numpy(), min(season, errors.shape[1]))


def _history(panel: pd.DataFrame, weights: Mapping[str, float] | None) -> pd.Series:
    """Sales of the shop by date; in money each period's own price counts, and today's where it has none."""
    sold = panel["y"].fillna(0.0)
    if weights is not None:
        today = panel["unique_id"].map(dict(weights)).fillna(0.0)
        price = panel["price"].where(panel["price"] > 0).fillna(today)
        sold = sold * np.where(today > 0, price, 0.0)
    return sold.groupby(panel["ds"]).sum().sort_index()


def _checked(known: pd.DataFrame) -> tuple[int, float]:
    """Earlier periods and the share of them inside the 80 % band, each cutoff with the correlation of the others."""
    if known["cutoff"].nunique() < 2:
        return 0, float("nan")
    inside = []
    for cutoff, part in known.groupby("cutoff"):
        spread = _spread(part, common_correlation(known[known["cutoff"] != cutoff]))
        low, high = (order_up_to_level(part["mean"].to_numpy(), spread, level) for level in (0.1, 0.9))
        sold = part["mean"] + part["error"]
        inside.extend((sold >= low) & (sold <= high))
    return len(inside), float(np.mean(inside))


def recent(total: Total, periods: int) -> Total:
    """The same with the last ``periods`` of history only."""
    return replace(total, history=total.history.tail(periods))
