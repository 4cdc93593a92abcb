"""Extension: moving stock between warehouses before the next delivery, as a linear programme."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linprog

_LEVELS = np.linspace(0.05, 0.95, 10)  # chances at the middle of ten equal parts of demand


def transfer_plan(
    products: list[str],
    warehouses: list[str],
    stock: np.ndarray,
    paths: np.ndarray,
    move_cost: np.ndarray,
    shortage_cost: float,
    capacity: np.ndarray | None = None,
) -> pd.DataFrame:
    """What to move from where to where, so that moving and expected shortage cost least together.

    Parameters
    ----------
    stock : (products, warehouses), whole units on hand.
    paths : (samples, products, warehouses), demand until the next delivery, in units.
    move_cost : (warehouses, warehouses), money a unit from row to column.
    capacity : (warehouses,), units that fit in each; without it any.

    Returns
    -------
    ``unique_id, origin, destination, quantity, gain`` (money, expected), largest gain first, with a ``why``.

    Notes
    -----
    A unit at a warehouse is worth ``shortage_cost P(demand exceeds the units before it)``: falling, so the gain is
    concave and a linear programme over ten steps of demand is enough. Between products only capacity is shared. The
    constraint matrix is a network's when nothing is shared: quantities come out whole if stock and steps are.
    """
    count, places = stock.shape
    if paths.shape[1:] != stock.shape or move_cost.shape != (places, places):
        raise ValueError(f"stock {stock.shape}, paths {paths.shape}, move_cost {move_cost.shape}: shapes do not agree")
    if not np.isfinite(stock).all() or (stock < 0).any() or (stock % 1 != 0).any():
        raise ValueError("stock: expected whole numbers of zero or more")
    knots = np.round(np.quantile(paths, np.append(_LEVELS - 0.05, 1.0), axis=0)).transpose(1, 2, 0)  # (P, W, 11)
    width = np.diff(np.concatenate([np.zeros((count, places, 1)), knots[..., 1:]], axis=2), axis=2)
    lanes = [(a, b) for a in range(places) for b in range(places) if a != b]
    steps = len(_LEVELS)
    worth = np.broadcast_to(-shortage_cost * (1 - _LEVELS), width.shape)
    moves = np.tile([move_cost[a, b] for a, b in lanes], count)
    net = np.zeros((places, len(lanes)))  # what a lane adds to each warehouse
    for k, (a, b) in enumerate(lanes):
        net[a, k], net[b, k] = -1, 1
    fill = np.kron(np.eye(places), np.ones((1, steps)))
    covered = sparse.hstack([sparse.kron(sparse.eye(count), fill), sparse.kron(sparse.eye(count), -net)])
    leaving = sparse.hstack(
        [sparse.csr_matrix((count * places, width.size)), sparse.kron(sparse.eye(count), np.maximum(-net, 0))]
    )
    rows, right = (
        [covered, leaving],
        [stock.ravel(), stock.ravel()],
    )  # demand met <= stock after moving; none moved twice
    if capacity is not None:
        rows.append(sparse.hstack([sparse.csr_matrix((places, width.size)), sparse.csr_matrix(np.tile(net, count))]))
        right.append(np.asarray(capacity, float) - stock.sum(axis=0))
    done = linprog(
        np.concatenate([worth.ravel(), moves]),
        A_ub=sparse.vstack(rows),
        b_ub=np.concatenate(right),
        bounds=np.concatenate([np.stack([np.zeros(width.size), width.ravel()], 1), [[0, None]] * len(moves)]),
        method="highs-ds",
    )
    if done.x is None:
        raise ValueError(f"the solver found no transfers: {done.message}; is a warehouse fuller than its capacity?")
    moved = np.floor(done.x[width.size :].reshape(count, len(lanes)) + 1e-6)
    return _table(products, warehouses, stock, paths, move_cost, shortage_cost, moved, lanes)


def _table(
    products: list[str],
    warehouses: list[str],
    stock: np.ndarray,
    paths: np.ndarray,
    move_cost: np.ndarray,
    shortage_cost: float,
    moved: np.ndarray,
    lanes: list[tuple[int, int]],
) -> pd.DataFrame:
    """Every move with its own expected gain: shortage on the paths with it, less without it and its cost."""

    def short(i: int, w: int, units: float) -> float:
        return float(np.maximum(paths[:, i, w] - units, 0.0).mean())

    after = stock.astype(float).copy()
    rows = []
    for i, k in zip(*np.nonzero(moved), strict=True):
        (a, b), q = lanes[k], moved[i, k]
        there, here = short(i, b, after[i, b]), short(i, a, after[i, a])
        after[i, a], after[i, b] = after[i, a] - q, after[i, b] + q
        saved = there + here - short(i, b, after[i, b]) - short(i, a, after[i, a])
        gain = shortage_cost * saved - move_cost[a, b] * q
        why = f"{warehouses[b]} would lose {there:.1f} units, {warehouses[a]} {here:.1f}: moving saves {saved:.1f}"
        rows.append((products[i], warehouses[a], warehouses[b], int(q), round(gain, 2), why))
    table = pd.DataFrame(rows, columns=["unique_id", "origin", "destination", "quantity", "gain", "why"])
    return table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
