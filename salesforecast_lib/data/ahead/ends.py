"""Series that end on different days: what lies after a series' last sales figure (chapter 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import Frequency
from salesforecast_lib.wording import counted


def longest_gaps(full: pd.DataFrame, missing: np.ndarray) -> pd.Series:
    """Periods of the longest run of ``missing`` rows of each series that has a known row after it; by ``unique_id``."""
    codes, names = pd.factorize(full["unique_id"])
    place = np.arange(len(full))
    start = np.concatenate([[True], codes[1:] != codes[:-1]])
    known = np.where(~missing, place, -1)
    before = np.maximum.accumulate(np.where(start, np.where(missing, place - 1, place), known))
    gap = np.where(~missing, place - np.concatenate([[-1], before[:-1]]) - 1, 0)
    gap[start] = 0
    return pd.Series(gap).groupby(codes).max().set_axis(names)


def settle_ends(
    full: pd.DataFrame,
    rows: np.ndarray,
    closed: np.ndarray,
    horizon: int,
    frequency: Frequency,
    alive: frozenset[str] = frozenset(),
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rows that stay, rows of which nothing is known, and what was said.

    A series without a figure up to the end of the data is still alive where it has rows, and its sales there are not
    known. Where it has no rows it has ended when they are missing for more than ``horizon`` periods, else its sales are
    not known. A series with gaps as long as that earlier on just did not sell: its last gap is like the others.

    Parameters
    ----------
    full : every period of each series up to the end of the data, with ``y`` missing where there is no figure.
    rows : (rows,), True where the file has a row. ``closed`` : (rows,), gaps that are closed days.
    alive : series with rows after the end of the data.
    """
    known = full["y"].notna().to_numpy()
    position = np.arange(len(full))
    last = pd.Series(np.where(known, position, -1)).groupby(full["unique_id"].to_numpy()).transform("max").to_numpy()
    after = position > last
    if not after.any():
        return np.ones(len(full), dtype=bool), np.zeros(len(full), dtype=bool), []
    ids = full["unique_id"].to_numpy()
    tail = pd.DataFrame({"row": rows, "gap": ~rows & ~closed})[after].groupby(ids[after]).sum()
    interior = longest_gaps(full, ~rows & ~closed).reindex(tail.index).fillna(0)
    has_rows = (tail["row"] > 0) | tail.index.isin(alive)
    as_before = ~has_rows & (tail["gap"] <= interior)
    ended = ~has_rows & ~as_before & (tail["gap"] > horizon)
    stay = ~(after & np.isin(ids, tail.index[ended]))
    unknown = after & ~closed & np.isin(ids, tail.index[~ended & ~as_before & (has_rows | (tail["gap"] > 0))])
    notes = []
    if ended.any():
        name = tail.index[ended][0]
        notes.append(
            f"{int(ended.sum())} series ended more than {counted(horizon, frequency.period)} before the data do, the "
            f"first {name!r}: no forecast is made for them"
        )
    waiting = pd.unique(ids[unknown])
    if len(waiting):
        notes.append(
            f"{len(waiting)} series without a figure in the last periods, the first {waiting[0]!r}: what they sold in "
            f"these {counted(int(unknown.sum()), frequency.period)} is not known, and they are forecast"
        )
    return stay, unknown, notes
