"""Closed or open: which column says it, and what a gap on a regular weekday means (chapter 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.usual import usual_values
from salesforecast_lib.data.frequency import WEEKDAYS, Frequency
from salesforecast_lib.data.own_columns import is_empty
from salesforecast_lib.data.reading.guess.headers import plain
from salesforecast_lib.wording import counted, listed

_OPEN = (
    "open|is open|opened|open flag|store open|shop open|geoffnet|offen|ist offen|ist geoffnet|ouvert|est ouvert|"
    "abierto|esta abierto|abierta|aperto|aperta|geopend|is geopend|aberto|aberta|营业|开店|是否营业|営業|営業日"
)
_CLOSED = (
    "closed|is closed|closure|store closed|shop closed|geschlossen|ist geschlossen|schliesstag|ruhetag|ferme|est ferme|"
    "fermeture|cerrado|esta cerrado|cerrada|chiuso|chiusa|chiusura|gesloten|is gesloten|fechado|fechada|"
    "休业|关店|休業|休業日"
)
_WORDS = {
    **dict.fromkeys("1|1.0|yes|y|true|ja|oui|si|sim|wahr|vrai|是".split("|"), 1.0),
    **dict.fromkeys("0|0.0|no|n|false|nein|non|nee|nao|falsch|faux|否".split("|"), 0.0),
}
_SAYS = {name: {plain(word) for word in names.split("|")} for name, names in (("open", _OPEN), ("closed", _CLOSED))}
_LEAST = 4  # weeks of history that a pattern of weekdays needs
_ROWS = 0.8  # share of the other days that have a row, in a file of open days only


def closure_column(name: str, cells: pd.Series) -> tuple[str, pd.Series | None]:
    """What a column says of closures, "open" or "closed" by its name, with ``open`` as numbers; ("", None) for none.

    The cells have to fit: 0 and 1, shares between, yes and no, or the words for open and closed themselves.
    """
    header = plain(name)
    says = next((word for word, names in _SAYS.items() if header in names), "")
    if not says:
        return "", None
    filled = ~is_empty(cells)
    texts = cells.where(filled).map(lambda cell: plain(str(cell)), na_action="ignore")
    state = texts.map({**dict.fromkeys(_SAYS["open"], 1.0), **dict.fromkeys(_SAYS["closed"], 0.0)})
    if filled.any() and state[filled].notna().all():  # "open" and "closed" mean it whatever the column is called
        return says, state.astype("float64")
    numbers = pd.to_numeric(cells.where(filled), errors="coerce").astype("float64")
    numbers = numbers.fillna(texts.map(_WORDS).astype("float64"))
    if not filled.any() or numbers[filled].isna().any() or not numbers[filled].between(0, 1).all():
        return "", None
    return says, numbers if says == "open" else 1.0 - numbers


def take_closures(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """``frame`` with the column that says it as ``open``, and what was said about it.

    A column called ``open`` that holds other numbers (opening prices, hours) is kept under another name.
    """
    notes: list[str] = []
    if "open" in frame:
        says, numbers = closure_column("open", frame["open"])
        if says:
            return frame.assign(open=numbers), notes
        beyond = pd.to_numeric(frame["open"], errors="coerce")
        if beyond.notna().any() and not beyond.dropna().between(0, 1).all():
            frame = frame.rename(columns={"open": "open (given)"})
            notes.append(
                f"column 'open' holds values such as {beyond[~beyond.between(0, 1)].dropna().iloc[0]:g} and is kept as "
                "'open (given)': closures would be 0, openings 1"
            )
        return frame, notes
    for name in frame.columns[~frame.columns.duplicated(keep=False)]:
        says, numbers = closure_column(str(name), frame[name])
        if says:
            notes.append(f"column {str(name)!r} says when a series is {says}: it is 'open' in the panel")
            return frame.drop(columns=name).assign(open=numbers), notes
    return frame, notes


def closed_gaps(full: pd.DataFrame, missing: np.ndarray, frequency: Frequency) -> tuple[np.ndarray, list[str]]:
    """Mask of the gaps that are closed days, for days without a column of closures; and what was taken for what.

    A series that has rows on nearly all days but (nearly) never on some weekday is closed on that weekday. In a file
    of such rows a day on which most series of that kind have none, a public holiday, is closed too.

    Parameters
    ----------
    full : every period of each series, ``unique_id, ds``. ``missing`` : (rows,), True where the file has no row.
    """
    closed = np.zeros(len(full), dtype=bool)
    if frequency.kind != "D" or not missing.any():
        return closed, []
    weekday = full["ds"].dt.dayofweek
    counts = pd.DataFrame({"id": full["unique_id"], "weekday": weekday, "row": ~missing})
    share = counts.groupby(["id", "weekday"])["row"].agg(["mean", "size"]).unstack()
    rate, weeks = share["mean"], share["size"].max(axis=1)
    never = rate < 0.05
    others = rate.where(~never).mean(axis=1)
    regular = never.any(axis=1) & (others >= _ROWS) & (weeks >= _LEAST)
    notes: list[str] = []
    if regular.any():
        key = pd.MultiIndex.from_arrays([full["unique_id"], weekday])
        pattern = never.where(regular, False, axis=0).stack().reindex(key).fillna(False).to_numpy(bool)
        closed |= missing & pattern
        days = [WEEKDAYS[day] for day in never.columns if never.loc[regular, day].any()]
        notes.append(
            f"{int(regular.sum())} series without rows on {listed(f'{day}s' for day in days)}: those days "
            "are taken as closed"
        )
    steady = regular | ((rate.mean(axis=1) >= 0.9) & (weeks >= _LEAST))
    inside = full["unique_id"].map(steady).to_numpy(bool) & ~closed
    if steady.sum() >= 3:
        empty = pd.Series(missing[inside]).groupby(full.loc[inside, "ds"].to_numpy()).mean()
        shut = full["ds"].isin(empty.index[empty >= 0.5]).to_numpy() & inside & missing
        if shut.any():
            closed |= shut
            number = int(full.loc[shut, "ds"].nunique())
            notes.append(f"{counted(number, 'day')} on which most series have no row: taken as closed")
    return closed, notes


def settle_open(full: pd.DataFrame, closed: np.ndarray) -> tuple[pd.Series, list[str]]:
    """``open`` of every row: as the file says, 0 in ``closed`` gaps, else as usual on the series' weekday.

    A sale on a day that is said to be closed is kept, and the day is open.
    """
    notes: list[str] = []
    if "open" not in full:
        return pd.Series(np.where(closed, 0.0, 1.0), index=full.index), notes
    said = full["open"].astype("float64")
    usual = said.groupby([full["unique_id"], full["ds"].dt.dayofweek]).transform("mean")
    settled = said.fillna((usual > 0.5).astype("float64").where(usual.notna(), 1.0))
    odd = (full["y"] > 0) & (settled <= 0) & said.notna()
    if odd.any():
        name, when, sold = full.loc[odd, ["unique_id", "ds", "y"]].iloc[0]
        notes.append(
            f"{counted(int(odd.sum()), 'period')} said to be closed with a sale, the first {name!r} on {when.date()} "
            f"({sold:g}): the sale is kept, the period counts as open"
        )
    return settled.where(~(full["y"] > 0), settled.where(settled > 0, 1.0)), notes


def closed_ahead(later: pd.DataFrame, full: pd.DataFrame, frequency: Frequency) -> pd.DataFrame:
    """``later`` with ``open`` where a series' gaps are closed days: a day without a row after the data is closed, too.

    Where fewer than `_ROWS` of the days on which a series usually opens have a row, its rows are no calendar: they tell
    some days (promotions), and nothing of the others.

    Parameters
    ----------
    later : rows of the file after the end of the data. ``full`` : the data's rows, with ``open``.
    """
    shut = full.loc[full["open"] <= 0, "unique_id"].unique()
    told = later[later["unique_id"].isin(shut)]
    if told.empty:
        return later
    end = full["ds"].max()
    reach = told.groupby("unique_id")["ds"]
    days = {name: frequency.steps(ds, pd.Series(end, ds.index)).max() for name, ds in reach}
    grid = pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": frequency.after(end, count)}) for name, count in days.items()],
        ignore_index=True,
    )
    usual = usual_values(full, grid, "open", frequency)
    grid = grid.merge(told[["unique_id", "ds"]].assign(open=1.0), on=["unique_id", "ds"], how="left")
    whole = grid["open"].notna()[usual > 0].groupby(grid["unique_id"]).mean() >= _ROWS
    grid = grid[grid["unique_id"].map(whole).fillna(False).astype(bool)]
    return later.merge(grid.assign(open=grid["open"].fillna(0.0)), on=["unique_id", "ds"], how="outer")
