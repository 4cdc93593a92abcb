"""A stored one-step model fed with its own forecasts, all series side by side (chapters 06 and 14).

mlforecast makes a data frame for each step; here the columns are written into one matrix. The scaling and the rolling
means are coreforecast's, as in mlforecast, so that the numbers are the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd
from coreforecast.grouped_array import GroupedArray
from coreforecast.lag_transforms import RollingMean
from coreforecast.scalers import LocalStandardScaler


@dataclass(frozen=True)
class Recipe:
    """Columns of a one-step model: ``lags``, spans of means by lag (``windows``), and ``parts`` of the date."""

    lags: Sequence[int]
    windows: Mapping[int, Sequence[int]]
    parts: Sequence[str]

    @property
    def reach(self) -> int:
        """Periods that the columns look back."""
        return max(*self.lags, *(lag + span - 1 for lag, spans in self.windows.items() for span in spans))


def recursive_means(
    booster: lgb.Booster,
    recipe: Recipe,
    history: pd.DataFrame,
    known: pd.DataFrame,
    steps: pd.DatetimeIndex,
    static: Sequence[str],
    future: Sequence[str],
) -> pd.DataFrame:
    """Point forecasts ``unique_id, ds, mean`` of the steps.

    Parameters
    ----------
    history : ``unique_id, ds, y`` and the static columns; sorted, each series without gap and longer than the reach.
    known : ``unique_id, ds`` and the future columns of the steps; sorted, each series with every step.

    Raises
    ------
    ValueError
        When a step of a series is missing in ``known``.
    """
    names = history["unique_id"].to_numpy()
    first = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    bounds = np.append(first, len(names)).astype("int32")
    ids, ahead = names[first], len(steps)
    if future:
        _check_complete(known, ids, steps)
    scaler = LocalStandardScaler()
    scaled = scaler.fit_transform(GroupedArray(history["y"].to_numpy("float64"), bounds))
    reach = recipe.reach
    # the columns of all steps; those of the past are written as they become known
    sold = np.empty((len(ids), reach + ahead))
    sold[:, :reach] = scaled[bounds[1:, None] - reach + np.arange(reach)]
    columns = {name: k for k, name in enumerate(booster.feature_name())}
    inputs = np.empty((len(ids), len(columns)))
    for name, values in zip(static, booster.pandas_categorical or [], strict=True):
        code = pd.Index(values).get_indexer(history[name].to_numpy()[first]).astype("float64")
        inputs[:, columns[name]] = np.where(code < 0, np.nan, code)
    told = {name: known[name].to_numpy("float64").reshape(len(ids), ahead) for name in future}
    edges = np.arange(len(ids) + 1, dtype="int32") * reach
    for step, day in enumerate(steps):
        window = np.ascontiguousarray(sold[:, step : step + reach])
        for lag in recipe.lags:
            inputs[:, columns[f"lag{lag}"]] = window[:, -lag]
        grouped = GroupedArray(window.ravel(), edges)
        for lag, spans in recipe.windows.items():
            for span in spans:
                mean = RollingMean(lag=lag, window_size=span).update(grouped)
                inputs[:, columns[f"rolling_mean_lag{lag}_window_size{span}"]] = mean
        for part in recipe.parts:
            inputs[:, columns[part]] = day.isocalendar().week if part == "week" else getattr(day, part)
        for name, values in told.items():
            inputs[:, columns[name]] = values[:, step]
        sold[:, reach + step] = booster.predict(inputs)
    edges = np.arange(len(ids) + 1, dtype="int32") * ahead
    mean = scaler.inverse_transform(GroupedArray(np.ascontiguousarray(sold[:, reach:]).ravel(), edges))
    return pd.DataFrame({"unique_id": np.repeat(ids, ahead), "ds": np.tile(steps, len(ids)), "mean": mean})


def _check_complete(known: pd.DataFrame, ids: np.ndarray, steps: pd.DatetimeIndex) -> None:
    """Raise ValueError that names the first series which lacks a step, or has one twice."""
    names, days = np.repeat(ids, len(steps)), np.tile(steps.to_numpy(), len(ids))
    if len(known) == len(names) and (known["unique_id"].to_numpy() == names).all():
        wrong = np.flatnonzero(known["ds"].to_numpy() != days)
        odd = names[wrong[:1]]
    else:
        count = pd.Series(known["unique_id"].to_numpy()).value_counts().reindex(ids, fill_value=0)
        odd = count.index[count.to_numpy() != len(steps)]
    if len(odd):
        raise ValueError(
            f"future: series {odd[0]!r} has not each of the {len(steps)} periods after the cutoff once; give them all"
        )
