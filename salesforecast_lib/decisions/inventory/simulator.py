"""Periodic-review stock simulator, vectorised over products (chapter 08)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

Policy = Callable[[int, np.ndarray, np.ndarray], np.ndarray]


@runtime_checkable
class ArrivalPolicy(Protocol):
    """A policy that asks when the goods on the way arrive, not only how many they are."""

    def order(self, t: int, net: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
        """Order quantities (products,) from net stock (products,) and arrivals (products, lead time), the first of
        which is this period's and already in the stock (so it is zero).
        """


@dataclass(frozen=True)
class SimulationConfig:
    """Rules and costs of the simulated shop.

    Parameters
    ----------
    lead_time : periods between an order and its arrival; 0 arrives before the same period's demand.
    review_period : an order may be placed every so many periods.
    holding_cost : money per unit in stock at the end of a period.
    shortage_cost : money per unit lost, or per unit and period on backorder.
    order_cost : money per order line.
    minimum_order : an order line below it is raised to it; 0 or 1 for none.
    lost_sales : unmet demand is lost (True) or waits for the next delivery (False).
    unit_value : what holding and shortage are multiplied by: 1, or (products,) such as prices, of which the costs are
        then shares. Their ratio, and so the service level, stays the same.
    """

    lead_time: int = 2
    review_period: int = 1
    holding_cost: float = 0.02
    shortage_cost: float = 0.5
    order_cost: float = 0.0
    minimum_order: int = 1
    lost_sales: bool = True
    unit_value: np.ndarray | float = field(default=1.0, compare=False)

    def __post_init__(self) -> None:
        for name, low in (("lead_time", 0), ("review_period", 1), ("minimum_order", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
                raise ValueError(f"{name}={value!r}: expected a whole number of at least {low}")
        for name in ("holding_cost", "shortage_cost", "order_cost"):
            value = getattr(self, name)
            if not np.isfinite(value) or value < 0:
                raise ValueError(f"{name}={value!r}: expected a finite number of zero or more")
        if not isinstance(self.lost_sales, (bool, np.bool_)):
            raise ValueError(f"lost_sales={self.lost_sales!r}: expected True or False")
        worth = np.asarray(self.unit_value, float)
        if not np.isfinite(worth).all() or (worth <= 0).any():
            raise ValueError("unit_value: expected finite numbers above zero, one or one for each product")

    @property
    def holding(self) -> np.ndarray:
        """Money per unit and period in stock, () or (products,)."""
        return np.asarray(self.holding_cost * np.asarray(self.unit_value, float))

    @property
    def shortage(self) -> np.ndarray:
        """Money per unit lost, () or (products,)."""
        return np.asarray(self.shortage_cost * np.asarray(self.unit_value, float))

    @property
    def protection(self) -> int:
        """Periods that an order must cover: lead time + review period."""
        return self.lead_time + self.review_period


@dataclass(frozen=True)
class SimulationResult:
    """Per-period arrays, all (products, periods), in units.

    ``served`` counts demand met from stock at once; ``delivered`` adds backorders filled later; ``net_stock`` is
    stock less backlog at the end of a period; ``initial_stock`` is (products,).
    """

    config: SimulationConfig
    demand: np.ndarray
    ordered: np.ndarray
    received: np.ndarray
    served: np.ndarray
    delivered: np.ndarray
    lost: np.ndarray
    net_stock: np.ndarray
    initial_stock: np.ndarray

    @property
    def stock(self) -> np.ndarray:
        """Units on the shelf at the end of each period."""
        return np.maximum(self.net_stock, 0.0)

    @property
    def backlog(self) -> np.ndarray:
        """Units owed to customers at the end of each period."""
        return np.maximum(-self.net_stock, 0.0)

    def summary(self) -> dict[str, float]:
        """Cost parts (money), fill rate (share of demand served at once), turnover and average stock."""
        c = self.config
        unmet = self.lost if c.lost_sales else self.backlog
        holding = float((c.holding * self.stock.sum(axis=1)).sum())
        shortage = float((c.shortage * unmet.sum(axis=1)).sum())
        order = c.order_cost * float((self.ordered > 0).sum())
        demand, average = float(self.demand.sum()), float(self.stock.sum(axis=0).mean())
        return {
            "holding": holding,
            "shortage": shortage,
            "ordering": order,
            "total": holding + shortage + order,
            "fill_rate": float(self.served.sum()) / demand if demand > 0 else 1.0,
            "turnover": float(self.delivered.sum()) / average if average > 0 else 0.0,
            "average_stock": average,
            "orders": float((self.ordered > 0).sum()),
        }

    def cost_by_product(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Cost (money) of each product in the periods ``start`` .. ``stop``; (products,)."""
        c, part = self.config, slice(start, stop)
        unmet = self.lost if c.lost_sales else self.backlog
        cost = c.holding * self.stock[:, part].sum(axis=1) + c.shortage * unmet[:, part].sum(axis=1)
        return np.asarray(cost + c.order_cost * (self.ordered[:, part] > 0).sum(axis=1))

    def table(self, unique_ids: list[str], dates: pd.DatetimeIndex) -> pd.DataFrame:
        """Long table, one row per product and period."""
        if self.demand.shape != (len(unique_ids), len(dates)):
            raise ValueError(f"table: expected {self.demand.shape} ids and dates, got {len(unique_ids)}, {len(dates)}")
        frame = pd.DataFrame({"unique_id": np.repeat(unique_ids, len(dates)), "ds": np.tile(dates, len(unique_ids))})
        for name in ("demand", "received", "ordered", "served", "delivered", "lost", "stock", "backlog"):
            frame[name] = getattr(self, name).ravel()
        return frame


def simulate(
    demand: np.ndarray, policy: Policy | ArrivalPolicy, initial_stock: np.ndarray, config: SimulationConfig
) -> SimulationResult:
    """Run a policy against a demand array.

    In each period: delivery, review and order, demand, costs. An order that could not arrive within the simulated
    periods is not placed, so that every policy pays only for goods that could have been sold.

    Parameters
    ----------
    demand : (products, periods), units, finite and non-negative.
    policy : called as ``policy(t, position, on_hand)`` with (products,) arrays, returns wanted order quantities;
        position = on hand + on order - backlog; or an `ArrivalPolicy`.
    initial_stock : (products,), units.

    Raises
    ------
    ValueError : wrong shapes, negative or non-finite demand, stock or orders.
    """
    demand = np.asarray(demand, dtype=float)
    if demand.ndim != 2 or demand.shape[1] == 0:
        raise ValueError(f"demand: expected a (products, periods) array with periods, got shape {demand.shape}")
    if not np.isfinite(demand).all() or (demand < 0).any():
        row = int(np.flatnonzero((~np.isfinite(demand) | (demand < 0)).any(axis=1))[0])
        raise ValueError(f"demand row {row}: expected finite numbers of zero or more; clean the panel first")
    products, periods = demand.shape
    start = np.asarray(initial_stock, dtype=float)
    if start.shape != (products,) or not np.isfinite(start).all() or (start < 0).any():
        raise ValueError(f"initial_stock: expected {products} finite numbers of zero or more")
    zeros = np.zeros_like(demand)
    ordered, received, served, delivered, lost, net_stock = (zeros.copy() for _ in range(6))
    net, pipeline = start.copy(), np.zeros(products)
    for t in range(periods):
        if t >= config.lead_time and config.lead_time > 0:
            received[:, t] = ordered[:, t - config.lead_time]
        backlog = np.maximum(-net, 0.0)
        net, pipeline = net + received[:, t], pipeline - received[:, t]
        if t % config.review_period == 0 and t + config.lead_time < periods:
            wanted = np.asarray(_ask(policy, t, net, pipeline, ordered, config.lead_time), dtype=float)
            if wanted.shape != (products,) or not np.isfinite(wanted).all():
                raise ValueError(f"policy in period {t}: expected {products} finite quantities, got {wanted.shape}")
            ordered[:, t] = np.where(wanted > 0, np.maximum(wanted, config.minimum_order), 0.0)
            if config.lead_time == 0:
                received[:, t] = ordered[:, t]
                net = net + received[:, t]
            else:
                pipeline = pipeline + ordered[:, t]
        filled = np.minimum(backlog, received[:, t])
        served[:, t] = np.minimum(np.maximum(net, 0.0), demand[:, t])
        delivered[:, t] = served[:, t] + filled
        unmet = demand[:, t] - served[:, t]
        net = net - demand[:, t]
        if config.lost_sales:
            lost[:, t] = unmet
            net = np.maximum(net, 0.0)
        net_stock[:, t] = net
    return SimulationResult(config, demand, ordered, received, served, delivered, lost, net_stock, start)


def _ask(
    policy: Policy | ArrivalPolicy, t: int, net: np.ndarray, pipeline: np.ndarray, ordered: np.ndarray, lead: int
) -> np.ndarray:
    if not isinstance(policy, ArrivalPolicy):
        return policy(t, net + pipeline, np.maximum(net, 0.0))
    arrivals = np.zeros((len(net), lead))
    for k in range(1, lead):
        if t + k >= lead:
            arrivals[:, k] = ordered[:, t + k - lead]
    return policy.order(t, net, arrivals)
