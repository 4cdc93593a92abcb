"""What each column adds to the forecast of a tree, exactly (chapters 15 and 16)."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np

_ROWS = 8_192  # explained at a time: (rows, columns + 1) doubles come back


def tree_contributions(
    booster: lgb.Booster, inputs: np.ndarray, onto: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """Shapley values of a boosted tree: exact for it, by its own splits (Lundberg et al. 2020, *TreeSHAP*).

    Parameters
    ----------
    inputs : (rows, columns) as the booster was fitted.
    onto : (columns, groups) zeros and ones; the values are added up by group. None keeps the columns.

    Returns
    -------
    The forecast of no row in particular, and (rows, groups) or (rows, columns) what is added to it: in the booster's
    units, and both together are the booster's forecast.
    """
    parts, base = [], 0.0
    for first in range(0, max(len(inputs), 1), _ROWS):
        block = inputs[first : first + _ROWS]
        if not len(block):
            return 0.0, np.zeros((0, inputs.shape[1] if onto is None else onto.shape[1]))
        values = np.asarray(booster.predict(block, pred_contrib=True))
        base = float(values[0, -1])  # the same in every row
        parts.append(values[:, :-1] if onto is None else values[:, :-1] @ onto)
    return base, np.concatenate(parts)


def groups_of(labels: list[str]) -> tuple[list[str], np.ndarray]:
    """Names of the groups in order of appearance, and (columns, groups) zeros and ones, from each column's label."""
    names = list(dict.fromkeys(labels))
    onto = np.zeros((len(labels), len(names)))
    onto[np.arange(len(labels)), [names.index(label) for label in labels]] = 1.0
    return names, onto
