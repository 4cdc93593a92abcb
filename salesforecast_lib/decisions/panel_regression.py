"""Regressions on panels: levels of products and periods taken out, and intervals for errors that hang together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


def within(
    values: np.ndarray,
    *groups: np.ndarray,
    weights: np.ndarray | None = None,
    rounds: int = 200,
    tolerance: float = 1e-10,
) -> np.ndarray:
    """Residuals after a (weighted) mean for each value of every grouping, (rows, columns), by alternating projections.

    Parameters
    ----------
    weights : positive, (rows,); None weighs all rows alike.
    """
    left = np.array(values, dtype="float64")
    heavy = np.ones(len(left)) if weights is None else weights
    sizes = [np.bincount(codes, heavy) for codes in groups]
    for _ in range(rounds):
        before = left.copy()
        for codes, size in zip(groups, sizes, strict=True):
            sums = np.stack([np.bincount(codes, column * heavy, len(size)) for column in left.T], axis=1)
            left -= (sums / np.maximum(size, 1e-300)[:, None])[codes]
        if len(groups) == 1 or np.abs(left - before).max() < tolerance:
            break
    return left


def clustered(x: np.ndarray, residual: np.ndarray, *clusters: np.ndarray) -> np.ndarray:
    """Covariance of least squares with errors correlated within each clustering (one or two of them).

    Two clusterings: V_1 + V_2 - V_12 (Cameron, Gelbach and Miller, 2011), its negative eigenvalues set to zero.
    """
    bread = np.linalg.pinv(x.T @ x)
    score = x * residual[:, None]

    def meat(codes: np.ndarray) -> np.ndarray:
        number = int(codes.max()) + 1
        sums = np.stack([np.bincount(codes, column, number) for column in score.T], axis=1)
        return sums.T @ sums * number / max(number - 1, 1)

    total = meat(clusters[0])
    if len(clusters) == 2:
        both = pd.factorize(clusters[0].astype("int64") * (int(clusters[1].max()) + 1) + clusters[1])[0]
        total = total + meat(clusters[1]) - meat(both)
    variance = bread @ total @ bread
    values, vectors = np.linalg.eigh((variance + variance.T) / 2)
    return (vectors * np.clip(values, 0, None)) @ vectors.T


@dataclass(frozen=True)
class PoissonFit:
    """``slope`` (columns,) with its ``covariance``, ``offset`` (rows,): the logarithm of the expected count without the
    columns' part, and ``moved`` (columns,): weighted spread of each column that the levels leave.
    """

    slope: np.ndarray
    covariance: np.ndarray
    offset: np.ndarray
    moved: np.ndarray


def poisson_within(
    y: np.ndarray,
    x: np.ndarray,
    groups: Sequence[np.ndarray],
    clusters: Sequence[np.ndarray],
    offset: np.ndarray | None = None,
    rounds: int = 50,
) -> PoissonFit:
    """Poisson regression with a level for each value of every grouping (Correia, Guimaraes and Zylkin, 2020).

    Counts of zero need no logarithm, and any non-negative sales will do: the slope is consistent whatever their spread
    (Santos Silva and Tenreyro, 2006). Columns that the levels explain get a slope of zero.

    Parameters
    ----------
    y : (rows,), not negative; every group has a positive sum. ``x`` : (rows, columns). ``groups`` : codes from 0 on.
    clusters : clusterings, codes (rows,) within which errors may hang together. The variance is the largest one of
        theirs and of errors that do not, with the spread that the counts show: of few clusters alone it is too small.
    offset : known part of the log expectation, (rows,).
    """
    known = np.zeros(len(y)) if offset is None else offset
    size = np.bincount(groups[0])
    mu = (y + (np.bincount(groups[0], y) / size)[groups[0]]) / 2
    eta, slope, columns = np.log(mu), np.zeros(x.shape[1]), x
    for _ in range(rounds):
        z = eta - known + (y - mu) / mu
        inner = within(np.column_stack([z, x]), *groups, weights=mu, tolerance=1e-8)
        columns = inner[:, 1:]
        columns = columns * (np.sqrt(np.average(columns**2, axis=0, weights=mu)) > 1e-6)
        root = np.sqrt(mu)[:, None]
        new = np.linalg.lstsq(columns * root, inner[:, 0] * root[:, 0], rcond=1e-10)[0]
        eta = z - (inner[:, 0] - columns @ new) + known
        eta = np.clip(eta, eta.max() - 30, None)
        mu = np.exp(eta)
        done = np.abs(new - slope).max(initial=0.0) < 1e-7
        slope = new
        if done:
            break
    bread = np.linalg.pinv(columns.T @ (columns * mu[:, None]), rcond=1e-10)
    free = max(len(y) - sum(len(np.unique(codes)) for codes in groups) - x.shape[1], 1)
    dispersion = ((y - mu) ** 2 / mu).sum() / free
    score = columns * (y - mu)[:, None]
    variances, robust = [dispersion * np.diag(bread)], bread
    for codes in clusters:
        number = int(codes.max()) + 1
        sums = np.stack([np.bincount(codes, column, number) for column in score.T], axis=1)
        robust = bread @ (sums.T @ sums) @ bread * number / max(number - 1, 1)
        variances.append(np.diag(robust))
    own = np.diag(robust)
    most = np.maximum(np.max(variances, axis=0), 0.0)  # of a column without a slope rounding may leave less than zero
    larger = np.sqrt(most / np.maximum(own, 1e-300))
    covariance = np.where(own > 0, robust * np.outer(larger, larger), 0.0)
    moved = np.sqrt(np.average(columns**2, axis=0, weights=mu))
    return PoissonFit(slope, covariance, eta - x @ slope, moved)


def between_variance(estimate: np.ndarray, variance: np.ndarray) -> float:
    """Variance of the true values, from estimates with known error variances (DerSimonian and Laird 1986)."""
    if len(estimate) < 2:
        return 0.0
    weight = 1 / variance
    mean = np.average(estimate, weights=weight)
    q = float((weight * (estimate - mean) ** 2).sum())
    return max(0.0, (q - len(estimate) + 1) / float(weight.sum() - (weight**2).sum() / weight.sum()))
