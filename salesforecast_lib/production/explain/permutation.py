"""What a model's error owes to each driver: its columns shuffled, the error measured again (chapter 16)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

Predict = Callable[[np.ndarray], np.ndarray]  # rows of inputs to units of sales


def wape_points(forecast: np.ndarray, actual: np.ndarray, weight: np.ndarray) -> float:
    """Absolute errors over sales, in percent, of the rows with a weight."""
    return float(100 * (np.abs(actual - forecast) * weight).sum() / max((actual * weight).sum(), 1e-12))


def permutation_importance(
    predict: Predict,
    inputs: np.ndarray,
    actual: np.ndarray,
    labels: Sequence[str],
    *,
    weight: np.ndarray | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """How many points of WAPE the error grows by when a driver's columns are shuffled over the rows.

    All columns of a driver are shuffled alike, so that they still fit each other; what two drivers share is missed by
    neither alone (Fisher, Rudin & Dominici 2019).

    Parameters
    ----------
    inputs : (rows, columns). ``actual`` : (rows,) sales. ``labels`` : driver of each column.
    weight : (rows,) 0 where sales say nothing; None counts all.

    Returns
    -------
    Index ``driver``, largest first: ``points`` mean and ``spread`` standard deviation over the repeats.

    Raises
    ------
    ValueError
        When there are no rows, or fewer than two repeats, of which a spread could be told.
    """
    if not len(inputs) or repeats < 2:
        raise ValueError(f"{len(inputs)} rows and repeats={repeats}: expected some rows, and at least 2 repeats")
    counted = np.ones(len(actual)) if weight is None else weight
    rng, before = np.random.default_rng(seed), wape_points(predict(inputs), actual, counted)
    rows, names = {}, np.array(labels)
    for driver in dict.fromkeys(labels):
        columns, grown = np.flatnonzero(names == driver), []
        for _ in range(repeats):
            shuffled = inputs.copy()
            shuffled[:, columns] = inputs[rng.permutation(len(inputs))][:, columns]
            grown.append(wape_points(predict(shuffled), actual, counted) - before)
        rows[driver] = {"points": float(np.mean(grown)), "spread": float(np.std(grown, ddof=1))}
    table = pd.DataFrame(rows).T.rename_axis("driver")
    return table.sort_values("points", ascending=False, kind="stable")
