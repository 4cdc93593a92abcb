"""Sample paths of demand: what may happen in the coming periods, drawn so that neighbouring periods hang together."""

from __future__ import annotations

import numpy as np
from scipy import stats

from salesforecast_lib import QUANTILES


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value!r}: expected a share from 0 to 1")
    return value


def copula_paths(
    quantiles: np.ndarray, correlation: float, samples: int = 200, seed: int = 0, whole: bool = False
) -> np.ndarray:
    """Paths whose periods have the forecast's quantiles and whose errors share one correlation (Gaussian copula).

    Parameters
    ----------
    quantiles : (products, periods, 7), units, in the order of ``QUANTILES``.
    correlation : of the normal scores of any two periods of one product, 0..1; see `interval_correlation`.
    whole : round to whole units, up or down at random so that the mean stays.

    Returns
    -------
    (samples, products, periods), units, never negative. Outside 0.05..0.95 the outer quantile is extended by half the
    distance to its neighbour at the most, as the forecast says nothing there.
    """
    values = np.asarray(quantiles, float)
    if values.ndim != 3 or values.shape[2] != len(QUANTILES):
        raise ValueError(f"quantiles: expected (products, periods, {len(QUANTILES)}), got {values.shape}")
    _share("correlation", correlation)
    rng = np.random.default_rng(seed)
    products, periods = values.shape[:2]
    common = rng.standard_normal((samples, products, 1))
    own = rng.standard_normal((samples, products, periods))
    chance = stats.norm.cdf(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)  # (samples, P, periods)
    low = np.maximum(values[..., :1] - 0.5 * (values[..., 1:2] - values[..., :1]), 0.0)
    high = values[..., -1:] + 0.5 * (values[..., -1:] - values[..., -2:-1])
    knots = np.concatenate([[0.0], QUANTILES, [1.0]])
    heights = np.concatenate([low, values, high], axis=2)
    right = np.clip(np.searchsorted(knots, chance), 1, len(knots) - 1)
    row, column = np.arange(products)[:, None], np.arange(periods)
    weight = (chance - knots[right - 1]) / (knots[right] - knots[right - 1])
    paths = (1 - weight) * heights[row, column, right - 1] + weight * heights[row, column, right]
    paths = np.maximum(paths, 0.0)
    return np.floor(paths + rng.random(paths.shape)) if whole else paths


def negative_binomial_paths(
    mean: np.ndarray, dispersion: np.ndarray, common: float = 0.1, samples: int = 300, seed: int = 0
) -> np.ndarray:
    """Whole-unit paths: Poisson demand whose rate is uncertain for the whole path and in each period.

    Parameters
    ----------
    mean : (products, periods), units.
    dispersion : (products,), d in ``variance = mean + d mean^2`` of a period.
    common : share of ``d`` that is one draw for the whole path (the forecast is wrong for all of it).

    Returns
    -------
    (samples, products, periods). Both factors are gamma with mean 1 and variances ``d common`` and
    ``d (1 - common) / (1 + d common)``: their product has variance ``d``.
    """
    mean, d = np.asarray(mean, float), np.asarray(dispersion, float)
    if mean.ndim != 2 or d.shape != mean.shape[:1] or not (mean >= 0).all() or not (d >= 0).all():
        raise ValueError(
            f"expected mean (products, periods) and dispersion (products,) >= 0, got {mean.shape} {d.shape}"
        )
    path = np.maximum(d * _share("common", common), 1e-6)[:, None]
    each = np.maximum((d - d * common) / (1 + d * common), 1e-6)[:, None]
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1 / path, path, size=(samples, len(mean), 1)) * rng.gamma(
        1 / each, each, size=(samples, *mean.shape)
    )
    return rng.poisson(mean * rate).astype(float)


def shrunken_dispersion(
    demand: np.ndarray, forecast: np.ndarray, known: np.ndarray, strength: float = 20.0
) -> np.ndarray:
    """Dispersion d of each product, ``variance = mean + d mean^2``, by moments from past forecast errors.

    Parameters
    ----------
    demand, forecast, known : (products, periods); ``known`` is False where the shelf was empty.
    strength : weight, in period-units of demand, of what products of this size usually have (a curve over log size).

    Returns
    -------
    (products,), between 0.01 and 3. One freak period counts as three standard deviations at the most; a unit of a
    slow product weighs as much as one of a fast one up to 4 units a period.
    """
    mean = np.maximum(np.asarray(forecast, float), 0.05)
    squared = np.minimum((np.where(known, demand, mean) - mean) ** 2, 9 * (mean + 0.35 * mean**2))
    weight = np.where(known, np.minimum(mean, 4.0), 0.0)
    top, bottom = (weight * (squared - mean) / mean**2).sum(1), weight.sum(1)
    size = np.log((weight * mean).sum(1) / np.maximum(bottom, 1e-9) + 0.1)
    design = np.stack([np.ones_like(size), size, size**2], axis=1) * np.sqrt(bottom)[:, None]
    curve = np.linalg.lstsq(design, top / np.sqrt(np.maximum(bottom, 1e-9)), rcond=None)[0]
    usual = np.clip(curve[0] + curve[1] * size + curve[2] * size**2, 0.03, 2.0)
    return np.clip((top + strength * usual) / (bottom + strength), 0.01, 3.0)
