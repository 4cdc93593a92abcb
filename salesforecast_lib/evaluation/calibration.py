"""Are quantiles honest, and is anything left in the residuals? Tables for the figures of chapter 07."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.data.frequency import check_freq


def _quantiles(rows: pd.DataFrame, whole_units: bool | None) -> np.ndarray:
    """Quantiles (rows, levels), rounded when sales are whole units: 0.2 of a unit cannot be sold, it forecasts 0."""
    values = rows[list(QUANTILE_COLUMNS)].to_numpy("float64")
    if whole_units is None:
        whole_units = bool((rows["y"] % 1 == 0).all())
    return np.round(values) if whole_units else values


def pit_intervals(y: np.ndarray, quantiles: np.ndarray, levels: Sequence[float] = QUANTILES) -> np.ndarray:
    """Interval of probability levels that holds each observation's PIT, (rows, 2).

    With few quantiles the probability integral transform of ``y`` is known only to lie between the last level whose
    quantile is below ``y`` (0 where there is none) and the first whose quantile is above (1 where there is none). An
    observation that equals quantiles, as most zeros do, spans the levels on both sides of them.
    """
    edges = np.concatenate([[0.0], np.asarray(levels, dtype="float64"), [1.0]])
    below = (quantiles < y[:, None]).sum(1)
    above = (quantiles > y[:, None]).sum(1)
    return np.column_stack([edges[below], edges[len(edges) - 1 - above]])


def reliability(rows: pd.DataFrame, whole_units: bool | None = None, by: Sequence[str] = ()) -> pd.DataFrame:
    """Observed share of sales up to each quantile: ``model, level, observed, below, at_most, rows``.

    Of a calibrated forecast of counts, the share strictly ``below`` its quantile is at most the level and the share
    ``at_most`` the quantile is at least the level: between the two nothing can be told. ``observed`` splits the ties
    evenly over the levels that they span (the non-randomised PIT of Czado, Gneiting & Held 2009) and should equal the
    level.

    Parameters
    ----------
    rows : scored rows of one or more models, from `metrics.scored_rows`.
    whole_units : round quantiles to whole units first; by default when all sales are whole.
    by : more columns to group by.
    """
    keys = ["model", *by]
    y, quantiles = rows["y"].to_numpy("float64"), _quantiles(rows, whole_units)
    pit = pit_intervals(y, quantiles)
    width = pit[:, 1] - pit[:, 0]
    parts = []
    for k, level in enumerate(QUANTILES):
        work = rows[keys].assign(
            level=level,
            observed=np.clip((level - pit[:, 0]) / width, 0, 1),
            below=(y < quantiles[:, k]).astype(float),
            at_most=(y <= quantiles[:, k]).astype(float),
        )
        groups = work.groupby([*keys, "level"], observed=True)
        parts.append(groups[["observed", "below", "at_most"]].mean().assign(rows=groups.size()))
    return pd.concat(parts).reset_index().sort_values([*keys, "level"], ignore_index=True)


def pit_histogram(rows: pd.DataFrame, whole_units: bool | None = None) -> pd.DataFrame:
    """Histogram of the PIT between the quantile levels: ``model, low, high, share, density``.

    ``density`` is the share over the width of the bin and is 1 everywhere for a calibrated forecast. A U shape says
    that intervals are too narrow, a hump that they are too wide, a slope that forecasts are biased (Gneiting,
    Balabdaoui & Raftery 2007).
    """
    edges = np.array([0.0, *QUANTILES, 1.0])
    table = reliability(rows, whole_units).pivot(index="model", columns="level", values="observed")
    cumulative = np.column_stack([np.zeros(len(table)), table.to_numpy(), np.ones(len(table))])
    share = np.diff(cumulative, axis=1)  # (models, bins)
    frame = pd.DataFrame({"model": np.repeat(table.index.to_numpy(), len(edges) - 1)})
    frame["low"], frame["high"] = np.tile(edges[:-1], len(table)), np.tile(edges[1:], len(table))
    frame["share"], frame["density"] = share.ravel(), (share / np.diff(edges)).ravel()
    return frame


def residuals(rows: pd.DataFrame, freq: str = "D") -> pd.DataFrame:
    """The rows' keys with ``residual`` (sales minus mean forecast, units), ``step`` and ``weekday`` (Monday is 0).

    ``freq`` is the panel's; ``step`` 1 is the first period after the cutoff.
    """
    table = rows[["unique_id", "ds", "cutoff", "model", "y", "mean"]].copy()
    table["residual"] = table["y"] - table["mean"]
    table["step"] = check_freq(freq).steps(table["ds"], table["cutoff"])
    table["weekday"] = table["ds"].dt.dayofweek
    return table


def mean_residuals(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Mean residual by ``step`` or ``weekday``: ``model, by, residual, share, rows``.

    ``share`` is the sum of residuals over the sum of sales: above zero, the forecast was too low. A good forecast
    leaves no pattern here; a weekday that stays above zero has not been learned.
    """
    groups = table.groupby(["model", by], observed=True)
    total = groups[["residual", "y"]].sum()
    result = pd.DataFrame(
        {"residual": groups["residual"].mean(), "share": total["residual"] / total["y"].where(total["y"] > 0)}
    )
    return result.assign(rows=groups.size()).reset_index()


def residual_autocorrelation(table: pd.DataFrame, lags: int = 14) -> pd.DataFrame:
    """Autocorrelation of residuals within a series and cutoff: ``model, lag, autocorrelation, pairs``.

    Each series is divided by its root mean square over all models and cutoffs, so that large series do not decide
    alone. The mean of a model is taken out once, not in each window of a horizon: taking it out there would push all
    correlations below zero. A level that is missed from one origin therefore shows as correlation at every lag, and a
    forgotten week as peaks at lags 7 and 14. Lags without a pair are missing.
    """
    if lags < 1:
        raise ValueError(f"lags={lags}: expected at least 1")
    rms = table["residual"].pow(2).groupby(table["unique_id"]).transform("mean").pow(0.5)
    unit = (table["residual"] / rms.where(rms > 0)).rename("unit")
    parts = []
    for model, part in table.assign(unit=unit).groupby("model"):
        wide = part.pivot(index=["unique_id", "cutoff"], columns="step", values="unit")
        values = wide.reindex(columns=range(1, int(part["step"].max()) + 1)).to_numpy()  # (windows, steps)
        values = values - np.nanmean(values)
        variance = np.nanmean(values**2)
        for lag in range(1, min(lags, values.shape[1] - 1) + 1):
            product = values[:, lag:] * values[:, :-lag]
            pairs = int(np.isfinite(product).sum())
            found = np.nansum(product) / pairs / variance if pairs and variance > 0 else np.nan
            parts.append({"model": model, "lag": lag, "autocorrelation": found, "pairs": pairs})
    return pd.DataFrame(parts, columns=["model", "lag", "autocorrelation", "pairs"])
