"""Measures of a window of periods beside a reference: of one column, and of the level of sales (chapter 15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.production.monitoring import profile
from salesforecast_lib.production.monitoring.stability import kolmogorov_smirnov, merged, population_stability

# What is never worth a call, whatever the past says: least limits of each measure.
FLOORS = {"stability": 0.1, "ks": 0.08, "missing": 0.02, "level": 0.1, "silent": 0.05, "turn": 0.1, "shift": 0.03}
RECENT = 3  # periods that a common shift needs to be seen


def column_measures(counts: profile.PeriodCounts, before: slice, now: slice, edges: int) -> dict[str, float]:
    """Population stability, Kolmogorov-Smirnov distance and growth of missing values from ``before`` to ``now``."""
    p, q = counts.counts[before].sum(axis=0), counts.counts[now].sum(axis=0)
    gaps = [counts.missing[part].sum() / max(counts.rows[part].sum(), 1) for part in (before, now)]
    return {**distances(p, q, edges), "missing": max(0.0, float(gaps[1] - gaps[0]))}


def distances(before: np.ndarray, now: np.ndarray, edges: int) -> dict[str, float]:
    """Both distances of two columns of counts (bins,); zero where one of them is empty."""
    if edges == 0 or before.sum() == 0 or now.sum() == 0:
        return {"stability": 0.0, "ks": 0.0}
    return {
        "stability": float(population_stability(merged(before, edges), merged(now, edges))),
        "ks": float(kolmogorov_smirnov(before, now)),
    }


@dataclass(frozen=True)
class Levels:
    """Log of sales over usual sales by group; shares of products that fell silent, and that have rows."""

    levels: dict[str, float]
    silent: float
    rows: float


def level_ratios(part: pd.DataFrame, usual: pd.Series, groups: Mapping[str, str]) -> Levels:
    """Sales of some periods against each product's usual sales (units a period)."""
    usual = usual[usual > 0]
    says = np.isfinite(profile.told(part, "y")) & part["unique_id"].isin(usual.index).to_numpy()
    known = part[says]
    expected = known["unique_id"].map(usual)
    of = known["unique_id"].map(dict(groups)) if groups else pd.Series(dtype=object)
    sold = {profile.WHOLE: (float(known["y"].sum()), float(expected.sum()))}
    for name, rows in known.groupby(of) if groups else ():
        sold[str(name)] = float(rows["y"].sum()), float(expected[rows.index].sum())
    levels = {name: float(np.log(max(y, 0.01 * e) / e)) for name, (y, e) in sold.items() if e > 0}
    by_product = known.groupby("unique_id")["y"].agg(["sum", "size"])
    due = by_product["size"] * usual.reindex(by_product.index) >= 5  # a slow product is silent by chance
    silent = float((by_product["sum"][due] <= 0).mean()) if due.any() else 0.0
    there = part.groupby("ds")["unique_id"].nunique()
    begun = part["unique_id"].nunique()
    return Levels(levels, silent, float(there.min() / max(begun, 1)) if len(there) else 0.0)


def turns(panel: pd.DataFrame, groups: Mapping[str, str], window: int) -> pd.DataFrame:
    """Log sales of each group in a window over those of the two windows before, less the same of the whole shop.

    Season and promotions of the whole shop cancel; what is left is a group that leaves the others.

    Returns
    -------
    DataFrame, index ``ds`` (ends of windows with a full past), one column a group; empty with fewer than two groups.
    """
    says = np.isfinite(profile.told(panel, "y"))
    rows = panel[says]
    of = rows["unique_id"].astype(str).map(dict(groups))
    sums = rows.groupby(["ds", of.rename("group")])[["y"]].agg(["sum", "size"])["y"].unstack("group")
    if not groups or sums.empty or sums["sum"].shape[1] < 2:
        return pd.DataFrame()
    sold, there = sums["sum"].fillna(0.0), sums["size"].fillna(0.0)
    sold[profile.WHOLE], there[profile.WHOLE] = sold.sum(axis=1), there.sum(axis=1)

    def rate(nights: int) -> pd.DataFrame:
        return (sold.rolling(nights).sum() + 0.5) / (there.rolling(nights).sum() + 1.0)

    change = np.log(rate(window) / rate(2 * window).shift(window))
    found = change.sub(change[profile.WHOLE], axis=0).drop(columns=profile.WHOLE)
    return found.dropna(how="all")


def common_shift(panel: pd.DataFrame, column: str, window: int) -> pd.Series:
    """How far the products moved together: of the middle product, the log of a column's mean over the last `RECENT`
    periods over its mean in the ``window`` before them.

    A promotion moves one product and leaves the middle one where it was; a new list of prices moves it at once.

    Returns
    -------
    Series by ``ds``, from the first period with a full past on.
    """
    values = profile.told(panel, column)
    logs = np.log(np.where(values > 0, values, np.nan))
    wide = pd.Series(logs, [panel["ds"], panel["unique_id"].astype(str)]).unstack()
    if len(wide) < window + RECENT:
        return pd.Series(dtype="float64")
    before, now = _trailing_mean(wide.to_numpy(), window)[:-RECENT], _trailing_mean(wide.to_numpy(), RECENT)[window:]
    return pd.DataFrame(now - before, wide.index[window + RECENT - 1 :]).median(axis=1).dropna()


def _trailing_mean(values: np.ndarray, periods: int) -> np.ndarray:
    """Mean of the known ones of ``periods`` rows of values (n, columns); missing where not even half is known.

    Returns
    -------
    (n - periods + 1, columns)
    """
    known = np.isfinite(values)
    first = np.zeros((1, values.shape[1]))
    sums, counts = (np.vstack([first, part.cumsum(axis=0)]) for part in (np.where(known, values, 0.0), known))
    total, there = sums[periods:] - sums[:-periods], counts[periods:] - counts[:-periods]
    return np.divide(total, there, out=np.full(total.shape, np.nan), where=2 * there > periods)
