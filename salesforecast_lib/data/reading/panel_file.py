"""An aggregated panel from any file: ids, dates, numbers and covariates as they are meant (chapter 01)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.dates import read_dates
from salesforecast_lib.data.reading.cells.ids import read_ids, strip
from salesforecast_lib.data.reading.cells.numbers import NumberColumn, read_numbers
from salesforecast_lib.data.reading.cells.stray import stray_stamps
from salesforecast_lib.data.reading.columns import our_columns
from salesforecast_lib.data.reading.orders import Refusals, refuse_ids, start_report
from salesforecast_lib.data.reading.raw import RawTable
from salesforecast_lib.data.reading.report import Reading, ReadingError, ReadingReport, ReadOptions
from salesforecast_lib.data.reading.tables import open_table

KEYS = ("unique_id", "ds")
_REQUIRED = (*KEYS, "y")
_WORDS = {"true": 1.0, "yes": 1.0, "y": 1.0, "false": 0.0, "no": 0.0, "n": 0.0}
_PERIOD = pd.Timedelta(days=31)  # the stamp of the running month or week lies ahead


def read_panel_file(path: str | Path, options: ReadOptions | None = None) -> Reading:
    """Read ``unique_id, ds, y`` and covariates; the frame has ``row``, naive ``ds``, ``y`` (NaN where empty).

    Where the map names ``location_id``, a series is a product at a place, "product @ place". A covariate is a number
    when each of its filled cells is one (yes and no count as 1 and 0), else a category.

    Raises
    ------
    FileNotFoundError, ReadingError
        When the file cannot be used, or cannot be read for sure, or a key appears twice.
    """
    options = options or ReadOptions()
    raw, frame, report = _named_columns(path, options)
    refusals = Refusals(frame, [raw.refused])
    good = frame.copy(deep=False)
    good["unique_id"] = read_ids(frame["unique_id"], "unique_id", report)
    refuse_ids(refusals, good["unique_id"], frame["unique_id"], "unique_id")
    placed: dict[str, pd.Series] = {}  # ids are text, also those of digits
    if options.columns.get("location_id"):
        places = read_ids(frame["location_id"], "location_id", report)
        refuse_ids(refusals, places, frame["location_id"], "location_id")
        good["unique_id"] = good["unique_id"] + " @ " + places
        placed["location_id"] = places
        product, place = (options.columns.get(name, name) for name in ("unique_id", "location_id"))
        report.note(f"one series for each {product!r} at each {place!r}")
    good["ds"], reasons = read_dates(frame["ds"], "ds", options, report, periods=True)
    for reason, mask in reasons.items():
        refusals.add(mask, "ds", reason)
    covariates = [name for name in frame if name not in _REQUIRED]
    numeric, categories = covariates_of(frame, [name for name in covariates if name not in placed], report)
    categories |= placed
    numbers = read_numbers({"y": frame["y"], **numeric}, options, report)
    y, empty = numbers.pop("y")
    refusals.add(~empty & ~(np.isfinite(y) & (y >= 0)), "y", "not a finite number of zero or more")
    stamps = good["ds"].where(~refusals.bad)
    for reason, mask in stray_stamps(stamps.where(y.notna()), report, ahead=_PERIOD).items():
        refusals.add(mask, "ds", reason)
    good["y"] = y
    for name in covariates:
        good[name] = numbers[name][0] if name in numbers else categories[name]
    kept = good[~refusals.bad].assign(row=lambda table: table.index).reset_index(drop=True)
    quarantine = refusals.table()
    if kept.empty:
        raise ReadingError(f"{path}: no usable row; first reasons: {quarantine['reason'].unique().tolist()[:3]}")
    _refuse_duplicates(kept, path)
    report.count(kept, quarantine, names=("unique_id", "ds", "y"))
    return Reading(kept[["row", *_REQUIRED, *covariates]], quarantine, report)


def _named_columns(
    path: str | Path, options: ReadOptions, rows: int | None = None
) -> tuple[RawTable, pd.DataFrame, ReadingReport]:
    """The file's table, its cells under our names, and the report begun; ``rows`` reads only so many of a text file."""
    optional = ("available", "open")
    wanted = {*_REQUIRED, *optional, *options.columns.values()} - {""}
    raw = open_table(path, options, tuple(wanted), rows)
    report = start_report(path, "panel", raw)
    extra = (name for name in options.columns if name not in (*_REQUIRED, *optional))
    return raw, our_columns(raw.frame, options.columns, _REQUIRED, (*optional, *extra), report), report


def check_panel_columns(path: str | Path, options: ReadOptions) -> list[str]:
    """Names that the panel's columns will have; raises what `read_panel_file` would about the file's columns.

    Only the head of a text file is read.
    """
    return list(_named_columns(path, options, rows=1)[1].columns)


def covariates_of(
    frame: pd.DataFrame, names: list[str], report: ReadingReport
) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
    """Columns of which every filled cell is a number, or a yes or no; and the others as categories."""
    found: dict[str, pd.Series] = {}
    for name in names:
        values = frame[name]
        if values.dtype == bool or isinstance(values.dtype, pd.BooleanDtype):
            values = values.astype("float64")
        if values.dtype == object:
            words = values.map(lambda cell: _WORDS.get(strip(str(cell)).casefold()), na_action="ignore")
            if values.notna().any() and words[values.notna()].notna().all():
                report.repair(name, "yes and no read as 1 and 0", int(words.notna().sum()), [("yes", "1"), ("no", "0")])
                found[name] = words.astype("float64")
                continue
            column = NumberColumn(name, values)
            parsed = np.array([cell is not None for cell in column.cells] + [False])[column.codes]
            if not (parsed | ~np.isnan(column.numbers) | column.empty).all():
                continue
            if column.empty.all():
                report.note(f"column {name!r} is empty and was left out of the numbers")
                continue
        elif not pd.api.types.is_numeric_dtype(values):
            continue
        found[name] = values
    return found, {name: _category(frame[name]) for name in names if name not in found}


def _category(values: pd.Series) -> pd.Series:
    return values.map(lambda cell: strip(str(cell)) or None, na_action="ignore").astype(object)


def _refuse_duplicates(frame: pd.DataFrame, path: str | Path) -> None:
    twice = frame.duplicated(list(KEYS))
    if twice.any():
        name, when = frame.loc[twice, list(KEYS)].iloc[0]
        rows = frame.loc[(frame["unique_id"] == name) & (frame["ds"] == when), "row"].tolist()
        raise ReadingError(
            f"{path}: {int(twice.sum())} keys appear twice, the first is {name!r} on {when.date()} in rows {rows[:5]}; "
            "expected one row for each series and period: add them up, or map location_id to the column of their place"
        )
