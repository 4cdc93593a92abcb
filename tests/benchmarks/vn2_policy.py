"""The organiser's benchmark for VN2, and the library's weekly planner set to the game's groups, costs and lead time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.player.demand import WeeklyDemandConfig
from salesforecast_lib.decisions.inventory.player.orders import WeeklyPlanner
from tests.benchmarks.vn2_data import HOLDING, ROUNDS, SHORTAGE, History, Policy, State

OVERAGE = 0.32  # per unit left over: above the week's holding cost, because what is left may stay for longer
WIDTH = 0.8  # demand is narrower around the forecast than around a plain level
DEMAND = WeeklyDemandConfig(
    lead_time=2,
    nested=("DepartmentGroup", "Department", "Division", "ProductGroup", "Product"),
    other_groups=("Store",),
    categories=("Department", "DepartmentGroup", "StoreFormat", "Format"),
    group_strength=(30.0, 40.0, 60.0, 60.0, 60.0),
)


def benchmark_order(history: History, state: State) -> np.ndarray:
    """Organiser's order-up-to: mean of 13 deseasonalised weeks x factors over 4 weeks, less the position."""
    masked = np.where(history.in_stock, history.sales, np.nan)
    weeks = pd.DatetimeIndex(
        pd.date_range(history.dates[0], periods=len(history.dates) + 4, freq="7D")
    ).isocalendar().week.to_numpy()  # fmt: skip
    now = len(history.dates)
    seen = history.in_stock.any(axis=0)
    average = pd.Series(np.nanmean(masked[:, seen], axis=0)).groupby(weeks[:now][seen]).mean()
    factor = (average / average.mean()).reindex(range(1, 54)).fillna(1.0)
    recent = (masked / factor.loc[weeks[:now]].to_numpy())[:, -13:]
    known = np.isfinite(recent)
    base = np.where(known, recent, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    wanted = base * factor.loc[weeks[now:]].to_numpy().sum() - state.position
    return np.maximum(np.round(wanted), 0.0)


def planner(config: WeeklyDemandConfig = DEMAND) -> Policy:
    """Our orders in one window: the library's weekly planner at the game's costs and lead time."""
    weekly = WeeklyPlanner(config, SHORTAGE, OVERAGE, width=WIDTH)
    first: list[int] = []  # week of the first order, of which the last round is counted

    def policy(history: History, state: State) -> np.ndarray:
        now = len(history.dates)
        first[:] = first or [now]
        last = now - first[0] == ROUNDS - 1  # what is left of the last order costs in one week only
        weekly.overage = HOLDING if last else OVERAGE
        return weekly.order(history, state.stock, np.stack([state.next_week, state.week_after], axis=1))

    return policy


def settings() -> dict[str, object]:
    """What a stored table was measured with: the page says when it is not what orders are made with now."""
    return {"order": "moments", "overage": OVERAGE, "width": WIDTH, "levels": list(DEMAND.level_weights)}
