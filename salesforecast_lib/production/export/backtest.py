"""A live model asked at earlier cutoffs, as a server would be: from raw windows (chapter 14)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib import quantile_columns
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.production.live import LiveModel, Windows


def windows_at(
    model: LiveModel, frame: pd.DataFrame, known: pd.DataFrame, cutoff: pd.Timestamp, periods: int | None = None
) -> tuple[np.ndarray, Windows]:
    """Names (n,) of the series that live at ``cutoff``, and their windows of ``periods`` (default: the window).

    Parameters
    ----------
    frame : ``unique_id, ds, y, available``, the future columns and the categories; later rows are not looked at.
    known : ``unique_id, ds`` and the future columns of the horizon after the cutoff; a column that is missing there, or
        a value, is what is usual.
    """
    frequency, periods = check_freq(model.freq), periods or model.window
    names = np.sort(frame.loc[frame["ds"] == cutoff, "unique_id"].unique())
    days = pd.date_range(end=cutoff, periods=periods, freq=frequency.alias)
    rows, place = _placed(frame, names, days)
    y, available = np.full((2, len(names), periods), np.nan)
    y[place], available[place] = rows["y"].fillna(0.0), rows["available"].fillna(1.0)
    past = np.zeros((len(names), periods, len(model.future)))
    past[place] = rows[list(model.future)].to_numpy("float64")
    ending = frame[frame["ds"] == cutoff].drop_duplicates("unique_id").set_index("unique_id")
    static = ending.loc[names, list(model.static)].astype(str).to_numpy(dtype=object)
    rows, place = _placed(known, names, frequency.after(cutoff, model.horizon))
    told = {}
    for name in (each for each in model.told if each in known):
        told[name] = np.full((len(names), model.horizon), np.nan)
        told[name][place] = rows[name].to_numpy("float64")
    ahead = model.ahead(cutoff, len(names), told, [str(name) for name in names], static)
    return names, Windows(np.array(cutoff, dtype="datetime64[D]"), y, available, past, ahead, static)


def forecasts_at(
    model: LiveModel,
    frame: pd.DataFrame,
    known: pd.DataFrame,
    cutoffs: Sequence[pd.Timestamp],
    name: str = "Live",
    periods: int | None = None,
) -> pd.DataFrame:
    """The forecast table of several cutoffs; arguments as in `windows_at`."""
    parts = []
    for cutoff in cutoffs:
        names, windows = windows_at(model, frame, known, cutoff, periods)
        parts.append(table_of(model, names, cutoff, *model.forecast(windows)).assign(model=name))
    return pd.concat(parts, ignore_index=True)


def table_of(
    model: LiveModel, names: np.ndarray, cutoff: pd.Timestamp, mean: np.ndarray, quantiles: np.ndarray
) -> pd.DataFrame:
    """The forecast table from mean (n, horizon) and quantiles (n, horizon, levels)."""
    days = check_freq(model.freq).after(cutoff, model.horizon)
    columns = {"unique_id": np.repeat(names, len(days)), "ds": np.tile(days, len(names))}
    table = pd.DataFrame(columns).assign(cutoff=cutoff, model="Live", mean=mean.ravel())
    flat = quantiles.reshape(-1, len(model.levels))
    return table.assign(**{name: flat[:, k] for k, name in enumerate(quantile_columns(model.levels))})


def wape_of(table: pd.DataFrame, frame: pd.DataFrame) -> float:
    """Sum of absolute errors over the sum of sales, in available periods."""
    seen = frame.loc[frame["available"] > 0, ["unique_id", "ds", "y"]]
    rows = table.merge(seen, on=["unique_id", "ds"])
    return float((rows["mean"] - rows["y"]).abs().sum() / max(rows["y"].abs().sum(), 1e-9))


def _placed(
    frame: pd.DataFrame, names: np.ndarray, days: pd.DatetimeIndex
) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray]]:
    """Rows of these series and days, and where they stand in (series, days)."""
    rows = frame[frame["ds"].isin(days)]
    series, day = pd.Index(names).get_indexer(rows["unique_id"]), days.get_indexer(rows["ds"])
    return rows[series >= 0], (series[series >= 0], day[series >= 0])
