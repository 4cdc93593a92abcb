"""Months and weeks in place of dates: 2025-03, March 2025, 2025-W10, 202503 (chapter 01)."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.ids import plain_digits, strip
from salesforecast_lib.data.reading.cells.stamps import months

_MONTH = re.compile(
    r"(?P<y>\d{4})(?:[-/.]|M)(?P<m>\d{2})|(?P<y2>\d{4})年(?P<m2>\d{1,2})月|(?P<m3>\d{1,2})[/.](?P<y3>\d{4})"
    r"|(?P<n4>[^\W\d_]{3,})\.?[ -](?P<y4>\d{4})|(?P<y5>\d{4})[ -](?P<n5>[^\W\d_]{3,})\.?"
)
_WEEK = re.compile(
    r"(?P<y>\d{4})[- ]?(?:W|KW|Wk|Week) ?(?P<w>\d{1,2})|(?:W|KW|Wk|Week) ?(?P<w2>\d{1,2})[-/ ](?P<y2>\d{4})", re.I
)
_DIGITS = re.compile(r"((?:19[89]|20[0-4])\d)(\d{1,2})(?:\.0)?")
_SHORT = re.compile(r"([^\W\d_]{3,})\.?[ -](\d{2})")  # what Excel writes for a month: Jan-24
_QUARTER = re.compile(r"\d{4}[- ]?Q[1-4]|Q[1-4][-/ ]\d{4}", re.I)
_MOST = 0.99  # of a column's distinct cells: a typing error is no proof
MANY_YEARS = 10  # a column of two-digit years does not hold more: Jan-01 to Jan-31 are days
_SAYS_WEEK = re.compile(r"week|woche|semaine|semana|settimana|yyyyww|周|週|(?:^|[\W_])kw(?:$|[\W_])", re.I)
_SAYS_MONTH = re.compile(r"month|monat|mois|maand|yyyymm|月|(?:^|[\W_])(?:mon|mese?)(?:$|[\W_])", re.I)


class Period(NamedTuple):
    """A month or a week: its first day, and the days that follow that."""

    first: date
    more: int


class Periods(NamedTuple):
    """What the cells of a column are: ``found`` by cell, how numbers were read ("" where none were), and any doubt.

    ``kind`` is "weeks" or "months" where the cells alone do not say which.
    """

    found: dict[str, Period]
    words: str = ""
    doubt: str = ""
    kind: str = ""


def periods_of(texts: Iterable[str | None], name: str = "", kind: str = "") -> Periods:
    """Months and ISO weeks among the distinct cells of a column.

    Cells that say by themselves what they are always count; numbers (202503) and short years (Mar-25) where nearly all
    cells are such. Numbers that end above 12 are weeks; with no end above 12 they are months where they span more than
    a year; else the column's ``name`` decides, then ``kind``, "weeks" or "months", or there is a doubt. Quarters are
    none of ours.
    """
    plain = {text: strip(plain_digits(text)) for text in texts if text}
    plain = {text: short for text, short in plain.items() if short}
    least = max(_MOST * len(plain), 1)
    found = {text: period for text, short in plain.items() if (period := _period(short))}
    if len(found) >= least:
        return Periods(found)
    for others in (_of_numbers(plain, name, kind, least), _of_short_years(plain, least)):
        if others.found or others.doubt:
            return others
    if not found and sum(_QUARTER.fullmatch(short) is not None for short in plain.values()) >= least:
        return Periods({}, doubt=f"{next(iter(plain))} is a quarter; expected days, weeks or months")
    return Periods(found)


def may_be_periods(text: str) -> bool:
    """Whether a text is a month or a week by itself, or may be one beside others like it."""
    short = strip(plain_digits(text))
    return bool(_period(short) or _DIGITS.fullmatch(short) or _short(short))


def first_days(texts: Sequence[str | None], name: str = "", kind: str = "") -> tuple[list[str | None], Periods]:
    """Texts of a column, a month or a week as its first day (ISO), all others as they are; and what was found."""
    periods = periods_of(texts, name, kind)
    return [str(periods.found[text].first) if text in periods.found else text for text in texts], periods


def days_of_periods(values: pd.Series, name: str = "") -> np.ndarray:
    """Days that follow the first one in each cell's period: 6 of a week, 27 to 30 of a month, 0 of a date."""
    texts = {cell: str(cell) for cell in values.dropna().unique()}
    found = periods_of(texts.values(), name).found
    more = {cell: found[text].more for cell, text in texts.items() if text in found}
    return np.array([more.get(cell, 0) for cell in values], dtype="int64")


def _month_of(year: int, month: int) -> Period | None:
    """The month, None where there is no such one."""
    return Period(date(year, month, 1), monthrange(year, month)[1] - 1) if 1 <= month <= 12 and year else None


def _week_of(year: int, week: int) -> Period | None:
    """The ISO week, None where the year has no such one."""
    try:
        return Period(date.fromisocalendar(year, week, 1), 6)
    except ValueError:
        return None


def _period(text: str) -> Period | None:
    if match := _MONTH.fullmatch(text):
        part = {key[0]: value for key, value in match.groupdict().items() if value}
        number = months().get(part["n"].casefold(), 0) if "n" in part else int(part["m"])
        return _month_of(int(part["y"]), number)
    if match := _WEEK.fullmatch(text):
        return _week_of(int(match["y"] or match["y2"]), int(match["w"] or match["w2"]))
    return None


def _of_numbers(plain: dict[str, str], name: str, kind: str, least: float) -> Periods:
    parts = {text: (int(m[1]), int(m[2])) for text, short in plain.items() if (m := _DIGITS.fullmatch(short))}
    whole = any(len(plain[text].partition(".")[0]) == 6 for text in parts)
    if len(parts) < least or not (whole or kind):
        return Periods({})  # numbers of five digits alone are articles rather than the first nine weeks of years
    make: Callable[[int, int], Period | None] = _week_of
    if max(number for _, number in parts.values()) <= 12:
        says_week = _SAYS_WEEK.search(name)
        several = len({year for year, _ in parts.values()}) > 1
        if several or _SAYS_MONTH.search(name) or (kind == "months" and not says_week):
            make = _month_of
        elif not (says_week or kind):
            text, (year, number) = next(iter(parts.items()))
            return Periods(
                {}, doubt=f"{text} may be a month or a week; write {year}-{number:02d} or {year}-W{number:02d}"
            )
    found = {text: period for text, part in parts.items() if (period := make(*part))}
    return _told(found, "months" if make is _month_of else "weeks") if len(found) >= least else Periods({})


def _short(text: str) -> Period | None:
    match = _SHORT.fullmatch(text)
    year = int(match[2]) if match else 0
    return _month_of(year + (2000 if year < 70 else 1900), months().get(match[1].casefold(), 0)) if match else None


def _of_short_years(plain: dict[str, str], least: float) -> Periods:
    found = {text: period for text, short in plain.items() if (period := _short(short))}
    years = {period.first.year for period in found.values()}
    return _told(found, "months") if len(found) >= least and len(years) <= MANY_YEARS else Periods({})


def _told(found: dict[str, Period], kind: str) -> Periods:
    text, period = next(iter(found.items()))
    named = "ISO weeks" if kind == "weeks" else kind
    return Periods(found, f"{named}: {text} begins on {period.first}", kind=kind)
