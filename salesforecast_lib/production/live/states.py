"""What is remembered of each series, as one row of numbers (chapter 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from salesforecast_lib.models.windows.level import enough_of, floored

_LEVEL = ("mean", "size", "seen", "age", "known")


@dataclass(frozen=True)
class States:
    """What is remembered of n series after the periods ``at``; its size does not depend on their history.

    Parameters
    ----------
    ids : (n,) names of the series.
    at : (n,) ``datetime64[D]``, the last period of each.
    numbers : (n, K) float64, see `Layout`: one row a series, so that a store needs to know nothing else.
    """

    ids: np.ndarray
    at: np.ndarray
    numbers: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", np.asarray(self.ids, dtype=object))
        at = np.asarray(self.at, dtype="datetime64[D]")
        object.__setattr__(self, "at", np.broadcast_to(at, self.ids.shape).copy())
        if self.numbers.ndim != 2 or len(self.numbers) != len(self.ids):
            raise ValueError(
                f"numbers: shape {self.numbers.shape}, expected one row for each of {len(self.ids)} series"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int] | np.ndarray) -> States:
        """The series numbered ``rows``, in that order."""
        rows = np.asarray(rows, dtype="int64")
        return States(self.ids[rows], self.at[rows], self.numbers[rows])


@dataclass(frozen=True)
class Layout:
    """Where things stand in a row: what the encoder carries, ``window`` sales and availabilities (the newest last), the
    level (mean of the last window with periods enough, absolute sales and available periods so far, age, whether a
    window ever had enough), and the codes of the categories.
    """

    carried: int
    window: int
    categories: int

    @property
    def size(self) -> int:
        """Numbers of a series, K."""
        return self.carried + 2 * self.window + len(_LEVEL) + self.categories

    def parts(self, numbers: np.ndarray) -> Remembered:
        """Views of the parts; raises ValueError when the rows have another length."""
        if numbers.shape[1] != self.size:
            raise ValueError(f"numbers: {numbers.shape[1]} a series, expected {self.size}; they are of another model")
        edges = np.cumsum([self.carried, self.window, self.window, len(_LEVEL)])
        return Remembered(*np.split(numbers, edges, axis=1))


@dataclass(frozen=True)
class Remembered:
    """Parts of the rows: (n, …) each, see `Layout`."""

    carried: np.ndarray
    y: np.ndarray
    available: np.ndarray
    level: np.ndarray
    static: np.ndarray

    def scale(self, unit: float) -> np.ndarray:
        """Level of each series, (n, 1), as `windows.level.causal_level` has it."""
        mean, size, seen = (self.level[:, k] for k in range(3))
        return floored(mean, size / np.maximum(seen, 1.0), unit)[:, None]

    def observed(self, y: np.ndarray, available: np.ndarray) -> Remembered:
        """One period later, before the encoder has read it; ``y`` and ``available`` (n,)."""
        window = self.y.shape[1]
        sales = np.concatenate([self.y[:, 1:], y[:, None]], 1)
        open_ = np.concatenate([self.available[:, 1:], available[:, None]], 1)
        mean, size, seen, age, known = self.level.T
        within = open_.sum(1)
        enough = enough_of(within, np.minimum(age + 1, window))
        now = (sales * open_).sum(1) / np.maximum(within, 1.0)
        level = [
            np.where(enough | (known == 0), now, mean),
            size + np.abs(y) * available,
            seen + available,
            age + 1,
            np.maximum(known, enough),
        ]
        return replace(self, y=sales, available=open_, level=np.stack(level, 1))

    def joined(self) -> np.ndarray:
        """The rows again, (n, K)."""
        return np.concatenate([self.carried, self.y, self.available, self.level, self.static], 1)
