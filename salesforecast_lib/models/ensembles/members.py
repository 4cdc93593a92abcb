"""The members of a committee: every model's forecasts of the same rows at every cutoff (chapter 06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.panel import extend_panel
from salesforecast_lib.files import resolve
from salesforecast_lib.models.peers.baselines import close_shop, statistical_forecasts
from salesforecast_lib.models.peers.recursive import lightgbm_forecasts
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts, ridge_forecasts
from salesforecast_lib.models.peers.smoothing import ets_forecasts

# Forecast tables of a run, and the chapter that writes each.
FORECAST_FILES = {"lstm_forecasts.parquet": "04", "members.parquet": "06", "champion_forecasts.parquet": "06b"}


def stored_forecasts(run_dir: str | Path, name: str) -> pd.DataFrame:
    """One of the run's forecast tables without ``y``; raises FileNotFoundError that says which chapter writes it."""
    path = resolve(run_dir) / name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such forecasts yet; run chapter {FORECAST_FILES[name]} first")
    return pd.read_parquet(path).drop(columns="y")


def read_lstm(run_dir: str | Path, series: Sequence[str]) -> pd.DataFrame:
    """The network's forecasts that chapter 04 wrote, for these series.

    Raises
    ------
    FileNotFoundError
        When chapter 04 has not run yet.
    """
    table = stored_forecasts(run_dir, "lstm_forecasts.parquet")
    return table[table["unique_id"].isin(series)]


def read_known(run_dir: str | Path, table: FeatureTable) -> pd.DataFrame:
    """What is known ahead, for the periods of the features and for the horizon after the end of the data.

    Returns
    -------
    DataFrame ``unique_id, ds`` and the future columns.
    """
    future = ["unique_id", "ds", *table.roles["future"]]
    ahead = pd.read_parquet(resolve(run_dir) / "ahead.parquet")
    return pd.concat([table.frame[future], ahead[future]], ignore_index=True)


def read_extended(run_dir: str | Path, panel: pd.DataFrame, meta: Mapping[str, Any]) -> pd.DataFrame:
    """The run's panel, or some of its series, with the horizon after it and what is known of that ahead.

    The *future* columns of the horizon are those of ``ahead.parquet``, which the features have as well: what the shop
    told reaches all models alike. A period told to be closed is not available.

    Raises
    ------
    FileNotFoundError
        When chapter 02 has not run yet.
    """
    keys, last = ["unique_id", "ds"], panel["ds"].max()
    extended = extend_panel(panel, meta["future"], meta["static"], meta["freq"], meta["horizon"])
    file = resolve(run_dir) / "ahead.parquet"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: nothing is known ahead yet; run chapter 02 first")
    ahead = pd.read_parquet(file)
    names = [name for name in meta["future"] if name in ahead]
    told = extended[keys].merge(ahead[[*keys, *names]], how="left")
    for name in names:
        here = (extended["ds"] > last) & told[name].notna()
        extended[name] = extended[name].where(~here, told[name])
    if "open" in names:
        shut = (extended["ds"] > last) & (extended["open"] <= 0)
        extended["available"] = extended["available"].where(~shut, 0.0)
    return extended


def direct_config(freq: str, rows: int, seed: int, threads: int) -> DirectConfig:
    """Settings of the direct regressions: a level over eight cycles of the season."""
    return DirectConfig(window=8 * check_freq(freq).inner, max_rows=rows, seed=seed, threads=threads)


def member_forecasts(
    extended: pd.DataFrame,
    table: FeatureTable,
    known: pd.DataFrame,
    meta: dict[str, Any],
    cutoffs: Sequence[pd.Timestamp],
    local_models: Sequence[str],
    config: DirectConfig,
    network: pd.DataFrame,
) -> pd.DataFrame:
    """Forecasts of the local models, LightGBM, LightGBMDirect and Ridge at each cutoff, after those of ``network``.

    Every model is fitted anew on rows up to the cutoff. Closed periods are forecast as zero.

    Parameters
    ----------
    extended : the panel and the rows of the horizon after it, as of `extend_panel`; its series are forecast.
    table, known : features, and what is known ahead as of `read_known`; they may hold more series.
    network : forecast table at the same cutoffs.
    """
    horizon, freq, season = int(meta["horizon"]), str(meta["freq"]), int(meta["season_length"])
    series, cycle, parts = extended["unique_id"].unique(), check_freq(freq).cycle, [network]
    for cutoff in cutoffs:
        parts.append(statistical_forecasts(extended, cutoff, horizon, freq, season, config.threads, list(local_models)))
        parts.append(lightgbm_forecasts(extended, meta, cutoff, config.seed, config.threads))
        for forecast in (direct_lightgbm_forecasts, ridge_forecasts):
            rows = forecast(table, known, cutoff, horizon, freq, cycle, config)
            parts.append(rows[rows["unique_id"].isin(series)])
    return close_shop(pd.concat(parts, ignore_index=True), extended, meta["future"])


def best_sellers(
    members: pd.DataFrame, extended: pd.DataFrame, meta: dict[str, Any], count: int, threads: int = 1
) -> pd.DataFrame:
    """Forecasts at the last scored cutoff of the ``count`` best-selling products, with AutoARIMA's.

    AutoARIMA (Hyndman & Khandakar 2008) takes seconds a series. With ``count`` zero it is left out, and the members'
    forecasts of one product are returned.
    """
    largest = extended.groupby("unique_id")["y"].sum().nlargest(max(count, 1)).index
    last = members["cutoff"].drop_duplicates().nlargest(2).min()  # the latest one is today, nothing after it is known
    beside = members[members["unique_id"].isin(largest) & (members["cutoff"] == last)]
    if count == 0:
        return beside
    few = extended[extended["unique_id"].isin(largest)]
    told = (int(meta["horizon"]), str(meta["freq"]), int(meta["season_length"]), threads)
    arima = statistical_forecasts(few, last, *told, ["AutoARIMA"])
    return pd.concat([beside, close_shop(arima, few, meta["future"])])


def node_forecasts(
    upper: pd.DataFrame, meta: dict[str, Any], cutoffs: Sequence[pd.Timestamp], threads: int = 1
) -> pd.DataFrame:
    """`ets_forecasts` of the nodes above the products; ``upper`` as of `aggregate_panel`."""
    told = (int(meta["horizon"]), str(meta["freq"]), int(meta["season_length"]), threads)
    return close_shop(ets_forecasts(upper, cutoffs, *told), upper, meta["future"])
