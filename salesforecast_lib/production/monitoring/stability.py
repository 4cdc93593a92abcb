"""How far apart two distributions are, from counts: population stability and Kolmogorov-Smirnov (chapter 15)."""

from __future__ import annotations

import numpy as np
from scipy import stats

FINE = 39  # inner edges of a column's bins
FEW = 12  # edges that need no merging
COARSE = slice(3, None, 4)  # every fourth: the tenths in which population stability is told


def quantile_edges(values: np.ndarray, count: int = FINE) -> np.ndarray:
    """Inner edges that cut finite ``values`` (rows,) into parts of about equal size; fewer where values repeat."""
    known = np.asarray(values, dtype="float64")
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return np.zeros(0)
    return np.unique(np.quantile(known, np.linspace(0, 1, count + 2)[1:-1]))


def bin_counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Rows in each of ``len(edges) + 1`` bins, (bins,); a bin holds its upper edge, missing values are not counted."""
    known = np.asarray(values, dtype="float64")
    return np.bincount(np.searchsorted(edges, known[np.isfinite(known)]), minlength=len(edges) + 1)


def merged(counts: np.ndarray, edges: int) -> np.ndarray:
    """Counts (..., edges + 1) of the fine bins as those of about ten coarse ones, (..., coarse)."""
    if edges <= FEW:
        return counts
    last = np.arange(edges)[COARSE]
    total = np.cumsum(counts, axis=-1)
    ends = np.concatenate([total[..., last], total[..., -1:]], axis=-1)
    return np.diff(ends, axis=-1, prepend=0)


def shares(counts: np.ndarray) -> np.ndarray:
    """Counts as shares along the last axis, half a row added to each bin: an empty bin is rare, not impossible."""
    more = np.asarray(counts, dtype="float64") + 0.5
    return more / more.sum(axis=-1, keepdims=True)


def population_stability(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Population stability index ``sum (q - p) log(q / p)`` of counts (..., bins), (...,) (Siddiqi 2006).

    Custom calls .1 a moderate and .25 a large change, for independent rows.
    """
    p, q = shares(before), shares(now)
    return ((q - p) * np.log(q / p)).sum(axis=-1)


def chance_limits(before: float, now: float, bins: int) -> dict[str, float]:
    """What both distances hardly ever pass for so many independent rows of one distribution: ``stability`` and ``ks``.

    The index is about chi-square with ``bins - 1`` degrees of freedom, times ``1 / before + 1 / now``. Neighbouring
    rows are not independent, so these are least limits, which matter in a small shop.
    """
    less = 1 / max(before, 1.0) + 1 / max(now, 1.0)
    return {"stability": float(stats.chi2.ppf(0.9999, max(bins - 1, 1))) * less, "ks": 2.0 * less**0.5}


def kolmogorov_smirnov(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Largest distance of two distribution functions, (...,), at the edges of the bins of counts (..., bins)."""
    p, q = (np.asarray(counts, dtype="float64") for counts in (before, now))
    p, q = (c / np.maximum(c.sum(axis=-1, keepdims=True), 1e-12) for c in (p, q))
    return np.abs(np.cumsum(p, axis=-1) - np.cumsum(q, axis=-1)).max(axis=-1)
