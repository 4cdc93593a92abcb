"""Trees that were fitted a horizon before the end of the data: what their error owes to what can be measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.peers import DirectConfig, OriginRows, direct_lightgbm_forecasts
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.production.explain.trees import row_labels


@dataclass(frozen=True)
class EarlierTrees:
    """A booster at an earlier cutoff, with its rows and what was sold afterwards.

    Parameters
    ----------
    booster : of the mean, in levels. ``level`` : (rows,) units of each row's level.
    names, labels : columns of ``inputs`` (rows, columns), and the driver of each.
    actual, weight : (rows,) units sold, and 0 where sales say nothing.
    """

    cutoff: pd.Timestamp
    booster: lgb.Booster
    names: list[str]
    labels: list[str]
    inputs: np.ndarray
    level: np.ndarray
    actual: np.ndarray
    weight: np.ndarray

    def units(self, inputs: np.ndarray) -> np.ndarray:
        """Forecasts in units of sales, (rows,), of all rows."""
        return np.asarray(np.maximum(self.booster.predict(inputs), 0.0)) * self.level

    def levels(self, inputs: np.ndarray) -> np.ndarray:
        """Forecasts in levels of any rows."""
        return np.asarray(np.maximum(self.booster.predict(inputs), 0.0))


def earlier_trees(
    table: FeatureTable, known: pd.DataFrame, meta: Mapping[str, Any], config: DirectConfig | None = None
) -> EarlierTrees:
    """Fit the direct trees of chapter 06 one horizon before the end of the data; nothing after it is looked at.

    Parameters
    ----------
    table, known : features of the run, and its future columns.
    """
    horizon, frequency = int(meta["horizon"]), check_freq(str(meta["freq"]))
    days = np.sort(table.frame["ds"].unique())
    cutoff = pd.Timestamp(days[-horizon - 1])
    config = config or DirectConfig(window=8 * frequency.inner, objective="l2", levels=(0.5,), max_rows=20_000)
    shelf = Shelf()
    told = table, known[known["ds"] > cutoff], cutoff, horizon, frequency.alias, frequency.cycle
    direct_lightgbm_forecasts(*told, config, shelf=shelf)
    rows = OriginRows(*told, config.window)
    origin, step = rows.at(cutoff)
    keys = pd.DataFrame({"unique_id": rows.names[rows.series[origin]], "ds": rows.ds[origin + step]})
    sold = keys.merge(table.frame[["unique_id", "ds", "y", "available"]], on=["unique_id", "ds"], how="left")
    return EarlierTrees(
        cutoff, shelf.models[f"mean-{cutoff.date()}"], [*rows.numeric, *rows.categories],
        row_labels(rows, table, frequency.alias), rows.inputs(origin, step), rows.level[origin],
        sold["y"].fillna(0.0).to_numpy(), (sold["available"].fillna(0.0) > 0).to_numpy(float),
    )  # fmt: skip
