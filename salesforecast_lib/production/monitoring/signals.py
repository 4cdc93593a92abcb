"""Signals of a forecast that goes wrong, night by night, vectorised over paths of nights (chapter 15)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter

TRIGG_SMOOTHING = 0.1
HINKLEY_DELTA = 0.25  # standard deviations of a night that are forgiven
HINKLEY_LEAST = 14  # nights before it may alarm


def tracking_signal(errors: np.ndarray, smoothing: float = TRIGG_SMOOTHING) -> np.ndarray:
    """Trigg's tracking signal: the smoothed error over the smoothed absolute error, (..., nights), from -1 to 1.

    It starts as if there had been no error before, with one mean absolute error of the path's first nights as its
    scale, so that the first night is no alarm (Trigg 1964).
    """
    error = np.asarray(errors, dtype="float64")
    scale = np.abs(error[..., : max(1, int(1 / smoothing))]).mean(axis=-1, keepdims=True)
    weights, back = [smoothing], [1.0, -(1 - smoothing)]
    smooth = lfilter(weights, back, error, axis=-1)
    size = lfilter(weights, back, np.abs(error), axis=-1, zi=(1 - smoothing) * scale)[0]
    return np.divide(smooth, size, out=np.zeros_like(smooth), where=size > 0)


def trailing_mean(values: np.ndarray, nights: int) -> np.ndarray:
    """Mean over the last ``nights`` (fewer at the beginning), (..., nights)."""
    total = np.cumsum(np.asarray(values, dtype="float64"), axis=-1)
    before = np.zeros_like(total)
    before[..., nights:] = total[..., :-nights]
    return (total - before) / np.minimum(np.arange(1, total.shape[-1] + 1), nights)


def page_hinkley(values: np.ndarray, delta: float = HINKLEY_DELTA) -> np.ndarray:
    """Page-Hinkley statistic of a rise in the mean, (..., nights): the sum above the running mean, over its least.

    The same numbers as river's ``PageHinkley(mode="up", alpha=1)``, which alarms when they pass its threshold.
    """
    x = np.asarray(values, dtype="float64")
    mean = np.cumsum(x, axis=-1) / np.arange(1, x.shape[-1] + 1)
    total = np.cumsum(x - mean - delta, axis=-1)
    return total - np.minimum.accumulate(total, axis=-1)


def adwin_changes(values: Sequence[float], delta: float = 0.002) -> list[tuple[int, float]]:
    """Nights at which river's ADWIN cuts its window, and by how much the mean has risen there (Bifet & Gavalda 2007).

    ADWIN looks every night, from the tenth on.
    """
    from river.drift import ADWIN

    detector = ADWIN(delta=delta, clock=1, grace_period=10, min_window_length=5)
    found, before = [], 0.0
    for night, value in enumerate(values):
        detector.update(float(value))
        if detector.drift_detected:
            found.append((night, float(detector.estimation) - before))
        before = float(detector.estimation)
    return found


def coverage_limits(inside: np.ndarray, rows: np.ndarray, level: float, chance: float = 0.01) -> tuple[float, float]:
    """Lowest and highest share of sales inside an interval that chance explains, given how nights cluster.

    Rows of one night miss together, so they count for less than as many independent rows: by the design effect, the
    variance of the nights' shares over that of independent rows (Kish 1965).

    Parameters
    ----------
    inside, rows : rows inside the interval, and all rows, of each night (nights,).
    level : the share that should be inside.
    """
    from scipy import stats

    inside, rows = np.asarray(inside, dtype="float64"), np.asarray(rows, dtype="float64")
    share = inside / np.maximum(rows, 1)
    independent = level * (1 - level) / np.maximum(rows.mean(), 1e-12)
    effect = max(1.0, float(share.var(ddof=1)) / independent) if len(share) > 1 else 1.0
    count = max(1, int(rows.sum() / effect))
    low, high = stats.binom.ppf([chance / 2, 1 - chance / 2], count, level) / count
    return float(low), float(high)


def quarters(nights: np.ndarray, length: int, paths: int, block: int, seed: int = 0) -> np.ndarray:
    """Paths (paths, columns, length) put together from blocks of ``nights`` (nights, columns) that follow each other.

    Nights of a block stay together, so errors that stay alike for a week or two do so in the paths (Kunsch 1989).
    """
    count = len(nights)
    block = min(block, count)
    starts = np.random.default_rng(seed).integers(0, count - block + 1, (paths, -(-length // block)))
    places = (starts[..., None] + np.arange(block)).reshape(paths, -1)[:, :length]
    return np.moveaxis(np.asarray(nights, dtype="float64")[places], 2, 1)
