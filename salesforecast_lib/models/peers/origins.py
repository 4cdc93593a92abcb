"""Training rows of direct regression: one for each origin and horizon step (chapter 06).

Everything is relative to the series: a level that follows its sales, with a floor that is a share of what the series
usually sells, so that money and units, kilograms and pallets give the same forecasts in other units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILES, quantile_columns
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.peers.baselines import pooled_quantiles
from salesforecast_lib.models.peers.coding import Coding
from salesforecast_lib.models.peers.ground import Ground, ground_of

FLOOR = 0.02  # of the series' mean so far: the least that counts as a level
THIN = 0.1  # share of a window's periods that have to be available for its origin to be a training row
CHUNK = 16_384  # pairs whose columns are made at once


class OriginRows:
    """Pairs (origin, step) of a feature frame cut at ``cutoff``: nothing observed later can enter.

    Attributes
    ----------
    level : of each row: the mean of the available periods in the window that ends there, in units of ``y``; the level
        of the last window that held enough of them stands in for those that a window lacks.
    scale : of each row: the mean seasonal difference of the series so far, in units of ``y``.

    Parameters
    ----------
    future : ``unique_id, ds`` and the future columns for the horizon after the cutoff; other columns are not read.
    coding : of the fit whose models are used on these data; None where they are those of the fit.
    ground : of the same table, future, cutoff and horizon, where it was made before.

    Raises
    ------
    ValueError
        When no series lives at the cutoff, or a period of the horizon is missing in ``future``.
    """

    def __init__(
        self,
        table: FeatureTable,
        future: pd.DataFrame,
        cutoff: pd.Timestamp,
        horizon: int,
        freq: str,
        season: int,
        window: int = 56,
        coding: Coding | None = None,
        ground: Ground | None = None,
    ) -> None:
        self.coding = coding
        roles, self.horizon, self.season, self.cutoff, self.window = table.roles, horizon, season, cutoff, window
        self.kind = check_freq(freq).kind
        self.steps = pd.date_range(cutoff, periods=horizon + 1, freq=freq)[1:]
        self.ground = on = ground or ground_of(table, future, cutoff, self.steps)
        self.names, self.series, self.start, self.end, self.ds = on.names, on.series, on.start, on.end, on.ds
        self.y, self.open, self.seen, self.ahead, self.values = on.y, on.open, on.seen, on.ahead, on.values
        self.level, self.scale, self.thin = self._sizes(window)
        self.typical = coding.typical[window] if coding else self._typical()  # the panel's own unit, as series begin
        self.in_units = {name for name in roles["historical"] if name in table.in_units}
        values, series = self.values, self.series
        codes = [
            coding.codes(name, each) if coding else pd.factorize(each, sort=True)[0] for name, each in values.items()
        ]
        self.static = np.stack(codes, 1)[series] if codes else np.zeros((len(series), 0))
        shapes = ["log_level", "step", "same_phase", "season_average"]
        self.numeric = [*shapes, *roles["historical"], *(f"ahead_{name}" for name in roles["future"])]
        self.categories = list(roles["static"])

    def _sizes(self, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Level, scale and whether the window holds almost no available period, of each row."""
        row = np.arange(len(self.y))
        begin = np.maximum(row - window + 1, self.start)

        def since(values: np.ndarray, first: np.ndarray) -> np.ndarray:
            total = np.concatenate([[0.0], np.cumsum(values)])
            return total[row + 1] - total[first]

        sales, known = self.y * self.seen, self.seen > 0
        count = since(self.seen, begin)
        days = since(known.astype("float64"), begin)
        lag = {"D": 7, "W": 1, "M": 12}[self.kind]
        before = np.maximum(row - lag, 0)
        both = known & known[before] & (row - lag >= self.start)
        apart = np.where(both, np.abs(self.y - self.y[before]), 0.0)
        so_far = since(np.abs(sales), self.start) / np.maximum(since(self.seen, self.start), 1e-12)
        need = np.maximum(1.0, THIN * (row - begin + 1))
        last = np.maximum.accumulate(np.where(days >= need, row, self.start - 1))  # the last window that held enough
        mean = since(sales, begin) / np.maximum(count, 1e-12)
        carried = np.where(last >= self.start, mean[np.maximum(last, 0)], 0.0)
        lacking = np.where((days < need) & (last >= self.start), need - days, 0.0)
        level = (mean * count + carried * lacking) / np.maximum(count + lacking, 1e-12)
        scale = (since(apart, self.start) + np.maximum(level, 0.0)) / (since(both.astype(float), self.start) + 2)
        level = np.maximum(level, np.maximum(FLOOR * so_far, scale / 4))
        usual = level[level > 0]
        self.least = FLOOR * float(np.median(usual)) if len(usual) else 1.0  # a series that has sold nothing yet
        least = self.coding.least[window] if self.coding else self.least
        blank = level <= 0
        thin = blank | (days < need)
        return np.where(blank, least, level), np.where(scale > 0, scale, least), thin

    def historical(self, origin: np.ndarray) -> np.ndarray:
        """The features of the day, (origins, historical); those in units of sales in levels."""
        told = np.empty((len(origin), len(self.ground.historical)), dtype="float32")
        for k, (name, raw) in enumerate(self.ground.historical.items()):
            told[:, k] = raw[origin] / (self.level[origin] if name in self.in_units else 1.0)
        return told

    def _typical(self) -> float:
        begun = pd.Series(self.level)[~self.thin].groupby(self.series[~self.thin]).first()
        return float(begun.median()) if len(begun) else 1.0

    def training(self, last: pd.Timestamp, max_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Origins and steps whose target is available and not after ``last``; a seeded draw of ``max_rows``.

        Origins have two seasons before them, or less where no series is as old, and a window that is not almost empty.
        Pairs are numbered, not listed, so that the memory needed is that of the draw.
        """
        row = np.arange(len(self.y))
        early = self.ds < np.datetime64(last)
        target = np.flatnonzero((self.seen > 0) & (self.ds <= np.datetime64(last)))  # rows that may be targets
        rank = np.concatenate([[0], np.cumsum(np.bincount(target, minlength=len(row)))])  # targets before a row
        for least in (2 * self.season, self.season, self.season // 2, 0):  # rows before an origin, as many as there are
            origins = row[(row - self.start >= least) & early & ~self.thin]
            stop = np.minimum(origins + self.horizon + 1, self.end[origins])
            pairs = rank[stop] - rank[origins + 1]
            total = np.cumsum(pairs)
            if len(total) and total[-1]:
                break
        else:
            return np.zeros(0, dtype="int64"), np.zeros(0, dtype="int64")
        if total[-1] > max_rows:
            number = np.sort(np.random.default_rng(seed).choice(total[-1], max_rows, replace=False))
        else:
            number = np.arange(total[-1])
        place = np.searchsorted(total, number, side="right")
        origin = origins[place]
        own = number - (total[place] - pairs[place])  # the pair's number among those of its origin
        return origin, target[rank[origin + 1] + own] - origin

    @property
    def can_train(self) -> bool:
        """Whether there is a pair to train on."""
        return bool(len(self.training(self.cutoff, 1, 0)[0]))

    def at(self, when: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
        """Origins at ``when`` with every step, series by series."""
        origins = np.flatnonzero(self.ds == np.datetime64(when))
        origins = origins[origins + self.horizon < self.end[origins]]
        return np.repeat(origins, self.horizon), np.tile(np.arange(1, self.horizon + 1), len(origins))

    def inputs(self, origin: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Columns ``numeric`` then ``categories`` (codes) of the pairs, in units of the level at the origin."""
        wide = np.empty((len(origin), len(self.numeric) + len(self.categories)), dtype="float32")
        for first in range(0, len(origin), CHUNK):
            part = slice(first, first + CHUNK)
            place = 0
            for columns in self.columns(origin[part], step[part]):
                columns = columns.reshape(len(columns), -1)
                wide[part, place : place + columns.shape[1]] = columns
                place += columns.shape[1]
        return wide

    def columns(self, origin: np.ndarray, step: np.ndarray) -> Iterator[np.ndarray]:
        """Blocks of columns of a few pairs, each (pairs,) or (pairs, columns), in the order of `inputs`."""
        yield from self.shapes(origin, step)
        yield self.static[origin]

    def shapes(self, origin: np.ndarray, step: np.ndarray) -> Iterator[np.ndarray]:
        """The columns before the categories."""
        level = self.level[origin]
        back = -(-step // self.season) * self.season - step  # periods from the origin back to the target's phase
        phases = (origin - back)[:, None] - self.season * np.arange(8)  # (pairs, cycles)
        inside = phases >= self.start[origin][:, None]
        phases = np.maximum(phases, self.start[origin][:, None])
        seen = self.seen[phases] * inside
        value = self.y[phases] * seen / level[:, None]
        average = (value.sum(1) + 1.0) / (seen.sum(1) + 1.0)  # shrunk to the level, as in the network
        latest = np.where(seen[:, 0] > 0, value[:, 0], average)
        yield np.stack([np.log(level / self.typical), step, latest, average], axis=1)
        yield self.historical(origin)
        yield self.ahead[origin + step]

    def fit_data(
        self, last: pd.Timestamp, max_rows: int, seed: int, volume_weight: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, targets in units of the level, and weights ``level ** volume_weight`` of the training pairs."""
        origin, step = self.training(last, max_rows, seed)
        level = self.level[origin]
        weight = (level / self.typical) ** volume_weight * self.seen[origin + step]
        return self.inputs(origin, step), within(self.y[origin + step] / level), weight

    def table(
        self,
        origin: np.ndarray,
        step: np.ndarray,
        values: np.ndarray,
        model: str,
        levels: Sequence[float] = QUANTILES,
    ) -> pd.DataFrame:
        """Forecast rows from ``values`` (pairs, columns) in units of ``y``: the mean and the quantiles, or the mean.

        A period known to be closed sells nothing.
        """
        frame = pd.DataFrame({"unique_id": self.names[self.series[origin]], "ds": self.ds[origin + step]})
        frame = frame.assign(cutoff=self.cutoff, model=model)
        columns = ["mean", *quantile_columns(levels)][: values.shape[1]]
        values = values * self.open[origin + step][:, None]
        return frame.assign(**{name: values[:, k] for k, name in enumerate(columns)})

    def with_pooled_quantiles(
        self,
        mean: Callable[[pd.Timestamp, np.ndarray], np.ndarray],
        model: str,
        freq: str,
        levels: Sequence[float] = QUANTILES,
    ) -> pd.DataFrame:
        """Point forecasts at the cutoff, with quantiles from the errors one horizon earlier.

        Parameters
        ----------
        mean : from the last day of training and the inputs to forecasts in units of the level.
        """

        def forecast(when: pd.Timestamp) -> pd.DataFrame:
            origin, step = self.at(when)
            values = mean(when, self.inputs(origin, step)) * self.level[origin]
            return self.table(origin, step, values[:, None], model)

        past = pd.DataFrame({"unique_id": self.names[self.series], "ds": self.ds, "y": self.y, "available": self.seen})
        past = past[past["ds"] <= self.cutoff]
        told = self.cutoff, self.horizon, freq, lambda part: forecast(part["ds"].max())
        return pooled_quantiles(forecast(self.cutoff), past, *told, levels)


def within(target: np.ndarray, bound: float = 50.0) -> np.ndarray:
    """Normalised targets cut to ±``bound``: one giant order must not be what a model learns."""
    return np.clip(target, -bound, bound)
