"""Counting in each series and period: distinct orders and customers, the most frequent text (chapter 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd


def distinct_counts(cell: np.ndarray, identity: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Distinct identities in each cell, and those that appear in their series for the first time.

    Sorts (series, identity, period) once, which beats hashing; missing identities are not counted.

    Parameters
    ----------
    cell : (lines,), ``series * periods + period``. ``identity`` : (lines,). ``shape`` : (series, periods).
    """
    series, periods = shape
    codes, uniques = pd.factorize(identity)
    known = codes >= 0
    key = (cell[known] // periods * max(len(uniques), 1) + codes[known]) * np.int64(periods) + cell[known] % periods
    key.sort()
    if len(key):
        key = key[np.concatenate([[True], key[1:] != key[:-1]])]
    who = key // periods
    place = who // max(len(uniques), 1) * periods + key % periods
    first = np.concatenate([[True], who[1:] != who[:-1]]) if len(key) else np.zeros(0, dtype=bool)
    distinct = np.bincount(place, minlength=series * periods).reshape(shape).astype("float64")
    return distinct, np.bincount(place[first], minlength=series * periods).reshape(shape).astype("float64")


def most_frequent(group: np.ndarray, values: pd.Series, groups: int) -> np.ndarray:
    """Most frequent known value (text) of each group, the first in sorting order where several are; else "unknown"."""
    codes, names = pd.factorize(values, sort=True)
    known = codes >= 0
    counts = pd.Series(group[known] * np.int64(max(len(names), 1)) + codes[known]).value_counts()
    key = counts.index.to_numpy()
    order = np.lexsort((-key, counts.to_numpy()))  # the last assignment to a group wins
    result = np.full(groups, "unknown", dtype=object)
    if len(key):
        result[key[order] // len(names)] = np.asarray(names.astype(str), dtype=object)[key[order] % len(names)]
    return result
