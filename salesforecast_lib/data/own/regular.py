"""An already aggregated panel ``unique_id, ds, y`` + covariates, read, checked and made regular (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead import (
    Category,
    Roles,
    closed_ahead,
    closed_gaps,
    declared_roles,
    planned_names,
    quiet_gaps,
    settle_columns,
    settle_ends,
    settle_open,
    take_closures,
)
from salesforecast_lib.data.ahead.telling import names_in_sales
from salesforecast_lib.data.frequency import WEEKDAYS, Frequency, settle_frequency
from salesforecast_lib.data.own_columns import MEANT, fill_covariates, is_empty, meant_numbers, settle_names
from salesforecast_lib.data.reading import Reading, ReadOptions, read_panel_file
from salesforecast_lib.wording import counted, first_names

KEYS = ["unique_id", "ds"]
MISSING_Y = ("zero", "unavailable", "interpolate", "closed")


@dataclass(frozen=True)
class Regular:
    """A regular ``panel`` with its frequency ``freq`` and what was said to the user, ``notes``.

    ``stamp`` is "start" where weeks bear their first day; ``numeric`` and ``texts`` name the covariates that are only
    observed and those that describe the series, ``future`` what is known ahead, ``open`` first; ``renamed`` those that
    bear another name than in the file. ``ahead`` holds ``unique_id, ds`` and the future columns of the file's rows
    after the end of the data, ``categories`` those that have a column for each value.
    """

    panel: pd.DataFrame
    freq: Frequency
    stamp: str
    notes: list[str] = field(default_factory=list)
    numeric: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    future: list[str] = field(default_factory=lambda: ["open"])
    renamed: dict[str, str] = field(default_factory=dict)
    ahead: pd.DataFrame = field(default_factory=pd.DataFrame)
    categories: dict[str, Category] = field(default_factory=dict)


def read_panel(
    path: str,
    options: ReadOptions | None = None,
    freq: str = "D",
    missing_y: str = "zero",
    horizon: int = 28,
    roles: Roles | None = None,
    plan: Reading | None = None,
) -> tuple[Regular, Reading]:
    """Read an already aggregated panel ``unique_id, ds, y`` + covariates; returns it regular, and how it was read.

    Raises ValueError as `read_panel_file` and `regular_panel` do.
    """
    read = read_panel_file(path, options)
    frame = read.frame.set_index(read.frame["row"] - 1).drop(columns="row")
    mapped = options.columns if options else {}
    return regular_panel(frame, freq, missing_y, path, horizon, roles, plan, mapped), read


def regular_panel(
    frame: pd.DataFrame,
    freq: str = "D",
    missing_y: str = "zero",
    source: str = "panel",
    horizon: int = 28,
    roles: Roles | None = None,
    plan: Reading | None = None,
    mapped: Mapping[str, str] | None = None,
) -> Regular:
    """Make a panel regular: every series has all periods from its first row to the end of the data, or to its own end.

    The data end with the last ``y`` of all series; rows after it are the plan.

    Parameters
    ----------
    frame : ``unique_id, ds, y`` (missing where empty) and covariates; the index counts the file's rows from 0.
    freq : D, W, W-MON … W-SUN or M; W takes the weekday from ``ds``, and "auto" the frequency too.
    missing_y : what a gap or an empty ``y`` means: "zero" (nothing was sold), "unavailable" (``available`` 0: says
        nothing about demand), "interpolate", or "closed" (``open`` 0). A weekday on which a series never has a row is
        closed in any case, see `closed_gaps`, and what comes after a series' last figure is settled by `settle_ends`.
    source : name of the file, for messages.
    horizon : periods that are forecast; a series without rows for longer has ended.
    roles : of the columns, as the user says. Without: a column with values after the end of the data, or in the
        ``plan``, is *future*, another number *historical*, another text *static*.

    mapped : the file's column map, ``{our name: name in the file}``: a plan may use the file's names.

    Raises
    ------
    ValueError
        When a parameter is not known, ``freq`` contradicts the dates, a series has two rows in a period, a column
        with a fixed meaning holds text, or a role names a column that there is not.
    """
    if missing_y not in MISSING_Y:
        raise ValueError(f"missing_y={missing_y!r}: expected one of {', '.join(MISSING_Y)}")
    given = [str(name) for name in frame]
    frame, notes = take_closures(frame)
    closure = {} if "open" in given else {name: "open" for name in given if name not in map(str, frame)}
    covariates = [name for name in frame.columns if name not in (*KEYS, "y")]
    names, more = settle_names(covariates)
    notes += more
    renamed = closure | {str(old): new for old, new in zip(covariates, names, strict=True) if str(old) != new}
    order = [frame.columns.get_loc(key) for key in (*KEYS, "y")]
    places = [k for k, name in enumerate(frame.columns) if name not in (*KEYS, "y")]
    frame = frame.iloc[:, [*order, *places]].set_axis([*KEYS, "y", *names], axis=1)
    frame = frame.assign(ds=frame["ds"].dt.normalize())
    frame, frequency, stamp, more = _on_time(frame, freq, source)
    notes += more
    for name in names:
        if name in MEANT:
            frame[name] = meant_numbers(name, frame[name], source)
    frame, later, more = _split_ahead(frame, frequency, source)
    notes += more
    table = pd.concat([frame, later], ignore_index=True)
    planned = planned_names(plan, names, names_in_sales(mapped or {}) | renamed) if plan is not None else {}
    told = {name for name in names if not is_empty(later[name]).all()} if len(later) else set()
    settled = settle_columns(
        table,
        names,
        declared_roles(roles or Roles(), names, renamed, source),
        told,
        set(planned.values()),
        history=len(frame),
    )
    notes += settled.notes
    frame, later = settled.table.iloc[: len(frame)], settled.table.iloc[len(frame) :]
    full, more = _filled(frame, later, frequency, missing_y, horizon)
    notes += more
    if "open" not in frame and missing_y != "closed":
        later = closed_ahead(later, full, frequency)
    numbers = [*settled.historical, *(name for name in settled.future if name != "open")]
    kept = [name for name in full if name in (*KEYS, "y", "available", "open", *numbers, *settled.static)]
    full = fill_covariates(full[kept], numbers, settled.static)
    full = full.sort_values(KEYS, kind="stable", ignore_index=True)
    future = ["open", *(name for name in settled.future if name != "open")]
    ahead = later[[*KEYS, *(name for name in future if name in later)]].reset_index(drop=True)
    return Regular(
        full, frequency, stamp, notes, settled.historical, settled.static, future, renamed, ahead, settled.categories
    )


def _on_time(frame: pd.DataFrame, freq: str, source: str) -> tuple[pd.DataFrame, Frequency, str, list[str]]:
    """The rows on the panel's calendar, each period of a series once."""
    notes = []
    frequency, stamp = settle_frequency(frame["ds"], freq, source)
    if stamp == "start":
        notes.append(f"weeks bear their first day, a {WEEKDAYS[frequency.last_weekday]}")
    if frequency.kind == "M":
        ends = frame["ds"] + pd.offsets.MonthEnd(0)
        if (ends != frame["ds"]).any():
            notes.append("months bear their last day in the panel and in all forecasts")
        frame = frame.assign(ds=ends)
    if freq.strip() not in ("D", "M", frequency.alias):
        notes.append(f"the dates are {frequency.period}s ({frequency.alias}), taken from ds")
    twice = frame.duplicated(KEYS, keep=False)
    if twice.any():
        key = tuple(frame.loc[twice, KEYS].iloc[0])
        same = frame.index[(frame["unique_id"] == key[0]) & (frame["ds"] == key[1])]
        copies = int(frame.duplicated(KEYS).sum())
        raise ValueError(
            f"{source}: {counted(copies, 'row')} repeat a series and {frequency.period}; the first is {key[0]!r}, "
            f"{key[1].date()} in rows {same[0] + 1} and {same[1] + 1}: they appear twice; add them up or remove one"
        )
    return frame, frequency, stamp, notes


def _split_ahead(
    frame: pd.DataFrame, frequency: Frequency, source: str
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Rows of the data, those after their end, and what was said; series without any figure are left out."""
    figures = frame[frame["y"].notna()]
    if figures.empty:
        raise ValueError(f"{source}: y is empty in every row; expected the sales of each series and period")
    notes, sold = [], set(figures["unique_id"])
    new = frame.loc[~frame["unique_id"].isin(sold), "unique_id"].unique()
    if len(new):
        notes.append(f"{len(new)} series without any figure in y, left out: {first_names(new)}")
        frame = frame[frame["unique_id"].isin(sold)]
    end = figures["ds"].max()
    later = frame[frame["ds"] > end]
    if len(later):
        reach = int(frequency.steps(pd.Series([later["ds"].max()]), pd.Series([end])).iloc[0])
        notes.append(
            f"the data end with the last figure, {end.date()}; {len(later):,} rows after it are the plan, "
            f"up to {counted(reach, frequency.period)} ahead"
        )
    return frame[frame["ds"] <= end], later, notes


def _filled(
    frame: pd.DataFrame, later: pd.DataFrame, frequency: Frequency, missing_y: str, horizon: int
) -> tuple[pd.DataFrame, list[str]]:
    """Every period of each series with ``y``, ``open`` and ``available`` settled."""
    full = _every_period(frame.assign(_row=True), frequency)
    rows = full.pop("_row").notna().to_numpy()
    closed: np.ndarray = np.zeros(len(full), dtype=bool)
    quiet: np.ndarray = np.zeros(len(full), dtype=bool)
    notes: list[str] = []
    if missing_y == "zero":
        quiet, notes = quiet_gaps(full, rows, frequency)
    if missing_y == "closed":
        closed = ~rows
    elif "open" not in full:
        closed[~quiet], more = closed_gaps(full[~quiet], ~rows[~quiet], frequency)
        notes += more
    stay, unknown, more = settle_ends(full, rows, closed, horizon, frequency, frozenset(later["unique_id"]), quiet)
    notes += more
    unknown |= quiet
    gaps = int((~rows & stay & ~unknown & ~closed).sum())
    if gaps:
        notes.append(f"{counted(gaps, 'period')} without a row: y is {_SAID[missing_y]} there")
    known = full["y"].notna()
    seen = known | (missing_y != "unavailable")
    if missing_y == "interpolate":
        guess = full.groupby("unique_id")["y"].transform(lambda y: y.interpolate(limit_direction="both"))
        full["y"] = full["y"].where(known | closed | unknown, guess)
    given = full["available"] if "available" in full else pd.Series(np.where(seen, 1.0, 0.0), full.index)
    full["y"] = full["y"].fillna(0.0)
    full["open"], more = settle_open(full, closed)
    notes += more
    inside = given.fillna(0.0).clip(0, 1).where(~unknown, 0.0)
    full["available"] = inside.where(full["open"] > 0, 0.0)
    return full[stay].reset_index(drop=True), notes


_SAID = {"zero": "zero", "unavailable": "not known", "interpolate": "interpolated", "closed": "zero"}


def _every_period(frame: pd.DataFrame, frequency: Frequency) -> pd.DataFrame:
    """All periods of each series from its first row to the end of the data, with the rows that there are."""
    calendar = pd.date_range(frame["ds"].min(), frame["ds"].max(), freq=frequency.alias)
    first = calendar.get_indexer(pd.Index(frame.groupby("unique_id")["ds"].min()))
    ids = np.sort(frame["unique_id"].unique())
    count = len(calendar) - first
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    grid = pd.DataFrame({"unique_id": np.repeat(ids, count), "ds": calendar.to_numpy()[place]})
    return grid.merge(frame, on=KEYS, how="left")
