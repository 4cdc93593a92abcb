"""Where a table's header stands, the names of its columns, and tables with a column for each date (chapter 01)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.dates import first_day, parse_stamp
from salesforecast_lib.data.reading.cells.ids import strip
from salesforecast_lib.data.reading.cells.numbers import NumberColumn
from salesforecast_lib.data.reading.columns import find_column
from salesforecast_lib.data.reading.raw import RawTable
from salesforecast_lib.data.reading.report import ReadingError

LINES = 60  # records in which the header is looked for
_DATES = 4  # headers that are dates make a wide table
_CENT = 0.006  # what rounding to cents may take from a sum
_TOTAL = re.compile(
    r"(grand |sub ?|overall )?totals?|sum|summe|gesamt(summe)?|insgesamt|total général|totale|somma|somme|suma|totaal|"
    r"总计|合计|總計|合計|計",
    re.IGNORECASE,
)


def header_place(rows: list[list[str]], wanted: Sequence[str]) -> tuple[int | None, int]:
    """Row that holds most of the ``wanted`` names, and how many; without any, the first that looks like a header."""
    hits = [sum(find_column(name, row) is not None for name in set(wanted)) for row in rows]
    if hits and max(hits) > 0:
        return hits.index(max(hits)), max(hits)
    for place, row in enumerate(rows):
        filled = [cell for cell in row if cell]
        width = len(row)
        below = rows[place + 1 : place + 4]
        alike = bool(below) and all(len(other) in (width, width + 1) for other in below)
        if len(filled) > 1 and alike and not any(re.fullmatch(r"[\d.,:/ -]+", cell) for cell in filled):
            return place, 0
    wide = [place for place, row in enumerate(rows) if len([cell for cell in row if cell]) > 1]
    return (wide[0] if wide else None), 0


def header_names(names: list[str], file: str, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of the columns, none twice and none empty; trailing empty ones are left off."""
    while names and not names[-1]:
        names = names[:-1]
    result: list[str] = []
    notes = []
    for number, name in enumerate(names, start=1):
        kept = name or f"column {number}"
        if kept in result:
            if kept in wanted:
                raise ReadingError(f"{file}: columns [{kept!r}] appear twice in the header; name them apart")
            kept = f"{kept} ({number})"
            notes.append(f"column {name!r} appears twice: the second is kept as {kept!r}")
        result.append(kept)
    return result, notes


def lengthened(raw: RawTable, wanted: Sequence[str] = ()) -> RawTable:
    """A wide table, a row a product and a column a date, as the panel that it is; every other table as it is.

    Its columns are the others', then ``ds`` and ``y``; a row keeps the number of the file's row that it comes from.
    Left out are rows that add up others, and columns that are the sum or the mean of the dates: as attributes of
    a product they would tell its future. Nothing is done where one of the dates is among the ``wanted`` names.
    """
    dates = _date_columns([str(name) for name in raw.frame.columns])
    others = [name for name in raw.frame.columns if name not in dates]
    if not dates or set(dates) & set(wanted) or {"ds", "y"} & set(others):
        return raw
    frame = raw.frame[[*dates, *others]]
    values = _numbers(frame)
    notes = [
        f"{len(dates)} columns are dates, {dates[0]!r} to {dates[-1]!r}: read as a row for each of the {len(frame)} "
        "rows and each date, the date in 'ds' and its cell in 'y'"
    ]
    total = _adds_up(values[:, : len(dates)], _called_total(frame[others]))
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


def _date_columns(names: Sequence[str]) -> list[str]:
    """Names that are dates, months or ISO weeks, where most of the header is: a column for each period."""
    found = [name for name in names if parse_stamp(first_day(name)) is not None]
    return found if _DATES <= len(found) < len(names) and 2 * len(found) > len(names) else []


def _numbers(frame: pd.DataFrame) -> np.ndarray:
    """The cells as numbers (rows, columns), NaN where they are none, with the decimal mark that most cells prove."""
    columns = [NumberColumn(str(name), frame[name].astype(object)) for name in frame.columns]
    votes = sum((column.votes() for column in columns if column.cells), Counter[str]())
    mark = votes.most_common(1)[0][0] if votes else "."
    return np.stack([column.read(mark, True) for column in columns], axis=1)


def _near(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.isclose(one, other, rtol=1e-3, atol=_CENT)


def _called_total(frame: pd.DataFrame) -> np.ndarray:
    """Mask (rows,) of rows with a cell that says "total" and nothing else."""
    cells = frame.map(lambda cell: isinstance(cell, str) and _TOTAL.fullmatch(strip(cell)) is not None)
    return cells.to_numpy(dtype=bool).any(axis=1)


def _adds_up(values: np.ndarray, called: np.ndarray) -> np.ndarray:
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
