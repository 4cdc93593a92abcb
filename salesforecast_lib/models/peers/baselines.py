"""Peers: statistical forecasts in the one forecast table (chapters 06 and 07)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from salesforecast_lib import QUANTILES, levels_of, quantile_columns

STATISTICAL = ("SeasonalNaive", "WindowAverage", "AutoETS", "Theta")  # forecast by default
INTERMITTENT = ("CrostonOptimized", "TSB")
_LONG = 150  # periods beyond which AutoARIMA compares orders by conditional sums of squares, as R's auto.arima does
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


def _statistical_model(name: str, season: int, cycles: int, periods: int) -> Any:
    from statsforecast import models as local

    seasonal, sizes = season > 1, (season, cycles) if season > 1 else (cycles,)
    average: Any = local.SeasonalWindowAverage if seasonal else local.WindowAverage
    makers: dict[str, Callable[[], Any]] = {
        "SeasonalNaive": lambda: local.SeasonalNaive(season),
        "WindowAverage": lambda: average(*sizes, alias=name),
        "AutoETS": lambda: local.AutoETS(season),
        "Theta": lambda: local.Theta(season, decomposition_type="additive") if seasonal else local.Theta(1),
        "AutoARIMA": lambda: local.AutoARIMA(season_length=season, approximation=periods > _LONG),
        "CrostonOptimized": local.CrostonOptimized,
        "TSB": lambda: local.TSB(alpha_d=0.2, alpha_p=0.2),
    }
    if name not in makers:
        raise ValueError(f"models: {name!r} is not known; expected some of {tuple(makers)}")
    return makers[name]()


def interval_ends(levels: Sequence[float]) -> dict[float, tuple[str, Any]]:
    """For each quantile but the median: coverage in percent of the central interval that ends there, and its end."""
    widths = {level: round(100 * abs(1 - 2 * level), 6) for level in levels if level != 0.5}
    return {
        level: (f"{'lo' if level < 0.5 else 'hi'}", int(width) if width == int(width) else width)
        for level, width in widths.items()
    }


def _run_statistical(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    season: int,
    n_jobs: int,
    names: Sequence[str],
    cycles: int = 8,
    levels: Sequence[float] = QUANTILES,
) -> pd.DataFrame:
    from statsforecast import StatsForecast  # imported late: it takes seconds, and a network does without
    from statsforecast.models import SeasonalNaive

    table = history[["unique_id"]].drop_duplicates()
    widths = sorted({width for _, width in interval_ends(levels).values()})
    periods = int(history.groupby("unique_id").size().min())
    for with_intervals in (True, False):
        those = [name for name in names if (name not in _WITHOUT_INTERVALS) == with_intervals]
        chosen = [_statistical_model(name, season, cycles, periods) for name in those]
        if chosen:
            runner = StatsForecast(models=chosen, freq=freq, n_jobs=n_jobs, fallback_model=SeasonalNaive(1))
            part = runner.forecast(df=history, h=horizon, level=widths if with_intervals else None)
            table = table.merge(part, on=[name for name in ("unique_id", "ds") if name in table])
    return table


def _by_length(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    season: int,
    n_jobs: int,
    names: Sequence[str],
    levels: Sequence[float] = QUANTILES,
) -> pd.DataFrame:
    """`_run_statistical` for series of like length: without season below two of them, averages over what there is."""
    length = history.groupby("unique_id")["ds"].transform("size").to_numpy()
    cycle = np.where(length >= 2 * season, season, 1)
    cycles = np.minimum(length // cycle, 8)
    parts = []
    for each, several in sorted(set(zip(cycle.tolist(), cycles.tolist(), strict=True)), reverse=True):
        rows = history[(cycle == each) & (cycles == several)]
        parts.append(_run_statistical(rows, horizon, freq, each, n_jobs, names, several, levels))
    return pd.concat(parts, ignore_index=True)


def statistical_forecasts(
    panel: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    season: int,
    n_jobs: int = 1,
    models: Sequence[str] = STATISTICAL,
    levels: Sequence[float] = QUANTILES,
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
    wide = _by_length(history, horizon, freq, inner, n_jobs, models, levels)
    ends = interval_ends(levels)
    if season > 24 and "SeasonalNaive" in models:
        yearly = history[length >= season]
        if len(yearly):
            from statsforecast import StatsForecast
            from statsforecast.models import SeasonalNaive

            again = StatsForecast(models=[SeasonalNaive(season)], freq=freq).forecast(
                df=yearly, h=horizon, level=sorted({width for _, width in ends.values()})
            )
            names = [name for name in again if name.startswith("SeasonalNaive")]
            merged = wide[["unique_id", "ds"]].merge(again, how="left")
            wide[names] = merged[names].where(merged[names].notna(), wide[names])
    tables = []
    for model in (name for name in models if name not in _WITHOUT_INTERVALS):
        table = wide[["unique_id", "ds"]].assign(cutoff=cutoff, model=model, mean=wide[model])
        middle = wide[model].clip(lower=0.0)
        for level, name in zip(levels, quantile_columns(levels), strict=True):
            side, width = ends.get(level, ("", 0))
            given = wide[f"{model}-{side}-{width}"] if side else middle
            table[name] = given.fillna(middle)  # too short for an interval
        tables.append(tidy(table))
    for model in (name for name in models if name in _WITHOUT_INTERVALS):
        table = wide[["unique_id", "ds"]].assign(cutoff=cutoff, model=model, mean=wide[model])

        def earlier(past: pd.DataFrame, model: str = model) -> pd.DataFrame:
            if past.empty:  # the whole history is shorter than a horizon
                return past[["unique_id", "ds"]].assign(mean=0.0)
            table = _by_length(past[["unique_id", "ds", "y"]], horizon, freq, inner, 1, [model])
            return table.rename(columns={model: "mean"})

        tables.append(pooled_quantiles(table, known, cutoff, horizon, freq, earlier, levels))
    return pd.concat(tables, ignore_index=True)


def pooled_quantiles(
    table: pd.DataFrame,
    history: pd.DataFrame,
    cutoff: pd.Timestamp,
    horizon: int,
    freq: str,
    forecast: Callable[[pd.DataFrame], pd.DataFrame],
    levels: Sequence[float] = QUANTILES,
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
    least = (
        0.02 * float(np.nan_to_num(past["mean"].mean())) or 1e-9
    )  # so that the root of an empty forecast is finite, in any unit of sales
    unit = (past["y"] - past["mean"]) / np.sqrt(past["mean"] + least)
    key = past["unique_id"].map(volume)
    spread = {name: group.quantile(list(levels)).to_numpy() for name, group in unit.groupby(key)}
    which = table["unique_id"].map(volume).fillna(1).to_numpy(int)
    middle = next(iter(spread.values()), norm.ppf(levels))  # no error is known yet: those of Poisson counts
    width = np.sqrt(table["mean"].clip(lower=0.0) + least).to_numpy()[:, None]
    quantiles = table["mean"].to_numpy()[:, None] + np.stack([spread.get(k, middle) for k in which]) * width
    return tidy(table.assign(**{name: quantiles[:, k] for k, name in enumerate(quantile_columns(levels))}))
