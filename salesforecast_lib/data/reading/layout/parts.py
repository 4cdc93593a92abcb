"""Dates that a table tells in parts: year and week, year and month, or year, month and day (chapter 01)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from salesforecast_lib.data.reading.cells.ids import plain_digits, strip
from salesforecast_lib.data.reading.cells.periods import first_days
from salesforecast_lib.data.reading.cells.stamps import months, parse_stamp
from salesforecast_lib.data.reading.guess.headers import plain
from salesforecast_lib.data.reading.raw import RawTable

_NAMES = {
    "year": "year|yr|yyyy|sales year|order year|calendar year|jahr|kalenderjahr|annee|an|ano|anno|jaar|年|年份|年度",
    "week": "week|wk|week no|week number|week of year|iso week|calendar week|sales week|woche|kw|kalenderwoche|semaine|"
    "semana|settimana|周|周次|週",
    "month": "month|mon|mm|month no|month number|sales month|calendar month|monat|mois|mes|mese|maand|月|月份",
    "day": "day|dd|day of month|day no|tag|jour|dia|giorno|dag|日",
}
_MEANT = {part: frozenset(plain(name) for name in names.split("|")) for part, names in _NAMES.items()}
_RANGE = {"year": (1980, 2099), "week": (1, 53), "month": (1, 12), "day": (1, 31)}
_CELL = re.compile(r"(?:W|KW|Wk|Week|M)?[ -]?(\d{1,4})(?:[.,]0+)?", re.IGNORECASE)
_LOOKED = 200  # cells that tell whether a column holds dates
_MOST = 0.99  # of the rows: a typing error is no proof


def dated(raw: RawTable, mapped: Sequence[str] = ()) -> RawTable:
    """A table with columns of year and week, year and month, or year, month and day, with one column ``ds`` instead.

    Nothing is done where another column holds dates, where one of the parts is among the ``mapped`` names, or where the
    cells are no years, weeks, months or days.
    """
    frame, parts = raw.frame, _parts([str(name) for name in raw.frame.columns])
    if not parts or set(parts.values()) & set(mapped) or "ds" in frame:
        return raw
    others = [name for name in frame.columns if name not in parts.values()]
    numbers = {part: _numbers(frame[name], part) for part, name in parts.items()}
    told = pd.DataFrame(numbers).notna().all(axis=1)
    if (len(frame) and told.mean() < _MOST) or any(holds_dates(frame[name]) for name in others):
        return raw
    ds = numbers["year"].astype("string").str.cat([_spelt(numbers, part) for part in parts if part != "year"])
    if not told.all():  # what is no date shows itself as it is
        ds = ds.where(told, frame[[*parts.values()]].astype("string").fillna("").agg(" ".join, axis=1))
    kind = "ISO weeks" if "week" in parts else "days" if "day" in parts else "months"
    first = f": the first is {ds.iloc[0]}" if len(ds) else ""
    note = f"columns {', '.join(map(repr, parts.values()))} are read as one date in 'ds', {kind}{first}"
    return replace(raw, frame=frame[others].assign(ds=ds.astype(object)), notes=[*raw.notes, note])


def _parts(names: Sequence[str]) -> dict[str, str]:
    """Column by part of the date, the year first; empty where the header does not tell a date for sure."""
    found = {part: [name for name in names if plain(name) in meant] for part, meant in _MEANT.items()}
    if not found["year"] or any(len(columns) > 1 for columns in found.values()):
        return {}
    one = {part: columns[0] for part, columns in found.items() if columns}
    for kinds in (("week",), ("month", "day"), ("month",)):
        if set(kinds) <= set(one):
            return {part: one[part] for part in ("year", *kinds)}
    return {}


def _numbers(values: pd.Series, part: str) -> pd.Series:
    """Whole numbers of a column of years, weeks, months (by name too) or days; missing where a cell is none."""
    low, high = _RANGE[part]

    def number(cell: object) -> int | None:
        text = strip(plain_digits(str(cell)))
        named = months().get(text.casefold().rstrip(".")) if part == "month" else None
        match = _CELL.fullmatch(text)
        found = named or (int(match[1]) if match else 0)
        return found if low <= found <= high else None

    return values.map({cell: number(cell) for cell in values.dropna().unique()}).astype("Int64")


def _spelt(numbers: dict[str, pd.Series], part: str) -> pd.Series:
    two = numbers[part].astype("string").str.zfill(2)
    return ("-W" if part == "week" else "-") + two


def holds_dates(values: pd.Series) -> bool:
    """Whether a column holds dates or periods."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return True
    texts = [strip(str(cell)) for cell in values.dropna().head(_LOOKED)]
    days = [parse_stamp(day or "") for day in first_days([text for text in texts if text])[0]]
    return bool(days) and sum(day is not None for day in days) >= _MOST * len(days)
