"""From quantile forecasts to order quantities, warnings and excess stock (chapter 08)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.data.reading import ReadOptions, read_stock_file
from salesforecast_lib.decisions.inventory.simulator import Policy


def _check_cost(**costs: float) -> None:
    for name, value in costs.items():
        if not np.isfinite(value) or value <= 0:
            raise ValueError(f"{name}={value!r}: expected a finite number above zero")


def critical_ratio(underage: float, overage: float) -> float:
    """Service level that minimises expected cost: underage / (underage + overage) (Arrow et al., 1951)."""
    _check_cost(underage=underage, overage=overage)
    return underage / (underage + overage)


def newsvendor_normal(mean: float, sd: float, underage: float, overage: float) -> tuple[float, float]:
    """Optimal order (units) and its expected cost (money) for normal demand (Nahmias, 1979)."""
    _check_cost(sd=sd)
    z = stats.norm.ppf(critical_ratio(underage, overage))
    return float(mean + z * sd), float((underage + overage) * sd * stats.norm.pdf(z))


def expected_cost(order: float, demand: np.ndarray, probability: np.ndarray, underage: float, overage: float) -> float:
    """Expected newsvendor cost of ``order`` for demand values with the given probabilities (sum 1)."""
    _check_cost(underage=underage, overage=overage)
    demand, probability = np.asarray(demand, float), np.asarray(probability, float)
    if not np.isclose(probability.sum(), 1.0) or (probability < 0).any():
        raise ValueError(f"probability: expected non-negative numbers that sum to 1, got {probability.sum():.4f}")
    cost = underage * np.maximum(demand - order, 0) + overage * np.maximum(order - demand, 0)
    return float(cost @ probability)


def newsvendor_quantiles(quantiles: np.ndarray, underage: float, overage: float) -> np.ndarray:
    """Order at the critical ratio, interpolated between forecast quantiles.

    ``quantiles`` is (..., 7) in the order of ``QUANTILES``; outside 0.05..0.95 the outer quantile is returned, because
    the forecast says nothing beyond it.
    """
    ratio = float(np.clip(critical_ratio(underage, overage), QUANTILES[0], QUANTILES[-1]))
    values = np.asarray(quantiles, float)
    if values.shape[-1] != len(QUANTILES):
        raise ValueError(f"quantiles: expected {len(QUANTILES)} in the last axis, got {values.shape}")
    right = int(np.clip(np.searchsorted(QUANTILES, ratio), 1, len(QUANTILES) - 1))
    weight = (ratio - QUANTILES[right - 1]) / (QUANTILES[right] - QUANTILES[right - 1])
    return (1 - weight) * values[..., right - 1] + weight * values[..., right]


def reorder_point(mean: float, sd: float, lead_time: int, service_level: float) -> float:
    """Mean demand of the lead time + safety stock z·sd·sqrt(lead time), independent periods (Silver et al., 2017)."""
    if lead_time < 0:
        raise ValueError(f"lead_time={lead_time}: expected zero or more")
    return float(mean * lead_time + stats.norm.ppf(_level(service_level)) * sd * np.sqrt(lead_time))


def _level(service_level: float) -> float:
    if not 0 < service_level < 1:
        raise ValueError(f"service_level={service_level!r}: expected a share between 0 and 1, such as 0.95")
    return service_level


def daily_sd(quantiles: np.ndarray) -> np.ndarray:
    """Standard deviation of each period from the spread q0.9 - q0.1, scaled as for a normal; (..., 7) -> (...)."""
    values = np.asarray(quantiles, float)
    low, high = QUANTILES.index(0.1), QUANTILES.index(0.9)
    return np.maximum((values[..., high] - values[..., low]) / (2 * stats.norm.ppf(0.9)), 1e-6)


def interval_correlation(errors: np.ndarray, sd: np.ndarray, length: int) -> float:
    """Common correlation of the errors within an interval of ``length`` periods, in 0..0.95.

    ``errors`` and ``sd`` are (series, horizon) of an *earlier* cutoff. With equal correlation r the variance of a sum
    of n standardised errors is n + n(n-1)r; r is solved from the mean square of such sums relative to that of single
    errors. The mean is not removed: a forecast that is wrong for the whole month is wrong in each of its days.
    """
    z = np.asarray(errors, float) / sd
    n = min(length, z.shape[1])
    if n < 2:
        return 0.0
    z = np.clip(z, -6, 6)  # one freak day must not set the stock of every product
    sums = z[:, : z.shape[1] // n * n].reshape(len(z), -1, n).sum(axis=2)
    if not np.nansum(z**2) > 0:
        return 0.0  # no error, or none that is known: nothing hangs together
    ratio = float(np.nanmean(sums**2) / np.nanmean(z**2)) / n
    return float(np.clip((ratio - 1) / (n - 1), 0.0, 0.95))


def interval_moments(mean: np.ndarray, sd: np.ndarray, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the sum over the last axis.

    Quantiles do not add up: the sum of daily q0.95 would be right only if every day's error were the same (r = 1).
    Means add; variances add with the covariances: (1-r) Σ sd² + r (Σ sd)².
    """
    mean, sd = np.asarray(mean, float), np.asarray(sd, float)
    variance = (1 - correlation) * (sd**2).sum(axis=-1) + correlation * sd.sum(axis=-1) ** 2
    return mean.sum(axis=-1), np.sqrt(variance)


def _gamma(mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, sd = np.maximum(mean, 1e-6), np.maximum(sd, 1e-6)
    return (mean / sd) ** 2, sd**2 / mean


def order_up_to_level(mean: np.ndarray, sd: np.ndarray, service_level: float) -> np.ndarray:
    """Quantile of the interval's demand: a gamma with this mean and sd, so never negative and skewed like sales.

    Zero where the mean is: who expects nothing needs nothing.
    """
    shape, scale = _gamma(np.asarray(mean, float), np.asarray(sd, float))
    level = stats.gamma.ppf(_level(service_level), shape, scale=scale)
    return np.where(np.asarray(mean, float) > 0, np.where(np.isfinite(level), level, mean), 0.0)


def stockout_risk(stock: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Probability that the interval's demand exceeds ``stock``; zero where none is expected, unknown (not a number)
    where the stock is."""
    shape, scale = _gamma(np.asarray(mean, float), np.asarray(sd, float))
    risk = np.asarray(stats.gamma.sf(np.maximum(stock, 0.0), shape, scale=scale))
    return np.where((np.asarray(mean, float) > 0) | np.isnan(risk), risk, 0.0)


def order_up_to(levels: np.ndarray, reorder_points: np.ndarray | None = None) -> Policy:
    """Policy: fill the position up to ``levels[:, t]``, if it is at or below ``reorder_points[:, t]`` (when given)."""

    def policy(t: int, position: np.ndarray, on_hand: np.ndarray) -> np.ndarray:
        wanted = np.ceil(np.maximum(levels[:, t] - position, 0.0) - 1e-9)
        return wanted if reorder_points is None else np.where(position <= reorder_points[:, t], wanted, 0.0)

    return policy


def article_rule(forecast: np.ndarray, repaired: bool) -> Policy:
    """The article's rule: it restocks when the forecast is *below* the stock K, which is when no goods are needed.

    ``forecast`` is (products, periods), demand until the order after this one arrives. Repaired: restock when it is
    above the stock position. The article names no quantity; both versions order the distance |forecast - K|.
    """

    def policy(t: int, position: np.ndarray, on_hand: np.ndarray) -> np.ndarray:
        if repaired:
            return np.ceil(np.maximum(forecast[:, t] - position, 0.0))
        return np.ceil(np.maximum(on_hand - forecast[:, t], 0.0))

    return policy


def perfect_foresight(demand: np.ndarray, protection: int) -> Policy:
    """Order-up-to with the true demand of the protection interval: what this policy would cost without any error.

    With order costs or a minimum order a cleverer plan could cost less; it bounds order-up-to policies only.
    """
    padded = np.pad(demand, ((0, 0), (0, protection)))
    return order_up_to(np.stack([padded[:, t : t + protection].sum(axis=1) for t in range(demand.shape[1])], axis=1))


def forecast_arrays(forecasts: pd.DataFrame, model: str) -> tuple[list[str], list[pd.Timestamp], dict[str, np.ndarray]]:
    """Arrays (cutoffs, products, horizon[, 7]) ``mean``, ``quantiles``, ``y`` of one model, ids and cutoffs."""
    part = forecasts[forecasts["model"] == model].sort_values(["cutoff", "unique_id", "ds"])
    if part.empty:
        raise ValueError(f"model={model!r}: not in the forecasts, which hold {sorted(forecasts['model'].unique())}")
    ids, cutoffs = sorted(part["unique_id"].unique()), sorted(part["cutoff"].unique())
    horizon = len(part) // (len(ids) * len(cutoffs))
    sizes = part.groupby(["cutoff", "unique_id"]).size()
    if len(sizes) != len(ids) * len(cutoffs) or (sizes != horizon).any():
        raise ValueError(f"forecasts of {model}: expected the same periods for every product and cutoff")
    shape = (len(cutoffs), len(ids), horizon)
    arrays = {name: part[name].to_numpy(float).reshape(shape) for name in ("mean", "y")}
    arrays["quantiles"] = part[list(QUANTILE_COLUMNS)].to_numpy(float).reshape(*shape, len(QUANTILES))
    return ids, cutoffs, arrays


def extend(values: np.ndarray, extra: int, season_length: int) -> np.ndarray:
    """Repeat the last season of a (products, horizon, ...) forecast for ``extra`` periods past its end."""
    season = min(season_length, values.shape[1])
    index = values.shape[1] - season + np.arange(extra) % season
    return np.concatenate([values, values[:, index]], axis=1)


def rolling_moments(
    arrays: dict[str, np.ndarray], protection: int, season_length: int, prior_correlation: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Interval mean and sd, each (products, cutoffs x horizon), from the newest cutoff before each period.

    The correlation of a cutoff is estimated on the cutoff before it; the first uses ``prior_correlation``. Where the
    interval passes the horizon, the forecast's last season is repeated.
    """
    if arrays["mean"].shape[2] < 1 or protection < 1:
        raise ValueError(f"protection={protection}: expected at least 1 period, as the horizon")
    means, sds, correlation = [], [], prior_correlation
    for mean, quantiles, y in zip(arrays["mean"], arrays["quantiles"], arrays["y"], strict=True):
        spread, horizon = daily_sd(quantiles), mean.shape[1]
        wide, wide_sd = (extend(v, protection, season_length) for v in (mean, spread))
        for t in range(horizon):
            m, s = interval_moments(wide[:, t : t + protection], wide_sd[:, t : t + protection], correlation)
            means.append(m)
            sds.append(s)
        correlation = interval_correlation(y - mean, spread, protection)
    return np.stack(means, axis=1), np.stack(sds, axis=1)


def read_stock(path: str | Path, options: ReadOptions | None = None) -> pd.Series:
    """Units on hand and on order by product, from a file with the columns ``unique_id`` and ``stock``.

    Raises
    ------
    ValueError, FileNotFoundError
        Naming the file, the row and what was expected.
    """
    table = read_stock_file(path, options).frame
    return pd.Series(table["stock"].to_numpy(), index=table["unique_id"])
