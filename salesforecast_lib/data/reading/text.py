"""From a text file to a table of its cells as they are: separator, header, surplus fields, quotes (chapter 01)."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from salesforecast_lib.data.reading.cells import strip
from salesforecast_lib.data.reading.decode import find_encoding, read_bytes, say_encoding, shown_encoding
from salesforecast_lib.data.reading.layout import LINES, header_names, header_place
from salesforecast_lib.data.reading.raw import RawTable, numbered, refused_rows
from salesforecast_lib.data.reading.report import ReadingError, ReadOptions

_SEPARATORS = ",;\t|"
_HEAD = 1 << 18  # characters in which the header is looked for
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_QUOTED_LINE = re.compile(r'"(?:[^"]|"")*"')
_MAX_SURPLUS = 300
MANY_FIELDS = "more fields than the header has columns: a separator stands inside a field without quotes"


def read_text(file: Path, options: ReadOptions, wanted: Sequence[str], rows: int | None) -> RawTable:
    """Table of a text file; see `tables.open_table`."""
    data = read_bytes(file)
    encoding = find_encoding(data, str(file), options.encoding, options.prefix)
    reader = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    head = reader.read(_HEAD)
    if not head.strip():
        raise ReadingError(f"{file}: only blank lines; expected a header line and rows")
    skip, asked, shown = 0, "", shown_encoding(encoding)
    said = say_encoding(data, encoding, options.prefix)
    notes = [said] if said else []
    if inner := _without_quotes(head.splitlines()[:LINES]) and _without_quotes(data.decode(encoding).splitlines()):
        notes.append("each line stands in quotation marks as a whole: they were taken off")
        head, encoding = "\n".join(inner), "utf-8"
        data = head.encode()
    lines = list(io.StringIO(head, newline=""))
    if match := _SEP_LINE.fullmatch(lines[0].strip()):
        skip, asked = 1, match.group(1)
    separator, above, below, names = _find_header(lines[skip:], asked, wanted)
    header, more = header_names(names, str(file), wanted)
    notes += more
    if above:
        notes.append(f"{above} lines above the header were skipped")
    frame, refused = _read_rows(data, encoding, separator, skip + below, header, str(file), rows)
    if frame.empty and refused.empty:
        raise ReadingError(f"{file}: a header but no rows; expected rows below it")
    empty = frame.isna().all(axis=1)
    if empty.any():
        notes.append(f"{int(empty.sum())} rows without any value were skipped")
        frame = frame[~empty]
    return RawTable(frame, refused, shown, separator, None, notes)


def _without_quotes(lines: list[str]) -> list[str]:
    """Lines that each stand in quotation marks as a whole, with separators inside, without these; else none."""
    found = []
    for line in (line.strip() for line in lines if line.strip()):
        inside = line[1:-1].replace('""', '"')
        if not _QUOTED_LINE.fullmatch(line) or not any(mark in inside for mark in _SEPARATORS):
            return []
        found.append(inside)
    return found


def _find_header(lines: list[str], asked: str, wanted: Sequence[str]) -> tuple[str, int, int, list[str]]:
    """Separator, numbers of lines above the header and down to its end, and the header's fields."""
    best: tuple[tuple[int, int, int], str, int, int, list[str]] | None = None
    for separator in asked or _SEPARATORS:
        reader = csv.reader(lines, delimiter=separator)
        rows, ends = [], [0]
        for _ in range(LINES):
            try:
                row = next(reader)
            except (StopIteration, csv.Error):
                break
            rows.append([strip(cell) for cell in row])
            ends.append(reader.line_num)
        place, hits = header_place(rows, wanted)
        if place is not None:
            score = (hits, len(rows[place]), -place)
            if best is None or score > best[0]:
                best = (score, separator, ends[place], ends[place + 1], rows[place])
    if best is None:
        above = next(number for number, line in enumerate(lines) if line.strip())
        return asked or ",", above, above + 1, [strip(lines[above])]
    return best[1:]


def _read_rows(
    data: bytes, encoding: str, separator: str, skip: int, header: list[str], file: str, rows: int | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All rows as text, empty cells missing, and those refused because a separator stands inside a field."""
    surplus = 2
    while True:
        handle = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
        for _ in range(skip):
            handle.readline()
        names = [*header, *(f"\0{number}" for number in range(surplus))]
        try:
            frame = _read_csv(handle, names, separator, rows)
            break
        except pd.errors.EmptyDataError:
            frame = pd.DataFrame(columns=names, dtype=object)
            break
        except pd.errors.ParserWarning:  # rows are longer still: pandas would cut them
            surplus *= 4
        except pd.errors.ParserError as error:
            seen = re.search(r"saw (\d+)", str(error))
            more = int(seen.group(1)) - len(header) if seen else 0
            if not surplus < more <= _MAX_SURPLUS:
                raise ReadingError(
                    f"{file}: {str(error).strip()[:160]}; look for a quotation mark that is not closed"
                ) from error
            surplus = more
    frame = numbered(frame)
    extra = frame[names[len(header) :]]
    shifted = extra.notna().any(axis=1).to_numpy()
    frame = frame[header]
    if b'"' in data:
        _check_quotes(frame, separator, len(header), file)
    refused = refused_rows()
    if shifted.any():
        bad = frame[shifted]
        value = bad.fillna("").agg(separator.join, axis=1).str.slice(0, 200)
        refused = pd.DataFrame({"row": bad.index, "column": header[-1], "value": value, "reason": MANY_FIELDS})
        frame = frame[~shifted]
    return frame, refused.reset_index(drop=True)


def _read_csv(handle: io.TextIOWrapper, names: list[str], separator: str, rows: int | None) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # it says that cells would be lost
        return pd.read_csv(
            handle,
            header=None,
            names=names,
            dtype=str,
            sep=separator,
            keep_default_na=False,
            na_values=[""],
            index_col=False,
            low_memory=False,
            nrows=rows,
        )


def _check_quotes(frame: pd.DataFrame, separator: str, columns: int, file: str) -> None:
    """Raise where a field holds whole lines of the file: its quotation mark was not closed."""
    for name in frame.columns:
        values = frame[name].dropna()
        long = values[values.str.contains("\n", regex=False)]
        for row, text in long.items():
            if any(line.count(separator) >= max(columns - 1, 1) for line in text.splitlines()[1:-1] or [""]) or (
                columns > 2 and text.splitlines()[-1].count(separator) >= columns - 2
            ):
                raise ReadingError(
                    f"{file}: the field in row {row}, column {name} holds whole lines: a quotation mark in it is not "
                    "closed; mend the row and export again"
                )
