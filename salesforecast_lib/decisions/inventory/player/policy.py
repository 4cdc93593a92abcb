"""The stock player in any shop: weekly panels as they are, daily ones summed to weeks and spread over days again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.lookahead import lookahead_order
from salesforecast_lib.decisions.inventory.player.demand import WeeklyDemandConfig, WeeklyHistory
from salesforecast_lib.decisions.inventory.player.orders import WeeklyPlanner
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig

KNOWN = 0.5  # of a week's open days in stock: with less its sales say nothing
WEEKS_KNOWN = 8  # before that nothing can be said of a shop's weeks
PRIOR_WEEKS = 4.0  # of the whole shop's weekdays, that a product's own are drawn towards


@dataclass(frozen=True)
class PastSales:
    """Sales of a shop, regular in time, and where they say something about demand.

    Parameters
    ----------
    sales : (products, periods), units.
    in_stock : (products, periods), share of the period in which the product could be bought; 0: nothing is known.
    is_open : (products, periods), False on closed days, which are known to sell nothing.
    dates : (periods,), days, or weeks seven days apart.
    attributes : a row a product; its columns are groups of products, such as the department.
    """

    sales: np.ndarray
    in_stock: np.ndarray
    is_open: np.ndarray
    dates: pd.DatetimeIndex
    attributes: pd.DataFrame

    @property
    def days(self) -> int:
        """Periods that make a week: 7 of a daily panel, 1 of a weekly one, 0 of any other: the player counts weeks."""
        step = int(np.median(np.diff(self.dates) / np.timedelta64(1, "D"))) if len(self.dates) > 1 else 0
        return 7 // step if step in (1, 7) else 0

    def plays(self, start: int) -> bool:
        """Whether the player can be asked in period ``start``: there are weeks, and enough of them before it."""
        return self.days > 0 and start // self.days >= WEEKS_KNOWN

    def weeks(self, stop: int) -> WeeklyHistory:
        """Whole weeks before period ``stop``; what was out of stock for a part of a week is scaled up."""
        days = self.days
        part = slice(stop - stop // days * days, stop)
        shape = (len(self.sales), -1, days)
        stock, opened = self.in_stock[:, part], self.is_open[:, part]
        usable, wanted = (np.where(opened, v, 0.0).reshape(shape).sum(2) for v in (stock, np.ones_like(stock)))
        share = np.where(wanted > 0, usable / np.maximum(wanted, 1e-9), 1.0)  # a closed week is known: it sells nothing
        sold = np.where(opened & (stock > 0), self.sales[:, part], 0.0).reshape(shape).sum(2)
        known = share >= KNOWN
        scaled = np.where(known, np.round(sold / np.maximum(share, KNOWN)), 0.0)
        return WeeklyHistory(scaled, known, self.dates[part][::days], self.attributes)

    def weekdays(self, stop: int, weeks: int = 26) -> np.ndarray:
        """Share of a week's demand that each of the next seven days has, (products, days); rows sum to 1."""
        days = self.days
        part = slice(max(stop - weeks * days, stop % days), stop)
        known = self.is_open[:, part] & (self.in_stock[:, part] > 0)
        sold = np.where(known, self.sales[:, part], 0.0).reshape(len(self.sales), -1, days).sum(1)
        shop = sold.sum(axis=0) / max(sold.sum(), 1e-9) if sold.sum() > 0 else np.full(days, 1 / days)
        usual = sold.sum(axis=1, keepdims=True) * PRIOR_WEEKS / max(weeks, 1) + 1.0
        return (sold + usual * shop) / (sold + usual * shop).sum(axis=1, keepdims=True)


def player_config(past: PastSales, config: SimulationConfig, seed: int = 1) -> WeeklyDemandConfig:
    """Settings of the demand model for a shop: its horizon in weeks, its columns of groups from the widest on."""
    weeks = -(-config.protection // past.days)
    names = sorted(past.attributes.columns, key=lambda name: past.attributes[name].nunique())
    names = [n for n in names if 1 < past.attributes[n].nunique() < len(past.attributes)]
    strength = tuple(40.0 + 20.0 * min(k, 1) for k in range(len(names)))
    return WeeklyDemandConfig(weeks - 1, tuple(names), (), tuple(names), strength, seeds=(seed, seed + 1))


@dataclass
class PlayerPolicy:
    """Policy of the simulator: the planner's own demand, whole-unit paths around it, the cheapest order on them.

    The trees are fitted at the first order and see newer weeks as inputs. Each review sees the sales before it only.

    Parameters
    ----------
    past : all that was sold, the simulated periods included; ``start`` is the first of them.
    config : rules and costs; what a unit left over costs is its holding.
    forecast : another mean forecast, ``(t, periods) -> (products, periods)``: the geometric mean of both then drives
        the weeks, and it alone says how a week's demand spreads over its days.
    samples : paths that are drawn.
    """

    past: PastSales
    start: int
    config: SimulationConfig
    forecast: Callable[[int, int], np.ndarray] | None = None
    samples: int = 200
    seed: int = 1
    newest: dict[int, np.ndarray] = field(default_factory=dict)  # paths of the period asked last
    means: dict[int, np.ndarray] = field(default_factory=dict)  # own mean by period: small, and asked several times
    planner: WeeklyPlanner = field(init=False)

    def __post_init__(self) -> None:
        costs = (self.config.shortage_cost, self.config.holding_cost)
        self.planner = WeeklyPlanner(player_config(self.past, self.config, self.seed), *costs, samples=self.samples)

    def draw(self, t: int) -> np.ndarray:
        """Demand from period ``t`` on until the next order arrives; (samples, products, protection interval)."""
        if t not in self.newest:
            self.newest.clear()
            now, days = self.start + t, self.past.days
            history = self.past.weeks(now)
            if now not in self.means:
                self.means[now] = self.planner.mean(history)
            mean = self.means[now]  # (products, weeks)
            share = np.repeat(self.past.weekdays(now)[:, None], mean.shape[1], axis=1)  # (products, weeks, days)
            if self.forecast is not None:
                other = self.forecast(t, mean.shape[1] * days).reshape(*mean.shape, days)
                mean = np.sqrt(mean * np.maximum(other.sum(axis=2), 1e-3))
                share = (other + 1e-6) / (other + 1e-6).sum(axis=2, keepdims=True)
            weeks = self.planner.paths_around(mean, history)  # (samples, products, weeks)
            if days > 1:
                split = np.random.default_rng(self.seed + now).multinomial(weeks.astype(np.int64), share)
                weeks = split.reshape(*weeks.shape[:2], -1).astype(float)
            self.newest[t] = weeks[:, :, : self.config.protection]
        return self.newest[t]

    def beside(self, forecast: Callable[[int, int], np.ndarray]) -> PlayerPolicy:
        """The same player with another forecast mixed in; both share the trees, whichever is asked first."""
        other = PlayerPolicy(self.past, self.start, self.config, forecast, self.samples, self.seed)
        other.planner, other.means = self.planner, self.means
        return other

    def order(self, t: int, net: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
        """Order quantities, (products,); see `simulate`."""
        costs = (self.config.shortage_cost, self.config.holding_cost)
        return lookahead_order(self.draw(t), net, arrivals, *costs, lost=self.config.lost_sales)
