"""Stock by product from any file (chapter 08)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.ids import read_ids
from salesforecast_lib.data.reading.cells.numbers import read_numbers
from salesforecast_lib.data.reading.columns import find_column, our_columns
from salesforecast_lib.data.reading.guess import guess_columns
from salesforecast_lib.data.reading.orders import start_report
from salesforecast_lib.data.reading.raw import refused_rows
from salesforecast_lib.data.reading.report import Reading, ReadingError, ReadOptions
from salesforecast_lib.data.reading.tables import open_table

_NAMES = ("unique_id", "stock")


def read_stock_file(path: str | Path, options: ReadOptions | None = None) -> Reading:
    """Read ``unique_id`` and ``stock`` (units on hand and on order); ids as in every other file.

    Names of the columns that can mean nothing else are understood in nine languages. A wrong stock is a wrong order, so
    nothing goes to a quarantine: every row is read, or the file is refused.

    Raises
    ------
    FileNotFoundError, ReadingError
        Naming the file, the row and what was expected.
    """
    options = options or ReadOptions()
    raw = open_table(path, options, tuple({*_NAMES, *options.columns.values()} - {""}))
    report = start_report(path, "stock", raw)
    columns = {ours: options.columns[ours] for ours in _NAMES if ours in options.columns}
    header = list(raw.frame.columns)
    lacking = [ours for ours in _NAMES if ours not in columns and find_column(ours, header) is None]
    for choice in guess_columns(raw.frame, "stock").choices if lacking else ():
        if choice.role in lacking and choice.column is not None and choice.certain:
            columns[choice.role] = choice.column
            report.note(f"{choice.role} is the file's column {choice.column!r}")
    frame = our_columns(raw.frame, columns, _NAMES, (), report)[list(_NAMES)]
    if len(raw.refused):
        row = raw.refused.iloc[0]
        raise ReadingError(f"{path}, row {row['row']}: {row['reason']} ({row['value'][:80]!r}); mend the row")
    names = read_ids(frame["unique_id"], "unique_id", report)
    stock = read_numbers({"stock": frame["stock"]}, options, report)["stock"][0]
    bad = ~(np.isfinite(stock) & (stock >= 0)) | names.isna()
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        raise ReadingError(
            f"{path}, row {frame.index[place]}: unique_id {frame['unique_id'].iloc[place]!r}, stock "
            f"{frame['stock'].iloc[place]!r}; expected a product and a finite number of zero or more"
        )
    twice = names[names.duplicated()]
    if len(twice):
        rows = names.index[names == twice.iloc[0]].tolist()
        several = f", or say which worksheet to read with {options.prefix}sheet=" if ", " in (raw.sheet or "") else ""
        raise ReadingError(
            f"{path}: product {twice.iloc[0]!r} appears twice, in rows {rows[:5]}; add its stock up first{several}"
        )
    kept = pd.DataFrame({"unique_id": names, "stock": stock}).reset_index(drop=True)
    report.count(kept, refused_rows(), names=("unique_id", "", "stock"))
    return Reading(kept, refused_rows(), report)
