"""Order lines from any shop's file: a row is read for sure or quarantined with its reason (chapter 01)."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.dates import read_dates
from salesforecast_lib.data.reading.cells.ids import is_excel_error, read_ids, strip
from salesforecast_lib.data.reading.cells.numbers import NOT_A_NUMBER, read_numbers
from salesforecast_lib.data.reading.cells.stray import stray_stamps
from salesforecast_lib.data.reading.columns import our_columns
from salesforecast_lib.data.reading.guess.headers import ROLES, plain, says_cancelled
from salesforecast_lib.data.reading.raw import RawTable, refused_rows
from salesforecast_lib.data.reading.report import Reading, ReadingReport, ReadOptions
from salesforecast_lib.data.reading.tables import open_table
from salesforecast_lib.data.schema import OPTIONAL, ORDER_LINES, REQUIRED, quarantine_rows
from salesforecast_lib.processes import give_back_memory

MISSING_ID = "missing id"
TOTAL = "line_total"  # instead of unit_price: the money of the whole line
_IDS = ("order_id", "product_id", "customer_id", "location_id")
_LARGE = 1_000_000  # lines whose reading leaves hundreds of megabytes to give back
_MAX_CELL = 1_000_000  # characters; a longer cell is a broken quote, not a product name


class Refusals:
    """Collects rows that are not used: each once, with the first reason found."""

    def __init__(self, frame: pd.DataFrame, parts: list[pd.DataFrame]) -> None:
        self.frame = frame.assign(row=frame.index)
        self.parts, self.bad = [part for part in parts if len(part)], np.zeros(len(frame), dtype=bool)

    def add(self, mask: np.ndarray | pd.Series, column: str, reason: str) -> None:
        """Refuse the rows under ``mask`` that are not refused yet."""
        mask = np.asarray(mask, dtype=bool) & ~self.bad
        if mask.any():
            self.parts.append(quarantine_rows(self.frame, mask, column, reason))
            self.bad |= mask

    def table(self) -> pd.DataFrame:
        """The quarantine: ``row, column, value, reason``."""
        return pd.concat(self.parts, ignore_index=True) if self.parts else refused_rows()


def start_report(path: str | Path, kind: str, raw: RawTable) -> ReadingReport:
    """The report with what opening the file has told."""
    report = ReadingReport(str(path), kind, raw.encoding, raw.separator, sheet=raw.sheet)
    for note in raw.notes:
        report.note(note)
    return report


def refuse_ids(refusals: Refusals, ids: pd.Series, raw: pd.Series, column: str) -> None:
    """Refuse rows without an id, with a workbook's error in its place, or with a cell that is no id."""
    refusals.add(ids.isna(), column, MISSING_ID)
    refusals.add(is_excel_error(raw), column, "an error of the workbook instead of an id")
    refusals.add((ids.str.len() > _MAX_CELL).fillna(False), column, "cell longer than a million characters")


def read_orders(path: str | Path, options: ReadOptions | None = None) -> Reading:
    """Read a file of order lines; the frame has ``row``, our columns typed, and all other columns as attributes.

    A map with ``line_total`` instead of ``unit_price`` divides by the quantity; ``order_id`` mapped to "" numbers the
    rows; an optional name mapped to "" is not taken from a column that happens to bear it.

    Raises
    ------
    FileNotFoundError, ReadingError
        When the file cannot be used, or cannot be read for sure.
    """
    options = options or ReadOptions()
    raw, lines, report = _named_columns(path, options)
    refused = raw.refused
    del raw  # what was read is not held beside what it becomes
    read = type_lines(lines, refused, options, report)
    del lines
    _say_states(read)
    if len(read.frame) > _LARGE:
        give_back_memory()
    return read


def _say_states(read: Reading) -> None:
    """Notes on orders that were cancelled and on several currencies: all of them count, and amounts are mixed."""
    for column in (str(name) for name in read.frame if name not in (*REQUIRED, *OPTIONAL, "row")):
        status, currency = (ROLES[role].rank(plain(column)) is not None for role in ("status", "currency"))
        if not (status or currency):
            continue
        counts = read.frame[column].astype("string").str.strip().replace("", None).value_counts()
        gone = [str(state) for state in counts.index if says_cancelled(str(state))]
        if status and gone:
            read.report.note(
                f"column {column!r} says {', '.join(map(repr, gone[:5]))} of {int(counts[gone].sum()):,} lines: they "
                "count as sales unless cancelled_when takes them out, as a profile of salesforecast init does"
            )
        if currency and counts.index.str.upper().nunique() > 1:
            names = ", ".join(dict.fromkeys(counts.index.str.upper()))
            read.report.note(f"amounts are in {names} and nothing is converted: revenue and prices mix them")


def type_lines(
    lines: pd.DataFrame,
    refused: pd.DataFrame,
    options: ReadOptions,
    report: ReadingReport,
    stray: Callable[[pd.Series, ReadingReport], dict[str, np.ndarray]] = stray_stamps,
) -> Reading:
    """Typed order lines of raw cells under our names; ``lines`` is indexed by the row's number in the file.

    Parameters
    ----------
    refused : quarantine rows of lines that could not be told apart into columns.
    stray : masks, by reason, of stamps that do not belong to the others, which the whole column tells.
    """
    if "order_id" not in lines:
        lines.insert(0, "order_id", lines.index.astype(str))
        report.note("the file has no order id: each row counts as an order of its own")
    refusals = Refusals(lines, [refused])
    good = lines.copy(deep=False)
    for column in (name for name in _IDS if name in lines):
        good[column] = read_ids(lines[column], column, report)
    for column in ("order_id", "product_id"):
        refuse_ids(refusals, good[column], lines[column], column)
    stamps, reasons = read_dates(lines["timestamp"], "timestamp", options, report)
    for reason, mask in reasons.items():
        refusals.add(mask, "timestamp", reason)
    for reason, mask in stray(stamps.where(~refusals.bad), report).items():
        refusals.add(mask, "timestamp", reason)
    good["timestamp"] = stamps
    price = TOTAL if TOTAL in lines else "unit_price"
    numbers = [name for name in ("quantity", price, "discount") if name in lines]
    used = {name: lines[name].where(~refusals.bad) if refusals.bad.any() else lines[name] for name in numbers}
    for column, (values, empty) in read_numbers(used, options, report).items():
        lost = ~np.isfinite(values.to_numpy()) & ~(empty if column == "discount" else False)
        refusals.add(lost, column, NOT_A_NUMBER)
        good[column] = values
    if price == TOTAL:
        divided = good["quantity"].where(good["quantity"] != 0, 1.0)
        good["unit_price"] = good[TOTAL] / divided
        report.note(f"unit_price is {options.columns[TOTAL]!r} divided by the quantity")
    for column in (name for name in good if name not in (*REQUIRED, *OPTIONAL, TOTAL)):
        good[column] = _attribute(good[column])
    quarantine, bad = refusals.table(), refusals.bad
    del lines, refusals, used, stamps
    kept = good[~bad] if bad.any() else good
    del good
    row = kept.index.to_numpy().astype("int64")
    kept = kept.set_axis(pd.RangeIndex(len(kept)), axis=0, copy=False)  # reset_index would copy every column again
    kept.insert(0, "row", row)
    return Reading(ORDER_LINES.validate(kept, inplace=True), quarantine, report.count(kept, quarantine))


def _named_columns(
    path: str | Path, options: ReadOptions, rows: int | None = None
) -> tuple[RawTable, pd.DataFrame, ReadingReport]:
    """The file's table, its cells under our names, and the report begun; ``rows`` reads only so many of a text file."""
    required = tuple(TOTAL if n == "unit_price" and TOTAL in options.columns else n for n in REQUIRED)
    wanted = {*required, *OPTIONAL, *options.columns.values()} - {""}
    raw = open_table(path, options, tuple(wanted), rows)
    report = start_report(path, "orders", raw)
    return raw, name_columns(raw.frame, options, report), report


def name_columns(frame: pd.DataFrame, options: ReadOptions, report: ReadingReport) -> pd.DataFrame:
    """The cells of order lines under our names, see `our_columns`."""
    required = tuple(TOTAL if n == "unit_price" and TOTAL in options.columns else n for n in REQUIRED)
    return our_columns(frame, options.columns, required, OPTIONAL, report, ("order_id", *OPTIONAL))


def _attribute(values: pd.Series) -> pd.Series:
    """Text cells without outer white space, empty ones missing; everything else as it is."""
    if values.dtype != object or not values.map(lambda cell: isinstance(cell, Hashable)).all():
        return values
    codes, uniques = pd.factorize(values.to_numpy(dtype=object))
    texts = [strip(value) or None if isinstance(value, str) else value for value in uniques]
    lookup = np.empty(len(texts) + 1, dtype=object)
    lookup[: len(texts)] = texts
    return pd.Series(lookup[codes], index=values.index, name=values.name)


def check_columns(path: str | Path, options: ReadOptions) -> list[str]:
    """Names that order lines of this file will have; raises what `read_orders` would about its columns.

    Only the head of a text file is read.
    """
    return list(_named_columns(path, options, rows=1)[1].columns)
