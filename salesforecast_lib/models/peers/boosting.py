"""Boosting with a long memory: several LightGBM models that look at a series in different units (chapter 06).

A tree cannot extrapolate, so what it is asked decides what it can say. Asked for sales in levels of the series it knows
no growth; asked for sales in levels times last year's season it trusts last year; asked for the change against the
level, in usual changes, it follows a trend. Their mistakes differ, and the average of the four is better than each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.stats import norm

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.peers.baselines import tidy
from salesforecast_lib.models.peers.coding import Coding
from salesforecast_lib.models.peers.ground import Ground
from salesforecast_lib.models.peers.kinds import KINDS, Kind, window_of
from salesforecast_lib.models.peers.memory import LongMemoryRows
from salesforecast_lib.models.peers.origins import within
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.models.peers.walk import Groups

_UNEVEN = 20.0  # row weights lie within so many times their median


@dataclass(frozen=True)
class BoostingConfig:
    """Rows and models of `boosting_forecasts`.

    Parameters
    ----------
    levels : quantile levels, rising, 0.5 among them.
    rows : training rows drawn (seeded) for each model, out of all pairs of origin and step; 0 takes as many as suit the
        number of series.
    trees, learning_rate : of each fit; a rate of 0 takes 8 / trees, 0.2 at most, so that fewer trees make larger
        steps: 80 trees were as good as 160 on earlier windows and take half the time.
    leaves : of a tree; 0 takes as many as suit the number of series.
    kinds : the models, of `KINDS`.
    draws : of each kind, with training rows and a seed of their own; several steady the forecast of a small panel.
    seed, threads : of the draws and of LightGBM; of each fit.
    """

    levels: tuple[float, ...] = QUANTILES
    rows: int = 0
    trees: int = 80
    learning_rate: float = 0.0
    leaves: int = 0
    kinds: tuple[str, ...] = ("level", "short level", "season", "change")
    draws: int = 1
    min_rows: int = 50  # in a leaf
    bins: int = 63  # of a histogram
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            raise ValueError(f"kinds={unknown or self.kinds}: expected some of {tuple(KINDS)}")
        if self.draws < 1:
            raise ValueError(f"draws={self.draws}: expected at least 1")

    @property
    def models(self) -> list[tuple[str, int]]:
        """Kind and turn of every model; the turn decides which levels it fits, and whether the mean as well."""
        return [(kind, draw + number) for draw in range(self.draws) for number, kind in enumerate(self.kinds)]

    @property
    def fits(self) -> int:
        """Fits of LightGBM at one cutoff."""
        return sum(len(fitted_levels(self.levels, turn)) + (turn % 2 == 0) for _, turn in self.models)


def boosting_forecasts(
    table: FeatureTable,
    future: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    season: int,
    config: BoostingConfig = BoostingConfig(),
    shelf: Shelf | None = None,
    coding: Coding | None = None,
    ground: Ground | None = None,
) -> pd.DataFrame:
    """Average of several direct LightGBM models with a long memory, each in other units of the series.

    Every model has its own draw of training rows; all its fits share one binned data set: one for each quantile of
    `fitted_levels` (the pinball loss, Koenker & Bassett 1978) and, in every second model, one for the mean (the squared
    error, rows weighted so that the sum over the series is unbiased). Normalised targets are cut to ±50, so that one
    giant order is not what a model learns.

    Parameters
    ----------
    future : ``unique_id, ds`` and the future columns for the horizon after the cutoff.
    season : periods of the cycle whose phases are told apart.
    shelf : fitted models, taken from there or left there.
    coding : of the fit, where its models are used on other data.
    ground : see `OriginRows`.

    Returns
    -------
    The forecast table, model "Boosting".
    """
    periods = coding.periods if coding else table.frame.loc[table.frame["ds"] <= cutoff, "ds"].nunique()
    windows = [window_of(name, freq, periods) for name, _ in config.models]
    values, shelf = [], shelf or Shelf()
    for window in dict.fromkeys(windows):  # rows of one window at a time: they are what fills the memory
        rows = LongMemoryRows(table, future, cutoff, horizon, freq, season, window, coding, ground)
        keys = rows.at(cutoff)
        for seed, (name, turn) in enumerate(config.models):
            if windows[seed] == window:
                own = config.seed * len(windows) + seed
                values.append(_fitted(rows, KINDS[name], config, turn, own, shelf.part(f"{seed}")))
    mean = np.mean([each for each, _ in values if each is not None], axis=0)
    quantiles = np.mean([each for _, each in values], axis=0)
    columns = np.column_stack([mean, np.maximum(quantiles, 0.0)])
    return tidy(rows.table(*keys, columns, "Boosting", config.levels))


def fitted_levels(levels: Sequence[float], turn: int) -> np.ndarray:
    """Places of the levels that a model fits; it interpolates the others, and the next model fits those.

    The ends, the median and every second of the others. A fit of each level takes half as long again and was no better
    on earlier windows of weekly and daily sales: neighbouring levels share what they know.
    """
    if len(levels) <= 5:
        return np.arange(len(levels))
    fixed = {0, int(np.argmin(np.abs(np.asarray(levels) - 0.5))), len(levels) - 1}
    others = [k for k in range(len(levels)) if k not in fixed]
    return np.array(sorted(fixed | set(others[turn % 2 :: 2])))


def between(quantiles: np.ndarray, places: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles (pairs, places) to all ``levels``, linear in the normal deviate of the level between those fitted."""
    deviate = norm.ppf(levels)
    shares = np.stack([np.interp(deviate, deviate[places], row) for row in np.eye(len(places))])  # (places, levels)
    return quantiles @ shares


def _fitted(
    rows: LongMemoryRows, kind: Kind, config: BoostingConfig, turn: int, seed: int, shelf: Shelf
) -> tuple[np.ndarray | None, np.ndarray]:
    """Mean (pairs,) and sorted quantiles (pairs, levels) in units of ``y`` at the cutoff, by one kind of model.

    The mean is fitted at every second ``turn`` only, to save time.
    """
    series = len(rows.names)
    most = config.rows or (40_000 if series < 250 else 80_000 if series < 1000 else 160_000)
    settings = {
        "learning_rate": config.learning_rate or min(0.2, 8 / config.trees),
        "num_leaves": config.leaves or (31 if series < 1000 else 63),
        "min_data_in_leaf": config.min_rows,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.5,
        "bagging_freq": 1,
        "seed": seed,
        "num_threads": config.threads,
        "deterministic": True,
        "force_col_wise": True,  # a hundred columns: a tenth faster than by rows
        "verbosity": -1,
        "feature_pre_filter": False,
        "max_bin": config.bins,
    }
    now = rows.at(rows.cutoff)
    units = kind.units(rows, *now)
    learnt = bool(shelf.names()) if shelf.closed else rows.can_train
    if not learnt:  # nothing is known after any origin: the forecast is the level itself
        level = rows.level[now[0]]
        return level, np.repeat(level[:, None], len(config.levels), axis=1)

    @cache
    def training() -> tuple[lgb.Dataset, np.ndarray]:
        """Binned rows, and their weights for the mean: its errors count in units of sales."""
        origin, step = rows.training(rows.cutoff, most, seed)
        past, seen = kind.units(rows, origin, step), rows.seen[origin + step]
        binned = lgb.Dataset(
            rows.inputs(origin, step),
            within((rows.y[origin + step] - past.shift) / past.unit),
            weight=_even(past.weight) * seen,
            categorical_feature=[len(rows.numeric) + k for k in range(len(rows.categories))],
            params=settings,
            free_raw_data=False,
        )
        return binned, _even(past.unit) * seen

    inputs = Groups(rows.inputs(*now), rows.horizon)

    def predicted(name: str, **objective: str | float) -> np.ndarray:
        def fit() -> lgb.Booster:
            binned, weight = training()
            if name == "mean":
                binned.set_weight(weight)
            return lgb.train({**settings, **objective}, binned, num_boost_round=config.trees)

        return inputs.predict(shelf.get(name, fit)) * units.unit + units.shift

    places, levels = fitted_levels(config.levels, turn), config.levels
    fits = [predicted(f"q{levels[k]:g}", objective="quantile", alpha=levels[k]) for k in places]
    ordered = between(np.sort(np.stack(fits, axis=1), axis=1), places, levels)
    if turn % 2:
        return None, ordered
    mean = predicted("mean", objective="l2")
    return np.clip(mean, 0.0, np.maximum(ordered[:, -1], 0.0) + 0.5 * rows.level[now[0]]), ordered


def _even(weight: np.ndarray) -> np.ndarray:
    """Weights in units of their median, none more than `_UNEVEN` times more or less."""
    middle = float(np.median(weight)) or 1.0
    return np.clip(weight / middle, 1 / _UNEVEN, _UNEVEN)
