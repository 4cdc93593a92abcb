"""Time stamps as shops write them: one order of day and month for a whole column, never row by row (chapter 01)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.periods import MANY_YEARS, first_days
from salesforecast_lib.data.reading.cells.serials import stamps_of_numbers
from salesforecast_lib.data.reading.cells.stamps import Stamp, parse_stamp
from salesforecast_lib.data.reading.report import ReadingError, ReadingReport, ReadOptions

NOT_A_DATE = "not a date; expected one such as 2024-03-31 17:05"
FAR = "a date far from all others"
_PLAIN_ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_MINORITY = 0.5


def _as_text(value: Any) -> str | None:
    """A cell as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return None if pd.isna(value) else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, time) or value is None else str(value)


def read_dates(
    values: pd.Series, column: str, options: ReadOptions, report: ReadingReport, periods: bool = False
) -> tuple[pd.Series, dict[str, np.ndarray]]:
    """Naive time stamps of a column, NaT where a row is not read, and for each reason the mask of those rows.

    The order of day and month is inferred from the whole column. A few rows with two readings beside rows that have one
    are not read; a column of them is refused. A column of numbers is read as `stamps_of_numbers` says, and the report
    says so. With ``periods`` a month (2025-03, Mar 2025) or an ISO week (2025-W10) is read as its first day, see
    `periods_of`.

    Raises
    ------
    ReadingError
        When no single order of day and month fits the column, or more than one does and they differ; when periods may
        be months as well as weeks, or are quarters.
    """
    quick = values if pd.api.types.is_datetime64_any_dtype(values) else _plain_iso(values)
    if quick is not None:
        return _typed(quick, options, report), {NOT_A_DATE: quick.isna().to_numpy()}
    codes, uniques = pd.factorize(values.to_numpy(dtype=object))
    counts = np.bincount(codes[codes >= 0], minlength=len(uniques))
    texts, counted = stamps_of_numbers([_as_text(value) for value in uniques])
    if counted:
        report.note(f"{column} holds {counted}")
    if periods:
        texts, told = first_days(texts, options.columns.get(column, column), options.settled.get("periods", ""))
        if told.doubt:
            raise ReadingError(f"{report.file}, column {column}: {told.doubt}")
        if told.words:
            report.note(f"{column} holds {told.words}")
            report.periods = told.kind
    stamps = [parse_stamp(text) if text else None for text in texts]
    order, refused = _order([(s, int(n)) for s, n in zip(stamps, counts, strict=True)], column, options, report)
    days = [None if s is None else s.day(order) for s in stamps]
    reasons: dict[str, np.ndarray] = {}
    unread = np.array([refused is not None and s is not None and not s.known for s in stamps] + [False])
    if unread.any():
        reasons[str(refused)] = unread[codes]
    found = np.array([day is not None for day in days] + [False])
    table = _to_wall_clock(stamps, days, options, report, counts)
    reasons[FAR] = (found & np.isnat(table))[codes]
    reasons[NOT_A_DATE] = ~found[codes] & ~unread[codes]
    return pd.Series(table[codes], index=values.index, name=values.name), reasons


def _plain_iso(values: pd.Series) -> pd.Series | None:
    """The stamps of a long column of one plain ISO form, the quick way; None for every other column."""
    if len(values) < 1000 or not isinstance(values.iloc[0], str):
        return None
    for form in _PLAIN_ISO:
        try:
            datetime.strptime(values.iloc[0], form)
            return pd.to_datetime(values, format=form)
        except (ValueError, TypeError, pd.errors.OutOfBoundsDatetime):
            continue
    return None


def _order(
    stamps: list[tuple[Stamp | None, int]], column: str, options: ReadOptions, report: ReadingReport
) -> tuple[str, str | None]:
    """Order of the column's undecided stamps, and why they are not read where they are a minority with two readings."""
    undecided = [(stamp, rows) for stamp, rows in stamps if stamp is not None and not stamp.known]
    if not undecided:
        if any(stamp is not None for stamp, _ in stamps):
            report.date_order = report.date_order or "ymd"
        return "dmy", None
    if options.date_order:
        report.date_order = options.date_order
        return options.date_order, None
    short = any(stamp.short_year for stamp, _ in undecided)
    orders = ["dmy", "mdy", "ymd"] if short else ["dmy", "mdy"]
    readings = {order: [stamp.day(order) for stamp, _ in undecided] for order in orders}
    rows = sum(n for _, n in undecided)
    misfits = {
        order: sum(n for day, (_, n) in zip(days, undecided, strict=True) if day is None)
        for order, days in readings.items()
    }
    fitting = [order for order, misfit in misfits.items() if misfit <= 0.01 * rows]  # a typing error is no proof
    if short and len(fitting) > 1:
        fitting = [o for o in fitting if _years(readings[o], [n for _, n in undecided]) <= MANY_YEARS] or fitting
    if not fitting:
        example = undecided[0][0].parts
        raise ReadingError(
            f"{report.file}, column {column}: dates such as {example} fit neither day first nor month first in every "
            "row; expected one order in a column: export it as 2024-03-31"
        )
    same = all(readings[order] == readings[fitting[0]] for order in fitting)
    if len(fitting) == 1 or same:
        report.date_order = fitting[0]
        return fitting[0], None
    settled = options.settled.get("date_order", "")
    if settled in fitting:
        report.date_order = settled
        return settled, None
    first = next(i for i in range(len(undecided)) if len({readings[o][i] for o in fitting}) > 1)
    both = " or ".join(f"{readings[order][first]:%d %B %Y} (date_order={order})" for order in fitting)
    known = sum(n for stamp, n in stamps if stamp is not None and stamp.known)
    if rows < _MINORITY * (rows + known):
        report.date_order = report.date_order or "ymd"
        return fitting[0], f"the date has two readings: day first or month first; say date_order (first one: {both})"
    raise ReadingError(
        f"{report.file}, column {column}: every date fits more than one order of day and month; the first is {both}. "
        f"Say which: --date-order {fitting[0]} (check-data), -p date_order={fitting[0]} (run) or date_order: in "
        "the profile"
    )


def _years(days: list[date | None], rows: list[int]) -> float:
    """Years that all but the first and last hundredth of the rows span."""
    years = np.repeat([day.year for day in days if day], [n for day, n in zip(days, rows, strict=True) if day])
    return float(np.ptp(np.percentile(years, [1, 99])))


def _to_wall_clock(
    stamps: list[Stamp | None], days: list[date | None], options: ReadOptions, report: ReadingReport, counts: np.ndarray
) -> np.ndarray:
    """datetime64[ns] of each distinct stamp, NaT for those not read or outside the years 1678 to 2261; last is NaT."""
    base = np.array([np.datetime64(day or "NaT", "D") for day in days] + [np.datetime64("NaT", "D")])
    far = (base < np.datetime64("1678-01-01")) | (base > np.datetime64("2261-12-31"))
    clocks = [s.clock if s is not None and s.clock is not None else timedelta() for s in stamps] + [timedelta()]
    base = np.where(far, np.datetime64("NaT", "D"), base)
    table = base.astype("datetime64[us]") + np.array(clocks, dtype="timedelta64[us]")
    table = table.astype("datetime64[ns]")
    offsets = [s.offset if s is not None else None for s in stamps]
    timed = [s is not None and s.clock is not None for s in stamps]
    aware = np.array([offset is not None for offset in offsets] + [False])
    naive_time = np.array([t and offset is None for t, offset in zip(timed, offsets, strict=True)] + [False])
    naive_time &= any(naive_time & (np.array(clocks) != timedelta()))  # midnights only: dates without a time
    if options.timezone:
        shift = np.array([offset or 0 for offset in offsets] + [0], dtype="timedelta64[m]")
        moved = aware | (naive_time & (not aware.any()))
        utc = pd.Series(table - shift).dt.tz_localize("UTC").dt.tz_convert(options.timezone).dt.tz_localize(None)
        table = np.where(moved, utc.to_numpy(), table)
        report.timezone = options.timezone
        if not aware.any() and naive_time.any():
            report.note(f"stamps have no offset and were taken for UTC, as timezone={options.timezone} asks")
        if (naive_time & ~moved).any():
            rows = int(counts[naive_time[:-1]].sum())
            report.note(f"{rows} stamps without an offset beside others that have one: taken for the shop's own clock")
    elif aware.any():
        found = sorted({offset for offset in offsets if offset is not None})
        names = ", ".join(
            "UTC" if not o else f"{'+' if o > 0 else '-'}{abs(o) // 60:02d}:{abs(o) % 60:02d}" for o in found
        )
        report.timezone = report.timezone or f"wall clock of the stamps ({names})"
        report.note(
            f"stamps carry offsets ({names}): each counts on the day of its own wall clock. If the shop's clock is "
            "another, say timezone=, for example timezone=Europe/Berlin"
        )
    ends = np.array([s is not None and s.clock == timedelta(hours=24) for s in stamps])
    if ends.any():
        report.repair("timestamp", "24:00 read as the midnight that ends the day", int(counts[ends].sum()), [])
    return table


def _typed(values: pd.Series, options: ReadOptions, report: ReadingReport) -> pd.Series:
    """A column that holds stamps already, as naive ones."""
    report.date_order = report.date_order or "ymd"
    if values.dt.tz is None:
        dates_only = bool((values.dropna() == values.dropna().dt.normalize()).all())
        if not options.timezone or dates_only:
            return values.astype("datetime64[ns]")
        report.timezone = options.timezone
        report.note(f"stamps have no offset and were taken for UTC, as timezone={options.timezone} asks")
        return (
            values.dt.tz_localize("UTC").dt.tz_convert(options.timezone).dt.tz_localize(None).astype("datetime64[ns]")
        )
    if options.timezone:
        values = values.dt.tz_convert(options.timezone)
    report.timezone = options.timezone or f"wall clock of the stamps ({values.dt.tz})"
    if not options.timezone:
        report.note(f"stamps are in {values.dt.tz}: each counts on the day of that clock; say timezone= for another")
    return values.dt.tz_localize(None).astype("datetime64[ns]")
