"""The level of a series at each row, from what was sold and could be bought until then (chapter 04)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LARGEST = 50.0  # levels: beyond it an input or a target says no more than that it is large
FLOOR = 0.02  # of a series' mean so far: a year of zeros does not make the next sale a million levels
NEVER_SOLD = 0.1  # of the panel's typical level, for a series before its first sale
SHARE = 0.1  # of the window that must have been available before its mean is a level


@dataclass(frozen=True)
class Level:
    """What the window up to each row says; all (rows,).

    ``scale`` units per scaled unit, ``mean`` the scale before its floor, ``enough`` whether the window holds periods
    enough to learn from, ``known`` whether a window until then had enough.
    """

    scale: np.ndarray
    mean: np.ndarray
    enough: np.ndarray
    known: np.ndarray


def enough_of(seen: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Whether ``seen`` available of ``periods`` are enough: one, and a tenth of them."""
    return seen >= np.maximum(1.0, SHARE * periods)


def floored(level: np.ndarray, usual: np.ndarray, unit: float) -> np.ndarray:
    """The level, at least a share of what the series usually sold; before its first sale, of the panel's ``unit``."""
    return np.maximum(level, np.where(usual > 0, FLOOR * usual, NEVER_SOLD * unit))


def causal_level(y: np.ndarray, available: np.ndarray, start: np.ndarray, window: int, unit: float = 1.0) -> Level:
    """What the last ``window`` periods up to each row say about its level, for all rows at once.

    The level is the mean of the available sales of the window. Where too little of the window was available, the last
    level that had enough stays: a shop that was closed for months reopens at the level at which it closed.
    Everything is relative to the series, so that sums of money serve as well as units.

    Parameters
    ----------
    y, available, start : (rows,) sales, availability, and the first row of each row's series.
    unit : typical level of the panel's series, see `Vocabulary`.
    """
    rows = np.arange(len(y))
    first = np.maximum(rows + 1 - window, start)
    sold, seen, size = (
        np.concatenate([[0.0], np.cumsum(values)]) for values in (y * available, available, np.abs(y) * available)
    )
    within = seen[rows + 1] - seen[first]
    mean = (sold[rows + 1] - sold[first]) / np.maximum(within, 1.0)
    enough = enough_of(within, rows + 1 - first)
    last = np.maximum.accumulate(np.where(enough, rows, -1))
    known = last >= start
    mean = mean[np.where(known, last, rows)]
    usual = (size[rows + 1] - size[start]) / np.maximum(seen[rows + 1] - seen[start], 1.0)
    return Level(floored(mean, usual, unit), mean, enough, known)


def seasonal_sums(
    y: np.ndarray, available: np.ndarray, start: np.ndarray, window: int, season: int
) -> tuple[np.ndarray, np.ndarray]:
    """Available sales and availability of the window, summed over each row's own phase of the season: (rows,) each."""
    rows, value, count = np.arange(len(y)), np.zeros(len(y)), np.zeros(len(y))
    for back in range(0, window // season * season, season):
        inside = rows - back >= start
        row = np.where(inside, rows - back, 0)
        value += (y * available)[row] * inside
        count += available[row] * inside
    return value, count


def squashed(values: np.ndarray) -> np.ndarray:
    """Covariates as a network can read them: what lies beyond 1 by its logarithm, shares and flags unchanged.

    A price of 24,000 or a budget of 80,000 would drown every other input. The map is continuous, rising and knows
    nothing of other rows: x within [-1, 1], sign(x) (1 + log|x|) beyond.
    """
    size = np.abs(values)
    return np.where(size > 1, np.sign(values) * (1 + np.log(np.maximum(size, 1))), values)
