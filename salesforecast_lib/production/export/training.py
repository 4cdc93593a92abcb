"""The live network: small, and read from what a shop has at hand, not from engineered features (chapter 14)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.forecaster import Forecaster, NetworkConfig, fit_network
from salesforecast_lib.models.training import TrainingConfig

KEPT = ("calendar", "seasonality", "promotion", "hierarchy")  # groups that need no history beyond sales
MODEL = "Live"
_WINDOW = {"D": 56, "W": 26, "M": 12}


def live_config(
    table: FeatureTable,
    meta: dict[str, Any],
    *,
    levels: tuple[float, ...] = QUANTILES,
    seed: int = 0,
    epochs: int = 20,
    hidden_size: int = 64,
) -> NetworkConfig:
    """Settings of the live network, by the size of the data.

    Of the feature groups only those stay that a request can bring along: sales, availability, what follows from the
    date, what the shop tells of a period, and categories. Stretches have two windows, so that the network learns to
    forecast from a history that begins a window before.
    """
    frequency = check_freq(str(meta["freq"]))
    periods = table.frame["ds"].nunique()
    window = max(frequency.cycle, min(_WINDOW[frequency.kind], periods // 2))
    steps = min(2 * window, periods)
    epoch_steps = int(min(max(len(table.frame) / steps / 16, 30), 60))  # gradient steps; so many take about a second
    # A patience of 4 stopped too early: 8 took .3 points off the WAPE of earlier cutoffs, with each of two seeds.
    training = TrainingConfig(max_epochs=epochs, patience=8, epoch_steps=epoch_steps, seed=seed)
    return NetworkConfig(
        window=window,
        hidden_size=hidden_size,
        steps=max(steps, window // 2 + 1),
        stretches=16,
        without=tuple(group for group in table.groups if group not in KEPT),
        learning_rate=0.004,
        levels=levels,
        training=training,
    )


def fit_live_network(
    table: FeatureTable, meta: dict[str, Any], cutoff: pd.Timestamp, config: NetworkConfig | None = None
) -> Forecaster:
    """Train the live network on the sales up to ``cutoff``; raises ValueError as `fit_network` does."""
    forecaster = fit_network(table, meta, cutoff, config or live_config(table, meta)).forecaster
    forecaster.metadata["model"] = MODEL
    return forecaster
