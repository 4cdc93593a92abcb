"""The most profitable prices of a whole category on a ladder, with a certificate (chapter 13).

With log changes ``x_i = log(p_i / p0_i)`` and the category's index ``G = sum_j s_j x_j`` demand is

``D_i = a_i exp(e_i x_i + c_i (G - s_i x_i) / (1 - s_i))``:

once G is fixed, profit is a sum over products, and choosing one rung a product is a mixed-integer linear programme
with one row for G (Ferreira, Lee and Simchi-Levi 2016 use the same structure). G is searched over narrow bins; the
bins' relaxations bound the optimum from above, so the gap of the answer is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, minimize_scalar

from salesforecast_lib.decisions.pricing.demand import NUMBERS, check_category, profit
from salesforecast_lib.decisions.pricing.rules import STANDARD_RULES, PriceRules
from salesforecast_lib.decisions.pricing.rules import rungs as allowed_rungs
from salesforecast_lib.decisions.solver import milp


@dataclass(frozen=True)
class Solution:
    """``prices`` (products,), their expected ``profit``, the profit of today's prices and ``bound`` >= the optimum."""

    prices: np.ndarray
    profit: float
    current_profit: float
    bound: float

    @property
    def gap(self) -> float:
        """Largest share of the optimum that the answer can miss."""
        return max(0.0, 1 - self.profit / self.bound) if self.bound > 0 else 0.0


@dataclass(frozen=True)
class _Choices:
    """All rungs of a category in one row: ``owner``, price, own part of the profit, reaction to G and weight in it."""

    rungs: list[np.ndarray]
    owner: np.ndarray
    price: np.ndarray
    own_part: np.ndarray
    reaction: np.ndarray
    weight: np.ndarray

    @cached_property
    def first(self) -> np.ndarray:
        """Place of each product's first rung."""
        return np.cumsum([0, *map(len, self.rungs[:-1])])

    def most(self, values: np.ndarray) -> np.ndarray:
        """Largest value of each product's rungs."""
        return np.maximum.reduceat(values, self.first)

    def reach(self, width: float) -> float:
        """Largest relative change of a product's profit over a bin of this width."""
        return float(np.expm1(np.abs(self.reaction).max() * width))

    def upper(self, low: float, high: float) -> np.ndarray:
        """Profit of each rung under the best index in [low, high]."""
        return np.maximum(self.own_part * np.exp(self.reaction * low), self.own_part * np.exp(self.reaction * high))

    def relaxed(self, low: float, high: float) -> float:
        """Bound of the bin from the dual of its one row: convex in the multiplier, by golden sections."""
        upper = self.upper(low, high)

        def dual(multiplier: float) -> float:
            return float(self.most(upper - multiplier * self.weight).sum() + max(multiplier * low, multiplier * high))

        reach = (
            4 * float(np.abs(upper).max()) / max(float(np.abs(self.weight[self.weight != 0]).min(initial=1.0)), 1e-3)
        )
        found = minimize_scalar(dual, bounds=(-reach, reach), method="bounded", options={"xatol": 1e-6 * reach})
        return min(float(found.fun), dual(0.0))

    def solve(self, low: float, high: float) -> tuple[float, np.ndarray | None]:
        """Bound of the bin and its best rungs (prices), by HiGHS; minus infinity and None where no choice fits."""
        upper = self.upper(low, high)
        pick = (self.owner[None, :] == np.arange(len(self.rungs))[:, None]).astype("float64")
        answer = milp(
            -upper,
            integrality=np.ones(len(upper)),
            bounds=Bounds(0, 1),
            constraints=[LinearConstraint(pick, 1, 1), LinearConstraint(self.weight[None, :], low - 1e-9, high + 1e-9)],
        )
        if answer.x is None:
            return -np.inf, None
        chosen = np.array([r[np.argmax(answer.x[self.owner == i])] for i, r in enumerate(self.rungs)])
        return float(-answer.mip_dual_bound), chosen


def _choices(products: pd.DataFrame, rules: PriceRules) -> _Choices:
    p0, cost, units, share, own, cross = (products[name].to_numpy(dtype="float64") for name in NUMBERS)
    rungs = allowed_rungs(products, rules)
    owner = np.repeat(np.arange(len(rungs)), [len(r) for r in rungs])
    price = np.concatenate(rungs)
    x = np.log(price / p0[owner])
    alone = 1 - share <= 1e-9  # the only product of its category: no rivals
    reaction = np.where(alone, 0.0, cross / np.maximum(1 - share, 1e-12))
    own_part = np.exp((own - reaction * share)[owner] * x) * ((price - cost[owner]) * units[owner])
    return _Choices(rungs, owner, price, own_part, reaction[owner], share[owner] * x)


def optimise_category(
    products: pd.DataFrame,
    rules: PriceRules = STANDARD_RULES,
    tolerance: float = 1e-3,
    solves: int = 20,
    enumerate_up_to: int = 50_000,
) -> Solution:
    """Most profitable rung of every product of one category.

    The bin with the highest bound is always next. A wide bin is split, its parts bounded by the dual of their row; a
    narrow one is handed to the integer programme. The search stops when no bin promises more than ``tolerance``.

    Parameters
    ----------
    products : ``unique_id, price, cost, units`` (a period at today's prices), ``share`` (of the category's units),
        ``own, cross`` (elasticities), ``price_low, price_high`` (observed).
    tolerance : certified share of the optimum at which the search stops.
    solves : integer programmes at most; where they run out, the answer's ``gap`` says what is left open.
    enumerate_up_to : with no more combinations of rungs than this, all are tried: the answer is exact.

    Raises
    ------
    ValueError
        As `check_category` does.
    """
    check_category(products)
    choices, p0 = _choices(products, rules), products["price"].to_numpy(dtype="float64")
    most = np.log1p(rules.max_index_change)
    if np.prod([float(len(r)) for r in choices.rungs]) <= enumerate_up_to:
        return brute_force(products, rules, enumerate_up_to)
    current = float(profit(products, p0))
    best, value = _improve(products, choices.rungs, p0, current, most)
    lowest = max(-most, -float(choices.most(-choices.weight).sum()))
    highest = min(most, float(choices.most(choices.weight).sum()))
    edges = np.linspace(lowest, highest, 9)
    heap = [(-choices.relaxed(low, high), low, high, False) for low, high in pairwise(edges)]
    heapify(heap)
    while heap and -heap[0][0] > value + tolerance * abs(value) and solves > 0:
        bound, low, high, solved = heappop(heap)
        wide = choices.reach(high - low) > tolerance / 2
        if solved or wide:
            middle = (low + high) / 2
            for part in ((low, middle), (middle, high)):
                heappush(heap, (max(bound, -choices.relaxed(*part)), *part, False))
            continue
        solves -= 1
        tighter, chosen = choices.solve(low, high)
        if chosen is None:
            continue
        better, worth = _improve(products, choices.rungs, chosen, float(profit(products, chosen)), most)
        if worth > value:
            best, value = better, worth
        heappush(heap, (max(bound, -tighter), low, high, True))
    return Solution(best, value, current, max(value, -heap[0][0] if heap else value))


def _improve(
    products: pd.DataFrame, rungs: list[np.ndarray], prices: np.ndarray, value: float, most: float
) -> tuple[np.ndarray, float]:
    """Change one price at a time while that helps: closes what the width of a bin left open."""
    p0, share = products["price"].to_numpy(dtype="float64"), products["share"].to_numpy(dtype="float64")
    improved = True
    while improved:
        improved = False
        for i, options in enumerate(rungs):
            trial = np.tile(prices, (len(options), 1))
            trial[:, i] = options
            values = np.where(
                np.abs((share * np.log(trial / p0)).sum(1)) <= most + 1e-9, profit(products, trial), -np.inf
            )
            if values.max() > value + 1e-9 * abs(value):
                prices, value, improved = trial[values.argmax()], float(values.max()), True
    return prices, value


def brute_force(products: pd.DataFrame, rules: PriceRules = STANDARD_RULES, limit: int = 2_000_000) -> Solution:
    """The optimum by trying every combination of rungs; the reference for small cases.

    Raises ValueError when there are more than ``limit`` combinations.
    """
    check_category(products)
    rungs = allowed_rungs(products, rules)
    count = int(np.prod([float(len(r)) for r in rungs]))
    if count > limit:
        raise ValueError(f"{count} combinations: expected at most {limit}; use optimise_category")
    p0, share = products["price"].to_numpy(dtype="float64"), products["share"].to_numpy(dtype="float64")
    grid = np.stack(np.meshgrid(*rungs, indexing="ij"), axis=-1).reshape(-1, len(rungs))  # (combinations, products)
    inside = np.abs((share * np.log(grid / p0)).sum(1)) <= np.log1p(rules.max_index_change) + 1e-9
    values = np.where(inside, profit(products, grid), -np.inf)
    best = int(values.argmax())
    return Solution(grid[best], float(values[best]), float(profit(products, p0)), float(values[best]))
