"""What a shop knows ahead, by product and date or range of dates, from any file (chapter 01)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from salesforecast_lib.data.reading.cells.dates import read_dates
from salesforecast_lib.data.reading.cells.ids import read_ids
from salesforecast_lib.data.reading.cells.numbers import read_numbers
from salesforecast_lib.data.reading.cells.periods import days_of_periods
from salesforecast_lib.data.reading.columns import our_columns
from salesforecast_lib.data.reading.orders import Refusals, refuse_ids, start_report
from salesforecast_lib.data.reading.panel_file import covariates_of
from salesforecast_lib.data.reading.report import Reading, ReadingError, ReadOptions
from salesforecast_lib.data.reading.tables import open_table

_NAMES = ("unique_id", "ds", "end", "location_id")


def read_plan_file(path: str | Path, options: ReadOptions | None = None) -> Reading:
    """Read ``unique_id, ds`` (first day), optional ``end`` (last day) and ``location_id``, and what is planned.

    The frame has ``row, unique_id, ds, end`` (equal to ``ds`` where there is none) and the planned columns: a number
    when each filled cell is one, else a category. Dates may lie in the future. A month (2025-03) or an ISO week
    (2025-W10) stands for all of its days.

    Raises
    ------
    FileNotFoundError, ReadingError
        When the file cannot be used, plans nothing, or cannot be read for sure.
    """
    options = options or ReadOptions()
    wanted = {*_NAMES, "product_id", *options.columns.values()} - {""}
    raw = open_table(path, options, tuple(wanted))
    report = start_report(path, "plan", raw)
    columns = {name: theirs for name, theirs in options.columns.items() if theirs}
    if "unique_id" not in columns and "unique_id" not in raw.frame and "product_id" in raw.frame:
        columns["unique_id"] = "product_id"
    planned = tuple(name for name in columns if name not in _NAMES)
    frame = our_columns(raw.frame, columns, _NAMES[:2], (*_NAMES[2:], *planned), report)
    refusals, good = Refusals(frame, [raw.refused]), frame.copy(deep=False)
    good["unique_id"] = read_ids(frame["unique_id"], "unique_id", report)
    refuse_ids(refusals, good["unique_id"], frame["unique_id"], "unique_id")
    ends = [name for name in ("ds", "end") if name in frame]
    cells = pd.concat([frame[name] for name in ends])  # one order of day and month for both
    stamps, reasons = read_dates(cells, "ds", options, report, periods=True)
    more = days_of_periods(cells, options.columns.get("ds", "ds"))  # a month is planned to its last day
    through = stamps + pd.to_timedelta(more, unit="D")
    for place, name in enumerate(ends):
        part = slice(place * len(frame), (place + 1) * len(frame))
        good[name] = stamps.iloc[part]
        for reason, mask in reasons.items():
            refusals.add(mask[part] & (frame[name].notna() | (name == "ds")).to_numpy(), name, reason)
    last = {name: through.iloc[place * len(frame) : (place + 1) * len(frame)] for place, name in enumerate(ends)}
    good["end"] = last["end"].fillna(last["ds"]) if "end" in last else last["ds"]
    refusals.add(good["end"] < good["ds"], "ds", "the range ends before it begins")
    rest = [name for name in frame if name not in _NAMES]
    if not rest:
        raise ReadingError(
            f"{path}: plans nothing; expected a column beside product and date, such as promotion or price"
        )
    numeric, categories = covariates_of(frame, rest, report)
    for name, (values, _) in read_numbers(numeric, options, report).items():
        good[name] = values
    for name, values in categories.items():
        good[name] = values
    kept = good[~refusals.bad].assign(row=lambda table: table.index).reset_index(drop=True)
    quarantine = refusals.table()
    report.count(kept, quarantine, names=("unique_id", "ds", ""))
    if len(kept):
        report.last_day = str(kept["end"].max().date())
    places = ["location_id"] if "location_id" in kept else []
    return Reading(kept[["row", "unique_id", *places, "ds", "end", *rest]], quarantine, report)
