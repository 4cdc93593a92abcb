"""Which series are kept: counted from the periods that have lines, not from a table of all periods (chapter 18)."""

from __future__ import annotations

import numpy as np

BLOCK = 1 << 21  # cells (series × periods) that are laid out at a time: 16 MB of float64


def rank_cells(
    code: np.ndarray, number: np.ndarray, quantity: np.ndarray, periods: int
) -> tuple[np.ndarray, np.ndarray]:
    """Units of each series and period that has lines.

    Parameters
    ----------
    code, number : (lines,), series (from 0) and period of each line. ``quantity`` : (lines,), units.

    Returns
    -------
    cell, units : (cells,), ``series * periods + period`` in rising order, and units there, added in the order of lines.
    """
    cell, inverse = np.unique(code * np.int64(periods) + number, return_inverse=True)
    return cell, np.bincount(inverse, quantity, len(cell))


def choose_series(cell: np.ndarray, units: np.ndarray, shape: tuple[int, int], keep: int) -> np.ndarray:
    """Positions of the ``keep`` series with most periods with sales, ties by units, then by position; 0 keeps all.

    Parameters
    ----------
    cell, units : see `rank_cells`. ``shape`` : (series, periods).
    """
    series, periods = shape
    if not 0 < keep < series:
        return np.arange(series)
    sold = np.bincount((cell // periods)[units > 0], minlength=series)
    least = np.partition(sold, series - keep)[series - keep]
    sure = np.flatnonzero(sold > least)
    tied = np.flatnonzero(sold == least)
    best = tied[np.argsort(-series_units(cell, units, periods, tied), kind="stable")]
    return np.sort(np.concatenate([sure, best[: keep - len(sure)]]))


def series_units(cell: np.ndarray, units: np.ndarray, periods: int, series: np.ndarray) -> np.ndarray:
    """Units of the named ``series`` (rising); (series,).

    Adds over all periods of a row as ``numpy.sum`` of a full table does, so that not even the last digit depends on
    which periods have lines.
    """
    total: np.ndarray = np.zeros(len(series))
    step = max(BLOCK // periods, 1)
    for first in range(0, len(series), step):
        part = series[first : first + step]
        low, high = np.searchsorted(cell, (part[0] * periods, (part[-1] + 1) * periods))
        row = np.searchsorted(part, cell[low:high] // periods)
        mine = part[np.minimum(row, len(part) - 1)] == cell[low:high] // periods
        table: np.ndarray = np.zeros((len(part), periods))
        table[row[mine], (cell[low:high] % periods)[mine]] = units[low:high][mine]
        total[first : first + step] = table.sum(1)
    return total
