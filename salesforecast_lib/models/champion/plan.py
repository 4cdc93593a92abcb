"""Which members are fitted, how large and how often: by the data's size and the budget, never by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.champion.settings import FEW, LEARNED, RULES, ChampionConfig
from salesforecast_lib.models.forecaster.fit import NetworkConfig
from salesforecast_lib.models.peers.boosting import BoostingConfig
from salesforecast_lib.models.peers.recursive import TREES
from salesforecast_lib.models.training.loop import TrainingConfig

# Seconds on one core of a server of 2025, measured with the league's tasks; they set the order of magnitude only.
SECONDS_PER_TREE_ROW = 2e-7  # boosting with a long memory: one tree, one training row
SECONDS_PER_PREDICTION = 4e-8  # one tree, one row of the horizon
SECONDS_PER_MEMORY_ROW = 3e-6  # the long memory of one row of the table, at one cutoff, with one of two windows
SECONDS_PER_THETA_PERIOD = 2e-5  # Theta: one series, one period of its history
SECONDS_PER_RECURSIVE_ROW = 5e-8  # the same of the recursive LightGBM, which has a third of the columns
SECONDS_PER_STEP = 0.015  # a network of 64 units: 8 stretches of 256 periods, 28 steps ahead
MOST_DRAWS = 3  # of training rows for each model of the boosting; a fourth changed nothing on earlier windows
RECURSIVE_ROWS = 150_000  # rows of the recursive LightGBM at most, the latest of each series
TRIAL_MINUTES = 0.25  # a smaller budget is a trial of the machinery: it learns little, whatever it forecasts
TRIAL_SHARE = 0.2  # of the trees, and of the epochs and their steps of a single network, then
FEW_SERIES = 50  # below it a model a series is affordable and learns as much as one for all


@dataclass(frozen=True)
class Size:
    """What the cost of a fit depends on: ``rows`` of the feature table at the last cutoff, its series and periods."""

    series: int
    periods: int
    rows: int
    horizon: int
    kind: str

    @classmethod
    def of(cls, frame: pd.DataFrame, cutoff: pd.Timestamp, horizon: int, freq: str) -> Size:
        """Size of a feature frame at a cutoff."""
        past = frame[frame["ds"] <= cutoff]
        return cls(
            int(past["unique_id"].nunique()), int(past["ds"].nunique()), len(past), horizon, check_freq(freq).kind
        )


@dataclass(frozen=True)
class Fits:
    """What is fitted; ``left_out`` says by name what the budget has no room for.

    Parameters
    ----------
    trees_share : of the trees of members whose number is fixed.
    """

    members: tuple[str, ...]
    validation: int
    boosting_rows: int
    boosting_trees: int
    boosting_draws: int
    networks: tuple[NetworkConfig, ...]
    refit_every: int
    left_out: dict[str, str] = field(default_factory=dict)
    trees_share: float = 1.0


def validation_count(periods: int, horizon: int, most: int) -> int:
    """Cutoffs, a horizon apart, that fit before the first asked one: each leaves 1.5 horizons to learn from.

    Half a horizon of targets is little, but one such cutoff tells which member cannot forecast from so little, and on
    earlier windows of weekly sales cut to 36 weeks the champion was better with it than with fixed weights.
    """
    return int(np.clip(int(periods / horizon - 1.5), 0, most))


def plan_fits(size: Size, cutoffs: int, before_first: int, config: ChampionConfig) -> Fits:
    """Members and their settings.

    Parameters
    ----------
    size : of the data at the last cutoff.
    cutoffs : number of asked cutoffs.
    before_first : periods up to the first asked cutoff.
    """
    validation = validation_count(before_first, size.horizon, config.validation)
    fits, budget = cutoffs + validation, 60.0 * config.budget_minutes
    rows, trees, draws = 40_000 if size.series < 1000 else 160_000, 80, 1
    chosen = [name for name in (*RULES, *LEARNED) if not config.members or name in config.members]

    def boosting_seconds(draws: int) -> float:
        models = BoostingConfig(levels=config.levels, draws=draws).fits
        besides = 2 * size.rows * SECONDS_PER_MEMORY_ROW
        besides += models * trees * size.series * size.horizon * SECONDS_PER_PREDICTION
        fitted = fits * models * rows * trees * SECONDS_PER_TREE_ROW
        return fitted + max(fits * besides - 0.2 * budget, 0.0)  # what no choice of rows and trees can save

    rows = min(rows, max(2_000, size.rows * size.horizon))
    while boosting_seconds(draws) > 0.6 * budget and (rows > 10_000 or trees > 60):
        if rows > 10_000 and (trees <= 60 or rows > 20_000):
            rows = max(10_000, rows // 2)
        else:
            trees = max(60, trees * 3 // 4)
    while draws < MOST_DRAWS and boosting_seconds(draws + 1) <= 0.6 * budget:
        draws += 1
    share = 1.0
    if config.budget_minutes < TRIAL_MINUTES:
        share, rows, trees = TRIAL_SHARE, min(rows, 2_000), int(trees * TRIAL_SHARE)
    networks, every, left_out = _networks(size, fits, 0.25 * budget, config, share)
    if size.series < FEW_SERIES:
        chosen += [name for name in FEW if not config.members or name in config.members]
    if "Networks" not in chosen:
        left_out = {}
    elif not networks:
        chosen.remove("Networks")
    dear = {  # seconds of members that cannot be made smaller
        "LightGBM": fits * 2 * min(size.rows, RECURSIVE_ROWS) * TREES * SECONDS_PER_RECURSIVE_ROW,
        "Theta": fits * size.rows * SECONDS_PER_THETA_PERIOD,
    }
    for name, seconds in dear.items():
        if name in chosen and seconds > 0.2 * budget and not config.members:
            chosen.remove(name)
            room = f"the budget has {0.2 * budget / 60:.1f} for it"
            left_out[name] = f"its fits take about {seconds / 60:.1f} minutes, {room}"
    return Fits(tuple(chosen), validation, rows, trees, draws, networks, every, left_out, share)


def _networks(
    size: Size, fits: int, budget: float, config: ChampionConfig, share: float
) -> tuple[tuple[NetworkConfig, ...], int, dict[str, str]]:
    """Networks of other seeds and windows, and at every how many cutoffs they are fitted anew."""
    usual = {"D": (56, 112), "W": (26, 52), "M": (12, 24)}[size.kind]
    windows = [max(check_freq(size.kind).cycle, min(window, size.periods // 2)) for window in usual]
    length = min(256, size.periods)
    # gradient steps of an epoch, whatever the panel's size
    steps = round(share * np.clip(size.rows / length / 8, 50, 200))
    training = TrainingConfig(max_epochs=round(20 * share), patience=5, epoch_steps=steps)
    base = NetworkConfig(forking=True, learning_rate=0.002, levels=config.levels, training=training)
    epochs = 2 * training.max_epochs  # searched, and fitted anew
    one = epochs * steps * SECONDS_PER_STEP * length / 256 * (1 + size.horizon / 28) / 2
    rounds = ((3, 1), (2, 1), (3, 2), (2, 2), (2, 4), (1, 2), (1, 4), (1, fits)) if share == 1 else ((1, fits),)
    for seeds, every in rounds:
        if seeds * one * -(-fits // every) <= budget:
            return tuple(_seeded(base, windows, config.seed + k, k) for k in range(seeds)), every, {}
    if one <= 3 * budget:  # a single fit, and half as many epochs
        training = replace(base.training, max_epochs=max(2, int(base.training.max_epochs * budget / one)))
        return (_seeded(replace(base, training=training), windows, config.seed, 0),), fits, {}
    minutes = one / 60
    return (), 1, {"Networks": f"one fit takes about {minutes:.0f} minutes, the budget has {budget / 60:.0f} for them"}


def _seeded(base: NetworkConfig, windows: Sequence[int], seed: int, number: int) -> NetworkConfig:
    return replace(base, window=windows[number % len(windows)], training=replace(base.training, seed=seed))
