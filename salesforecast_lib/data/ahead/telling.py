"""The plan of a run: the panel file's own rows after its last sales figure, and the plan file (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.categories import Category, category_texts, indicator, indicators
from salesforecast_lib.data.ahead.closures import closure_column
from salesforecast_lib.data.ahead.plan import Horizon, Told, told_by_file
from salesforecast_lib.data.ahead.settle import never_had
from salesforecast_lib.data.ahead.usual import KEYS, how_usual, is_price, rows_ahead
from salesforecast_lib.data.own_columns import is_empty
from salesforecast_lib.data.reading import Reading, ReadingError
from salesforecast_lib.data.reading.columns import find_renamed

_PLAN_KEYS = ("row", "unique_id", "location_id", "ds", "end")


def names_in_sales(columns: Mapping[str, str]) -> dict[str, str]:
    """``{name in the sales' file: column of the panel}`` of the user's column map, with the price of one unit."""
    return {theirs: "price" if ours == "unit_price" else ours for ours, theirs in columns.items() if theirs}


def planned_names(read: Reading, columns: list[str], renamed: Mapping[str, str]) -> dict[str, str]:
    """``{column of the plan: column of the panel}`` of the columns that both have; ``open`` may be told as closed.

    Parameters
    ----------
    columns : of the panel. ``renamed`` : those that bear another name in the sales' file, ``{theirs: ours}``.
    """
    found: dict[str, str] = {}
    renamed = {theirs: ours for theirs, ours in renamed.items() if ours in columns}
    for name in read.frame.columns.difference(_PLAN_KEYS, sort=False):
        place = find_renamed(name, columns, renamed)
        if place is None and closure_column(name, read.frame[name])[0]:
            place = "open"
        if place is not None and place not in found.values():
            found[name] = place
    return found


def plan_numbers(
    read: Reading, names: Mapping[str, str], panel: pd.DataFrame, categories: Mapping[str, Category]
) -> tuple[pd.DataFrame, list[list[str]], list[str]]:
    """The plan's rows under the panel's names, all numbers; columns of events that belong together; notes.

    Raises
    ------
    ReadingError
        On text where the panel has a number, and on a discount that is no share.
    """
    rows, events, notes = read.frame[[name for name in _PLAN_KEYS if name in read.frame]].copy(), [], []
    for theirs, ours in names.items():
        cells = read.frame[theirs]
        if ours in categories:
            texts = category_texts(cells)
            table = indicators(texts, ours, categories[ours])
            known = categories[ours]
            new = sorted(set(texts.dropna()) - {known.usual, *known.values, *known.others})
            if new:
                notes.append(never_had(ours, new, known, "the plan holds"))
            rows[list(table)] = table
            events.append(list(table))
            continue
        if ours == "open":
            says, numbers = closure_column(theirs if theirs != ours else "open", cells)
            cells = numbers if says and numbers is not None else cells
        numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
        words = ~is_empty(cells) & numbers.isna()
        share = ours in panel and bool(panel[ours].between(0, 1).all())
        flag = share and ours != "open" and not is_price(ours)
        if words.any() and not (flag and words[~is_empty(cells)].all()):
            at = int(np.flatnonzero(words)[0])
            raise ReadingError(
                f"{read.report.file}, row {read.frame['row'].iloc[at]}: {theirs} is {cells.iloc[at]!r}, but in the "
                "data it is a number; correct the cell, or leave the column out"
            )
        if words.any():
            numbers = (~is_empty(cells)).astype("float64").where(~is_empty(cells))
            notes.append(f"{theirs} of the plan names what is on, such as {cells[words].iloc[0]!r}: read as 1")
        if ours == "discount" and share and not numbers.dropna().between(0, 1).all():
            at = int(np.flatnonzero(~numbers.fillna(0).between(0, 1))[0])
            raise ReadingError(
                f"{read.report.file}, row {read.frame['row'].iloc[at]}: {theirs} is {numbers.iloc[at]:g}; expected the "
                "share of the list price that is taken off, such as 0.2 for a fifth"
            )
        rows[ours] = numbers
        if flag:
            events.append([ours])
    return rows, events, notes


def told_ahead(
    panel: pd.DataFrame,
    future: list[str],
    horizon: Horizon,
    own: pd.DataFrame | None = None,
    read: Reading | None = None,
    names: Mapping[str, str] | None = None,
    categories: Mapping[str, Category] | None = None,
) -> Told:
    """What is told of each series alive and period of the horizon; where both tell something the plan file counts.

    Parameters
    ----------
    own : ``unique_id, ds`` and future columns from the panel file's rows after its last figure.
    read, names : the plan file, and which of its columns is which of the panel's.
    categories : values of a category that have a column each.

    Returns
    -------
    Told
        ``unique_id, ds`` and the columns of ``future`` of which something is told.
    """
    grid = rows_ahead(panel, horizon.frequency.alias, horizon.count)
    table, notes = grid.copy(), []
    alive = set(grid["unique_id"])
    if own is not None and len(own):
        beyond = own["ds"] > horizon.stamps[-1]
        if beyond.any():
            notes.append(
                f"{int(beyond.sum())} rows after {horizon.stamps[-1].date()} lie beyond the horizon and are not used"
            )
        columns = [name for name in future if name in own and own[name].notna().any()]
        table = table.merge(own[[*KEYS, *columns]], on=KEYS, how="left")
    if read is not None and names:
        rows, events, more = plan_numbers(read, names, panel, categories or {})
        columns = [name for name in rows if name not in _PLAN_KEYS]
        untold = [group for group in events if not any(name in table for name in group)]  # the rest is not told either
        told = told_by_file(rows, columns, panel, horizon, untold, read.report.file)
        notes += [*more, *told.notes]
        filed = grid.merge(told.table[told.table["unique_id"].isin(alive)], on=KEYS, how="left")
        for name in columns:
            if name in table:
                both = table[name].notna() & filed[name].notna() & (table[name] != filed[name])
                if both.any():
                    notes.append(
                        f"{name}: in {int(both.sum())} rows ahead the plan file counts, not the data's own rows"
                    )
                filed[name] = filed[name].where(filed[name].notna(), table[name])
            table[name] = filed[name]
    return Told(table[[*KEYS, *(name for name in future if name in table)]], notes)


def said_ahead(
    panel: pd.DataFrame, future: list[str], told: pd.DataFrame, categories: Mapping[str, Category]
) -> list[str]:
    """One sentence for each column: of which share of the rows ahead something is told, and what is taken elsewhere."""
    notes, size = [], len(told)
    parts = {indicator(name, value): name for name, known in categories.items() for value in known.values}
    done: set[str] = set()
    for name in future:
        shown = parts.get(name, name)
        if shown in done or name not in panel:
            continue
        done.add(shown)
        share = float(told[name].notna().mean()) if name in told and size else 0.0
        if share == 1:
            notes.append(f"{shown}: told for all {size:,} rows ahead")
        else:
            head = "not told ahead" if share == 0 else f"told for {share:.1%} of the {size:,} rows ahead"
            notes.append(f"{shown}: {head}; {how_usual(panel, name)} is taken in {1 - share:.1%} of the rows")
    return notes
