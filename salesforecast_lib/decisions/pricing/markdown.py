"""Clearance: which price to ask in each remaining week, given the stock that is left (chapter 13).

With n units and k weeks left, ``V_k(n) = max_p E[p min(D, n) + V_{k-1}(n - min(D, n))]``, ``D ~ Poisson(lambda_k(p))``
and ``V_0(n) = salvage n``: the discrete form of Gallego and van Ryzin (1994). What is left after the last week brings
the salvage value. Where a price never rises again, the last price is part of the state too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson


@dataclass(frozen=True)
class ClearanceConfig:
    """A product on its way out.

    Parameters
    ----------
    prices : ladder, highest first.
    rate : expected demand a week at ``reference_price``, one number a remaining week.
    elasticity : of demand, negative.
    stock : units at the start.
    salvage : money for a unit left at the end (negative: disposal costs).
    only_down : a price never rises again, as a clearance does in a shop.
    """

    prices: tuple[float, ...]
    rate: tuple[float, ...]
    reference_price: float
    elasticity: float
    stock: int
    salvage: float = 0.0
    only_down: bool = True

    def __post_init__(self) -> None:
        if not self.prices or list(self.prices) != sorted(self.prices, reverse=True) or min(self.prices) <= 0:
            raise ValueError(f"prices={self.prices}: expected positive prices, highest first")
        if not self.rate or min(self.rate) < 0:
            raise ValueError(f"rate={self.rate}: expected expected demand of each remaining week, zero or more")
        if self.stock < 0 or self.reference_price <= 0 or self.elasticity >= 0:
            raise ValueError(
                f"stock={self.stock}, reference_price={self.reference_price}, elasticity={self.elasticity}: "
                "expected stock >= 0, a positive price, a negative elasticity"
            )

    def demand(self) -> np.ndarray:
        """Expected demand, (weeks, prices)."""
        return np.outer(self.rate, (np.array(self.prices) / self.reference_price) ** self.elasticity)


@dataclass(frozen=True)
class Clearance:
    """``value`` and ``choice`` (weeks, prices, stock + 1): optimal revenue and price number in week k when the last
    price had this number (highest first) and so many units are left."""

    config: ClearanceConfig
    value: np.ndarray
    choice: np.ndarray

    @property
    def expected(self) -> float:
        """Expected revenue from the start, salvage included."""
        return float(self.value[0, 0, self.config.stock])


def solve(config: ClearanceConfig) -> Clearance:
    """Optimal markdown policy by backward induction; exact for Poisson demand."""
    demand, units = config.demand(), np.arange(config.stock + 1)
    weeks, prices = demand.shape
    value = np.zeros((weeks + 1, prices, config.stock + 1))
    value[weeks] = config.salvage * units
    choice = np.zeros((weeks, prices, config.stock + 1), dtype="int64")
    for week in range(weeks - 1, -1, -1):
        worth = np.stack(  # (prices, stock + 1): asked now, followed by the best
            [_expected(config.prices[p], demand[week, p], value[week + 1, p], config.stock) for p in range(prices)]
        )
        for last in range(prices):
            allowed = worth.copy()
            if config.only_down:
                allowed[:last] = -np.inf
            choice[week, last] = allowed.argmax(0)
            value[week, last] = allowed.max(0)
    return Clearance(config, value, choice)


def _expected(price: float, rate: float, later: np.ndarray, stock: int) -> np.ndarray:
    """``E[price min(D, n) + later(n - min(D, n))]`` for every n from 0 to ``stock``, (stock + 1,)."""
    chance = poisson.pmf(np.arange(stock + 1), rate)
    out = np.empty(stock + 1)
    for n in range(stock + 1):
        sold = np.arange(n)  # fewer than n: something is left
        more = max(0.0, 1 - chance[:n].sum())
        out[n] = (chance[:n] * (price * sold + later[n - sold])).sum() + more * (price * n + later[0])
    return out


def policy_value(config: ClearanceConfig, choice: np.ndarray) -> float:
    """Exact expected revenue of any policy ``choice`` (weeks, prices, stock + 1), in the form that `solve` returns."""
    demand = config.demand()
    weeks, prices = demand.shape
    value = np.tile(config.salvage * np.arange(config.stock + 1), (prices, 1))
    for week in range(weeks - 1, -1, -1):
        worth = np.stack([_expected(config.prices[p], demand[week, p], value[p], config.stock) for p in range(prices)])
        value = np.take_along_axis(worth, choice[week], axis=0)
    return float(value[0, config.stock])


def fixed_policy(config: ClearanceConfig, numbers: tuple[int, ...]) -> np.ndarray:
    """Policy that asks price ``numbers[week]`` whatever the stock is; the shape of `Clearance.choice`."""
    weeks, prices = len(config.rate), len(config.prices)
    if len(numbers) != weeks or not all(0 <= number < prices for number in numbers):
        raise ValueError(f"numbers={numbers}: expected {weeks} numbers of prices from 0 to {prices - 1}")
    return np.broadcast_to(np.array(numbers)[:, None, None], (weeks, prices, config.stock + 1)).copy()


def fixed_value(config: ClearanceConfig, numbers: tuple[int, ...]) -> float:
    """Exact expected revenue of asking price ``numbers[week]`` whatever the stock is."""
    return policy_value(config, fixed_policy(config, numbers))
