"""Stored trees asked for many rows: all steps of an origin walk down a tree together (chapter 14).

The rows of direct regression come in groups, one row a horizon step, and most of their columns say the same in all rows
of a group: they describe the origin. At a node that asks for such a column the whole group goes the same way, so that
one look replaces one a row; only the others divide it, all rows at once under a mask. The numbers are those of
`lightgbm.Booster.predict` bit for bit: the same comparisons, and leaves added up in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import lightgbm as lgb
import numpy as np

WORTH = 50_000_000  # rows times trees that a process asks LightGBM itself, before machine code is worth its second
_PLAIN = ("regression", "regression_l1", "quantile", "huber", "fair", "mape")  # a forecast is the sum of the leaves
_CATEGORY, _LEFT = 1, 2  # bits of a decision type; the two above them say what counts as missing
_ZERO, _NAN = 1, 2
_LANES = 8  # rows of a group are filled up to a multiple of it: processors compare so many at once


@dataclass(frozen=True)
class Forest:
    """Trees of a booster, one after the other.

    ``root`` (trees,) first node, -1 where a tree is a leaf, ``first_leaf`` (trees,), ``leaf`` (leaves,) values. Of each
    node (nodes,): ``feature`` that it asks for; numbers up to ``limit`` go left, missing ones where ``blank`` is -1;
    ``category`` is -1, or the place in ``edges`` from which on bits of ``words`` tell the categories that go left;
    ``left, right`` the next node, or ``-1 - leaf``.
    """

    root: np.ndarray
    first_leaf: np.ndarray
    feature: np.ndarray
    limit: np.ndarray
    blank: np.ndarray
    category: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray
    edges: np.ndarray
    words: np.ndarray


def forest_of(text: str) -> Forest | None:
    """The trees of a model in LightGBM's text format; None where a forecast is more than the sum of leaves."""
    head, *parts = text.split("\nTree=")
    told = _lines(head)
    objective = told.get("objective", "").split(" ")
    if objective[0] not in _PLAIN or "sqrt" in objective or told.get("num_class") != "1" or "average_output" in told:
        return None
    trees = [_lines(part.split("\n\n")[0]) for part in parts]
    if not trees or any(tree.get("is_linear", "0") != "0" for tree in trees):
        return None
    # a tree of one leaf has no node
    nodes = [0 if tree["num_leaves"] == "1" else int(tree["num_leaves"]) - 1 for tree in trees]

    def numbers(name: str, kind: str, of_nodes: bool = True) -> list[np.ndarray]:
        found = [np.array(tree.get(name, "").split(), dtype=kind) for tree in trees]
        return [each[:count] for each, count in zip(found, nodes, strict=True)] if of_nodes else found

    def before(parts: list[np.ndarray]) -> np.ndarray:
        return np.r_[0, np.cumsum([len(each) for each in parts])[:-1]]

    def moved(parts: list[np.ndarray], by: np.ndarray) -> np.ndarray:
        return np.concatenate([np.where(each < 0, each, each + add) for each, add in zip(parts, by, strict=True)])

    feature, leaf = numbers("split_feature", "i4"), numbers("leaf_value", "f8", False)
    edges, words = numbers("cat_boundaries", "i8", False), numbers("cat_threshold", "u4", False)
    kind, threshold = np.concatenate(numbers("decision_type", "i1")), np.concatenate(numbers("threshold", "f8"))
    categorical, missing = (kind & _CATEGORY) > 0, (kind >> 2) & 3
    if (missing[~categorical] == _ZERO).any():
        return None
    place = np.where(categorical, threshold, 0).astype("i8") + np.repeat(before(edges), nodes)
    first = before(feature)
    return Forest(
        np.where(np.array(nodes) > 0, first, -1).astype("i4"),
        before(leaf).astype("i4"),
        np.concatenate(feature),
        _not_above(threshold),
        np.where(missing == _NAN, (kind & _LEFT) != 0, threshold >= 0).astype("i4") * np.int32(-1),  # else NaN is 0
        np.where(categorical, place, -1).astype("i4"),
        moved(numbers("left_child", "i4"), first).astype("i4"),
        moved(numbers("right_child", "i4"), first).astype("i4"),
        np.concatenate(leaf),
        moved(edges, before(words)).astype("i4"),
        np.concatenate(words),
    )


def _lines(text: str) -> dict[str, str]:
    """``name=value`` by line; a name on its own has no value."""
    return dict(line.partition("=")[::2] for line in text.splitlines())


def _not_above(values: np.ndarray) -> np.ndarray:
    """The largest float32 that is not above each value: to be at most one is to be at most the other."""
    near = values.astype("float32")
    return np.where(near.astype("float64") > values, np.nextafter(near, np.float32(-np.inf)), near)


_forests: WeakKeyDictionary[lgb.Booster, Forest | None] = WeakKeyDictionary()
_asked = [0]  # rows times trees so far, in this process


class Groups:
    """Rows of which several boosters are asked, in groups of ``size`` one after the other.

    Parameters
    ----------
    inputs : (rows, features), float32. ``size`` : rows of a group, a divisor of their number.
    """

    def __init__(self, inputs: np.ndarray, size: int) -> None:
        self.inputs, self.size = inputs, size
        self._told: tuple[np.ndarray, np.ndarray] | None = None

    def predict(self, booster: lgb.Booster) -> np.ndarray:
        """Forecasts (rows,) of a booster, as its own ``predict`` gives them."""
        _asked[0] += len(self.inputs) * booster.num_trees()
        if _asked[0] >= WORTH and len(self.inputs) and self.inputs.dtype == np.float32:
            if booster not in _forests:
                _forests[booster] = forest_of(booster.model_to_string())
            forest = _forests[booster]
            found = None if forest is None else self.walked(forest)
            if found is not None:
                return found
        return np.asarray(booster.predict(self.inputs))

    def walked(self, forest: Forest) -> np.ndarray | None:
        """Sums of the leaves that the rows reach, (rows,); None where a category varies within a group."""
        side_by_side, walk = _compiled()
        if self._told is None:
            wide = -(-self.size // _LANES) * _LANES
            self._told = side_by_side(np.ascontiguousarray(self.inputs), self.size, wide)
        if self._told[1][forest.feature[forest.category >= 0]].any():
            return None
        out = np.empty(len(self.inputs))
        walk(*self._told, self.size, *(getattr(forest, each.name) for each in fields(forest)), out)
        return out


def prepare() -> None:
    """Make the machine code now: much is to be forecast in this process."""
    _asked[0] = WORTH
    side_by_side, walk = _compiled()
    told, varies = side_by_side(np.zeros((1, 1), np.float32), 1, _LANES)
    whole, half, few = np.zeros(0, "i4"), np.zeros(0, np.float32), np.zeros(0)
    walk(told, varies, 1, whole, whole, whole, half, whole, whole, whole, whole, few, whole, np.zeros(0, "u4"), few)


@cache
def _compiled() -> tuple[Any, Any]:
    """Both loops as machine code, which numba keeps beside this file or in the user's cache for the next process."""
    from numba import njit

    try:
        return njit(nogil=True, cache=True)(_side_by_side), njit(nogil=True, cache=True)(_walk)
    except RuntimeError:  # there is no place to write to: made once a process
        return njit(nogil=True)(_side_by_side), njit(nogil=True)(_walk)


def _side_by_side(x: np.ndarray, size: int, wide: int) -> tuple[np.ndarray, np.ndarray]:  # pragma: no cover
    """The rows as (groups, features, wide), the first repeated at the end; and which features vary within a group."""
    groups, features = len(x) // size, x.shape[1]
    told, varies = np.empty((groups, features, wide), np.float32), np.zeros(features, np.bool_)
    for group in range(groups):
        for feature in range(features):
            first = x[group * size, feature]
            for k in range(wide):
                value = x[group * size + k, feature] if k < size else first
                told[group, feature, k] = value
                if value != first and not (value != value and first != first):
                    varies[feature] = True
    return told, varies


def _walk(
    told: np.ndarray, varies: np.ndarray, size: int, root: np.ndarray, first_leaf: np.ndarray, feature: np.ndarray,
    limit: np.ndarray, blank: np.ndarray, category: np.ndarray, left: np.ndarray, right: np.ndarray, leaf: np.ndarray,
    edges: np.ndarray, words: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip  # pragma: no cover
    """Sums of leaves into ``out`` (rows,). A part of a group that waits has a node and a mask on a stack."""
    wide = told.shape[2]
    masks, nodes = np.empty((size + 2) * wide, np.int32), np.empty(size + 1, np.int32)
    sums = np.zeros(wide)
    for group in range(len(told)):
        rows = told[group]
        sums[:] = 0.0
        for tree in range(len(root)):
            node, top = root[tree], 0
            for k in range(wide):
                masks[k] = -1
            while True:
                here = top * wide
                while node >= 0:
                    asked = feature[node]
                    if category[node] >= 0 or not varies[asked]:
                        value = rows[asked, 0]
                        if category[node] < 0:
                            goes = value <= limit[node] or (value != value and blank[node] != 0)
                        else:
                            goes = False
                            if value >= 0:
                                code, edge = np.int64(value), category[node]
                                word = edges[edge] + code // 32
                                if word < edges[edge + 1]:
                                    goes = (words[word] >> np.uint32(code % 32)) & np.uint32(1) == 1
                        node = left[node] if goes else right[node]
                        continue
                    there, most, missing = here + wide, limit[node], blank[node]
                    some, rest = np.int32(0), np.int32(0)
                    for k in range(wide):
                        value = rows[asked, k]
                        below = np.int32(-1) if value <= most else np.int32(0)
                        absent = missing if value != value else np.int32(0)
                        mask = masks[here + k]
                        go = mask & (below | absent)
                        stay = mask ^ go
                        masks[there + k] = go
                        masks[here + k] = stay
                        some |= go
                        rest |= stay
                    if some == 0:
                        node = right[node]
                        continue
                    if rest == 0:
                        for k in range(wide):
                            masks[here + k] = masks[there + k]
                    else:  # those who go right wait
                        nodes[top] = right[node]
                        top += 1
                        here = there
                    node = left[node]
                value = leaf[first_leaf[tree] - node - 1]
                for k in range(wide):
                    sums[k] += value if masks[here + k] != 0 else 0.0
                if top == 0:
                    break
                top -= 1
                node = nodes[top]
        for k in range(size):
            out[group * size + k] = sums[k]
