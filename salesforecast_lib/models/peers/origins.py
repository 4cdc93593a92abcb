"""Training rows of direct regression: one for each origin and horizon step (chapter 06)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.peers.baselines import pooled_quantiles
from salesforecast_lib.models.windows.vocabulary import known_ahead


class OriginRows:
    """Pairs (origin, step) of a feature frame cut at ``cutoff``: nothing observed later can enter.

    Parameters
    ----------
    future : ``unique_id, ds`` and the future columns for the horizon after the cutoff; other columns are not read.

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
    ) -> None:
        roles, self.horizon, self.season, self.cutoff, self.window = table.roles, horizon, season, cutoff, window
        past = table.frame[table.frame["ds"] <= cutoff]
        alive = past.loc[past["ds"] == cutoff, "unique_id"]
        if alive.empty:
            raise ValueError(
                f"cutoff={cutoff.date()}: no series has a row on that day; features end {past['ds'].max()}"
            )
        self.steps = pd.date_range(cutoff, periods=horizon + 1, freq=freq)[1:]
        ahead = known_ahead(future, roles["future"], alive, self.steps)
        names = ["unique_id", "ds", "y", "available", *roles["historical"], *roles["future"], *roles["static"]]
        frame = pd.concat([past[list(dict.fromkeys(names))], ahead], ignore_index=True)
        frame = frame.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
        series, self.names = pd.factorize(frame["unique_id"])
        first = np.flatnonzero(np.r_[True, series[1:] != series[:-1]])
        self.start, self.end = first[series], np.append(first[1:], len(series))[series]
        self.ds, self.series = frame["ds"].to_numpy(), series
        self.y = np.nan_to_num(frame["y"].to_numpy("float64"))
        self.seen = np.nan_to_num(frame["available"].to_numpy("float64")) * (self.ds <= np.datetime64(cutoff))
        self.level = self._level(window)
        scale = np.isin(roles["historical"], table.in_units)
        self.historical = frame[roles["historical"]].to_numpy("float64")  # (rows, historical)
        self.historical[:, scale] /= self.level[:, None]
        self.ahead = frame[roles["future"]].to_numpy("float64")  # (rows, future)
        self.static = (
            np.stack(
                [
                    pd.factorize(frame[name].groupby(series).transform("first"), sort=True)[0]
                    for name in roles["static"]
                ],
                1,
            )
            if roles["static"]
            else np.zeros((len(frame), 0))
        )
        shapes = ["log_level", "step", "same_phase", "season_average"]
        self.numeric = [*shapes, *roles["historical"], *(f"ahead_{name}" for name in roles["future"])]
        self.categories = list(roles["static"])

    def _level(self, window: int) -> np.ndarray:
        """Mean of the available periods of the last ``window`` rows of the same series, at least 0.1 units."""
        row = np.arange(len(self.y))
        begin = np.maximum(row - window + 1, self.start)
        total, count = (np.concatenate([[0.0], np.cumsum(v)]) for v in (self.y * self.seen, self.seen))
        return np.maximum((total[row + 1] - total[begin]) / np.maximum(count[row + 1] - count[begin], 1.0), 0.1)

    def training(self, last: pd.Timestamp, max_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Origins and steps whose target is available and not after ``last``; a seeded draw of ``max_rows``.

        Origins have two seasons before them, or less where no series is as old.
        """
        row = np.arange(len(self.y))
        origin = step = np.zeros(0, dtype="int64")
        for least in (2 * self.season, self.season, self.season // 2, 0):  # rows before an origin, as many as there are
            origins = row[(row - self.start >= least) & (self.ds < np.datetime64(last))]
            origin, step = (a.ravel() for a in np.meshgrid(origins, np.arange(1, self.horizon + 1), indexing="ij"))
            inside = origin + step < self.end[origin]
            origin, step = origin[inside], step[inside]
            good = (self.seen[origin + step] > 0) & (self.ds[origin + step] <= np.datetime64(last))
            origin, step = origin[good], step[good]
            if len(origin):
                break
        if len(origin) > max_rows:
            chosen = np.sort(np.random.default_rng(seed).choice(len(origin), max_rows, replace=False))
            origin, step = origin[chosen], step[chosen]
        return origin, step

    def at(self, when: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
        """Origins at ``when`` with every step, series by series."""
        origins = np.flatnonzero(self.ds == np.datetime64(when))
        origins = origins[origins + self.horizon < self.end[origins]]
        return np.repeat(origins, self.horizon), np.tile(np.arange(1, self.horizon + 1), len(origins))

    def inputs(self, origin: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Columns ``numeric`` then ``categories`` (codes) of the pairs, in units of the level at the origin."""
        level = self.level[origin]
        back = -(-step // self.season) * self.season - step  # periods from the origin back to the target's phase
        phases = (origin - back)[:, None] - self.season * np.arange(8)  # (pairs, cycles)
        inside = phases >= self.start[origin][:, None]
        phases = np.maximum(phases, self.start[origin][:, None])
        seen = self.seen[phases] * inside
        value = self.y[phases] * seen / level[:, None]
        average = (value.sum(1) + 1.0) / (seen.sum(1) + 1.0)  # shrunk to the level, as in the network
        latest = np.where(seen[:, 0] > 0, value[:, 0], average)
        parts = [np.log(level)[:, None], step[:, None], latest[:, None], average[:, None]]
        return np.concatenate([*parts, self.historical[origin], self.ahead[origin + step], self.static[origin]], axis=1)

    def fit_data(
        self, last: pd.Timestamp, max_rows: int, seed: int, volume_weight: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, targets in units of the level, and weights ``level ** volume_weight`` of the training pairs."""
        origin, step = self.training(last, max_rows, seed)
        level = self.level[origin]
        weight = level**volume_weight * self.seen[origin + step]
        return self.inputs(origin, step), self.y[origin + step] / level, weight

    def table(self, origin: np.ndarray, step: np.ndarray, values: np.ndarray, model: str) -> pd.DataFrame:
        """Forecast rows in units; ``values`` (pairs, columns) are the mean and the quantiles, or the mean only."""
        frame = pd.DataFrame({"unique_id": self.names[self.series[origin]], "ds": self.ds[origin + step]})
        frame = frame.assign(cutoff=self.cutoff, model=model)
        columns = ["mean", *QUANTILE_COLUMNS][: values.shape[1]]
        return frame.assign(**{n: values[:, k] * self.level[origin] for k, n in enumerate(columns)})

    def with_pooled_quantiles(
        self, mean: Callable[[pd.Timestamp, np.ndarray], np.ndarray], model: str, freq: str
    ) -> pd.DataFrame:
        """Point forecasts at the cutoff, with quantiles from the errors one horizon earlier.

        Parameters
        ----------
        mean : from the last day of training and the inputs to forecasts in units of the level.
        """

        def forecast(when: pd.Timestamp) -> pd.DataFrame:
            origin, step = self.at(when)
            return self.table(origin, step, mean(when, self.inputs(origin, step))[:, None], model)

        past = pd.DataFrame({"unique_id": self.names[self.series], "ds": self.ds, "y": self.y, "available": self.seen})
        past = past[past["ds"] <= self.cutoff]
        return pooled_quantiles(
            forecast(self.cutoff), past, self.cutoff, self.horizon, freq, lambda part: forecast(part["ds"].max())
        )
