"""The level that an order fills up to, straight from a forecast table: what other rooms are handed (chapter 16b)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.decisions.inventory.orders import daily_sd, interval_moments, order_up_to_level

_CORRELATION = 0.1  # of errors within the interval, as `rolling_moments` begins with


def order_up_to_levels(forecasts: pd.DataFrame, protection: int, service_level: float) -> pd.Series:
    """Units that each product's stock is filled up to, by ``unique_id``; with an empty shelf, the order.

    Parameters
    ----------
    forecasts : of one model and cutoff.
    protection : periods until the order after this one arrives; a forecast that ends before lasts until its end.
    service_level : chance that the stock lasts.
    """
    return _interval(forecasts, protection, service_level)["level"]


def levels_and_demand(forecasts: pd.DataFrame, protection: int, service_level: float) -> pd.DataFrame:
    """The same beside what was asked for in the interval, from ``y``: ``unique_id, level, demand``."""
    return _interval(forecasts, protection, service_level).reset_index()


def _interval(forecasts: pd.DataFrame, protection: int, service_level: float) -> pd.DataFrame:
    rows = forecasts.sort_values(["unique_id", "ds"], kind="stable")
    rows = rows[rows.groupby("unique_id", sort=False).cumcount() < protection]
    sizes = rows.groupby("unique_id").size()
    whole = sizes.index[sizes == sizes.max()]
    rows = rows[rows["unique_id"].isin(whole)]
    shape = (len(whole), int(sizes.max()))
    spread = daily_sd(rows[list(QUANTILE_COLUMNS)].to_numpy("float64")).reshape(shape)
    mean, sd = interval_moments(rows["mean"].to_numpy("float64").reshape(shape), spread, _CORRELATION)
    sold = rows["y"].to_numpy("float64") if "y" in rows else np.full(len(rows), np.nan)
    found = {"level": order_up_to_level(mean, sd, service_level), "demand": sold.reshape(shape).sum(axis=1)}
    return pd.DataFrame(found, index=pd.Index(rows["unique_id"].unique(), name="unique_id"))
