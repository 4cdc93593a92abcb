"""Peers: statistical forecasts and gradient boosting, in the one forecast table (chapters 06 and 07)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

# tqdm asks for ipywidgets, which the book leaves out: its scripts would come from another host.
warnings.filterwarnings("ignore", message="IProgress not found")

import lightgbm as lgb
import numpy as np
import pandas as pd
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean
from mlforecast.target_transforms import LocalStandardScaler
from scipy.stats import norm
from statsforecast import StatsForecast
from statsforecast import models as local

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES, levels_of, quantile_columns
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.windows.vocabulary import plain_names

_LEVELS = {90: ("q0.05", "q0.95"), 80: ("q0.1", "q0.9"), 50: ("q0.25", "q0.75")}
STATISTICAL = ("SeasonalNaive", "WindowAverage", "AutoETS", "Theta")  # forecast by default
INTERMITTENT = ("CrostonOptimized", "TSB")
# Lags, spans of means by lag, parts of the date and periods of the usual level of the one-step LightGBM, by frequency.
_BOOSTED: dict[str, tuple[list[int], dict[int, list[int]], list[str], int]] = {
    "D": ([1, 7, 14, 21, 28], {1: [7, 28], 7: [28]}, ["dayofweek", "day", "month"], 28),
    "W": ([1, 2, 3, 4, 8, 12], {1: [4, 12]}, ["week", "month"], 4),
    "M": ([1, 2, 3, 6, 12], {1: [3, 12]}, ["month"], 12),
}
_WITHOUT_INTERVALS = ("WindowAverage", *INTERMITTENT)


def fitting_history(panel: pd.DataFrame, cutoff: pd.Timestamp, season: int) -> pd.DataFrame:
    """Rows up to ``cutoff`` for fitting; sales of unavailable periods are replaced, because their zeros are no demand.

    The replacement is the last available value of the same phase (weekday), else the mean of the series so far.
    """
    past = panel[panel["ds"] <= cutoff].sort_values(["unique_id", "ds"]).reset_index(drop=True)
    known = past["y"].where(past["available"] > 0)
    phase = past.groupby("unique_id").cumcount() % (season if season <= 24 else 1)
    filled = known.groupby([past["unique_id"], phase]).ffill()
    return past.assign(y=filled.fillna(known.groupby(past["unique_id"]).transform("mean")).fillna(0.0))


def close_shop(table: pd.DataFrame, panel: pd.DataFrame, future: list[str]) -> pd.DataFrame:
    """Forecast nothing for periods known ahead to be closed (``open`` declared as *future*)."""
    if "open" not in future or "open" not in panel:
        return table
    closed = panel.loc[panel["open"] <= 0, ["unique_id", "ds"]].assign(closed=True)
    shut = table[["unique_id", "ds"]].merge(closed, how="left")["closed"].notna().to_numpy()
    columns = ["mean", *quantile_columns(levels_of(table))]
    return table.assign(**{name: np.where(shut, 0.0, table[name]) for name in columns})


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Sort quantiles in each row and clip everything at zero, so that the table keeps its contract."""
    columns = list(quantile_columns(levels_of(table)))
    quantiles = np.sort(np.nan_to_num(table[columns].to_numpy("float64")), axis=1)
    table = table.assign(mean=table["mean"].clip(lower=0.0))
    table[columns] = np.maximum(quantiles, 0.0)
    return table[["unique_id", "ds", "cutoff", "model", "mean", *columns]]


def _statistical_model(name: str, season: int, cycles: int) -> Any:
    seasonal, sizes = season > 1, (season, cycles) if season > 1 else (cycles,)
    average: Any = local.SeasonalWindowAverage if seasonal else local.WindowAverage
    makers: dict[str, Callable[[], Any]] = {
        "SeasonalNaive": lambda: local.SeasonalNaive(season),
        "WindowAverage": lambda: average(*sizes, alias=name),
        "AutoETS": lambda: local.AutoETS(season),
        "Theta": lambda: local.Theta(season, decomposition_type="additive") if seasonal else local.Theta(1),
        "AutoARIMA": lambda: local.AutoARIMA(season_length=season),
        "CrostonOptimized": local.CrostonOptimized,
        "TSB": lambda: local.TSB(alpha_d=0.2, alpha_p=0.2),
    }
    if name not in makers:
        raise ValueError(f"models: {name!r} is not known; expected some of {tuple(makers)}")
    return makers[name]()


def _run_statistical(
    history: pd.DataFrame, horizon: int, freq: str, season: int, n_jobs: int, names: Sequence[str], cycles: int = 8
) -> pd.DataFrame:
    table = history[["unique_id"]].drop_duplicates()
    for with_intervals in (True, False):
        those = [name for name in names if (name not in _WITHOUT_INTERVALS) == with_intervals]
        chosen = [_statistical_model(name, season, cycles) for name in those]
        if chosen:
            runner = StatsForecast(models=chosen, freq=freq, n_jobs=n_jobs, fallback_model=local.SeasonalNaive(1))
            part = runner.forecast(df=history, h=horizon, level=list(_LEVELS) if with_intervals else None)
            table = table.merge(part, on=[name for name in ("unique_id", "ds") if name in table])
    return table


def _by_length(
    history: pd.DataFrame, horizon: int, freq: str, season: int, n_jobs: int, names: Sequence[str]
) -> pd.DataFrame:
    """`_run_statistical` for series of like length: without season below two of them, averages over what there is."""
    length = history.groupby("unique_id")["ds"].transform("size").to_numpy()
    cycle = np.where(length >= 2 * season, season, 1)
    cycles = np.minimum(length // cycle, 8)
    parts = []
    for each, several in sorted(set(zip(cycle.tolist(), cycles.tolist(), strict=True)), reverse=True):
        rows = history[(cycle == each) & (cycles == several)]
        parts.append(_run_statistical(rows, horizon, freq, each, n_jobs, names, several))
    return pd.concat(parts, ignore_index=True)


def statistical_forecasts(
    panel: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    season: int,
    n_jobs: int = 1,
    models: Sequence[str] = STATISTICAL,
) -> pd.DataFrame:
    """Local statistical models, fitted on rows up to ``cutoff``.

    By default seasonal naive, seasonal window average (8 cycles), AutoETS (Hyndman et al. 2002) and Theta
    (Assimakopoulos & Nikolopoulos 2000). On demand "AutoARIMA" (Hyndman & Khandakar 2008), seconds a series, and for
    intermittent demand "CrostonOptimized" (Croston 1972) and "TSB" (Teunter, Syntetos & Babai 2011).

    AutoETS, AutoARIMA and Theta cannot handle a season of 52 weeks: on weekly data they, and the window average, use no
    season; the seasonal naive uses 52 where a series is long enough and else repeats the last week. Series shorter than
    two seasons (14 days, 24 months) are treated as without season.

    Returns
    -------
    The forecast table of the design; intervals are the models' own, those of models without any are empirical, see
    `pooled_quantiles`.
    """
    known = fitting_history(panel, cutoff, season)
    history = known[["unique_id", "ds", "y"]]
    inner = season if season <= 24 else 1
    length = history.groupby("unique_id")["ds"].transform("size")
    wide = _by_length(history, horizon, freq, inner, n_jobs, models)
    if season > 24 and "SeasonalNaive" in models:
        yearly = history[length >= season]
        if len(yearly):
            again = StatsForecast(models=[local.SeasonalNaive(season)], freq=freq).forecast(
                df=yearly, h=horizon, level=list(_LEVELS)
            )
            names = [name for name in again if name.startswith("SeasonalNaive")]
            merged = wide[["unique_id", "ds"]].merge(again, how="left")
            wide[names] = merged[names].where(merged[names].notna(), wide[names])
    tables = []
    for model in (name for name in models if name not in _WITHOUT_INTERVALS):
        table = wide[["unique_id", "ds"]].assign(cutoff=cutoff, model=model, mean=wide[model])
        for level, (low, high) in _LEVELS.items():
            table[low], table[high] = wide[f"{model}-lo-{level}"], wide[f"{model}-hi-{level}"]
        middle = wide[model].clip(lower=0.0)
        table = table.assign(**{"q0.5": middle})
        outer = {name: table[name].fillna(middle) for name in QUANTILE_COLUMNS}  # too short for an interval
        tables.append(tidy(table.assign(**outer)))
    for model in (name for name in models if name in _WITHOUT_INTERVALS):
        table = wide[["unique_id", "ds"]].assign(cutoff=cutoff, model=model, mean=wide[model])

        def earlier(past: pd.DataFrame, model: str = model) -> pd.DataFrame:
            table = _by_length(past[["unique_id", "ds", "y"]], horizon, freq, inner, 1, [model])
            return table.rename(columns={model: "mean"})

        tables.append(pooled_quantiles(table, known, cutoff, horizon, freq, earlier))
    return pd.concat(tables, ignore_index=True)


def pooled_quantiles(
    table: pd.DataFrame,
    history: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    forecast: Callable[[pd.DataFrame], pd.DataFrame],
) -> pd.DataFrame:
    """Quantiles for a point forecast, from its own errors at the origin one horizon before ``cutoff``.

    Errors are divided by the square root of the forecast (the spread of counts grows with it) and pooled within three
    classes of volume.

    Parameters
    ----------
    forecast : from a history to a table ``unique_id, ds, mean``.
    """
    origin = pd.date_range(end=cutoff, periods=horizon + 1, freq=freq)[0]
    observed = history.loc[history["available"] > 0, ["unique_id", "ds", "y"]]
    past = forecast(history[history["ds"] <= origin]).merge(observed, on=["unique_id", "ds"])
    past["mean"] = past["mean"].clip(lower=0.0)
    size = past.groupby("unique_id")["mean"].mean().rank(pct=True)
    volume = pd.cut(size, [-0.1, 1 / 3, 2 / 3, 1.1], labels=False)
    unit = (past["y"] - past["mean"]) / np.sqrt(past["mean"] + 0.1)
    key = past["unique_id"].map(volume)
    spread = {name: group.quantile(QUANTILES).to_numpy() for name, group in unit.groupby(key)}
    which = table["unique_id"].map(volume).fillna(1).to_numpy(int)
    middle = next(iter(spread.values()), norm.ppf(QUANTILES))  # no error is known yet: those of Poisson counts
    width = np.sqrt(table["mean"].clip(lower=0.0) + 0.1).to_numpy()[:, None]
    quantiles = table["mean"].to_numpy()[:, None] + np.stack([spread.get(k, middle) for k in which]) * width
    return tidy(table.assign(**{name: quantiles[:, k] for k, name in enumerate(QUANTILE_COLUMNS)}))


def lightgbm_forecasts(
    panel: pd.DataFrame,
    meta: dict[str, Any],
    cutoff: pd.Timestamp,
    seed: int = 0,
    threads: int = 1,
    objective: str = "l1",
) -> pd.DataFrame:
    """One global LightGBM over all series (Ke et al. 2017) with lags, calendar, categories and known-ahead covariates.

    Fitted on rows up to ``cutoff``; covariates after it are only those declared *future*. The absolute error as
    ``objective`` gave the lower WAPE at an origin before the test months; "l2" would aim at the mean instead. Series
    too short for the longest lag or window get the mean of their last four cycles.
    """
    horizon, freq = int(meta["horizon"]), str(meta["freq"])
    lags, windows, parts, usual = _BOOSTED[check_freq(freq).kind]
    plain = plain_names([*meta["static"], *meta["future"]])
    panel = panel[["unique_id", "ds", "y", "available", *plain]].rename(columns=plain)
    static, future = ([plain[name] for name in meta[role]] for role in ("static", "future"))
    covariates = panel[["unique_id", "ds", *future]]  # known ahead by declaration
    history = fitting_history(panel, cutoff, int(meta["season_length"]))
    history[static] = history[static].astype("category")

    def fit_predict(past: pd.DataFrame) -> pd.DataFrame:
        model = lgb.LGBMRegressor(
            objective=objective,
            n_estimators=300,
            learning_rate=0.05,
            num_leaves=31,
            min_child_samples=30,
            subsample=0.8,
            subsample_freq=1,
            colsample_bytree=0.7,
            random_state=seed,
            n_jobs=threads,
            deterministic=True,
            force_row_wise=True,
            verbosity=-1,
        )
        global_model = MLForecast(
            models={"mean": model},
            freq=freq,
            lags=lags,
            lag_transforms={lag: [RollingMean(span) for span in spans] for lag, spans in windows.items()},
            date_features=parts,
            target_transforms=[LocalStandardScaler()],
        )
        reach = max(*lags, *(lag + span - 1 for lag, spans in windows.items() for span in spans))
        short = past.groupby("unique_id")["y"].transform("size") <= reach + 1
        steps = pd.date_range(past["ds"].max(), periods=horizon + 1, freq=freq)[1:]
        level = past[short].groupby("unique_id")["y"].apply(lambda y: y.tail(usual).mean())
        rest = level.rename("mean").reset_index().merge(pd.DataFrame({"ds": steps}), how="cross")
        if short.all():
            return rest
        long = past.loc[~short, ["unique_id", "ds", "y", *static, *future]]
        global_model.fit(long, static_features=static)
        known = covariates[covariates["ds"].isin(steps) & covariates["unique_id"].isin(long["unique_id"].unique())]
        table = global_model.predict(horizon, X_df=known if future else None)
        return pd.concat([table, rest[["unique_id", "ds", "mean"]]], ignore_index=True) if len(rest) else table

    table = fit_predict(history).assign(cutoff=cutoff, model="LightGBM")
    return pooled_quantiles(table, history, cutoff, horizon, freq, fit_predict)
