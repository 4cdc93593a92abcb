"""Boosting with a long memory: the rows of `LightGBMDirect` and more of what the series and its group did (chapter 06).

`OriginRows` tells a model what the network is told: level, phase and the features of the day. The columns here add what
a network would have to remember: the last periods one by one, levels over up to a year, the spread of recent sales,
what happened a year ago around the target, and the same of the groups of the hierarchy and of the whole shop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.peers.baselines import tidy
from salesforecast_lib.models.peers.origins import OriginRows
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts

_SMALL = 0.1  # units: keeps logarithms and ratios of empty periods finite


class _Sums:
    """Running sums of sales and of available periods, one line each for a row's ``group``, over the calendar."""

    def __init__(self, group: np.ndarray, day: np.ndarray, sales: np.ndarray, seen: np.ndarray) -> None:
        self.group, shape = group, (int(group.max()) + 1, int(day.max()) + 2)
        self.total, self.count = np.zeros(shape), np.zeros(shape)
        np.add.at(self.total, (group, day + 1), sales)
        np.add.at(self.count, (group, day + 1), seen)
        self.total, self.count = self.total.cumsum(1), self.count.cumsum(1)

    def mean(self, row: np.ndarray, last: np.ndarray, span: int) -> np.ndarray:
        """Mean per available period of the ``span`` days up to ``last``; missing where there is none."""
        group, edge = self.group[row], self.total.shape[1] - 1
        begin, end = np.clip(last - span + 1, 0, edge), np.clip(last + 1, 0, edge)
        count = self.count[group, end] - self.count[group, begin]
        total = self.total[group, end] - self.total[group, begin]
        return np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)


class LongMemoryRows(OriginRows):
    """`OriginRows` with the columns of this module before the categories.

    Nothing observed after the cutoff is in ``y``, and every column looks at days up to the origin; a year ago, the
    days around the target end before the origin too, as a horizon is far shorter than a year.
    """

    def __init__(self, *told: Any, **named: Any) -> None:
        super().__init__(*told, **named)
        self.year = {"D": 364, "W": 52, "M": 12}[check_freq(self.steps.freqstr).kind]  # a day keeps its weekday
        self.recent = max(self.season, 8)  # periods told one by one
        days, self.day = np.unique(self.ds, return_inverse=True)
        sales = self.y * self.seen
        shared = [self.static[:, k].astype(int) for k in range(self.static.shape[1])]
        few = [codes for codes in shared if 1 < codes.max() + 1 <= 0.7 * len(self.names)]  # groups of several series
        everything = np.zeros(len(self.y), dtype=int)
        self.own, *self.groups = (_Sums(group, self.day, sales, self.seen) for group in (self.series, everything, *few))
        origin, step = self.at(self.cutoff)
        added = sum(1 for _ in self._columns(origin[:1], step[:1]))
        self.numeric = [*self.numeric, *(f"memory_{k}" for k in range(added))]

    def inputs(self, origin: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Columns ``numeric`` then ``categories`` (codes) of the pairs."""
        told = super().inputs(origin, step)
        cut = told.shape[1] - len(self.categories)
        added = np.stack(list(self._columns(origin, step)), axis=1)
        return np.concatenate([told[:, :cut], added, told[:, cut:]], axis=1).astype("float32")

    def _columns(self, origin: np.ndarray, step: np.ndarray) -> Iterator[np.ndarray]:
        level, day = self.level[origin], self.day[origin]
        yield from (self._last(origin, self.recent) / level[:, None]).T
        for cycles in (2, 6, 13, 26, 52):
            yield self.own.mean(origin, day, cycles * self.season) / level
        back = -(-step // self.season) * self.season - step  # periods from the origin back to the target's phase
        if self.season > 1:
            for cycles in (3, 16, 40):
                value = self._last(origin, cycles, self.season, back)
                known = np.isfinite(value)
                yield (np.where(known, value, 0.0).sum(1) + level) / (known.sum(1) + 1) / level
        yield from self._spread(origin, level)
        yield from self._own_year_ago(origin, step, level)
        for sums in self.groups:
            yield from self._of_group(sums, origin, step, back)

    def _last(self, origin: np.ndarray, count: int, every: int = 1, back: np.ndarray | int = 0) -> np.ndarray:
        """Sales of ``count`` periods, ``every`` rows apart, the last one ``back`` before the origin (pairs, count).

        Missing where not available and before the series began.
        """
        row = (origin - back)[:, None] - every * np.arange(count)
        start = self.start[origin][:, None]
        inside, row = row >= start, np.maximum(row, start)
        return np.where(inside & (self.seen[row] > 0), self.y[row], np.nan)

    def _spread(self, origin: np.ndarray, level: np.ndarray) -> Iterator[np.ndarray]:
        """Quantiles and standard deviation of the sales in the window."""
        sales = np.sort(self._last(origin, self.window), axis=1) / level[:, None]  # the missing ones last
        known = np.isfinite(sales).sum(1)
        for share in (0.1, 0.5, 0.75, 0.9, 1.0):
            place = np.rint(share * np.maximum(known - 1, 0)).astype(int)
            yield sales[np.arange(len(sales)), place]
        value, count = np.nan_to_num(sales), np.maximum(known, 1)
        average = value.sum(1) / count
        yield np.sqrt(np.maximum((value**2).sum(1) / count - average**2, 0.0))

    def _spans(self) -> tuple[int, ...]:
        """Days around the target a year ago that are looked at."""
        return (1, 3) if self.season == 1 else (1, 7, 15)

    def _own_year_ago(self, origin: np.ndarray, step: np.ndarray, level: np.ndarray) -> Iterator[np.ndarray]:
        then = self.day[origin] - self.year
        usual = self.own.mean(origin, then, self.window)
        for span in self._spans():
            sold = self.own.mean(origin, then + step + span // 2, span)
            yield sold / level
            if span > 1:
                yield (sold + 0.2 * level) / (usual + 0.2 * level)
        yield np.log((usual + _SMALL) / (level + _SMALL))

    def _of_group(self, sums: _Sums, origin: np.ndarray, step: np.ndarray, back: np.ndarray) -> Iterator[np.ndarray]:
        """Trend, the year before and the phase of a group, relative to its level, and that level."""
        day = self.day[origin]
        then, usual = day - self.year, sums.mean(origin, day, self.window)
        level = np.where(usual > 0, usual, np.nan)
        for cycles in (1, 2, 4) if self.season > 1 else (1, 3, 8):
            yield sums.mean(origin, day, cycles * self.season) / level
        before = sums.mean(origin, then, self.window)
        before = np.where((then >= self.window // 2) & (before > 0), before, np.nan)
        for span in self._spans()[::2] if self.season > 1 else self._spans():
            yield sums.mean(origin, then + step + span // 2, span) / before
        if self.season > 1:
            same = [sums.mean(origin, day - back - k * self.season, 1) for k in range(8)]
            known = np.isfinite(same)
            yield np.where(known, same, 0.0).sum(0) / np.maximum(known.sum(0), 1) / level
        yield np.log((np.nan_to_num(usual) + _SMALL) / (self.level[origin] + _SMALL))


def boosting_config(window: int, seed: int = 0) -> DirectConfig:
    """Settings of one draw: more rows and finer steps than `DirectConfig`'s own, the mean fitted by squared error.

    Parameters
    ----------
    window : periods of history that give a series' level.
    seed : draws the training rows; several draws are averaged by `boosting_forecasts`.
    """
    return DirectConfig(window, max_rows=80_000, trees=160, learning_rate=0.05, objective="l2", seed=seed)


def averaged(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean and quantiles averaged, column by column, over forecast tables with the same rows in the same order."""
    columns = ["mean", *QUANTILE_COLUMNS]
    values = np.mean([table[columns].to_numpy("float64") for table in tables], axis=0)
    return tidy(tables[0].assign(**{name: values[:, k] for k, name in enumerate(columns)}))


def boosting_forecasts(
    table: FeatureTable,
    future: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    season: int,
    configs: Sequence[DirectConfig] | None = None,
    rows_of: type[OriginRows] = LongMemoryRows,
) -> pd.DataFrame:
    """Mean of several direct LightGBM models with the long memory, each on its own draw of rows.

    Parameters
    ----------
    configs : one a draw; by default three draws with eight cycles of ``season`` as window.
    rows_of : the rows that the models learn from.

    Returns
    -------
    The forecast table, model "Boosting".
    """
    configs = configs or [boosting_config(8 * season, seed) for seed in range(3)]
    told = (table, future, cutoff, horizon, freq, season)
    return averaged([direct_lightgbm_forecasts(*told, each, rows_of) for each in configs]).assign(model="Boosting")
