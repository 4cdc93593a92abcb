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
    quiet: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rows that stay, rows of which nothing is known, and what was said.

    A series without a figure up to the end of the data is still alive where it has rows, and its sales there are not
    known. Where it has no rows it has ended when they are missing for more than ``horizon`` periods, else its sales are
    not known. A series with gaps of half that length earlier on just did not sell: its last gap is like the others.

    Parameters
    ----------
    full : every period of each series up to the end of the data, with ``y`` missing where there is no figure.
    rows : (rows,), True where the file has a row. ``closed`` : (rows,), gaps that are closed days.
    alive : series with rows after the end of the data.
    quiet : (rows,), gaps in which a shop was not there, see `quiet_gaps`; they say nothing of how it sells.
    """
    known = full["y"].notna().to_numpy()
    position = np.arange(len(full))
    last = pd.Series(np.where(known, position, -1)).groupby(full["unique_id"].to_numpy()).transform("max").to_numpy()
    after = position > last
    if not after.any():
        return np.ones(len(full), dtype=bool), np.zeros(len(full), dtype=bool), []
    ids = full["unique_id"].to_numpy()
    tail = pd.DataFrame({"row": rows, "gap": ~rows & ~closed})[after].groupby(ids[after]).sum()
    interior = longest_gaps(full, ~rows & ~closed & ~(False if quiet is None else quiet)).reindex(tail.index).fillna(0)
    has_rows = (tail["row"] > 0) | tail.index.isin(alive)
    as_before = ~has_rows & (tail["gap"] <= 2 * interior)
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


def quiet_gaps(full: pd.DataFrame, rows: np.ndarray, frequency: Frequency) -> tuple[np.ndarray, list[str]]:
    """Mask of the gaps in which a shop was not there rather than sold nothing, and what was said.

    A series with rows on nearly all of its days but for one gap of more than four weeks (three months) was rebuilt, or
    its figures are lost: nothing is known of that time. Where such gaps come again (a season), or the file lists only
    days with sales, a gap stays what ``missing_y`` says.

    Parameters
    ----------
    full : every period of each series. ``rows`` : (rows,), True where the file has a row.
    """
    quiet = np.zeros(len(full), dtype=bool)
    least = max(frequency.periods_in(28), 3)
    codes, names = pd.factorize(full["unique_id"])
    run = np.cumsum(np.concatenate([[True], (rows[1:] != rows[:-1]) | (codes[1:] != codes[:-1])]))
    runs = (
        pd.DataFrame({"series": codes, "row": rows, "run": run})
        .groupby("run")
        .agg(series=("series", "first"), row=("row", "first"), size=("row", "size"))
    )
    inner = (runs["series"].shift(-1) == runs["series"]) & (runs["series"].shift() == runs["series"]) & ~runs["row"]
    long = runs[inner & (runs["size"] > least)]
    single = long[~long["series"].duplicated(keep=False)]
    if single.empty:
        return quiet, []
    inside = np.isin(run, single.index)
    place = full["ds"].dt.dayofweek if frequency.kind == "D" else pd.Series(0, full.index)
    rate = pd.Series(rows[~inside]).groupby([codes[~inside], place[~inside].to_numpy()]).mean().unstack()
    dense = rate.where(rate >= 0.05).mean(axis=1) >= 0.9
    chosen = single[single["series"].map(dense).to_numpy(bool)]
    if chosen.empty:
        return quiet, []
    quiet = np.isin(run, chosen.index)
    return quiet, [
        f"{len(chosen)} series with rows on nearly all days but for one gap of more than "
        f"{counted(least, frequency.period)}, the first {names[chosen['series'].iloc[0]]!r}: what they would have sold "
        f"in these {counted(int(quiet.sum()), frequency.period)} is not known; write rows with y 0 if it was nothing"
    ]
