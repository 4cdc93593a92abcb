"""Tables with a row for each product and a column for each date, week or month (chapter 01)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.ids import strip
from salesforecast_lib.data.reading.cells.numbers import NumberColumn
from salesforecast_lib.data.reading.cells.periods import first_days, may_be_periods
from salesforecast_lib.data.reading.cells.stamps import parse_stamp
from salesforecast_lib.data.reading.raw import RawTable
from salesforecast_lib.data.reading.report import ReadingError

_DATES = 4  # headers that are dates make a wide table
_CENT = 0.006  # what rounding to cents may take from a sum
_TOTAL = re.compile(
    r"(grand |sub ?|overall )?totals?|sum|summe|gesamt(summe)?|insgesamt|total général|totale|somma|somme|suma|totaal|"
    r"总计|合计|總計|合計|計",
    re.IGNORECASE,
)


def lengthened(raw: RawTable, wanted: Sequence[str] = (), file: str = "the table") -> RawTable:
    """A wide table, a row a product and a column a date, as the panel that it is; every other table as it is.

    Its columns are the others', then ``ds`` and ``y``; a row keeps the number of the file's row that it comes from.
    Left out are rows that add up others, and columns that are the sum or the mean of the dates: as attributes of
    a product they would tell its future. Nothing is done where one of the dates is among the ``wanted`` names.

    Raises
    ------
    ReadingError
        Naming the ``file``, when its header may be months as well as weeks.
    """
    dates = _date_columns([str(name) for name in raw.frame.columns], file)
    others = [name for name in raw.frame.columns if name not in dates]
    if not dates or set(dates) & set(wanted) or {"ds", "y"} & set(others):
        return raw
    frame = raw.frame[[*dates, *others]]
    values = cell_numbers(frame)
    notes = [
        f"{len(dates)} columns are dates, {dates[0]!r} to {dates[-1]!r}: read as a row for each of the {len(frame)} "
        "rows and each date, the date in 'ds' and its cell in 'y'"
    ]
    total = adds_up(values[:, : len(dates)], called_total(frame[others]))
    if total.any():
        notes.append(f"row {', '.join(map(str, frame.index[total]))} adds up others and was left out")
        frame, values = frame[~total], values[~total]
    sums = _of_the_dates(values[:, : len(dates)], values[:, len(dates) :], others)
    if sums:
        notes.append(f"columns {sums} are the sum or the mean of the dates and were left out")
    long = {name: np.repeat(frame[name].to_numpy(dtype=object), len(dates)) for name in others if name not in sums}
    long |= {"ds": np.tile(np.array(dates, dtype=object), len(frame)), "y": frame[dates].to_numpy(dtype=object).ravel()}
    table = pd.DataFrame(long, pd.Index(np.repeat(frame.index.to_numpy(), len(dates)), name="row"))
    return replace(raw, frame=table, notes=[*raw.notes, *notes])


def _date_columns(names: Sequence[str], file: str) -> list[str]:
    """Names that are dates, months or weeks, where most of the header is: a column for each period."""
    found = [name for name in names if parse_stamp(name) is not None or may_be_periods(name)]
    if not (_DATES <= len(found) < len(names) and 2 * len(found) > len(names)):
        return []
    days, periods = first_days(found)
    if periods.doubt:
        raise ReadingError(f"{file}, header: {periods.doubt}")
    return found if all(parse_stamp(day or "") is not None for day in days) else []


def cell_numbers(frame: pd.DataFrame) -> np.ndarray:
    """The cells as numbers (rows, columns), NaN where they are none, with the decimal mark that most cells prove."""
    columns = [NumberColumn(str(name), frame[name].astype(object)) for name in frame.columns]
    votes = sum((column.votes() for column in columns if column.cells), Counter[str]())
    mark = votes.most_common(1)[0][0] if votes else "."
    return np.stack([column.read(mark, True) for column in columns], axis=1)


def _near(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.isclose(one, other, rtol=1e-3, atol=_CENT)


def called_total(frame: pd.DataFrame) -> np.ndarray:
    """Mask (rows,) of rows with a cell that says "total" and nothing else."""
    cells = frame.map(lambda cell: isinstance(cell, str) and _TOTAL.fullmatch(strip(cell)) is not None)
    return cells.to_numpy(dtype=bool).any(axis=1)


def adds_up(values: np.ndarray, called: np.ndarray) -> np.ndarray:
    """Mask (rows,) of the row that is the sum of all others in values (rows, dates), and of those ``called`` a total.

    These have to be the largest at every date: with sums of groups among the rows none is the sum of all others.
    """
    every, most = np.nansum(values, axis=0), np.max(np.nan_to_num(values), axis=0, initial=0.0)
    counts = every > 0
    if len(values) < 3 or counts.sum() < _DATES:
        return np.zeros(len(values), dtype=bool)
    known = np.nan_to_num(values)[:, counts]
    found = called & (known >= most[counts] - _CENT).all(axis=1)
    found[np.flatnonzero(_near(2 * known, every[counts]).all(axis=1))[:1]] = True
    return found


def _of_the_dates(values: np.ndarray, others: np.ndarray, names: list[str]) -> list[str]:
    """Those of the ``names`` whose column of ``others`` adds up ``values`` (rows, dates), or is their mean."""
    total, count = np.nansum(values, axis=1), np.maximum(np.isfinite(values).sum(axis=1), 1)
    found = []
    for name, own in zip(names, others.T, strict=True):
        some = np.isfinite(own) & (total > 0)
        like = [_near(own, other)[some] for other in (total, total / count, total / values.shape[1])]
        if some.sum() > 1 and max(part.mean() for part in like) >= 0.95:
            found.append(name)
    return found
