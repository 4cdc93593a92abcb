"""Findings: one cause each, with the products and periods that it explains, and how bad it is (chapter 09)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from salesforecast_lib.decisions.alerts.grid import Grid

SEVERITIES = ("high", "medium", "low")


@dataclass(frozen=True)
class Finding:
    """One cause: products and columns that it explains, what was expected and seen, and in words.

    ``strength`` is the rarity in powers of ten beyond the alarm's threshold; ``members`` (n,) are the products.
    """

    kind: str
    members: np.ndarray
    start: int
    end: int
    expected: float
    observed: float
    measure: str
    strength: float
    why: str


@dataclass(frozen=True)
class AlertRules:
    """When chance is no longer believed, and how bad is bad.

    Parameters
    ----------
    odds : chance of the run of periods without a sale below which a product counts as out of stock.
    crowd : share of the products (at least five) that make a shop-wide alert of alarms in one period.
    high, medium : money at stake from which an alert is severe, in weekly sales of an average product of the shop.
    """

    odds: float = 1e-4
    crowd: float = 0.05
    high: float = 1.0
    medium: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.odds < 1 or not 0 < self.crowd <= 1:
            raise ValueError(f"odds={self.odds}, crowd={self.crowd}: expected a probability and a share")
        if not self.high >= self.medium >= 0:
            raise ValueError(f"high={self.high}, medium={self.medium}: expected high >= medium >= 0")

    def severity(self, strength: float, impact: float, week: float) -> str:
        """One of `SEVERITIES`, from the money at stake; the lowest when the strength is negative: probably known.

        Rarity says that something happened (the alarm's threshold), money whether somebody has to look today.

        Parameters
        ----------
        impact : money at stake. ``week`` : money that an average product takes in a week.
        """
        if strength < 0:
            return "low"
        return "high" if impact >= self.high * week else "medium" if impact >= self.medium * week else "low"


def only(grid: Grid, i: int) -> np.ndarray:
    """Mask (n,) of one product."""
    return np.arange(len(grid.ids)) == i


def sums(grid: Grid, members: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Units expected and sold by the members (n,) in the columns ``inside``; what is not known counts nothing."""
    part = np.ix_(np.flatnonzero(members), inside)
    return float(np.nansum(grid.mean[part])), float(np.nansum(grid.sales[part]))


def runs_of(places: np.ndarray, quiet: int = 0) -> list[np.ndarray]:
    """Ascending places split where more than ``quiet`` are left out in between."""
    return [part for part in np.split(places, np.flatnonzero(np.diff(places) > quiet + 1) + 1) if len(part)]


def blank(grid: Grid, findings: list[Finding]) -> Grid:
    """The grid without the periods in which the feed is broken: for all products, or for the prices or products hit."""
    live, price = grid.live.copy(), None if grid.price is None else grid.price.copy()
    for one in findings:
        period = slice(one.start, one.end + 1)
        if one.measure == "mean price" and price is not None:
            price[one.members, period] = np.nan
        elif one.kind == "feed: products missing":
            live[one.members, period] = False
        else:
            live[:, period] = False
            if price is not None:
                price[:, period] = np.nan
    return replace(grid, live=live, price=price)
