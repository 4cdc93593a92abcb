"""The members of a champion: each forecasts every cutoff from what was known there (chapter 06)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib import quantile_columns
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.champion.plan import RECURSIVE_ROWS, Fits
from salesforecast_lib.models.champion.settings import ChampionConfig
from salesforecast_lib.models.forecaster import network_forecasts
from salesforecast_lib.models.peers import (
    BoostingConfig,
    DirectConfig,
    boosting_forecasts,
    direct_lightgbm_forecasts,
    statistical_forecasts,
)
from salesforecast_lib.models.peers.coding import Coding
from salesforecast_lib.models.peers.ground import Ground, ground_of
from salesforecast_lib.models.peers.recursive import TREES, RecursiveMeans, lightgbm_means
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.models.peers.smoothing import MODEL as ETS
from salesforecast_lib.models.peers.smoothing import Form, ets_at, forms_of, forms_table

FORMS = "forms"  # of AutoETS on a shelf


@dataclass(frozen=True)
class Task:
    """What every member is told."""

    table: FeatureTable
    known: pd.DataFrame
    meta: dict[str, Any]
    fits: Fits
    config: ChampionConfig
    coding: Coding | None = None  # of the fit, where its models are used on other data
    grounds: dict[pd.Timestamp, Ground] | None = None  # kept by cutoff where members are to share them

    def ground(self, cutoff: pd.Timestamp) -> Ground | None:
        """What the rows of several members stand on; None where each makes its own."""
        if self.grounds is None:
            return None
        if cutoff not in self.grounds:
            steps = pd.date_range(cutoff, periods=self.horizon + 1, freq=self.freq)[1:]
            self.grounds[cutoff] = ground_of(self.table, self.known, cutoff, steps)
        return self.grounds[cutoff]

    @property
    def horizon(self) -> int:
        """Periods to forecast."""
        return int(self.meta["horizon"])

    @property
    def freq(self) -> str:
        """Frequency of the panel."""
        return str(self.meta["freq"])

    def rows(self, cutoff: pd.Timestamp) -> pd.DataFrame:
        """``unique_id, ds, shut`` of the series that have a row at the cutoff, sorted; shut is known ahead."""
        frame = self.table.frame
        alive = np.sort(frame.loc[frame["ds"] == cutoff, "unique_id"].unique())
        steps = check_freq(self.freq).after(cutoff, self.horizon)
        grid = pd.DataFrame({"unique_id": np.repeat(alive, len(steps)), "ds": np.tile(steps, len(alive))})
        if "open" not in self.known:
            return grid.assign(shut=False)
        told = self.known.loc[self.known["ds"].isin(steps), ["unique_id", "ds", "open"]]
        opened = grid.merge(told, on=["unique_id", "ds"], how="left")["open"]
        return grid.assign(shut=(opened <= 0).to_numpy())


def _past(task: Task, cutoff: pd.Timestamp) -> pd.DataFrame:
    """History up to the cutoff of the series that have a row there."""
    frame = task.table.frame
    alive = frame.loc[frame["ds"] == cutoff, "unique_id"]
    return frame.loc[frame["unique_id"].isin(alive) & (frame["ds"] <= cutoff), ["unique_id", "ds", "y", "available"]]


def _local(task: Task, cutoff: pd.Timestamp, model: str, shelf: Shelf) -> pd.DataFrame:
    past = _past(task, cutoff)
    told = task.horizon, task.freq, int(task.meta["season_length"]), task.config.threads
    return shelf.get("table", lambda: statistical_forecasts(past, cutoff, *told, [model], task.config.levels))


def _smoothing(task: Task, cutoffs: Sequence[pd.Timestamp], shelf: Shelf) -> pd.DataFrame:
    """AutoETS. Forms are searched at the first cutoff, for those before the last, and at the last; those stay.

    On a shelf that holds forms these are fitted: a stored champion meets new data with what it has chosen, and new
    series with what is usual among its own.
    """
    told = task.horizon, task.freq, int(task.meta["season_length"]), task.config.threads, task.config.levels
    *earlier, last = sorted(cutoffs)
    chosen: dict[Any, Form] = {}
    tables = [ets_at(_past(task, cutoff), cutoff, *told, chosen) for cutoff in earlier]
    forms, usual = forms_of(shelf.get(FORMS, pd.DataFrame)) if FORMS in shelf.names() else ({}, [])
    tables.append(shelf.get("table", lambda: ets_at(_past(task, last), last, *told, forms, usual)))
    if not shelf.closed:
        shelf.get(FORMS, lambda: forms_table(forms))
    return pd.concat(tables, ignore_index=True)


def _direct(task: Task, cutoff: pd.Timestamp, model: str, shelf: Shelf) -> pd.DataFrame:
    frequency = check_freq(task.freq)
    config = DirectConfig(
        window=8 * frequency.inner,
        max_rows=min(task.fits.boosting_rows, 40_000),
        objective="l2",
        trees=round(DirectConfig.trees * task.fits.trees_share),
        seed=task.config.seed,
        threads=task.config.threads,
        levels=task.config.levels,
    )
    told = task.table, task.known, cutoff, task.horizon, task.freq, frequency.cycle
    return direct_lightgbm_forecasts(*told, config, shelf=shelf, coding=task.coding, ground=task.ground(cutoff))


def _boosting(task: Task, cutoff: pd.Timestamp, model: str, shelf: Shelf) -> pd.DataFrame:
    config = BoostingConfig(
        levels=task.config.levels,
        trees=task.fits.boosting_trees,
        rows=task.fits.boosting_rows,
        draws=task.fits.boosting_draws,
        seed=task.config.seed,
        threads=task.config.threads,
    )
    told = task.table, task.known, cutoff, task.horizon, task.freq
    return boosting_forecasts(*told, check_freq(task.freq).cycle, config, shelf, task.coding, task.ground(cutoff))


def _networks(task: Task, cutoffs: Sequence[pd.Timestamp], shelf: Shelf) -> pd.DataFrame:
    told = task.table, task.known, task.meta, cutoffs, task.fits.networks
    return network_forecasts(*told, task.fits.refit_every, shelf=shelf)


def _recursive(task: Task, cutoff: pd.Timestamp, model: str, shelf: Shelf) -> pd.DataFrame:
    return recursive_means(task, cutoff, shelf).forecasts(cutoff, task.horizon, task.freq, task.config.levels)


def recursive_means(task: Task, cutoff: pd.Timestamp, shelf: Shelf) -> RecursiveMeans:
    """Point forecasts of the recursive LightGBM at the cutoff and one horizon earlier."""
    frame = task.table.frame
    alive = frame.loc[frame["ds"] == cutoff, "unique_id"]
    future = task.meta["future"]
    names = [name for name in dict.fromkeys(["open", *future]) if name in task.known and name in future]
    reach = task.coding.reach if task.coding else recursive_reach(len(alive))
    begin = np.sort(frame.loc[frame["ds"] <= cutoff, "ds"].unique())[-reach:][0]
    static, keys = list(task.meta["static"]), ["unique_id", "ds"]
    told = [*keys, "y", "available", *static, *names]
    past = frame.loc[frame["unique_id"].isin(alive) & (frame["ds"] <= cutoff) & (frame["ds"] >= begin), told]
    steps = check_freq(task.freq).after(cutoff, task.horizon)
    ahead = task.known[task.known["unique_id"].isin(alive) & task.known["ds"].isin(steps)]
    ahead = ahead[[*keys, *names]].merge(past.groupby("unique_id")[static].first().reset_index(), on="unique_id")
    panel = pd.concat([past, ahead], ignore_index=True)
    panel = panel.sort_values(keys, kind="stable", ignore_index=True)
    meta, trees = {**task.meta, "future": names}, round(TREES * task.fits.trees_share)
    return lightgbm_means(panel, meta, cutoff, task.config.seed, task.config.threads, shelf=shelf, trees=trees)


def recursive_reach(series: int) -> int:
    """Periods of each series that the recursive LightGBM reads."""
    return max(RECURSIVE_ROWS // max(series, 1), 120)


_AT_EACH: dict[str, Callable[[Task, pd.Timestamp, str, Shelf], pd.DataFrame]] = {
    "LightGBMDirect": _direct,
    "Boosting": _boosting,
    "LightGBM": _recursive,
}
# Members that forecast all cutoffs in one go, since not everything is fitted anew at each.
AT_ALL: dict[str, Callable[[Task, Sequence[pd.Timestamp], Shelf], pd.DataFrame]] = {
    "Networks": _networks,
    ETS: _smoothing,
}


def forecast_member(
    task: Task, name: str, cutoffs: Sequence[pd.Timestamp], shelf: Shelf | None = None
) -> tuple[pd.DataFrame, float]:
    """Forecasts of a member at the cutoffs, every row of `Task.rows` once, zero where closed; and its seconds.

    The models of the last cutoff are taken from the ``shelf``, under the member's name, or left there.

    Raises
    ------
    ValueError
        When the member does not forecast a series.
    """
    begun = time.perf_counter()
    kept = (shelf or Shelf()).part(name)
    if name in AT_ALL:
        table = AT_ALL[name](task, cutoffs, kept)
    else:
        at_each, last = _AT_EACH.get(name, _local), max(cutoffs)
        tables = [at_each(task, cutoff, name, kept if cutoff == last else Shelf()) for cutoff in cutoffs]
        table = pd.concat(tables, ignore_index=True)
    levels = task.config.levels
    parts = [on_rows(task.rows(cutoff), table[table["cutoff"] == cutoff], name, cutoff, levels) for cutoff in cutoffs]
    return pd.concat(parts, ignore_index=True), time.perf_counter() - begun


def on_rows(
    rows: pd.DataFrame, table: pd.DataFrame, name: str, cutoff: pd.Timestamp, levels: Sequence[float]
) -> pd.DataFrame:
    """A member's forecasts of one cutoff in the order of `Task.rows`, zero where closed.

    Raises
    ------
    ValueError
        When a row has no forecast, or two.
    """
    columns = ["mean", *quantile_columns(levels)]
    found = rows.merge(table[["unique_id", "ds", *columns]], how="left")
    values = found[columns].to_numpy("float64")
    missing = np.isnan(values).any(1)
    if len(found) != len(rows) or missing.any():
        raise ValueError(
            f"{name} at {cutoff.date()}: {int(missing.sum())} of {len(rows)} rows have no forecast, the first is "
            f"{found.loc[missing, 'unique_id'].iloc[0] if missing.any() else 'given twice'!r}"
        )
    values[found["shut"].to_numpy()] = 0.0
    part = found[["unique_id", "ds"]].assign(cutoff=cutoff, model=name)
    return part.assign(**{column: values[:, k] for k, column in enumerate(columns)})
