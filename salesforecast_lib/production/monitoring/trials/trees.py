"""A small model for playing weeks: boosted trees that can be kept, fitted anew or continued (chapter 15).

The rows are those of chapter 06's direct trees, and so is the loss; only the fit is here, because a kept model must
forecast from later days than it has seen, and a warm start must go on from older trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import process_time
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.peers import OriginRows, tidy

FITTED = (0.1, 0.5, 0.9)  # the other levels lie on straight lines of normal scores through these


@dataclass(frozen=True)
class TreesConfig:
    """Size of a fit: trees and leaves of each model, rows drawn, days that give the level, seed."""

    trees: int = 60
    more: int = 20  # trees that a warm start adds
    leaves: int = 31
    max_rows: int = 20_000
    window: int = 56
    learning_rate: float = 0.1
    horizon: int = 7
    seed: int = 0


@dataclass(frozen=True)
class Trees:
    """Fitted boosters of the mean and of the levels `FITTED`, the last period seen, and the seconds of the fit."""

    boosters: dict[str, lgb.Booster]
    cutoff: pd.Timestamp
    seconds: float
    names: tuple[str, ...]


def rows_at(
    table: FeatureTable, known: pd.DataFrame, meta: Mapping[str, Any], cutoff: pd.Timestamp, config: TreesConfig
) -> OriginRows:
    """Training and forecasting rows with what was known at ``cutoff``."""
    future = known[(known["ds"] > cutoff)]
    freq, season = str(meta["freq"]), int(meta["season_length"])
    return OriginRows(table, future, cutoff, config.horizon, freq, season, config.window)


def fit_trees(rows: OriginRows, cutoff: pd.Timestamp, config: TreesConfig, start: Trees | None = None) -> Trees:
    """Fit on targets up to ``cutoff``, from scratch or with ``config.more`` trees on top of ``start``.

    Raises
    ------
    ValueError
        When there is no target to fit on.
    """
    began = process_time()
    inputs, target, weight = rows.fit_data(cutoff, config.max_rows, config.seed, 0.5)
    if len(inputs) == 0:
        raise ValueError(f"no sales to fit on up to {cutoff.date()}; begin later")
    settings = {
        "learning_rate": config.learning_rate, "num_leaves": config.leaves, "min_data_in_leaf": 40, "max_bin": 63,
        "feature_fraction": 0.5, "bagging_fraction": 0.5, "bagging_freq": 1, "seed": config.seed, "num_threads": 1,
        "deterministic": True, "force_row_wise": True, "verbosity": -1, "feature_pre_filter": False,
    }  # fmt: skip
    codes = [len(rows.numeric) + k for k in range(len(rows.categories))]
    kinds: dict[str, dict[str, Any]] = {"mean": {"objective": "l2"}}
    kinds |= {f"q{level:g}": {"objective": "quantile", "alpha": level} for level in FITTED}
    made = {}
    for name, objective in kinds.items():
        data = lgb.Dataset(inputs, target, weight=weight, categorical_feature=codes, params=settings)
        count = config.trees if start is None else config.more
        before = None if start is None else start.boosters[name]
        made[name] = lgb.train({**settings, **objective}, data, num_boost_round=count, init_model=before)
    return Trees(made, cutoff, process_time() - began, tuple([*rows.numeric, *rows.categories]))


def forecast_with(trees: Trees, rows: OriginRows, cutoff: pd.Timestamp, model: str) -> pd.DataFrame:
    """The forecast table from ``cutoff`` on, by trees that may be older; nothing is fitted."""
    origin, step = rows.at(cutoff)
    inputs = rows.inputs(origin, step)
    found = {name: np.asarray(booster.predict(inputs)) for name, booster in trees.boosters.items()}
    scores = stats.norm.ppf(QUANTILES)
    known = stats.norm.ppf(FITTED)
    three = np.sort(np.stack([found[f"q{level:g}"] for level in FITTED], axis=1), axis=1)
    slopes = np.diff(three, axis=1) / np.diff(known)  # below and above the median, (pairs, 2)
    levels = [three[:, 1] + score * slopes[:, int(score > 0)] for score in scores]
    values = np.stack([found["mean"], *levels], axis=1) * rows.level[origin][:, None]
    return tidy(rows.table(origin, step, values, model))
