"""Stamps that cannot belong to the others: far away in time, or still to come (chapter 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.dates import FAR
from salesforecast_lib.data.reading.report import ReadingError, ReadingReport

FUTURE = "a date beyond tomorrow"
_GAP = np.timedelta64(366, "D")
_FEW = 0.05  # of the rows: what lies more than a year from the rest and holds more is a second period, and said
_PLACEHOLDERS = np.array(["1970-01-01", "1900-01-01", "1899-12-30", "1904-01-01", "2000-01-01"], dtype="datetime64[D]")
_MANY = 0.1  # of the rows beyond tomorrow: then it is the clock or the order of the date that is wrong


def stray_stamps(
    stamps: pd.Series, report: ReadingReport, today: pd.Timestamp | None = None, ahead: pd.Timedelta | None = None
) -> dict[str, np.ndarray]:
    """Masks of the stamps that do not belong: far from all others (1970, 2052), and beyond tomorrow.

    A cluster is far when more than a year separates it from the largest one and it holds at most a twentieth of the
    rows, or one row, or only a placeholder such as 1970-01-01.

    Parameters
    ----------
    today : the machine's day. ``ahead`` : how far beyond it a stamp may lie; a day.

    Raises
    ------
    ReadingError
        When more than a tenth of the stamps lie beyond that.
    """
    days = stamps.to_numpy().astype("datetime64[D]")
    known = ~np.isnat(days)
    far, future = np.zeros(len(days), dtype=bool), np.zeros(len(days), dtype=bool)
    if known.any():
        distinct, counts = np.unique(days[known], return_counts=True)
        place = np.searchsorted(distinct, days[known])
        far[known], future[known] = (mask[place] for mask in stray_days(distinct, counts, report, today, ahead))
    return {FAR: far, FUTURE: future}


def stray_days(
    distinct: np.ndarray,
    counts: np.ndarray,
    report: ReadingReport,
    today: pd.Timestamp | None = None,
    ahead: pd.Timedelta | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the ``distinct`` days (rising) are far from the others, and which beyond tomorrow; see `stray_stamps`.

    Parameters
    ----------
    counts : rows of each day, at least one day.
    """
    cluster = np.concatenate([[0], np.cumsum(np.diff(distinct) > _GAP)])
    sizes = np.bincount(cluster, counts)
    far: np.ndarray = np.zeros(len(distinct), dtype=bool)
    if len(sizes) > 1:
        real = np.array([not np.isin(distinct[cluster == c], _PLACEHOLDERS).all() for c in range(len(sizes))])
        bulk = int(np.where(real, sizes, -1).argmax() if real.any() else sizes.argmax())
        stray = [_is_stray(distinct[cluster == c], sizes[c], sizes[bulk]) and c != bulk for c in range(len(sizes))]
        far = np.array(stray)[cluster]
        for c in np.flatnonzero(~np.array(stray) & (np.arange(len(sizes)) != bulk)):
            part = distinct[cluster == c]
            report.note(f"{int(sizes[c])} rows from {part[0]} to {part[-1]} lie more than a year from the others")
    now = (today if today is not None else pd.Timestamp.now()).normalize() + (ahead or pd.Timedelta(days=1))
    future = (distinct > np.datetime64(now, "D")) & ~far
    late, rows = int(counts[future].sum()), int(counts.sum())
    if late > max(1, _MANY * rows):
        raise ReadingError(
            f"{report.file}: {late} of {rows} dates lie beyond tomorrow, the last on "
            f"{distinct[future].max()}; look at the order of day and month (date_order), or at this machine's clock"
        )
    return far, future


def _is_stray(days: np.ndarray, rows: int, bulk: int) -> bool:
    few = rows <= max(1, _FEW * (rows + bulk)) and bulk >= 3 * rows
    return few or bool(np.isin(days, _PLACEHOLDERS).all() and bulk >= rows)
