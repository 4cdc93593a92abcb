"""A market that is short of stock on purpose, and how far a forecast on its sales misses demand (chapter 04)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.marketplace.config import QUIET, MarketplaceConfig
from salesforecast_lib.data.marketplace.simulate import latent_demand_bias, simulate_marketplace
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.forecaster.forecast import forecast_origins
from salesforecast_lib.models.training.loop import TrainingConfig

_META = {
    "dataset": "market",
    "freq": "D",
    "season_length": 7,
    "country": "US",
    "horizon": 14,
    "static": [],
    "historical": [],
    "future": [],
}


def short_market(products: int, seed: int = 0, days: int = 400, **changes: float) -> pd.DataFrame:
    """Truth of a simulated market whose stock covers 0.8 of usual demand, without any drift that no input shows.

    Parameters
    ----------
    changes : other settings of `MarketplaceConfig`, for example ``season`` or ``shock_sd``, to give it a drift.

    Returns
    -------
    ``market.truth``: a row for each product and day, with ``sales``, ``demand`` and ``available``, the share of the day
    with stock.
    """
    settings: dict[str, Any] = {"stock_cover": 0.8, "dispersion": 5.0, **QUIET, **changes}
    config = MarketplaceConfig(products, days, units=products * days * 8.0, seed=seed, **settings)
    return simulate_marketplace(config).truth


def demand_bias(
    truth: pd.DataFrame, available: pd.Series, censored: bool = False, epochs: int = 10, seed: int = 0
) -> float:
    """Share by which a network's mean forecast misses demand, when it is told ``available`` about each day.

    Parameters
    ----------
    truth : as `short_market` gives it.
    available : (rows,) 1 where a day's sales are its demand, 0 where they say nothing, between where they are a part.
    censored : take the sales of a day with ``available`` between 0 and 1 as a lower bound of demand.
    epochs : passes over the market.

    Returns
    -------
    Forecast minus demand over demand, of the last 20 fortnights: -0.2 is a fifth too low.
    """
    panel = truth[["unique_id", "ds"]].assign(y=truth["sales"].astype(float), available=available)
    table = build_features(panel[["unique_id", "ds", "available", "y"]], _META)
    last = panel["ds"].max() - pd.Timedelta(days=_META["horizon"])
    config = NetworkConfig(
        head="negative_binomial",
        forking=True,
        learning_rate=0.004,
        hidden_size=32,
        dropout=0.0,
        training=TrainingConfig(volume_weight=0.0, censored=censored, seed=seed),
    )
    fitted = fit_network(table, _META, last, config, epochs=epochs).forecaster
    origins = pd.date_range(end=last, periods=20, freq="14D")
    nothing = pd.DataFrame(columns=["unique_id", "ds"])  # the market ends with the last horizon
    return latent_demand_bias(forecast_origins(fitted, table.frame, nothing, list(origins)), truth)
