"""The stored models of a champion on other data than those of the fit: later, longer, shorter, of other series."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.champion import guard
from salesforecast_lib.models.champion.members import (
    FORMS,
    Task,
    forecast_member,
    on_rows,
    recursive_means,
    recursive_reach,
)
from salesforecast_lib.models.champion.settings import LEARNED
from salesforecast_lib.models.peers import BoostingConfig
from salesforecast_lib.models.peers.coding import Coding, Whole
from salesforecast_lib.models.peers.kinds import window_of
from salesforecast_lib.models.peers.memory import several
from salesforecast_lib.models.peers.origins import OriginRows
from salesforecast_lib.models.peers.recursive import RecursiveMeans
from salesforecast_lib.models.peers.shelf import Shelf

_DATED = re.compile(r"\d{4}-\d{2}-\d{2}$")
_RECURSIVE = "LightGBM"  # its quantiles come from errors over all series


def coding_of(task: Task, cutoff: pd.Timestamp) -> Coding:
    """What the models fitted at the cutoff were told in terms of their data."""
    frame, frequency = task.table.frame, check_freq(task.freq)
    past = frame[frame["ds"] <= cutoff]
    periods = int(past["ds"].nunique())
    windows = {8 * frequency.inner, *(window_of(kind, task.freq, periods) for kind, _ in BoostingConfig().models)}
    typical, least = {}, {}
    told = task.table, task.known, cutoff, task.horizon, task.freq, frequency.cycle
    light = _levels_only(task.table)
    for window in sorted(windows):
        rows = OriginRows(light, *told[1:], window)
        typical[window], least[window] = rows.typical, rows.least
    static = list(task.meta["static"])
    firsts = past.groupby("unique_id")[static].first()
    categories = {name: sorted(past[name].astype(str).unique()) for name in static}
    shared = {name: pd.factorize(firsts[name], sort=True)[0] for name in static}
    alive = int((past["ds"] == cutoff).sum())
    return Coding(periods, typical, least, categories, several(shared, len(firsts)), recursive_reach(alive))


def _levels_only(table: FeatureTable) -> FeatureTable:
    """The same rows without historical and static columns: levels need none."""
    future = [name for name in table.roles["future"] if name == "open"]
    return FeatureTable(table.frame, {"static": [], "historical": [], "future": future})


def renamed(shelf: Shelf, cutoff: pd.Timestamp, horizon: int, freq: str) -> Shelf:
    """The same models under the names that they would have, had they been fitted at another cutoff.

    Names end in the last period of a fit: that of the latest becomes the cutoff, an earlier one the origin of which the
    errors are known.
    """
    dates = sorted({found[0] for name in shelf.models if (found := _DATED.search(name))})
    origin = pd.date_range(end=cutoff, periods=horizon + 1, freq=freq)[0]
    models = {}
    for name, model in shelf.models.items():
        found = _DATED.search(name)
        when = cutoff if not found or found[0] == dates[-1] else origin
        models[_DATED.sub(str(when.date()), name)] = model
    only = f"{_RECURSIVE}/{cutoff.date()}"  # a history too short for an earlier fit left one model
    if only in models:
        models.setdefault(f"{_RECURSIVE}/{origin.date()}", models[only])
    return Shelf(models, closed=True)


@dataclass(frozen=True)
class Part:
    """Forecasts of the members for some of the series.

    Parameters
    ----------
    rows : of `Task.rows`. ``sizes`` : of `guard.sizes`.
    tables : forecast tables by member, but for the recursive LightGBM, whose ``means`` are put together first.
    """

    rows: pd.DataFrame
    sizes: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    means: RecursiveMeans | None

    def named(self, names: pd.Index) -> Part:
        """The same part with the names of the series in place of their numbers."""

        def back(table: pd.DataFrame) -> pd.DataFrame:
            return table.assign(unique_id=names.to_numpy()[table["unique_id"].to_numpy("int64")])

        means = self.means
        if means is not None:
            means = RecursiveMeans(back(means.table), back(means.earlier), back(means.observed))
        sizes = self.sizes.set_axis(pd.Index(names[self.sizes.index.to_numpy("int64")], name="unique_id"))
        return Part(back(self.rows), sizes, {name: back(table) for name, table in self.tables.items()}, means)


def forecast_part(task: Task, names: Sequence[str], shelf: Shelf, cutoff: pd.Timestamp) -> Part:
    """The members' forecasts at a cutoff of the series in the task's table; what is fitted series by series is fitted.

    Parameters
    ----------
    shelf : of `renamed`.
    """
    tables, means = {}, None
    with warnings.catch_warnings():  # that a category is new is told by the caller, once for all members and parts
        warnings.filterwarnings("ignore", message=".*categories are new to the model")
        for name in names:
            if name == _RECURSIVE:
                means = recursive_means(task, cutoff, shelf.part(name))
            else:
                kept = shelf if name in LEARNED else _forms(shelf, name)
                tables[name] = forecast_member(task, name, [cutoff], kept)[0]
    return Part(task.rows(cutoff), guard.sizes(task.table.frame, cutoff), tables, means)


def _forms(shelf: Shelf, name: str) -> Shelf:
    """What a member that is fitted series by series keeps of its fit: the forms of AutoETS."""
    key = f"{name}/{FORMS}"
    return Shelf({key: shelf.models[key]} if key in shelf.models else {})


def joined(
    parts: Sequence[Part], names: Sequence[str], meta: dict[str, Any], cutoff: pd.Timestamp, levels: Sequence[float]
) -> tuple[dict[str, pd.DataFrame], pd.Series]:
    """Forecast tables of all series by member, and the largest forecast that is thinkable of each series."""
    freq, horizon = str(meta["freq"]), int(meta["horizon"])
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    tables = {}
    for name in names:
        if name != _RECURSIVE:
            tables[name] = pd.concat([part.tables[name] for part in parts], ignore_index=True)
            continue
        means = [part.means for part in parts if part.means is not None]
        whole = RecursiveMeans(
            *(
                pd.concat([getattr(each, kind) for each in means], ignore_index=True)
                for kind in ("table", "earlier", "observed")
            )
        )
        tables[name] = on_rows(rows, whole.forecasts(cutoff, horizon, freq, levels), name, cutoff, levels)
    enough = 8 * check_freq(freq).inner
    return tables, guard.limit_of(pd.concat([part.sizes for part in parts]), enough)


def whole_of(frame: pd.DataFrame, coding: Coding, steps: pd.DatetimeIndex, cutoff: pd.Timestamp) -> Whole:
    """Sums over all series, for tables that hold some of them.

    Parameters
    ----------
    frame : ``unique_id, ds, y, available``, ``open`` where it is known ahead, and the static columns; sorted.
    steps : periods of the horizon.
    """
    known = [name for name in ("ds", "y", "available", "open", *coding.groups) if name in frame]
    early = (frame["ds"] <= cutoff).to_numpy()
    past = frame[known] if early.all() else frame.loc[early, known]
    days = np.unique(np.r_[past["ds"].unique(), steps.to_numpy()])
    day = np.searchsorted(days, past["ds"].to_numpy())
    seen = np.nan_to_num(past["available"].to_numpy("float64"))
    if "open" in past:
        seen = seen * (past["open"].fillna(1.0).to_numpy() > 0)
    sales = np.nan_to_num(past["y"].to_numpy("float64")) * seen
    codes: dict[str, dict[str, int]] = {}
    total: dict[str, np.ndarray] = {}
    count: dict[str, np.ndarray] = {}
    for name in ("", *coding.groups):
        code, values = pd.factorize(past[name].astype(str), sort=True) if name else (np.zeros(len(past), int), [""])
        codes[name] = {str(value): k for k, value in enumerate(values)}
        place, shape = code * (len(days) + 1) + day + 1, (len(values), len(days) + 1)
        for kept, numbers in ((total, sales), (count, seen)):
            kept[name] = np.bincount(place, numbers, shape[0] * shape[1]).reshape(shape).cumsum(1)
    return Whole(days, codes, total, count)
