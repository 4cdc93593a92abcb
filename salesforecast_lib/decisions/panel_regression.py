"""Least squares on panels: levels of products and periods taken out, and intervals for errors that hang together."""

from __future__ import annotations

import numpy as np
import pandas as pd


def within(values: np.ndarray, *groups: np.ndarray, rounds: int = 200, tolerance: float = 1e-10) -> np.ndarray:
    """Residuals after a mean for each value of every grouping, (rows, columns), by alternating projections."""
    left = np.array(values, dtype="float64")
    sizes = [np.bincount(codes) for codes in groups]
    for _ in range(rounds):
        before = left.copy()
        for codes, size in zip(groups, sizes, strict=True):
            sums = np.stack([np.bincount(codes, column, len(size)) for column in left.T], axis=1)
            left -= (sums / np.maximum(size, 1)[:, None])[codes]
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
