"""What is known of each customer on an evening: windows in time, and features that look back only (chapter 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Windows:
    """Cutoffs in time: each one's window of ``days`` ends where the next begins, ``now`` ends the data."""

    train: tuple[pd.Timestamp, ...]
    calibrate: pd.Timestamp
    test: pd.Timestamp
    now: pd.Timestamp
    days: int

    def one_later(self) -> Windows:
        """The same split one window on: the test window is now known, so the model for ``now`` may calibrate on it."""
        return Windows((*self.train, self.calibrate), self.test, self.now, self.now, self.days)


def make_windows(start: pd.Timestamp, end: pd.Timestamp, days: int = 28, train: int = 5) -> Windows:
    """Test on the last window, calibrate on the one before, train on up to ``train`` earlier ones.

    Every training cutoff has at least one window of history.

    Raises
    ------
    ValueError
        When the data are shorter than five windows.
    """
    step = pd.Timedelta(days=days)
    room = int((end - start) // step) - 3  # history, calibration and test
    if room < 2:
        raise ValueError(f"{(end - start).days} days of data: expected at least five windows of {days} days")
    cutoffs = tuple(end - (3 + k) * step for k in reversed(range(min(train, room))))
    return Windows(cutoffs, end - 2 * step, end - step, end, days)


@dataclass(frozen=True)
class History:
    """Purchases added up to what the features need, customers and pairs as codes.

    ``orders`` has a row per customer, order and day: ``key`` (customer), ``timestamp, spend, discount, lines``;
    ``pairs`` the same per customer and category, ``key`` = customer x categories + category. By day, so that no
    row reaches over a cutoff, which is a midnight.
    """

    customers: pd.Index
    categories: tuple[str, ...]
    orders: pd.DataFrame
    pairs: pd.DataFrame

    @property
    def pair_index(self) -> pd.MultiIndex:
        """Every customer with every category, in the order of the keys."""
        return pd.MultiIndex.from_product([self.customers, self.categories], names=["customer_id", "category"])


def make_history(lines: pd.DataFrame, categories: list[str]) -> History:
    """Add order lines up for `customer_snapshot` and `category_snapshot`; lines of other categories make no pairs."""
    who, customers = pd.factorize(lines["customer_id"], sort=True)
    frame = lines[["timestamp", "spend", "discount"]].assign(
        key=who, order=pd.factorize(lines["order_id"])[0], day=lines["timestamp"].dt.normalize(), lines=1
    )
    how = {"timestamp": "min", "spend": "sum", "discount": "sum", "lines": "sum"}
    orders = frame.groupby(["key", "order", "day"], as_index=False).agg(how)
    category = pd.Index(categories).get_indexer(lines["category"])
    shown = frame.assign(key=who * len(categories) + category)[category >= 0]
    pairs = shown.groupby(["key", "order", "day"], as_index=False).agg(how)
    return History(pd.Index(customers, name="customer_id"), tuple(categories), orders, pairs)


@dataclass(frozen=True)
class _Counts:
    """Past purchases of each of ``size`` keys at a cutoff; ages in windows of ``days``, infinite without a purchase."""

    past: pd.DataFrame
    age: np.ndarray  # (past rows,)
    size: int

    @classmethod
    def before(cls, rows: pd.DataFrame, cutoff: pd.Timestamp, days: int, size: int) -> _Counts:
        past = rows[rows["timestamp"] < cutoff]
        return cls(past, ((cutoff - past["timestamp"]).dt.total_seconds() / (86_400 * days)).to_numpy(), size)

    def total(self, column: str = "", windows: float = np.inf) -> np.ndarray:
        near = self.age <= windows
        weights = self.past[column].to_numpy(float)[near] if column else None
        return np.bincount(self.past["key"].to_numpy()[near], weights, self.size).astype(float)

    def span(self) -> tuple[np.ndarray, np.ndarray]:
        """Age of the last and of the first purchase."""
        last, first = np.full(self.size, np.inf), np.full(self.size, 0.0)
        np.minimum.at(last, self.past["key"].to_numpy(), self.age)
        np.maximum.at(first, self.past["key"].to_numpy(), self.age)
        return last, first


def customer_snapshot(history: History, cutoff: pd.Timestamp, days: int) -> pd.DataFrame:
    """What is known of each customer on the evening before ``cutoff``; customers without a purchase yet are left out.

    Logarithms of counts and money over one, three and all windows, recency in windows and against the customer's own
    rhythm. Only purchases before the cutoff are looked at.
    """
    counts = _Counts.before(history.orders, cutoff, days, len(history.customers))
    recency, tenure = counts.span()
    number, spend, discount = counts.total(), counts.total("spend").clip(0), counts.total("discount").clip(0)
    gap = (tenure - recency) / np.maximum(number - 1, 1)
    columns = {"recency": recency, "tenure": tenure}
    for name, windows in (("1", 1), ("3", 3), ("all", np.inf)):
        columns[f"orders_{name}"] = np.log1p(counts.total(windows=windows))
        columns[f"spend_{name}"] = np.log1p(counts.total("spend", windows).clip(0))
    columns["rhythm"] = np.log((recency + 0.1) / (np.maximum(gap, 0) + 0.1))  # above 0: later than usual
    columns["basket"] = np.log1p(counts.total("lines") / np.maximum(number, 1))
    columns["discount"] = discount / np.maximum(discount + spend, 1e-9)
    return pd.DataFrame(columns, index=history.customers)[number > 0]


def category_snapshot(history: History, cutoff: pd.Timestamp, days: int) -> pd.DataFrame:
    """What is known of each customer and category on the evening before ``cutoff``, by ``customer_id, category``.

    A customer who never bought the category has the tenure in the shop as recency.
    """
    customer = customer_snapshot(history, cutoff, days).reindex(history.customers)
    width = len(history.categories)
    shop = {name: np.repeat(customer[name].to_numpy(), width) for name in ("recency", "orders_1", "orders_3")}
    shop |= {name: np.repeat(customer[name].to_numpy(), width) for name in ("basket", "tenure")}
    counts = _Counts.before(history.pairs, cutoff, days, width * len(customer))
    last, first = counts.span()
    number = counts.total()
    recency = np.where(number > 0, last, shop["tenure"])
    gap = np.where(number > 1, (first - np.where(number > 0, last, 0)) / np.maximum(number - 1, 1), shop["tenure"])
    columns = {"recency": recency}
    for name, windows in (("1", 1), ("3", 3), ("all", np.inf)):
        columns[f"bought_{name}"] = np.log1p(counts.total(windows=windows))
    columns["rhythm"] = np.log((recency + 0.1) / (np.maximum(gap, 0) + 0.1))
    buyers = (columns["bought_1"].reshape(-1, width) > 0).sum(axis=0) / max(int(customer["recency"].notna().sum()), 1)
    columns["popularity"] = np.tile(buyers, len(customer))
    columns |= {f"shop_{name}": value for name, value in shop.items()}
    return pd.DataFrame(columns, index=history.pair_index)[~np.isnan(shop["tenure"])]


def outcomes(history: History, cutoff: pd.Timestamp, days: int, index: pd.Index) -> pd.DataFrame:
    """``bought`` (0 or 1) and ``spend`` of each row of ``index`` in the window that begins at ``cutoff``."""
    pairs = isinstance(index, pd.MultiIndex)
    rows, keys = (history.pairs, history.pair_index) if pairs else (history.orders, history.customers)
    window = rows[(rows["timestamp"] >= cutoff) & (rows["timestamp"] < cutoff + pd.Timedelta(days=days))]
    key = window["key"].to_numpy()
    table = pd.DataFrame({"bought": (np.bincount(key, minlength=len(keys)) > 0).astype("int64")}, index=keys)
    table["spend"] = np.bincount(key, window["spend"].to_numpy(float), len(keys)).clip(0)
    return table.reindex(index)
