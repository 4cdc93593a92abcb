"""Raw histories, and the arrays that the live network reads (chapter 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from salesforecast_lib.models.windows.level import LARGEST, causal_level, squashed


@dataclass(frozen=True)
class Windows:
    """Histories of n series and what is known ahead of each.

    Parameters
    ----------
    last_date : last period of the histories, one for all or (n,).
    y : (n, T) sales, the newest last; a series that is younger than T begins with NaN, and one without any history is
        NaN all over. Any T from 1 on serves; what lies further back than the network reads only tells the level.
    available : (n, T) share of the period in which the product could be bought, 1 where it is NaN.
    past : (n, T, future) raw values of the future columns; None takes what follows from the date, and of the others
        what is usual.
    ahead : (n, horizon, future) raw values, as `LiveModel.ahead` makes them.
    static : (n, S) categories, as text; one that the model has not seen counts as unknown.
    """

    last_date: np.ndarray
    y: np.ndarray
    available: np.ndarray
    past: np.ndarray | None
    ahead: np.ndarray
    static: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "last_date", np.asarray(self.last_date, dtype="datetime64[D]"))
        if self.y.ndim != 2 or self.y.shape[1] < 1:
            raise ValueError(f"y: shape {self.y.shape}, expected (series, periods) with at least one period")
        if self.available.shape != self.y.shape:
            raise ValueError(f"available: shape {self.available.shape}, expected that of y, {self.y.shape}")

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Sequence[int] | np.ndarray) -> Windows:
        """The series numbered ``rows``, in that order."""
        rows = np.asarray(rows, dtype="int64")
        last = self.last_date if self.last_date.ndim == 0 else self.last_date[rows]
        past = None if self.past is None else self.past[rows]
        return Windows(last, self.y[rows], self.available[rows], past, self.ahead[rows], self.static[rows])


@dataclass(frozen=True)
class Prepared:
    """What the network reads; ``scale`` (n, 1) units per scaled unit, the other arrays as in `windows.Batch`."""

    history: np.ndarray
    length: np.ndarray
    scale: np.ndarray
    phases: np.ndarray


def prepare(
    y: np.ndarray, available: np.ndarray, past: np.ndarray, window: int, season: int, unit: float, steps: int
) -> Prepared:
    """Scale histories by what was known at each of their periods, as `PanelTensor` does for training.

    Parameters
    ----------
    y, available : (n, T) float64; NaN in y at the front where a series is younger.
    past : (n, T, future) raw.
    steps : periods that the encoder reads, at most.
    """
    n, periods = y.shape
    begun = np.logical_or.accumulate(~np.isnan(y), axis=1)
    length = begun.sum(1)
    # Young series are moved to the front, so that the encoder begins with their first period.
    whole = bool(begun.all())
    sold, seen = np.nan_to_num(y, nan=0.0), np.where(np.isnan(available), 1.0, available)
    start = np.repeat(np.arange(n) * periods + periods - length, periods)
    flat = begun.ravel()
    scale = np.ones(n * periods)
    if whole:
        scale = causal_level(sold.ravel(), seen.ravel(), start, window, unit).scale
    else:
        first = np.repeat(np.cumsum(length) - length, length)
        scale[flat] = causal_level(sold.ravel()[flat], seen.ravel()[flat], first, window, unit).scale
    level = scale.reshape(n, periods)
    history = np.empty((n, periods, 4 + past.shape[2]), dtype="float32")
    history[:, :, 0] = (sold / level).clip(-LARGEST, LARGEST)
    history[:, :, 1] = 1.0
    history[:, :, 2] = seen
    history[:, :, 3] = np.log(level / unit)
    history[:, :, 4:] = covariates(past)
    steps = min(steps, periods)
    history, length = history[:, periods - steps :], np.minimum(length, steps)
    if not whole:
        moved = np.zeros_like(history)
        for row, count in enumerate(length):
            moved[row, :count] = history[row, steps - count :]
        history = moved
    return Prepared(
        history, length.astype("int64"), level[:, -1:], season_phases(sold, seen, begun, level[:, -1:], window, season)
    )


def covariates(values: np.ndarray) -> np.ndarray:
    """Raw future columns (n, T, future) as the network reads them, float32: 0 where missing, `squashed` beyond 1.

    Rows that all series share (a calendar) are made once; most of the others lie within 1 and are taken as they are.
    """
    if len(values) > 1 and values.strides[0] == 0:
        return np.broadcast_to(covariates(values[:1]), values.shape)
    with np.errstate(over="ignore"):  # what float32 cannot hold is squashed from the number itself
        read = values.astype("float32")
    read[np.isnan(read)] = 0.0
    beyond = np.abs(read) > 1
    if beyond.any():
        read[beyond] = squashed(np.nan_to_num(values[beyond]))
    return read


def season_phases(
    sold: np.ndarray, seen: np.ndarray, begun: np.ndarray, scale: np.ndarray, window: int, season: int
) -> np.ndarray:
    """Scaled average of the window at every phase of the season that follows, shrunk to 1: (n, season)."""
    n, periods = sold.shape
    read = window // season * season
    counted = seen * begun
    value, count = sold * counted, counted
    if periods < read:
        empty = np.zeros((n, read - periods))
        value, count = np.concatenate([empty, value], 1), np.concatenate([empty, count], 1)
    cycles = (n, window // season, season)
    value, count = (each[:, -read:].reshape(cycles).sum(1) for each in (value, count))
    return (value / scale + 1.0) / (count + 1.0)
