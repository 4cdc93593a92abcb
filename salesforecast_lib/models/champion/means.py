"""The mean of a committee: an estimate of what is sold on average, which no quantile is (chapter 06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from salesforecast_lib.models.champion.settings import LEARNED
from salesforecast_lib.models.champion.weights import Validated, mixed

MEDIANS = ("LightGBM", "Networks")  # members whose point forecast does not aim at the mean


def mixed_mean(shares: np.ndarray, names: Sequence[str], means: np.ndarray) -> np.ndarray:
    """Weighted average (rows,) of ``means`` (members, rows): of the members whose mean aims at the mean, if there are.

    The recursive LightGBM is fitted to the absolute error, so its point forecast is a median, and the networks' mean is
    read off quantiles that end at the outermost level: both lie below what is sold on average.
    """
    taken = _taken(shares, names)
    return np.asarray(taken @ means / taken.sum())


def mean_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """What each member counts in `mixed_mean`, adding up to one; those that count nothing are left out."""
    taken = _taken(np.array([*shares.values()]), [*shares])
    return {name: float(each / taken.sum()) for name, each in zip(shares, taken, strict=True) if each > 0}


def _taken(shares: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Shares (members,) of those whose mean aims at the mean, or of all where none does."""
    unbiased = shares * np.array([name not in MEDIANS for name in names])
    return unbiased if unbiased.sum() > 0 else shares


def quantile_mean(quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Mean (rows,) of the distributions that go through sorted quantiles (rows, levels), straight between them.

    Below the first level a distribution goes on as steeply as above it, not below zero; the last level lies half-way
    between the median and the end.
    """
    first, second, last = quantiles[:, 0], quantiles[:, min(1, len(levels) - 1)], quantiles[:, -1]
    middle = quantiles[:, int(np.flatnonzero(levels == 0.5)[0])]
    ends = np.maximum(2 * first - second, 0.0), 2 * last - middle
    points, place = np.column_stack([ends[0], quantiles, ends[1]]), np.r_[0.0, levels, 1.0]
    return np.asarray((points[:, 1:] + points[:, :-1]) / 2 @ np.diff(place))


def settled_mean(mean: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Mean (rows,) half-way, in logarithms, to that of the quantiles' distribution.

    A fit of the squared error follows the few largest sales it has seen: it says best when sales are high, but its
    level swings with them. The quantiles' level does not, and misses what lies above the last of them. On the league's
    validation cutoffs a cutoff's total was 8.0 % off with both, 8.9 % with the first alone. Where the last quantile is
    zero, as with products that hardly ever sell, the mean stays.
    """
    told = quantile_mean(quantiles, levels)
    both = (quantiles[:, -1] > 0) & (told > 0) & (mean > 0)
    return np.where(both, np.sqrt(np.where(both, mean * told, 0.0)), mean)


def committee_mean(shares: np.ndarray, names: Sequence[str], values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Mean (rows,) of the members' columns ``values`` (members, rows, 1 + levels); a simple rule keeps its own."""
    mean = mixed_mean(shares, names, values[:, :, 0])
    if not any(share > 0 and name in LEARNED for share, name in zip(shares, names, strict=True)):
        return mean
    return settled_mean(mean, mixed(shares, values)[:, 1:], levels)


def mean_factor(mean: np.ndarray, known: Validated) -> float:
    """Factor on the mean: what was sold over what was forecast at the median cutoff, drawn towards one.

    With ``n`` cutoffs the logarithm keeps ``n / (n + 2)`` of itself, and the factor lies between 0.85 and 1.18.
    """
    ratios = []
    for cutoff in np.unique(known.cutoff):
        rows = known.cutoff == cutoff
        sold, told = known.y[rows].sum(), mean[rows].sum()
        if sold > 0 and told > 0:
            ratios.append(np.log(sold / told))
    if not ratios:
        return 1.0
    drawn = float(np.median(ratios)) * len(ratios) / (len(ratios) + 2)
    return float(np.exp(np.clip(drawn, -0.165, 0.165)))
