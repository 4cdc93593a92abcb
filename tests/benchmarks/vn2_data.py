"""VN2's files and rules: what a planner may read at the end of a week, and what the next week costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.player.demand import WeeklyHistory

KEYS = ["Store", "Product"]
HOLDING, SHORTAGE = 0.2, 1.0  # money per unit left at the end of a week, and per unit lost
ROUNDS, WEEKS, FREE_WEEKS = 6, 8, 2  # orders at the end of weeks 0..5; weeks 1 and 2 cost everybody the same
_NAME = re.compile(r"^Week (\d+) - (\d{4}-\d{2}-\d{2}) - Sales\.csv$")


@dataclass(frozen=True)
class State:
    """Stock at the end of a week and the two deliveries on the way, each (pairs,), units."""

    stock: np.ndarray
    next_week: np.ndarray
    week_after: np.ndarray

    @property
    def position(self) -> np.ndarray:
        """On hand and on order."""
        return self.stock + self.next_week + self.week_after


History = WeeklyHistory  # its attributes are the organiser's master data
Policy = Callable[[History, State], np.ndarray]


def sales_files(folder: Path) -> dict[int, Path]:
    """Sales file of each week in the folder, by week."""
    found = {int(m[1]): path for path in sorted(folder.iterdir()) if (m := _NAME.match(path.name))}
    if 0 not in found:
        raise FileNotFoundError(f"{folder}: no 'Week 0 - DATE - Sales.csv'; give the folder with VN2's files")
    return found


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"{folder}: expected one file '{pattern}', found {[p.name for p in found]}")
    return found[0]


def _read(path: Path, template: pd.DataFrame) -> pd.DataFrame:
    """The file's rows in the order of the template."""
    table = pd.read_csv(path)
    missing = [name for name in KEYS if name not in table]
    if missing:
        raise ValueError(f"{path.name}: missing columns {missing}; expected Store and Product first")
    if table.duplicated(KEYS).any():
        raise ValueError(f"{path.name}: pair {tuple(table.loc[table.duplicated(KEYS), KEYS].iloc[0])} appears twice")
    rows = template[KEYS].merge(table, on=KEYS, how="left", validate="one_to_one", indicator="found")
    lacking = rows["found"] != "both"
    if lacking.any():
        raise ValueError(f"{path.name}: no row for pair {tuple(rows.loc[lacking, KEYS].iloc[0])} of the template")
    return rows.drop(columns=[*KEYS, "found"])


def read_template(folder: Path) -> pd.DataFrame:
    """Submission template: one row a pair, in the order in which orders are handed in."""
    return pd.read_csv(_one(folder, "Week 0 - Submission Template.csv"))


def read_history(folder: Path, week: int) -> History:
    """Read the sales file of ``week`` and the week 0 files; nothing else is opened.

    Weeks after the in-stock file count as in stock: the game tells true demand.
    """
    template = read_template(folder)
    path = sales_files(folder)[week]
    sales = _read(path, template)
    dates = pd.DatetimeIndex(sales.columns)
    if (np.diff(dates.to_numpy()) != np.timedelta64(7, "D")).any():
        raise ValueError(f"{path.name}: the week columns are not 7 days apart")
    values = sales.to_numpy(float)
    if not np.isfinite(values).all() or (values < 0).any():
        row = int(np.flatnonzero((~np.isfinite(values) | (values < 0)).any(axis=1))[0])
        raise ValueError(f"{path.name}: pair {tuple(template.loc[row, KEYS])}: expected sales of zero or more")
    flags = _read(_one(folder, "Week 0 - In Stock.csv"), template)
    flags.columns = pd.DatetimeIndex(flags.columns)
    known = flags.reindex(columns=dates).astype("boolean").fillna(True).to_numpy(bool)
    master = pd.concat([template[KEYS], _read(_one(folder, "Week 0 - Master.csv"), template)], axis=1)
    return History(values, known, dates, master)


def read_state(folder: Path) -> State:
    """Stock and pipeline at the end of week 0."""
    table = _read(_one(folder, "Week 0 - * - Initial State.csv"), read_template(folder))
    columns = ("End Inventory", "In Transit W+1", "In Transit W+2")
    return State(*(table[name].to_numpy(float) for name in columns))


def organisers_start(history: History) -> State:
    """The start that the organiser gave: a year's mean sales m in stock (rounded up), 2 m in all, nothing next week.

    Found from week 0's files: it gives the stock of all 599 pairs and the second delivery of 597 of them.
    """
    mean = history.sales[:, -52:].mean(axis=1)
    stock = np.ceil(mean - 1e-9)
    return State(stock, np.zeros(len(mean)), np.maximum(np.ceil(2 * mean - 0.5 - 1e-9) - stock, 0.0))


def advance(state: State, demand: np.ndarray, order: np.ndarray) -> tuple[State, np.ndarray, np.ndarray]:
    """One week: delivery, demand, costs, pipeline. Returns the new state, units left and units lost, (pairs,).

    ``order`` is the one decided at the end of the week before: it becomes the delivery after the next.
    """
    stock = state.stock + state.next_week
    left = np.maximum(stock - demand, 0.0)
    return State(left, state.week_after, order), left, np.maximum(demand - stock, 0.0)


def check_orders(order: np.ndarray, pairs: int) -> np.ndarray:
    """Whole, non-negative orders of all pairs, or an error."""
    order = np.asarray(order, float)
    if order.shape != (pairs,) or not np.isfinite(order).all() or (order < 0).any() or (order % 1 != 0).any():
        raise ValueError(f"orders {order.shape}: expected {pairs} whole numbers of zero or more")
    return order


def write_orders(order: np.ndarray, template: pd.DataFrame, path: Path) -> Path:
    """Submission file: the template with its last column filled."""
    table = template.copy()
    table[table.columns[-1]] = check_orders(order, len(template)).astype(int)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    return path
