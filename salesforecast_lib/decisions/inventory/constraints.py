"""What a real order must respect: minimum order, case packs, shelf life, and one budget and store for all products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint

from salesforecast_lib.decisions.inventory.lookahead import path_cost, stock_before
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig
from salesforecast_lib.decisions.solver import milp


@dataclass(frozen=True)
class Limits:
    """What an order must respect.

    Parameters
    ----------
    case_pack : units in a case; orders are whole cases.
    minimum_order : smallest order line, units.
    shelf_life : periods after which a unit cannot be sold; 0 never.
    order_budget : money for today's orders, at unit prices; 0 sets no limit.
    """

    case_pack: int = 1
    minimum_order: int = 1
    shelf_life: int = 0
    order_budget: float = 0.0

    def __post_init__(self) -> None:
        if self.case_pack < 1 or min(self.minimum_order, self.shelf_life, self.order_budget) < 0:
            raise ValueError(f"{self}: expected a case of at least 1 unit and no other limit below zero")

    def named(self, units: float) -> str:
        """An order as the supplier counts it: "a case of 12", "3 cases of 12", "the minimum order of 20"."""
        if units < self.minimum_order + self.case_pack and self.minimum_order > 1:
            return f"the minimum order of {units:.0f}"
        cases = round(units / self.case_pack)
        return f"a case of {self.case_pack}" if cases == 1 else f"{cases} cases of {self.case_pack}"


class Ordered(NamedTuple):
    """What is ordered of each product, ``units`` (products,), and a note where it is not what was wanted, else "".

    ``refused`` (products,) is what the order in whole cases would cost beyond its saving, money, where that is why
    nothing is ordered; else zero.
    """

    units: np.ndarray
    notes: list[str]
    refused: np.ndarray


class Choices(NamedTuple):
    """Quantities to choose from.

    ``wanted`` without limits, ``whole`` in cases and within the shelf life, ``order`` without what costs more than it
    saves, each (products,); ``quantities`` and the expected ``saving`` of each (products, options), money, and the
    ``price`` of a unit (products,).
    """

    wanted: np.ndarray
    whole: np.ndarray
    order: np.ndarray
    quantities: np.ndarray
    saving: np.ndarray
    price: np.ndarray
    limits: Limits

    def within(self, budget: float) -> np.ndarray:
        """The quantities that save most within ``budget``; (products,), units."""
        return allocate(self.quantities, self.saving, [(self.price, budget)])

    def savings_of(self, chosen: np.ndarray) -> np.ndarray:
        """Expected saving of a choice, (products,), money."""
        place = (self.quantities == chosen[:, None]).argmax(axis=1)
        return self.saving[np.arange(len(chosen)), place]

    def saved(self, chosen: np.ndarray) -> float:
        """Expected saving of a choice over all products, money."""
        return float(self.savings_of(chosen).sum())

    def decide(self) -> Ordered:
        """What is ordered within all limits, the budget among them, and which limit changed it."""
        budget = self.limits.order_budget
        units = self.within(budget) if budget else self.order
        loss, lost = -self.savings_of(self.whole), -self.savings_of(units)
        rows = zip(self.wanted, self.whole, self.order, units, loss, loss < lost, strict=True)
        refused = (units == 0) & (self.order == 0) & (self.whole > 0)
        return Ordered(units, [self._note(*row) for row in rows], np.where(refused, loss, 0.0))

    def _note(self, wanted: float, whole: float, order: float, units: float, loss: float, better: bool) -> str:
        limits, done = self.limits, f"ordered {units:.0f}" if units else "not ordered"
        if units == order and order < whole:
            return f"{limits.named(whole)} would cost {loss:.2f} more than it saves: {done}"
        if units < order:
            return f"{done}: the budget saves more elsewhere" if better else f"{done}: more would not save more"
        if whole < wanted:
            return f"{done}: more would not sell within the shelf life"
        if whole > wanted:
            return f"raised to {limits.named(whole)}"
        return ""


def order_choices(
    wanted: np.ndarray,
    ahead: np.ndarray,
    stock: np.ndarray,
    price: np.ndarray,
    config: SimulationConfig,
    limits: Limits,
) -> Choices:
    """Orders cut to whole cases and to what sells before it expires, and the smaller ones that a budget may choose.

    An order that a minimum or a case raised, and that costs more than waiting for the next review does, is given up
    for the smaller one that saves most, which may be none.

    Parameters
    ----------
    wanted : orders without limits, (products,), units; not a number where the stock is unknown: nothing is chosen.
    ahead : demand paths from today on, (samples, products, periods), at least the protection interval and the shelf
        life long.
    stock, price : (products,).
    """
    pack, minimum = limits.case_pack, limits.minimum_order
    wanted, stock = np.nan_to_num(np.asarray(wanted, float)), np.nan_to_num(np.asarray(stock, float))
    most = shelf_life_room(ahead[:, :, : limits.shelf_life], stock) if limits.shelf_life else np.inf
    whole = packed(wanted, pack, minimum, most)
    quantities = np.minimum(options(whole, pack, minimum), whole[:, None])
    none = np.zeros((len(whole), config.lead_time))
    paths = ahead[:, :, : config.protection]
    saving = savings(quantities, paths, stock, none, config.shortage, config.holding)
    saving = saving + lasting_value(quantities - wanted[:, None], paths, stock, config)
    best = np.take_along_axis(quantities, saving.argmax(axis=1)[:, None], axis=1)[:, 0]
    order = np.where((whole > wanted) & (saving[:, -1] < 0), best, whole)
    return Choices(wanted, whole, order, quantities, saving, price, limits)


def lasting_value(raised: np.ndarray, paths: np.ndarray, stock: np.ndarray, config: SimulationConfig) -> np.ndarray:
    """Holding cost that `savings` charges too much for units which a minimum or a case adds; as ``raised``, money.

    `savings` compares with ordering at the next review instead. What is left over then would have been ordered then,
    so only the time in between is charged; but where the shelf is empty meanwhile, the later order starts later as a
    whole, and on average half of a lot is in stock: half of the charge falls away, for the share of demand that is lost
    without an order.

    Parameters
    ----------
    raised : units beyond what is wanted without limits, (products, options).
    """
    lead = config.lead_time
    need = paths[:, :, lead:].sum(axis=2)  # (samples, products)
    left = stock_before(paths, stock, np.zeros((len(stock), lead)))
    lost = np.maximum(need - left, 0.0).mean(axis=0) / np.maximum(need.mean(axis=0), 1e-9)
    lasting = np.maximum(raised, 0.0)
    held = (config.holding * lost)[:, None]
    return 0.5 * config.review_period * lasting * held


def budget_curve(choices: Choices, shares: tuple[float, ...] = (0.25, 0.5, 0.75)) -> pd.Series:
    """Share of what orders can save that is left with a share of the plan's money; 1 where nothing can be saved."""
    full, best = float(choices.price @ choices.order), float(choices.saving.max(axis=1).sum())
    kept = [choices.saved(choices.within(share * full)) for share in shares]
    return pd.Series([value / best if best > 0 else 1.0 for value in kept], index=pd.Index(shares, name="money"))


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
    underage: np.ndarray | float,
    overage: np.ndarray | float,
) -> np.ndarray:
    """Expected cost (money) that each quantity saves against ordering nothing; as ``quantities``.

    Costs are per unit, one number or (products,).
    """
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
