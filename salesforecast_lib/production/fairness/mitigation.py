"""Serving a group better, and what that costs the others (chapter 16b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from salesforecast_lib import levels_of, quantile_columns
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.peers import OriginRows

_SHRINK = 50.0  # units of sales that count for a factor of one: small groups are moved little


def calibrated(forecasts: pd.DataFrame, groups: pd.Series, now: pd.Timestamp) -> tuple[pd.DataFrame, pd.Series]:
    """The forecasts of a cutoff with the mean and quantiles of each group scaled by its factor; and the factors.

    A group's factor is what it sold over what it was forecast, on cutoffs whose horizon had ended by ``now``.

    Raises
    ------
    ValueError
        When no earlier cutoff is known.
    """
    early = forecasts[(forecasts["cutoff"] < now) & (forecasts["ds"] <= now)].dropna(subset="y")
    if early.empty:
        raise ValueError(f"{now.date()}: no earlier cutoff with known sales; give more cutoffs")
    sums = early[["y", "mean"]].groupby(early["unique_id"].map(groups)).sum()
    factor = (sums["y"] + _SHRINK) / (sums["mean"] + _SHRINK)
    part = forecasts[forecasts["cutoff"] == now]
    times = part["unique_id"].map(groups).map(factor).fillna(1.0).to_numpy()[:, None]
    columns = ["mean", *quantile_columns(levels_of(part))]
    values = part[columns].to_numpy("float64") * times
    return part.assign(**{name: values[:, k] for k, name in enumerate(columns)}), factor


def reweighted_forecasts(
    table: FeatureTable,
    known: pd.DataFrame,
    meta: Mapping[str, Any],
    cutoff: pd.Timestamp,
    groups: pd.Series,
    times: Mapping[str, float],
    *,
    trees: int = 60,
    rows: int = 20_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Means from small boosted trees whose training rows count ``times`` as much for some groups (Kamiran & Calders
    2012).

    Returns
    -------
    ``unique_id, ds, cutoff, model, mean``.
    """
    freq, season = str(meta["freq"]), int(meta["season_length"])
    window = max(8 * season, 8) if season <= 12 else 26
    future = known[known["ds"] > cutoff]
    pairs = OriginRows(table, future, cutoff, int(meta["horizon"]), freq, season, window)
    origin, step = pairs.training(cutoff, rows, seed)
    level = pairs.level[origin]
    member = pd.Series(pairs.names[pairs.series[origin]]).map(groups).map(dict(times)).fillna(1.0).to_numpy()
    settings = {
        "objective": "l2", "learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 40, "max_bin": 63,
        "feature_fraction": 0.5, "seed": seed, "num_threads": 1, "deterministic": True, "force_row_wise": True,
        "verbosity": -1,
    }  # fmt: skip
    weight = level / pairs.typical * pairs.seen[origin + step] * member
    codes = [len(pairs.numeric) + k for k in range(len(pairs.categories))]
    target = np.clip(pairs.y[origin + step] / level, -50, 50)
    inputs = pairs.inputs(origin, step)
    data = lgb.Dataset(inputs, target, weight=weight, categorical_feature=codes, params=settings)
    booster = lgb.train(settings, data, num_boost_round=trees)
    now = pairs.at(cutoff)
    mean = np.maximum(np.asarray(booster.predict(pairs.inputs(*now))), 0.0) * pairs.level[now[0]]
    return pairs.table(*now, mean[:, None], "trees")


def reweighting_prices(
    table: FeatureTable,
    known: pd.DataFrame,
    meta: Mapping[str, Any],
    cutoff: pd.Timestamp,
    groups: pd.Series,
    helped: str,
    times: float = 5.0,
    seeds: Sequence[int] = (0, 1, 2),
) -> list[pd.DataFrame]:
    """`price_of` of letting a group's rows count ``times`` as much, once for each seed of the trees."""
    sold = table.frame[["unique_id", "ds", "y"]]
    found = []
    for seed in seeds:
        told = table, known, meta, cutoff, groups
        before, after = (
            reweighted_forecasts(*told, {helped: weight}, seed=seed).merge(sold, on=["unique_id", "ds"])
            for weight in (1.0, times)
        )
        found.append(price_of(before, after, groups, helped))
    return found


def price_of(before: pd.DataFrame, after: pd.DataFrame, groups: pd.Series, helped: str) -> pd.DataFrame:
    """WAPE and bias of the helped group, of all others and of everybody, before and after.

    Parameters
    ----------
    before, after : forecasts with ``mean`` and ``y`` on the same rows.
    """
    rows = {}
    for who in (helped, "others", "all"):
        member = before["unique_id"].map(groups)
        mask = {"others": member != helped, "all": member.notna() | True}.get(who, member == helped).to_numpy()
        found = {}
        for name, part in (("before", before[mask]), ("after", after[mask])):
            error, sold = part["mean"].to_numpy() - part["y"].to_numpy(), float(part["y"].sum())
            found[f"wape_{name}"] = float(np.abs(error).sum()) / sold if sold else np.nan
            found[f"bias_{name}"] = float(error.sum()) / sold if sold else np.nan
        rows[who] = found
    return pd.DataFrame.from_dict(rows, orient="index")[["wape_before", "wape_after", "bias_before", "bias_after"]]
