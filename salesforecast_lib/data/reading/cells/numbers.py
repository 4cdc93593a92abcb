"""Numbers as shops write them: marks are inferred from the whole column, shown, and never guessed (chapter 01)."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.ids import plain_digits
from salesforecast_lib.data.reading.report import ReadingError, ReadingReport, ReadOptions

NOT_A_NUMBER = "not a finite number"
_OTHER = {".": ",", ",": "."}
_PLAIN = re.compile(r"-?\d+")
_SIMPLE = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_CODES = (
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PEN|PHP|"
    "PLN|RMB|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
_CURRENCY = re.compile(rf"(?:{_CODES}|US\$|R\$|A\$|C\$|kr\.?|zł|Kč|Ft|lei|лв|元|円|圆|원|Rs\.?|Rp\.?|[₠-⃏$£¥¢¤])")
_CURRENCY_AFTER = re.compile(_CURRENCY.pattern + r"(?=\s*-?$)")
_NO_CENTS = re.compile(r"(?<=\d)[.,](?:-{1,2}|[–—])$")  # 12,- is twelve, not minus twelve
_BODY = re.compile(r"[\d.,' ]*\d[\d.,' ]*")
_EXPONENT = re.compile(r"(.*\d)[eE]([+-]?\d{1,3})")
_MINORITY = 1 / 3  # more cells with the other decimal mark make a column unreadable


@dataclass(frozen=True)
class Cell:
    """A number's text (sign, digits and marks, exponent, currency) and what it says about the column's marks.

    ``decimal`` is the mark that the cell proves (None: proves nothing), ``open_mark`` the mark of one that has two
    readings, as 1.500 is 1500 or 1.5; ``thousands`` the mark of thousands that was seen.
    """

    sign: int
    body: str
    exponent: int = 0
    currency: str = ""
    decimal: str | None = None
    open_mark: str | None = None
    thousands: str | None = None

    def value(self, decimal: str) -> float:
        """The number when ``decimal`` is the decimal mark; NaN when it cannot be."""
        other = _OTHER[decimal]
        whole, _, part = self.body.partition(decimal)
        if decimal in part or other in part or (part and not part.isdigit()):
            return math.nan
        if any(mark in whole for mark in (other, " ", "'")) and not _grouped(whole):
            return math.nan
        digits = re.sub(r"[^\d]", "", whole)
        number = float(f"{digits or 0}.{part or 0}e{self.exponent}")
        return self.sign * number if math.isfinite(number) else math.nan


def _grouped(whole: str) -> bool:
    """Whether digits are grouped as thousands are: 1,234,567, or 12,34,567 as in India; one kind of mark only."""
    marks = set(re.sub(r"\d", "", whole))
    if len(marks) != 1:
        return False
    groups = whole.split(marks.pop())
    return (
        1 <= len(groups[0]) <= 3
        and not (groups[0].startswith("0"))
        and len(groups[-1]) == 3
        and all(len(group) in (2, 3) for group in groups[1:-1])
    )


def parse_cell(text: str) -> Cell | None:
    """Take a number's text apart; None when it is none.

    Full-width digits, currency signs, brackets or a trailing minus for negatives, and blanks or apostrophes between
    thousands are understood.
    """
    text = plain_digits(text).replace("\u2212", "-").replace("\u2019", "'").strip()
    sign = 1
    if text.startswith("(") and text.endswith(")"):
        sign, text = -1, text[1:-1].strip()
    currency = ""
    found = _CURRENCY.match(text.lstrip("+-").lstrip()) or _CURRENCY_AFTER.search(text)
    if found and any(ch.isdigit() for ch in text):
        currency = found.group().strip()
        text = text.replace(found.group(), "", 1).strip()
    text = _NO_CENTS.sub("", text)
    for mark in ("-", "+"):
        if text.startswith(mark) or text.endswith(mark):
            text = text[1:].strip() if text.startswith(mark) else text[:-1].strip()
            sign = -sign if mark == "-" else sign
            break
    exponent = 0
    if match := _EXPONENT.fullmatch(text):
        text, exponent = match.group(1), int(match.group(2))
    if not _BODY.fullmatch(text):
        return None
    text = text.strip()
    return _marks(sign, text, exponent, currency)


def _marks(sign: int, body: str, exponent: int, currency: str) -> Cell | None:
    """The cell with what its body proves about the marks; None when no reading fits."""
    for space in (" ", "'"):
        if space in body:
            head, mark, _ = _split_last(body, ".,")
            if not _grouped(head):
                return None
            return Cell(sign, body, exponent, currency, mark, None, space)
    dots, commas = body.count("."), body.count(",")
    if dots and commas:
        decimal = "." if body.rindex(".") > body.rindex(",") else ","
        cell = Cell(sign, body, exponent, currency, decimal, None, _OTHER[decimal])
        return None if math.isnan(cell.value(decimal)) else cell
    if dots + commas == 0:
        return Cell(sign, body, exponent, currency)
    mark = "." if dots else ","
    if dots + commas > 1:
        return Cell(sign, body, exponent, currency, _OTHER[mark], None, mark) if _grouped(body) else None
    left, right = body.split(mark)
    if len(right) == 3 and 1 <= len(left) <= 3 and not left.startswith("0") and not exponent:
        return Cell(sign, body, exponent, currency, None, mark)
    return Cell(sign, body, exponent, currency, mark)


def _split_last(body: str, marks: str) -> tuple[str, str | None, str]:
    place = max(body.rfind(mark) for mark in marks)
    return (body, None, "") if place < 0 else (body[:place], body[place], body[place + 1 :])


def _typed(value: object) -> float:
    """The number that a typed cell holds; NaN for texts, truth values and dates."""
    known = isinstance(value, (int, float, np.number, Decimal)) and not isinstance(value, (bool, np.bool_))
    return float(value) if known else math.nan  # type: ignore[arg-type]


class NumberColumn:
    """The cells of one column, parsed once for each distinct text; cells that are numbers already stay as they are."""

    def __init__(self, name: str, values: pd.Series) -> None:
        self.name, self.index = name, values.index
        if values.dtype != object:
            self.codes, self.cells, self.texts = np.full(len(values), -1), [], []
            self.numbers = pd.to_numeric(values, errors="coerce").astype("float64").to_numpy()
            self.empty = values.isna().to_numpy()
            return
        self.codes, uniques = pd.factorize(values.to_numpy(dtype=object))
        typed = np.array([not isinstance(value, str) for value in uniques], dtype=bool)
        known = np.array([_typed(value) for value in uniques] + [math.nan])
        self.numbers = known[self.codes]
        self.texts = ["" if is_typed else value for value, is_typed in zip(uniques, typed, strict=True)]
        blank = np.array([not text.strip() for text in self.texts], dtype=bool) & ~typed
        self.empty = np.append(blank, True)[self.codes]
        self.cells = [parse_cell(text) if text.strip() else None for text in self.texts]
        self.counts = np.bincount(self.codes[self.codes >= 0], minlength=len(uniques))

    def votes(self) -> Counter[str]:
        """Number of cells that prove each decimal mark."""
        votes: Counter[str] = Counter()
        for place, cell in enumerate(self.cells):
            if cell is not None and cell.decimal:
                votes[cell.decimal] += int(self.counts[place])
        return votes

    def open_cells(self) -> list[Cell]:
        """Cells with two readings."""
        return [cell for cell in self.cells if cell is not None and cell.open_mark]

    def read(self, decimal: str, sure: bool) -> np.ndarray:
        """Values (rows,), NaN where a cell does not fit; cells with two readings only when the mark is ``sure``."""
        table = [
            math.nan if cell is None or (cell.open_mark and not sure) else cell.value(decimal) for cell in self.cells
        ]
        values = np.array([*table, math.nan])[self.codes]
        return np.where(np.isnan(values), self.numbers, values) if len(self.cells) else self.numbers.copy()


def read_numbers(
    columns: dict[str, pd.Series], options: ReadOptions, report: ReadingReport
) -> dict[str, tuple[pd.Series, np.ndarray]]:
    """Read columns of numbers; for each the values (float, NaN where not readable) and a mask of empty cells.

    A column's decimal mark is what its cells prove (48,87 proves a comma), else what the file's other columns prove.
    Where some cells prove the other mark they are not read, nor are those with two readings.

    Raises
    ------
    ReadingError
        When a column has only cells with two readings, such as 1.500, or many cells of both marks.
    """
    parsed = {name: NumberColumn(name, values) for name, values in columns.items()}
    given = options.decimal or (_OTHER.get(options.thousands, "") if options.thousands else "")
    proven = {name: column.votes() for name, column in parsed.items()}
    everywhere = {mark for votes in proven.values() for mark in votes}
    result = {}
    for name, column in parsed.items():
        votes, sure = proven[name], True
        if given:
            decimal = given
        elif votes:
            decimal, most = votes.most_common(1)[0]
            fewer = sum(votes.values()) - most
            if fewer > _MINORITY * (most + fewer):
                _refuse_mixture(column, report)
            sure = fewer == 0
        elif column.open_cells() and len(everywhere) == 1:
            decimal = next(iter(everywhere))
        elif column.open_cells():
            _refuse_open(column, report)
        else:
            decimal = "."
        values = column.read(decimal, sure)
        result[name] = pd.Series(values, index=column.index, name=name), column.empty
        _report_marks(column, decimal, report)
    return result


def _report_marks(column: NumberColumn, decimal: str, report: ReadingReport) -> None:
    """Write the marks into the report, and say where columns of one file differ."""
    cells = [cell for cell in column.cells if cell is not None]
    if any(cell.decimal or cell.open_mark for cell in cells):
        if report.decimal not in (None, decimal):
            report.note(f"{column.name} has the decimal mark {decimal!r}, another column {report.decimal!r}")
        report.decimal = report.decimal or decimal
    grouped = [c for c in cells if c.thousands or c.open_mark == _OTHER[decimal]]
    if grouped:
        report.thousands = report.thousands or grouped[0].thousands or _OTHER[decimal]
    signs = sorted({cell.currency for cell in cells if cell.currency})
    if len(signs) > 1:
        report.note(f"{column.name} has amounts in {', '.join(signs)}: nothing was converted")
    read = {p: cell.value(decimal) for p, cell in enumerate(column.cells) if cell is not None}
    changed = [p for p, value in read.items() if not _same(column.texts[p], value)]
    examples = [(column.texts[p], f"{read[p]:.12g}") for p in changed]
    rows = int(column.counts[changed].sum()) if changed else 0
    report.repair(column.name, "number written with marks or signs", rows, examples)


def _same(text: str, value: float) -> bool:
    """Whether any program would read ``text`` as ``value``."""
    return _SIMPLE.fullmatch(text.strip()) is not None and float(text) == value


def _refuse_open(column: NumberColumn, report: ReadingReport) -> None:
    shown = [cell for cell in column.open_cells()][:3]
    mark = shown[0].open_mark or "."
    texts = ", ".join(cell.body for cell in shown)
    readings = [(decimal, ", ".join(f"{cell.value(decimal):g}" for cell in shown)) for decimal in (_OTHER[mark], mark)]
    raise ReadingError(
        f"{report.file}, column {column.name}: {texts} has two readings. "
        + " or ".join(f"decimal={decimal!r} reads {values}" for decimal, values in readings)
        + f"; say which: --decimal '{_OTHER[mark]}' (check-data), -p \"decimal='{_OTHER[mark]}'\" (run), or a "
        "line decimal: in the profile"
    )


def _refuse_mixture(column: NumberColumn, report: ReadingReport) -> None:
    shown = {mark: next(c.body for c in column.cells if c and c.decimal == mark) for mark in ".,"}
    raise ReadingError(
        f"{report.file}, column {column.name}: {shown['.']} has a decimal point and {shown[',']} a decimal comma; "
        "expected one decimal mark in a column: export the file again, or say decimal= and the others go to quarantine"
    )
