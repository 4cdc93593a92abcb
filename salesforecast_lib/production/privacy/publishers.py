"""Small models whose published quantile is attacked (chapter 16b)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.peers import OriginRows


def quantile_rule(cutoff: pd.Timestamp, periods: int, level: float = 0.95) -> Callable[[pd.DataFrame, int], pd.Series]:
    """Publishes the quantile of a product's last ``periods``; it has no random number to hide behind."""

    def publish(panel: pd.DataFrame, seed: int) -> pd.Series:
        past = panel[panel["ds"] <= cutoff].groupby("unique_id").tail(periods)
        return past.groupby("unique_id")["y"].quantile(level)

    return publish


def quantile_trees(
    meta: Mapping[str, Any],
    known: pd.DataFrame,
    cutoff: pd.Timestamp,
    level: float = 0.95,
    *,
    trees: int = 30,
    rows: int = 4_000,
) -> Callable[[pd.DataFrame, int], pd.Series]:
    """Publishes the mean over the horizon of a quantile forecast by boosted trees, trained anew with each seed."""
    freq, season = str(meta["freq"]), int(meta["season_length"])

    def publish(panel: pd.DataFrame, seed: int) -> pd.Series:
        table = build_features(panel, dict(meta))
        future = known[(known["ds"] > cutoff) & known["unique_id"].isin(panel["unique_id"].unique())]
        window = 8 * check_freq(freq).inner
        pairs = OriginRows(table, future, cutoff, int(meta["horizon"]), freq, season, window)
        inputs, target, weight = pairs.fit_data(cutoff, rows, seed, 0.5)
        settings = {
            "objective": "quantile", "alpha": level, "learning_rate": 0.15, "num_leaves": 15, "min_data_in_leaf": 30,
            "feature_fraction": 0.5, "bagging_fraction": 0.5, "bagging_freq": 1, "max_bin": 63, "seed": seed % 2**31,
            "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1,
        }  # fmt: skip
        booster = lgb.train(settings, lgb.Dataset(inputs, target, weight=weight, params=settings), trees)
        now = pairs.at(cutoff)
        value = np.maximum(np.asarray(booster.predict(pairs.inputs(*now))), 0.0) * pairs.level[now[0]]
        names = pd.Series(pairs.names[pairs.series[now[0]]], name="unique_id")
        return pd.Series(value).groupby(names).mean()

    return publish
