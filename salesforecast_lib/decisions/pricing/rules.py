"""What a price may be: rules, the ladder of rungs they leave, and no price that depends on who buys (chapter 13)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

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
