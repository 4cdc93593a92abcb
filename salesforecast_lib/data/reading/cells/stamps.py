"""One time stamp's text taken apart, without deciding between day and month (chapter 01)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

from babel.dates import get_month_names

from salesforecast_lib.data.reading.cells.ids import plain_digits

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "sv", "da", "pl")
_OFFSETS = {  # hours; the abbreviations that shops' exports use and that mean one thing only
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2,
    "EEST": 3, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CDT": -5, "EST": -5, "EDT": -4, "JST": 9, "KST": 9,
    "AEST": 10, "AEDT": 11,
}  # fmt: skip
_ZONE = re.compile(rf"(?P<body>.*?)\s*(?P<zone>[+-]\d{{2}}(?::?\d{{2}})?|{'|'.join(_OFFSETS)})")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_BASIC = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})-?([1-7])")
_ORDINAL = re.compile(r"(\d{4})-(\d{3})")
_YEAR_FIRST = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})\.?|(\d{4})年(\d{1,2})月(\d{1,2})日")
_THREE = re.compile(r"(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4}|\d{2})")
_NAMED = re.compile(
    r"(?:[^\W\d_]+\.?,?\s+)?(\d{1,2})\.?[\s-]+(?:de\s+)?([^\W\d_]{3,})\.?,?[\s-]+(?:de\s+)?(\d{4}|\d{2})(?!\d)"
)
_NAMED_US = re.compile(r"(?:[^\W\d_]+\.?,?\s+)?([^\W\d_]{3,})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_CLOCK = re.compile(
    r"(?P<h>\d{1,2})[:.h時时点](?P<m>\d{2})分?(?::?(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?秒?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"|(?P<bh>\d{2})(?P<bm>\d{2})(?P<bs>\d{2})?(?:[.,](?P<bf>\d{1,9}))?|(?P<hh>\d{1,2})\s*(?P<hhalf>[AaPp]\.?[Mm]\.?)"
)
_ORDERS = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}  # places of year, month and day


@dataclass(frozen=True)
class Stamp:
    """One stamp's text taken apart: ``parts`` are year, month and day when the order is known, else the three numbers.

    ``clock`` is None for a date without time; ``offset`` the minutes from UTC, None without one. 24:00 is the midnight
    that ends its day. ``named`` says that the middle part is a month by its name.
    """

    parts: tuple[int, int, int]
    known: bool
    clock: timedelta | None = None
    offset: int | None = None
    short_year: bool = False
    named: bool = False

    def day(self, order: str = "") -> date | None:
        """The date, None where ``order`` does not fit."""
        if self.named and order == "mdy":
            return None
        year, month, day = self.parts if self.known else (self.parts[place] for place in _ORDERS[order])
        if self.short_year:
            if year > 99:
                return None
            year += 2000 if year < 70 else 1900
        try:
            return date(year, month, day)
        except ValueError:
            return None


@cache
def months() -> dict[str, int]:
    """Month names and abbreviations, lower case without the dot."""
    names: dict[str, int] = {}
    for language in _LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, language).items():
                    names.setdefault(name.casefold().rstrip("."), number)
    return names


def _clock(text: str) -> timedelta | None:
    """Time of the day; None when the text is none."""
    match = _CLOCK.fullmatch(text)
    if not match:
        return None
    part = match.groupdict()
    hour = int(part["h"] or part["bh"] or part["hh"])
    minute, second = int(part["m"] or part["bm"] or 0), int(part["s"] or part["bs"] or 0)
    half = (part["half"] or part["hhalf"] or "").lower().replace(".", "")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    fraction = int(f"{part['f'] or part['bf'] or '0':0<9}"[:9]) // 1000
    if minute > 59 or second > 60 or hour > 24 or (hour == 24 and (minute, second, fraction) != (0, 0, 0)):
        return None
    return timedelta(hours=hour, minutes=minute, seconds=min(second, 59), microseconds=fraction)


def parse_stamp(text: str) -> Stamp | None:
    """Take a time stamp's text apart without deciding between day and month; None when it is none."""
    text = " ".join(plain_digits(text).replace("\u2212", "-").split()).strip("'\"")
    offset = None
    zone = _ZONE.fullmatch(text)
    if zone and (zone["zone"] in _OFFSETS or ":" in zone["body"] or re.search(r"\d[T ]\d", zone["body"])):
        text, offset = zone["body"], _offset(zone["zone"])
    for pattern, read in _READERS:
        match = pattern.match(text)
        if not match:
            continue
        rest = text[match.end() :].lstrip("Tt").strip(" ,")
        joined = pattern is _BASIC and re.fullmatch(r"\d{6}", rest) is not None  # 20250106091500
        if rest and text[match.end()] not in "Tt ," and not joined:
            continue
        clock = _clock(rest) if rest else None
        stamp = read(match) if clock is not None or not rest else None
        if stamp is not None:
            return replace(stamp, clock=clock, offset=offset)
    return None


def _offset(zone: str) -> int:
    if zone in _OFFSETS:
        return 60 * _OFFSETS[zone]
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = 60 * int(digits[:2]) + int(digits[2:])
    return -minutes if zone[0] == "-" else minutes


def _ymd(match: re.Match[str]) -> Stamp:
    year, month, day = (int(group) for group in match.groups() if group is not None)
    return Stamp((year, month, day), True)


def _week(match: re.Match[str]) -> Stamp | None:
    try:
        day = date.fromisocalendar(*(int(group) for group in match.groups()))
    except ValueError:
        return None
    return Stamp((day.year, day.month, day.day), True)


def _ordinal(match: re.Match[str]) -> Stamp | None:
    year, number = int(match[1]), int(match[2])
    day = date(year, 1, 1) + timedelta(days=number - 1) if 1 <= number <= 366 and year else None
    return Stamp((day.year, day.month, day.day), True) if day and day.year == year else None


def _three(match: re.Match[str]) -> Stamp:
    return Stamp((int(match[1]), int(match[3]), int(match[4])), False, short_year=len(match[4]) == 2)


def _named(match: re.Match[str]) -> Stamp | None:
    first, second, year = match.groups()
    name, day = (second, first) if first.isdigit() else (first, second)
    month = months().get(name.casefold())
    if month and len(year) == 2:  # 06-Jan-25: the year may stand first or last
        return Stamp((int(day), month, int(year)), False, short_year=True, named=True)
    return Stamp((int(year), month, int(day)), True) if month else None


_READERS = (
    (_ISO, _ymd), (_WEEK, _week), (_BASIC, _ymd), (_ORDINAL, _ordinal), (_YEAR_FIRST, _ymd),
    (_THREE, _three), (_NAMED, _named), (_NAMED_US, _named),
)  # fmt: skip
