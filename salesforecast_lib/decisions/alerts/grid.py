"""The panel and its forecasts as arrays (series, periods), for detectors that look at all products (chapter 09)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.data.calendar import inner_season
from salesforecast_lib.data.frequency import by_inner

LEVELS = stats.norm.ppf(QUANTILES)


@dataclass(frozen=True, eq=False)  # known by identity, so that what is computed from it can be kept
class Grid:
    """Everything that is known by the end of each period; n series, T periods.

    Parameters
    ----------
    sales : (n, T) units, NaN before launch and after delisting.
    live : (n, T), the product could be bought: sales say something about demand.
    available : (n, T) share of the period in stock, NaN outside the panel.
    open : (T,), some product of the shop sold.
    price : (n, T) unit price, NaN where nothing was sold; None without a price column.
    discount : (n, T) share of the list price that was taken off, 0 where not known.
    mean, quantiles : (n, T), (n, T, 7) forecast of the newest cutoff before the period, NaN where there is none.
    cutoff : (T,) that cutoff, NaT where there is none.
    group : (n,) name of the product group, or None.
    season : periods of the cycle within a window, 7 days, 4 weeks or 3 months.
    """

    ids: np.ndarray
    dates: pd.DatetimeIndex
    sales: np.ndarray
    live: np.ndarray
    available: np.ndarray
    open: np.ndarray
    price: np.ndarray | None
    discount: np.ndarray
    mean: np.ndarray
    quantiles: np.ndarray
    cutoff: np.ndarray
    group: np.ndarray | None
    season: int
    country: str = ""

    @property
    def weeks(self) -> float:
        """Weeks in a period."""
        return by_inner(self.season).weeks

    @property
    def quiet(self) -> int:
        """Periods without an alarm that still belong to the same alert: two days, one week or one month."""
        return 2 if self.season == 7 else 1

    def horizons(self) -> list[np.ndarray]:
        """Columns of each cutoff's forecasts, oldest first."""
        return [np.flatnonzero(self.cutoff == cutoff) for cutoff in np.unique(self.cutoff[~np.isnat(self.cutoff)])]

    def split(self) -> tuple[int, np.ndarray, np.ndarray]:
        """First column with a forecast, columns to calibrate on, and the newest columns, in which to raise alerts.

        The newest are those of the last cutoff; with one cutoff only, the second half of its horizon. A single period
        with a forecast is both: what alarms there counts as false, so that no alert is raised.
        """
        parts = self.horizons()
        if len(parts) == 1:
            parts = np.array_split(parts[0], 2) if len(parts[0]) > 1 else 2 * parts
        return int(parts[0][0]), np.concatenate(parts[:-1]), parts[-1]


def build_grid(panel: pd.DataFrame, forecasts: pd.DataFrame, meta: dict[str, Any], model: str) -> Grid:
    """Arrange a run's panel and the forecasts of ``model``; of several cutoffs the newest before the period counts.

    Raises
    ------
    ValueError
        When the model is not in the forecasts, or none of its forecasts lies within the panel's periods.
    """
    part = forecasts[forecasts["model"] == model]
    if part.empty:
        raise ValueError(f"model={model!r}: not in the forecasts, which hold {sorted(forecasts['model'].unique())}")
    ids = np.sort(panel["unique_id"].unique())
    dates = pd.date_range(panel["ds"].min(), panel["ds"].max(), freq=meta["freq"])
    part = part[(part["ds"] > part["cutoff"]) & part["ds"].isin(dates) & part["unique_id"].isin(ids)]
    if part.empty:
        raise ValueError(f"forecasts of {model}: none lies within the panel, which ends {dates[-1].date()}")
    part = part.sort_values("cutoff", kind="stable").drop_duplicates(["unique_id", "ds"], keep="last")
    row, column = _places(panel, ids, dates)
    n, periods = len(ids), len(dates)

    def spread(values: pd.Series) -> np.ndarray:
        out = np.full((n, periods), np.nan)
        out[row, column] = values.to_numpy(float)
        return out

    sales, available = spread(panel["y"]), spread(panel["available"])
    has_open = panel["open"] if "open" in panel else pd.Series(1.0, index=panel.index)
    is_open = np.nan_to_num(np.nanmax(np.where(np.isnan(sales), -np.inf, spread(has_open)), axis=0), neginf=0.0) > 0
    price = np.where(sales > 0, spread(panel["price"]), np.nan) if "price" in panel else None
    if price is not None and not np.isfinite(price).any():
        price = None
    taken_off = spread(panel["discount"]) if "discount" in panel else np.zeros((n, periods))
    discount = np.clip(np.nan_to_num(taken_off), 0, 0.95)
    mean, quantiles = np.full((n, periods), np.nan), np.full((n, periods, len(QUANTILES)), np.nan)
    row, column = _places(part, ids, dates)
    mean[row, column] = part["mean"]
    quantiles[row, column] = part[list(QUANTILE_COLUMNS)]
    newest = part.groupby("ds")["cutoff"].max().reindex(dates)
    groups = None
    if meta["static"]:
        groups = panel.groupby("unique_id")[meta["static"][-1]].first().reindex(ids).astype(str).to_numpy()
    return Grid(
        ids,
        dates,
        sales,
        (available > 0) & is_open,
        available,
        is_open,
        price,
        discount,
        mean,
        quantiles,
        newest.to_numpy().astype("datetime64[ns]"),
        groups,
        inner_season(meta["freq"]),
        meta["country"],
    )


def _places(table: pd.DataFrame, ids: np.ndarray, dates: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.searchsorted(ids, table["unique_id"].to_numpy()), dates.get_indexer(table["ds"])
    if (column < 0).any():
        odd = table["ds"].to_numpy()[column < 0][0]
        raise ValueError(
            f"ds {pd.Timestamp(odd).date()}: not a period of the panel's calendar; expected {dates.freqstr}"
        )
    return row, column


def normal_scores(sales: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Where sales lie in their forecast distribution, as a standard normal score; (n, T), (n, T, 7) -> (n, T).

    Linear between the quantiles in the normal's own units. Beyond the outer ones the half of the distribution goes on
    with its own spread, never narrower than half that of a Poisson: an outer quantile of zero must not make one unit
    impossible. Sales equal to several quantiles take the middle of their levels.
    """
    step, gap = np.diff(LEVELS), np.diff(quantiles, axis=-1)
    beyond = sales[..., None] - quantiles[..., :-1]
    tied = np.where(beyond > 0, 1.0, np.where(beyond == 0, 0.5, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):  # quantiles that coincide: their tie is resolved above
        share = np.where(gap > 0, np.clip(beyond / gap, 0, 1), tied)
    score = LEVELS[0] + (share * step).sum(-1)
    floor = 0.5 * np.sqrt(quantiles[..., 3] + 0.5)
    up = np.maximum((quantiles[..., 6] - quantiles[..., 3]) / LEVELS[6], floor)
    down = np.maximum((quantiles[..., 3] - quantiles[..., 0]) / LEVELS[6], floor)
    score = score + np.maximum(sales - quantiles[..., 6], 0) / up
    return score - np.maximum(quantiles[..., 0] - sales, 0) / down


def log_chance(sales: np.ndarray, mean: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Log probability of exactly these sales: negative binomial with the forecast's mean and spread; (n, T)."""
    sd = (quantiles[..., 5] - quantiles[..., 1]) / (LEVELS[5] - LEVELS[1])
    mean = np.maximum(mean, 0.05)
    variance = np.maximum(sd**2, 1.05 * mean)
    size = mean**2 / (variance - mean)
    with np.errstate(invalid="ignore"):  # NaN sales stay NaN
        return stats.nbinom.logpmf(np.rint(sales), size, size / (size + mean))


def trailing_median(values: np.ndarray, window: int) -> np.ndarray:
    """Median of the ``window`` periods before each period, the period itself left out; (..., T), NaN are skipped."""
    padded = np.concatenate([np.full((*values.shape[:-1], window), np.nan), values], axis=-1)
    past = np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1)[..., :-1, :]  # (..., T, window)
    return known_median(past, axis=-1)


def known_median(values: np.ndarray, axis: int) -> np.ndarray:
    """Median of the finite values along an axis, NaN where there is none."""
    ordered = np.moveaxis(np.sort(values, axis=axis), axis, -1)  # NaN last
    known = np.isfinite(ordered).sum(-1)
    low = np.take_along_axis(ordered, np.maximum((known - 1) // 2, 0)[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(known // 2, ordered.shape[-1] - 1)[..., None], -1)[..., 0]
    return np.where(known > 0, (low + high) / 2, np.nan)
