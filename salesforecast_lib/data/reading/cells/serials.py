"""Dates that a program wrote as numbers: days as Excel counts them, seconds or less of Unix (chapter 01)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from salesforecast_lib.data.reading.cells.ids import plain_digits, strip

_NUMBER = re.compile(r"\d{5,19}(?:[.,]\d+)?")
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_EXCEL = datetime(1899, 12, 30, tzinfo=UTC)  # its day 0
_UNIX = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}  # in a second
_LOOKED = 100  # cells that tell a column of texts soon
_MOST = 0.99  # of the filled cells: a typing error is no proof


def stamps_of_numbers(texts: Sequence[str | None]) -> tuple[list[str | None], str]:
    """Distinct cells of a column, numbers as ISO stamps, and how they were read; "" where nothing was changed.

    Numbers are read only where nearly every filled cell is one, of the same kind and of the years 1980 to 2099: days
    since the end of 1899 (an Excel file saved as text), or seconds, milliseconds, … since 1970 in UTC.
    """
    some = [text for text in texts[:: max(1, len(texts) // _LOOKED)] if text]
    if 2 * sum(_NUMBER.fullmatch(strip(plain_digits(text))) is not None for text in some) < len(some):
        return list(texts), ""
    plain = [strip(plain_digits(text)) if text else "" for text in texts]
    filled = [text for text in plain if text]
    numbers = {text: float(text.replace(",", ".")) for text in filled if _NUMBER.fullmatch(text)}
    least = _MOST * len(set(filled))
    if not filled or len(numbers) < least:
        return list(texts), ""
    first, last = ((when - _EXCEL) / timedelta(days=1) for when in (_FIRST, _LAST))
    days = {text: number for text, number in numbers.items() if first <= number < last}
    if len(days) >= least:
        found = {text: _stamp(_EXCEL + timedelta(days=number)) for text, number in days.items()}
        return _told(texts, plain, found, "days as Excel counts them")
    for unit, size in _UNIX.items():
        inside = {t: n / size for t, n in numbers.items() if _FIRST.timestamp() <= n / size < _LAST.timestamp()}
        if len(inside) >= least:
            found = {text: f"{_stamp(datetime.fromtimestamp(n, UTC))}+00:00" for text, n in inside.items()}
            return _told(texts, plain, found, f"{unit} since 1970, as Unix counts them in UTC")
    return list(texts), ""


def _stamp(when: datetime) -> str:
    """To the second, which a fraction of a day does not name exactly."""
    return f"{(when + timedelta(microseconds=500_000)).replace(microsecond=0):%Y-%m-%d %H:%M:%S}"


def _told(
    texts: Sequence[str | None], plain: Sequence[str], found: dict[str, str], words: str
) -> tuple[list[str | None], str]:
    number, stamp = next(iter(found.items()))
    read = [found.get(short, text) for short, text in zip(plain, texts, strict=True)]
    return read, f"{words}: {number} is {stamp.removesuffix('+00:00')}"
