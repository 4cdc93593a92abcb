"""Tasks of fev-bench as a folder's ``tasks.json`` describes them: panel, windows, and what a model may know.

Nothing about a task stands here: frequency, horizon, windows, season, country and the roles of the columns are read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import holidays
import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import Frequency, check_freq
from salesforecast_lib.data.own_columns import settle_names
from salesforecast_lib.files import read_json
from tests.benchmarks.champion import told

KEYS = ["unique_id", "ds"]
MEASURES = ("SQL", "MASE", "WAPE", "WQL")
_MOST_CATEGORIES = 20  # indicator columns of a text; rarer values share none
_CLOSED_ROWS = 10  # rows of a flag before a closure is believed


@dataclass(frozen=True)
class FevTask:
    """One task.

    Parameters
    ----------
    panel : ``unique_id, ds, y`` (missing where not known) and numeric covariates or static texts, one row a period.
    origins : one frame a scored window, ``unique_id, cutoff``: the last known period of each of its series.
    earlier : the same for windows before the scored ones, the latest last: choices are made there.
    static, historical, future : roles of the panel's columns.
    """

    name: str
    frequency: Frequency
    horizon: int
    season: int
    country: str
    stamp: str
    panel: pd.DataFrame
    origins: tuple[pd.DataFrame, ...]
    earlier: tuple[pd.DataFrame, ...]
    static: tuple[str, ...]
    historical: tuple[str, ...]
    future: tuple[str, ...]

    @property
    def key(self) -> str:
        """Hash of the data and the protocol."""
        words = [list(self.panel), self.frequency.alias, self.horizon, self.season, self.country, self.stamp]
        words += [list(self.static), list(self.historical), list(self.future)]
        digest = hashlib.sha256(json.dumps(words).encode())
        for frame in (self.panel, *self.origins):
            digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        return digest.hexdigest()[:12]


def described(folder: Path) -> dict[str, dict[str, Any]]:
    """Tasks of a folder; raises FileNotFoundError that says what the folder has to hold."""
    file = folder / "tasks.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; --data DIR has to be the folder that holds tasks.json")
    return dict(read_json(file.resolve()))


def published(folder: Path, name: str) -> list[dict[str, Any]]:
    """What others published of a task: ``model``, the measures and ``trained_on_this_data``; empty where nothing is."""
    file = folder / "published.csv"
    if not file.is_file():
        return []
    table = pd.read_csv(file)
    rows = table[table["task"] == name]
    flag = rows["trained_on_this_data"].astype(str).str.lower().isin(("true", "1", "yes"))
    kept = rows.reindex(columns=["model", *MEASURES]).assign(trained_on_this_data=flag).sort_values("SQL")
    return [{k: v for k, v in row.items() if v == v} for row in kept.to_dict("records")]  # NaN is not equal to itself


def load_task(folder: Path, name: str, earlier: int = 0) -> FevTask:
    """Read a task, with so many ``earlier`` windows before the scored ones as the histories have room for.

    Raises
    ------
    ValueError
        When the task is not described, or its file lacks a column.
    FileNotFoundError
        When the folder lacks ``tasks.json`` or the file.
    """
    tasks = described(folder)
    if name not in tasks:
        raise ValueError(f"task {name!r}: {folder / 'tasks.json'} describes {', '.join(tasks)}")
    given = tasks[name]
    file = folder / given["file"]
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; tasks.json names it as the file of {name}")
    raw = pd.read_parquet(file)
    roles = {role: list(given.get(role) or []) for role in ("static", "past_only", "known_ahead")}
    missing = [c for c in (*KEYS, "y", *(n for names in roles.values() for n in names)) if c not in raw]
    if missing:
        raise ValueError(f"{file}: no columns {missing}, which tasks.json declares; there are {list(raw)}")
    frequency = check_freq(str(given["freq"]))
    panel = _regular(raw, frequency)
    horizon, windows = int(given["horizon"]), int(given["windows"])
    first = given.get("first_cutoff")
    if first is not None:
        first = pd.Timestamp(first)
        first = first + pd.offsets.MonthEnd(0) if frequency.kind == "M" else first
    every = _windows(panel, frequency, horizon, windows, first, earlier)
    scored = every[earlier:]
    if all(window.empty for window in scored):
        raise ValueError(f"{file}: no series has a whole horizon of {horizon} in any of the {windows} windows")
    renamed, static, historical, future = _covariates(panel, roles)
    begun = pd.concat(scored).groupby("unique_id")["cutoff"].min()
    renamed, future = _with_open(renamed, future, begun)
    return FevTask(
        name, frequency, horizon, int(given["season"]), _country(given.get("country")),
        "start" if frequency.alias == "W-MON" else "end", renamed, tuple(scored),
        tuple(window for window in every[:earlier] if len(window)), tuple(static), tuple(historical), tuple(future),
    )  # fmt: skip


def _country(given: object) -> str:
    """A country whose holidays are known, or nothing."""
    code = str(given or "").strip()
    return code if code in holidays.list_supported_countries() else ""


def _regular(raw: pd.DataFrame, frequency: Frequency) -> pd.DataFrame:
    """Every period of each series from its first row to its last; periods without a row have no ``y``."""
    frame = raw.assign(unique_id=raw["unique_id"].astype(str), ds=raw["ds"].astype("datetime64[ns]").dt.normalize())
    if frequency.kind == "M":  # months bear their last day in the library
        frame["ds"] += pd.offsets.MonthEnd(0)
    spans = frame.groupby("unique_id")["ds"].agg(["min", "max"])
    calendar = pd.date_range(spans["min"].min(), spans["max"].max(), freq=frequency.alias)
    begin, end = calendar.get_indexer(pd.Index(spans["min"])), calendar.get_indexer(pd.Index(spans["max"]))
    if (begin < 0).any() or (end < 0).any():
        odd = spans.index[(begin < 0) | (end < 0)][0]
        raise ValueError(f"series {odd!r}: its dates are no periods of freq={frequency.alias}; correct tasks.json")
    odd = frame.duplicated(KEYS) | (calendar.get_indexer(pd.Index(frame["ds"])) < 0)
    if odd.any():
        first = frame[odd].iloc[0]
        raise ValueError(
            f"series {first['unique_id']!r}, {first['ds'].date()}: a second row of a period, or no period of "
            f"freq={frequency.alias}; correct the file or tasks.json"
        )
    full = _grid(spans.index.to_numpy(), calendar, begin, end).merge(frame, on=KEYS, how="left")
    return full.sort_values(KEYS, kind="stable", ignore_index=True)


def _grid(names: np.ndarray, calendar: pd.DatetimeIndex, begin: np.ndarray, end: np.ndarray) -> pd.DataFrame:
    """``unique_id, ds``: the periods ``begin`` to ``end`` (both included, numbers in ``calendar``) of each name."""
    count = np.maximum(end - begin + 1, 0)
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    return pd.DataFrame({"unique_id": np.repeat(names, count), "ds": calendar.to_numpy()[place]})


def _windows(
    panel: pd.DataFrame, frequency: Frequency, horizon: int, windows: int, first: pd.Timestamp | None, earlier: int
) -> list[pd.DataFrame]:
    """``unique_id, cutoff`` of each window, the earlier ones first; only series with a whole horizon in it."""
    calendar = pd.date_range(panel["ds"].min(), panel["ds"].max(), freq=frequency.alias)
    spans = panel.groupby("unique_id")["ds"].agg(["min", "max"])
    begin, end = calendar.get_indexer(pd.Index(spans["min"])), calendar.get_indexer(pd.Index(spans["max"]))
    found = []
    for window in range(-earlier, windows):
        if first is None:
            place = end - horizon * (windows - window)
        else:
            base = calendar.searchsorted(first, side="right") - 1
            place = np.full(len(spans), base + horizon * window)
        whole = (place >= begin) & (place + horizon <= end)
        found.append(pd.DataFrame({"unique_id": spans.index[whole], "cutoff": calendar[place[whole]]}))
    return found


def _covariates(
    panel: pd.DataFrame, roles: dict[str, list[str]]
) -> tuple[pd.DataFrame, list[str], list[str], list[str]]:
    """The panel with names that nothing else uses, numbers without gaps and texts as indicators or categories.

    A number keeps its last value within a series and is 0 before the first, as in the library's own panels.
    """
    series = panel["unique_id"]
    out = {name: panel[name] for name in KEYS} | {"y": panel["y"].astype("float64")}
    given = [(role, name) for role, names in roles.items() for name in names]
    fixed = {"open": "open (given)", "available": "available (given)"}  # columns that the harness makes
    names, _ = settle_names([fixed.get(name, name) for _, name in given])
    found: dict[str, list[str]] = {role: [] for role in roles}
    for (role, column), name in zip(given, names, strict=True):
        cells = panel[column]
        if role == "static":
            out[name] = cells.groupby(series).transform("first").astype("string").fillna("unknown").astype(str)
            found[role].append(name)
            continue
        numbers = pd.to_numeric(cells.astype(object), errors="coerce").astype("float64")
        if (numbers.isna() & cells.notna()).any():  # text: a category, even where most of it are figures
            words = cells.astype("string")
            for value in words.value_counts().index[:_MOST_CATEGORIES]:
                out[f"{name}={value}"] = (words == value).fillna(False).astype("float64")
                found[role].append(f"{name}={value}")
            continue
        out[name] = numbers.groupby(series).ffill().fillna(0.0)
        found[role].append(name)
    return pd.DataFrame(out), found["static"], found["past_only"], found["known_ahead"]


def _with_open(panel: pd.DataFrame, future: list[str], first: pd.Series) -> tuple[pd.DataFrame, list[str]]:
    """The panel with ``open``: a flag known ahead under which nothing was sold before the first scored window.

    It takes the place of such flags among the *future* columns (a period with a sale stays open); without any, every
    period counts as open.
    """
    past = panel["ds"].le(panel["unique_id"].map(first)).to_numpy()
    idle = ~(panel["y"].to_numpy() > 0)
    opened, kept = np.ones(len(panel)), []
    for name in future:
        values = panel[name].to_numpy()
        shut = None
        if np.isin(values, (0.0, 1.0)).all():
            for value in (0.0, 1.0):
                flagged, others = past & (values == value), past & (values != value)
                if flagged.sum() >= _CLOSED_ROWS and idle[flagged].mean() > 0.99 and idle[others].mean() < 0.5:
                    shut = value
        if shut is None:
            kept.append(name)
        else:
            opened[(values == shut) & ~(past & ~idle)] = 0.0
    return panel.assign(open=opened), [*kept, "open"]


@dataclass(frozen=True)
class Call:
    """One call of a model: what it is told, the cutoffs asked for, and the ``unique_id, cutoff`` that are kept.

    ``share`` of the time budget belongs to it.
    """

    table: FeatureTable
    known: pd.DataFrame
    meta: dict[str, Any]
    cutoffs: list[pd.Timestamp]
    origins: pd.DataFrame
    share: float


def calls(task: FevTask, windows: tuple[pd.DataFrame, ...], rare: float = 0.05, kin: int = 200) -> list[Call]:
    """How a model is called for ``windows``: once with all cutoffs that many series share.

    Windows end with each series, and some series end early. A cutoff of less than ``rare`` of its window's series is
    played in a second call, with these series and ``kin`` others (drawn with a seed), so that a handful of series does
    not multiply the work.
    """
    shares = [window["cutoff"].map(window["cutoff"].value_counts(normalize=True)) for window in windows]
    origins, share = pd.concat(windows, ignore_index=True), pd.concat(shares, ignore_index=True)
    if not (share >= rare).any():
        share = pd.Series(1.0, index=share.index)
    found = [_call(task, origins[share >= rare], None, 1.0)]
    few = origins[share < rare]
    if len(few):
        rest = np.setdiff1d(task.panel["unique_id"].unique(), few["unique_id"].unique())
        drawn = np.random.default_rng(0).choice(rest, min(kin, len(rest)), replace=False)
        found.append(_call(task, few, {*few["unique_id"], *drawn}, 0.2))
    return found


def _call(task: FevTask, origins: pd.DataFrame, series: set[str] | None, share: float) -> Call:
    """Features of a panel that hides what lies after the last cutoff asked for, of each series and of all."""
    panel = task.panel if series is None else task.panel[task.panel["unique_id"].isin(series)]
    cutoffs = sorted(origins["cutoff"].unique())
    last = cutoffs[-1]
    end = task.frequency.after(last, task.horizon)[-1]
    panel = _padded(panel[panel["ds"] <= end], task, end)
    panel = panel[panel.groupby("unique_id")["ds"].transform("min") <= last].reset_index(drop=True)
    own = panel["unique_id"].map(origins.groupby("unique_id")["cutoff"].max()).fillna(last)
    hidden = panel["ds"] > own
    historical = list(task.historical)
    historical = list(task.historical)
    hide = ["y", *historical]
    panel[hide] = panel[hide].mask(hidden)
    panel["available"] = (panel["y"].notna() & (panel["open"] > 0)).astype("float64")
    meta = {
        "dataset": task.name,
        "freq": task.frequency.alias,
        "season_length": task.frequency.season,
        "country": task.country,
        "stamp": task.stamp,
        "horizon": task.horizon,
        "static": list(task.static),
        "historical": historical,
        "future": list(task.future),
    }
    return Call(*told(panel, meta, last), [pd.Timestamp(c) for c in cutoffs], origins, share)


def _padded(panel: pd.DataFrame, task: FevTask, end: pd.Timestamp) -> pd.DataFrame:
    """Rows without sales after the end of a series that ends early, so that all can be forecast from every cutoff.

    Covariates keep their last value there; none of these rows is scored.
    """
    last = panel.groupby("unique_id").tail(1)
    last = last[last["ds"] < end].drop(columns="y")
    if last.empty:
        return panel
    calendar = pd.date_range(last["ds"].min(), end, freq=task.frequency.alias)
    begin = calendar.get_indexer(pd.Index(last["ds"])) + 1
    more = _grid(last["unique_id"].to_numpy(), calendar, begin, np.full(len(last), len(calendar) - 1))
    more = more.merge(last.drop(columns="ds"), on="unique_id").assign(y=np.nan)
    return pd.concat([panel, more], ignore_index=True).sort_values(KEYS, kind="stable", ignore_index=True)
