"""How a model's forecast moves with one column: a line for each product, and their mean (chapter 16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from salesforecast_lib.production.explain.permutation import Predict

_OWN = ("price_level", "relative_price", "discount")  # columns relative to a product's own usual price
_FIRST = 1e12


@dataclass(frozen=True)
class Curves:
    """Forecasts as a function of one column, everything else as it is.

    Parameters
    ----------
    column : its name. ``grid`` : (points,) values that it took in the data.
    single : (rows, points) individual conditional expectations (Goldstein et al. 2015), over the rows' own means.
    """

    column: str
    grid: np.ndarray
    single: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Partial dependence (Friedman 2001), (points,)."""
        return np.asarray(self.single.mean(axis=0))

    @property
    def change(self) -> float:
        """The mean at the last point over that at the first, less one."""
        return float(self.mean[-1] / self.mean[0] - 1)


def column_of(driver: str, names: Sequence[str], labels: Sequence[str], inputs: np.ndarray) -> str:
    """The column of a driver that its curve is drawn for; "" where none varies.

    One that is relative to the product itself, if there is one (`_OWN`), because raw prices tell products apart; else
    the one that varies most, known ahead before not.

    Parameters
    ----------
    names, labels : of the columns. ``inputs`` : (rows, columns).
    """
    best, found = 0.0, ""
    for place, (name, label) in enumerate(zip(names, labels, strict=True)):
        if label != driver:
            continue
        values = inputs[:, place][np.isfinite(inputs[:, place])]
        wide = float(np.ptp(values)) if len(values) else 0.0
        plain = name.removeprefix("ahead_")
        first = _FIRST * (len(_OWN) - _OWN.index(plain)) if plain in _OWN else 1.0
        size = (float(values.std()) + 1e-9) * first * (2 if name != plain else 1) if wide > 0 else 0.0
        if size > best:
            best, found = size, name
    return found


def grid_of(values: np.ndarray, points: int = 9) -> np.ndarray:
    """Values between the 2nd and the 98th percentile that a column took, rising, few enough for a curve."""
    known = values[np.isfinite(values)]
    some = np.unique(known)
    if len(some) <= points:
        return some
    low, high = np.quantile(known, [0.02, 0.98])
    return np.linspace(low, high, points) if high > low else np.array([known.min(), known.max()])


def curves(
    predict: Predict, inputs: np.ndarray, names: Sequence[str], column: str, points: int = 9, rows: int = 400
) -> Curves:
    """Forecasts of evenly drawn rows with ``column`` set to each point of its grid, over each row's mean forecast.

    Raises
    ------
    ValueError
        When the column is none of ``names``.
    """
    if column not in names:
        raise ValueError(f"column={column!r}: no column of the model; expected one such as {list(names)[:3]}")
    place = list(names).index(column)
    grid = grid_of(inputs[:, place], points)
    drawn = inputs[np.unique(np.linspace(0, len(inputs) - 1, min(rows, len(inputs))).astype(int))]
    single = []
    for value in grid:
        changed = drawn.copy()
        changed[:, place] = value
        single.append(predict(changed))
    lines = np.stack(single, axis=1)
    return Curves(column, grid, lines / np.maximum(lines.mean(axis=1, keepdims=True), 1e-9))
