"""Known tables written in random dialects: encoding, separator, marks, order of the date, quoting, lines above."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from hypothesis import strategies as st

from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_orders

NAMES = ("order_id", "product_id", "timestamp", "quantity", "unit_price")
WORDS = {  # what products are called, by the encodings that can write it
    "ascii": ["Tee M", "00123", "NA", "null", "12", "A;B", "x, y", 'the "best"', "a|b", "1.5", "007", "#4 (x)"],
    "western": ["Größe M", "Café", "niño", "Smørrebrød", "à la carte", "5 € box", "Straße", "çedilla"],
    "chinese": ["红色T恤", "商品", "苹果（大）", "优质大米", "牛奶 250ml"],
    "any": ["Łódź", "商品 é", "🧦 socks", "Ωmega", "żółty"],
}
ENCODINGS = {
    "utf-8": ("ascii", "western", "chinese", "any"),
    "utf-8-sig": ("ascii", "western", "chinese", "any"),
    "utf-16": ("ascii", "western", "chinese", "any"),
    "cp1252": ("ascii", "western"),
    "gb18030": ("ascii", "chinese"),
}
DATES = {
    "iso": "%Y-%m-%d %H:%M", "T": "%Y-%m-%dT%H:%M:%S", "offset": "%Y-%m-%d %H:%M:%S +0100", "basic": "%Y%m%d",
    "dmy.": "%d.%m.%Y %H:%M", "dmy/": "%d/%m/%Y", "mdy/": "%m/%d/%Y %I:%M %p", "mdy-": "%m-%d-%Y",
    "ymd/": "%Y/%m/%d %H:%M",
    "short dmy": "%d.%m.%y", "short mdy": "%m/%d/%y %H:%M", "name": "%d %B %Y", "chinese": "%Y年%m月%d日 %H:%M",
}  # fmt: skip
HEADERS = ("order_id", "Order #", "Price, EUR", "größe", "数量", 'the "id"', "  blank  ", "a;b", "x|y")


@dataclass(frozen=True)
class Written:
    """A file's bytes, its name, how its columns are called, and the table that stands in it."""

    content: bytes
    name: str
    columns: dict[str, str]
    table: pd.DataFrame
    dialect: str


def number(value: float, decimal: str, thousands: str, places: int) -> str:
    """``value`` with the marks of a dialect."""
    text = f"{value:,.{places}f}"
    return text.translate({ord(","): thousands, ord("."): decimal})


@st.composite
def written(draw: st.DrawFn) -> Written:
    """A known table in a random dialect."""
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    words = [word for kind in ENCODINGS[encoding] for word in WORDS[kind]]
    separator = draw(st.sampled_from(",;\t|"))
    decimal = draw(st.sampled_from(".,"))
    thousands = draw(st.sampled_from(["", "." if decimal == "," else ",", " ", "'"]))
    places = draw(st.sampled_from([0, 1, 2, 3]))
    form = draw(st.sampled_from(sorted(DATES)))
    if encoding == "cp1252" and form == "chinese":
        form = "iso"
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    size = draw(st.integers(1, 12))
    first = datetime(2024, draw(st.integers(1, 12)), draw(st.integers(1, 28)), 8, 30)
    rows = []
    for place in range(size):
        when = first + timedelta(days=draw(st.integers(0, 60)))
        quantity = draw(st.one_of(st.integers(1, 30), st.sampled_from([500, 1000, 1500, 12000])))
        cents = st.integers(1, 5000).map(lambda number: number / 100)
        price = draw(st.one_of(cents, st.sampled_from([1234.5, 1.5, 1000.0])))
        rows.append((f"W{1000 + place}", draw(st.sampled_from(words)), when, float(quantity), round(price, places)))
    header = [name for name in HEADERS if _encodes(name, encoding)]
    names = dict(zip(NAMES, draw(st.permutations(header))[:5] if draw(st.booleans()) else NAMES, strict=True))
    blank = draw(st.sampled_from(["", "", " ", "\u00a0"])) if encoding != "gb18030" else ""
    extra = draw(st.booleans())
    cells = [[*names.values(), *(["note"] if extra else [])]]
    for order, product, when, quantity, price in rows:
        line = [order, product + blank, when.strftime(DATES[form])]
        line += [number(quantity, decimal, thousands, 0), number(price, decimal, thousands, places)]
        cells.append(line + ([draw(st.sampled_from(["", "plain", "two\nlines", "a,b;c|d"]))] if extra else []))
    surplus = draw(st.integers(0, 2))
    buffer = io.StringIO()
    end = draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(buffer, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerow(cells[0])
    writer.writerows([line + [""] * surplus for line in cells[1:]])
    above = draw(st.sampled_from(["", "", f"sep={separator}{end}", f"Report of orders{end}{end}"]))
    content = (above + buffer.getvalue()).encode(encoding)
    packed = draw(st.booleans())
    timed = "%H" in DATES[form] or "%I" in DATES[form]
    table = pd.DataFrame(rows, columns=NAMES)
    table["product_id"] = table["product_id"].str.strip()
    stamps = pd.to_datetime(table["timestamp"])
    table["timestamp"] = stamps if timed else stamps.dt.normalize()
    shown = f"{encoding} {separator!r} decimal {decimal!r} thousands {thousands!r} {form} above {above!r}"
    name = "orders.csv.gz" if packed else "orders.csv"
    return Written(gzip.compress(content) if packed else content, name, names, table, shown)


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return encoding != "gb18030" or text != "größe"


def read_back(case: Written, folder: Path) -> str:
    """"read" when each row of the file is the table's or in the quarantine, "refused" when the reader refuses the file.

    Raises AssertionError on any other table: that is the silent error.
    """
    file = folder / case.name
    file.write_bytes(case.content)
    try:
        read = read_orders(file, ReadOptions(columns=case.columns))
    except ReadingError:
        return "refused"
    assert len(read.frame) + len(read.quarantine) == len(case.table) == read.report.rows, case.dialect
    expected = case.table.iloc[read.frame["row"].to_numpy() - 1].reset_index(drop=True)
    for name in NAMES:
        got, true = read.frame[name], expected[name]
        assert (got.astype(true.dtype) == true).all(), (case.dialect, name, got.tolist(), true.tolist())
    return "read" if len(read.frame) == len(case.table) else "part"
