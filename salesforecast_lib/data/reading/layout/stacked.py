"""Tables with a row for each date and a column for each product, as one pivots them (chapter 01)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.guess.headers import ROLES, plain
from salesforecast_lib.data.reading.layout.parts import holds_dates
from salesforecast_lib.data.reading.layout.wide import adds_up, called_total, cell_numbers
from salesforecast_lib.data.reading.raw import RawTable

_SERIES = 8  # columns of which nothing says what they are; fewer may be attributes of one series
_INDEX = ("index", "unnamed 0", "column 1")  # headers of a column that has none
_MOST = 0.99  # of the filled cells: a typing error is no proof


def stacked(raw: RawTable, mapped: Sequence[str] = ()) -> RawTable:
    """A table with a column for each product as rows ``unique_id, ds, y``; every other table as it is.

    It has one column of dates, none twice, and eight or more columns of numbers, none below zero, whose names do not
    say what they are (sales, price, …) and are not among the ``mapped`` ones. A column that adds up the others is left
    out; a row keeps the number of the file's row that it comes from.
    """
    frame, names = raw.frame, [str(name) for name in raw.frame.columns]
    days = [name for name in names if plain(name) in _INDEX or ROLES["timestamp"].whole(plain(name))]
    across = [name for name in names if name not in days]
    total = called_total(pd.DataFrame({"name": across}))
    products = [plain(name) for name, called in zip(across, total, strict=True) if not called]
    known = any(role.whole(name) for name in products for role in ROLES.values())
    if len(days) != 1 or len(products) < _SERIES or known or set(across) & set(mapped):
        return raw
    when = frame[days[0]]
    if when.duplicated().any() or not holds_dates(when):
        return raw
    values = cell_numbers(frame[across])
    if not _are_counts(frame[across], values):
        return raw
    notes = [
        f"column {days[0]!r} holds dates, the others numbers, {across[0]!r} to {across[-1]!r}: read as a row for each "
        f"of the {len(frame)} dates and {len(across)} columns, the column's name in 'unique_id' and its cell in 'y'"
    ]
    sums = adds_up(values.T, total)
    if sums.any():
        notes.append(f"columns {[name for name, out in zip(across, sums, strict=True) if out]} add up others: left out")
        across = [name for name, out in zip(across, sums, strict=True) if not out]
    long = {
        "unique_id": np.tile(np.array(across, dtype=object), len(frame)),
        "ds": np.repeat(when.to_numpy(dtype=object), len(across)),
        "y": frame[across].to_numpy(dtype=object).ravel(),
    }
    table = pd.DataFrame(long, pd.Index(np.repeat(frame.index.to_numpy(), len(across)), name="row"))
    return replace(raw, frame=table, notes=[*raw.notes, *notes])


def _are_counts(frame: pd.DataFrame, values: np.ndarray) -> bool:
    """Whether nearly every filled cell is a number of ``values``, NaN where it is none, and none is below zero."""
    filled = (frame.notna() & (frame.astype(str) != "")).to_numpy()
    return bool(filled.any() and np.isfinite(values)[filled].mean() >= _MOST and np.nanmin(values) >= 0)
