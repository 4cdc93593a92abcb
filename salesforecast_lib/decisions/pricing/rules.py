"""What a price may be: rules, the ladder of rungs they leave, and no price that depends on who buys (chapter 13)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

CHANGES = ("raise", "lower")
TESTS = ("test", "test later")
_CUSTOMER_WORDS = ("customer", "household", "segment", "loyalty", "user_id", "member")
_CUSTOMER_NAMES = {"age", "gender", "sex", "income", "ethnicity", "religion", "postcode", "zip", "marital_status"}


def refuse_customers(columns: Iterable[str], where: str) -> None:
    """Guard of fairness: prices are set by product, never by who buys.

    Raises
    ------
    ValueError
        When a column describes customers or groups of them.
    """
    bad = [
        name
        for name in map(str, columns)
        if name.lower() in _CUSTOMER_NAMES or any(word in name.lower() for word in _CUSTOMER_WORDS)
    ]
    if bad:
        raise ValueError(
            f"{where}: columns {bad} describe customers; a price must not depend on who buys. "
            "Remove them: elasticities and prices are estimated by product only"
        )


@dataclass(frozen=True)
class PriceRules:
    """What a price may be.

    Parameters
    ----------
    min_margin : smallest (price - cost) / price.
    max_change : largest relative change of a price at once, 0.2 = 20 %.
    max_index_change : largest relative change of the category's price index, either way.
    endings : last two digits of a price in cents; empty: any whole cent step of ``step``.
    step : distance of rungs in money where ``endings`` is empty.
    allow_outside : rungs outside the observed price range are allowed, and marked.
    """

    min_margin: float = 0.05
    max_change: float = 0.2
    max_index_change: float = 0.2
    endings: tuple[int, ...] = (9, 19, 29, 39, 49, 59, 69, 79, 89, 99)
    step: float = 0.05
    allow_outside: bool = False

    def __post_init__(self) -> None:
        if not -1 < self.min_margin < 1:
            raise ValueError(f"min_margin={self.min_margin}: expected a share of the price below 1, such as 0.1")
        for name in ("max_change", "max_index_change"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: expected a share between 0 and 1, such as 0.2")
        if any(not 0 <= ending < 100 for ending in self.endings) or (not self.endings and self.step < 0.01):
            raise ValueError(
                f"endings={self.endings}, step={self.step}: expected cents from 0 to 99, or a step >= 0.01"
            )


STANDARD_RULES = PriceRules()


@dataclass(frozen=True)
class PlanConfig:
    """When a price is worth changing.

    Parameters
    ----------
    cost_share : cost as a share of today's price, where no cost is known.
    confidence : a change is proposed only where profit rises with at least this probability.
    draws : samples of the elasticities for the intervals.
    cost_doubt : the cost share may be so much lower or higher; a proposal whose sign changes in between is held.
    randomised : past prices were drawn by lot, so that sales answer to them and not they to sales.
    tests : price tests to begin at the same time, at most.
    longest_test : periods that a test may take.
    period : name of a period of the price data.
    """

    cost_share: float = 0.7
    confidence: float = 0.8
    draws: int = 400
    seed: int = 0
    cost_doubt: float = 0.15
    randomised: bool = False
    tests: int = 10
    longest_test: int = 26
    period: str = "week"

    def __post_init__(self) -> None:
        if not 0 <= self.cost_share < 1:
            raise ValueError(f"cost_share={self.cost_share}: expected a share of the price, from 0 to below 1")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"confidence={self.confidence}: expected a probability from 0.5 to below 1")
        if self.draws < 2:
            raise ValueError(f"draws={self.draws}: expected at least 2")
        if not 0 <= self.cost_doubt < 1:
            raise ValueError(f"cost_doubt={self.cost_doubt}: expected a share of the price, from 0 to below 1")
        if self.tests < 0 or self.longest_test < 6:
            raise ValueError(
                f"tests={self.tests}, longest_test={self.longest_test}: expected zero tests or more, of six periods or "
                "more"
            )

    @property
    def cost_shares(self) -> tuple[float, float]:
        """Lowest and highest cost share that are held possible, within 0 and 0.95."""
        return max(self.cost_share - self.cost_doubt, 0.0), min(self.cost_share + self.cost_doubt, 0.95)


def ladder(price: float, cost: float, low: float, high: float, rules: PriceRules) -> np.ndarray:
    """Rungs that the rules allow, ascending, with today's price among them (keeping it is always allowed).

    Parameters
    ----------
    price, cost : today's, per unit.
    low, high : observed price range.
    """
    floor, ceiling = price * (1 - rules.max_change), price * (1 + rules.max_change)
    if rules.min_margin < 1:
        floor = max(floor, cost / (1 - rules.min_margin))
    if not rules.allow_outside:
        floor, ceiling = max(floor, low), min(ceiling, high)
    if rules.endings:
        whole = np.arange(int(np.floor(max(floor, 0))), int(np.floor(max(ceiling, 0))) + 1)
        rungs = (whole[:, None] + np.array(sorted(rules.endings)) / 100).ravel()
    else:
        rungs = np.arange(np.ceil(floor / rules.step - 1e-9), np.floor(ceiling / rules.step + 1e-9) + 1) * rules.step
    rungs = rungs[(rungs >= floor - 1e-9) & (rungs <= ceiling + 1e-9) & (rungs > 0)]
    return np.unique(np.round(np.append(rungs, price), 4))


def rungs(products: pd.DataFrame, rules: PriceRules) -> list[np.ndarray]:
    """Ladder of each row of ``products`` (``price, cost, price_low, price_high``)."""
    rows = products[["price", "cost", "price_low", "price_high"]].to_numpy(dtype="float64")
    return [ladder(price, cost, low, high, rules) for price, cost, low, high in rows]


STANDARD_PLAN = PlanConfig()
