"""What a real order must respect: minimum order, case packs, shelf life, and one budget and store for all products."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint

from salesforecast_lib.decisions.inventory.lookahead import path_cost
from salesforecast_lib.decisions.solver import milp


def packed(
    order: np.ndarray,
    pack: np.ndarray | float = 1,
    minimum: np.ndarray | float = 0,
    most: np.ndarray | float = np.inf,
) -> np.ndarray:
    """Orders in whole packs, rounded up, none below the minimum, none above ``most``; (products,), units.

    Where the minimum does not fit under ``most`` (shelf life), nothing is ordered: goods that expire help nobody.
    """
    order, pack = np.asarray(order, float), np.asarray(pack, float)
    if (pack <= 0).any() or (np.asarray(minimum) < 0).any():
        raise ValueError("pack and minimum: expected packs above zero and minimums of zero or more")
    least = np.ceil(np.asarray(minimum, float) / pack - 1e-9) * pack
    wanted = np.where(order > 0, np.maximum(np.ceil(order / pack - 1e-9) * pack, least), 0.0)
    room = np.floor(np.asarray(most, float) / pack + 1e-9) * pack
    return np.where(np.minimum(wanted, room) >= least, np.minimum(wanted, room), 0.0)


def shelf_life_room(paths: np.ndarray, position: np.ndarray, sure: float = 0.5) -> np.ndarray:
    """Units that still sell before they expire, with probability ``sure``; (products,).

    ``paths`` (samples, products, shelf life) runs from today to the day on which today's order expires; the oldest
    units are sold first, so stock and orders on the way (``position``) come before it.
    """
    return np.maximum(np.quantile(paths.sum(axis=2), 1 - sure, axis=0) - position, 0.0)


def options(order: np.ndarray, pack: np.ndarray | int, minimum: np.ndarray | int, count: int = 6) -> np.ndarray:
    """Quantities to choose from, (products, count + 1): none, then even steps in packs up to ``order``."""
    steps = np.asarray(order, float)[:, None] * np.arange(1, count + 1) / count
    pack, minimum = np.broadcast_to(pack, len(order)), np.broadcast_to(minimum, len(order))
    quantities = [packed(column, pack, minimum) for column in steps.T]
    return np.stack([np.zeros(len(order)), *quantities], axis=1)


def savings(
    quantities: np.ndarray,
    paths: np.ndarray,
    on_hand: np.ndarray,
    arrivals: np.ndarray,
    underage: float,
    overage: float,
) -> np.ndarray:
    """Expected cost (money) that each quantity saves against ordering nothing; as ``quantities``."""
    cost = [path_cost(paths, on_hand, arrivals, column, underage, overage) for column in quantities.T]
    return cost[0][:, None] - np.stack(cost, axis=1)


def allocate(
    quantities: np.ndarray, saving: np.ndarray, limits: list[tuple[np.ndarray, float]], gap: float = 1e-4
) -> np.ndarray:
    """One quantity a product, so that the total saving is greatest within every limit; (products,), units.

    Parameters
    ----------
    quantities, saving : (products, options); option 0 is no order.
    limits : (use of a unit (products,), amount there is): money and budget, volume and storage, …
    gap : relative distance to the optimum at which the solver (HiGHS) may stop.

    Raises
    ------
    ValueError
        For a limit below zero, or when the solver finds no solution.
    """
    products, count = quantities.shape
    for use, amount in limits:
        if amount < 0 or (np.asarray(use) < 0).any():
            raise ValueError(f"limit {amount}: expected limits and uses of zero or more")
    one_each = sparse.kron(sparse.eye(products), np.ones((1, count)), format="csr")
    rows = [LinearConstraint(one_each, 1, 1)]
    rows += [
        LinearConstraint((quantities * np.asarray(u, float)[:, None]).reshape(1, -1), -np.inf, a) for u, a in limits
    ]
    done = milp(
        -saving.ravel(),
        constraints=rows,
        integrality=np.ones(saving.size),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": gap},
    )
    if done.x is None:
        raise ValueError(f"the solver found no orders within the limits: {done.message}")
    chosen = done.x.reshape(products, count).argmax(axis=1)
    return quantities[np.arange(products), chosen]


def abc_xyz(ids: list[str], sales: np.ndarray, value: np.ndarray | None = None) -> pd.DataFrame:
    """Classes by turnover (A: first 80 %, B: next 15 %, C) and by steadiness (X: variation < 0.5, Y: < 1, Z).

    Parameters
    ----------
    sales : (products, periods), units; the variation is the standard deviation over the mean of a period.
    value : (products,), money a unit; without it units count.
    """
    units = sales.sum(axis=1)
    money = units * (1.0 if value is None else np.nan_to_num(np.asarray(value, float), nan=0.0))
    order = np.argsort(-money, kind="stable")
    before = np.empty(len(money))  # share of turnover of the products ahead of this one
    before[order] = (np.cumsum(money[order]) - money[order]) / max(money.sum(), 1e-12)
    variation = sales.std(axis=1) / np.maximum(sales.mean(axis=1), 1e-12)
    return pd.DataFrame(
        {
            "unique_id": ids,
            "turnover": money,
            "abc": np.select([before < 0.8, before < 0.95], ["A", "B"], "C"),
            "variation": np.where(units > 0, variation, np.inf),
            "xyz": np.select([(units > 0) & (variation < 0.5), (units > 0) & (variation < 1)], ["X", "Y"], "Z"),
        }
    )
