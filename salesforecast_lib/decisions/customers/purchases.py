"""Order lines with a customer, and what a customer's purchases say about them (chapter 10).

Features come from purchases only: no age, income, address or other personal attribute. Customer numbers stay the
pseudonyms that the order lines carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.cleaning import clean
from salesforecast_lib.data.loaders import load
from salesforecast_lib.data.reading import ReadOptions
from salesforecast_lib.files import empty_table

LEAST_CUSTOMERS = 50  # that ordered at least twice; fewer teach nothing about the next one
LEAST_WINDOWS = 5  # windows of history: features, two to train on, one to calibrate on, one to test on
NO_CUSTOMERS = "no customer_id in the file: map it with columns={customer_id: …}"
_CATEGORY = {"complete_journey": "product_category", "online_retail_ii": "family", "marketplace": "category"}
_LABEL = {"complete_journey": "product_type"}
_PRIOR_LINES = 40.0  # lines of the shop's mix that every customer is given, so that two purchases are no taste
COLUMNS = ("customer_id", "order_id", "product_id", "product", "category", "timestamp", "spend", "discount")


@dataclass(frozen=True)
class CustomerLines:
    """Order lines of known customers.

    Parameters
    ----------
    lines : `COLUMNS`; ``customer_id`` is text, ``product_id`` what is counted and recommended as one product: the
        readable label ``product`` where the shop's numbers are finer (fourteen numbers of one kind of milk are one
        product), ``spend`` the money of the line.
    end : first midnight after the data.
    anonymous : lines without a customer, which are left out.
    reason : why the data cannot carry the chapter; empty when they can.
    """

    lines: pd.DataFrame
    end: pd.Timestamp
    anonymous: int
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether there are enough customers with enough history."""
        return not self.reason


def known_customers(
    lines: pd.DataFrame, category: str = "product_id", label: str = "product_id", customers: int = 0, seed: int = 0
) -> CustomerLines:
    """Lines with a customer in the chapter's columns; at most ``customers`` of them (0 all), drawn at random.

    Raises
    ------
    ValueError
        When a column named by ``category`` or ``label`` is missing.
    """
    for name in (category, label):
        if name not in lines:
            raise ValueError(f"category={name!r}: the order lines have no such column, only {list(lines.columns)[:30]}")
    end = lines["timestamp"].max().normalize() + pd.Timedelta(days=1)
    if "customer_id" not in lines:
        return CustomerLines(_empty(), end, len(lines), NO_CUSTOMERS)
    who = lines["customer_id"]
    blank = who.isna() | (who.astype("string").str.strip() == "").fillna(True)
    known = lines.loc[~blank.to_numpy(bool)]
    if known.empty:
        return CustomerLines(_empty(), end, len(lines), "the column customer_id is empty in every order line")
    text = known["customer_id"]
    if pd.api.types.is_float_dtype(text) and (text == text.round()).all():
        text = text.astype("int64")  # 12345.0 is a number that once stood beside missing ones
    frame = pd.DataFrame(
        {
            "customer_id": text.astype(str).to_numpy(),
            "order_id": known["order_id"].to_numpy(),
            "product_id": known[label].astype(str).to_numpy(),
            "product": known[label].astype(str).to_numpy(),
            "category": known[category].astype(str).to_numpy(),
            "timestamp": known["timestamp"].to_numpy(),
            "spend": (known["quantity"] * known["unit_price"]).to_numpy(),
            "discount": known["discount"].fillna(0.0).to_numpy() if "discount" in known else 0.0,
        }
    )
    names = np.unique(frame["customer_id"])
    if customers and len(names) > customers:
        names = np.random.default_rng(seed).choice(names, customers, replace=False)
        frame = frame[frame["customer_id"].isin(names)].reset_index(drop=True)
    return CustomerLines(frame, end, len(lines) - len(known))


def read_customers(
    dataset: str,
    *,
    path: str = "",
    reading: ReadOptions | None = None,
    static: tuple[str, ...] = (),
    switches: Mapping[str, Any] | None = None,
    category: str = "",
    days: int = 28,
    customers: int = 0,
    seed: int = 0,
) -> CustomerLines:
    """Load and clean a data set as chapter 01 does, and keep the lines of known customers.

    ``reading`` says how the shop's own file is read, as in chapter 01; ``category`` is the column that groups products,
    empty takes the data set's own. Data that cannot carry the chapter are no error: `CustomerLines.reason` says what is
    missing.
    """
    if dataset == "own_panel":
        return CustomerLines(_empty(), pd.Timestamp(0), 0, "an aggregated panel has no customers")
    source = load(dataset, path, reading, static=static)
    kept = clean(source.lines, source.cleaning.change(switches or {}), source.quarantine).kept
    group = category or _CATEGORY.get(dataset) or next(iter(source.static), "product_id")
    shop = known_customers(kept, group, _LABEL.get(dataset, "product_id"), customers, seed)
    if not shop.usable:
        return shop
    repeated = int((shop.lines.groupby("customer_id")["order_id"].nunique() > 1).sum())
    history = (shop.end - shop.lines["timestamp"].min()).days
    reason = ""
    if repeated < LEAST_CUSTOMERS:
        reason = f"{repeated} customers ordered more than once; expected at least {LEAST_CUSTOMERS}"
    elif history < LEAST_WINDOWS * days:
        reason = f"{history} days of history; expected at least {LEAST_WINDOWS} windows of {days} days"
    return CustomerLines(shop.lines, shop.end, shop.anonymous, reason)


def _empty() -> pd.DataFrame:
    types = {"timestamp": "datetime64[ns]", "spend": "float64", "discount": "float64"}
    return empty_table({name: types.get(name, "object") for name in COLUMNS})


def rfm(lines: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """Recency (days since the last order), orders and spend of each customer before ``end``, by ``customer_id``.

    ``r_score, f_score, m_score`` are fifths, 5 the best: the classic mailing score (Hughes 1994).
    """
    past = lines[lines["timestamp"] < end]
    groups = past.groupby("customer_id")
    table = pd.DataFrame(
        {
            "recency": (end - groups["timestamp"].max()).dt.total_seconds() / 86_400,
            "orders": groups["order_id"].nunique(),
            "spend": groups["spend"].sum(),
        }
    )
    for name, column, sign in (("r_score", "recency", -1), ("f_score", "orders", 1), ("m_score", "spend", 1)):
        place = (sign * table[column]).rank(method="average", pct=True)
        table[name] = np.clip(np.ceil(5 * place), 1, 5).astype("int64")
    return table


def log_rfm(table: pd.DataFrame) -> pd.DataFrame:
    """Logarithms of recency, orders and spend: what a doubling does counts, not what a unit does."""
    return np.log1p(table[["recency", "orders", "spend"]].clip(lower=0.0))


def behaviour(lines: pd.DataFrame, end: pd.Timestamp, categories: list[str]) -> pd.DataFrame:
    """What customers buy rather than how much: log lifts against the shop, by ``customer_id``.

    Each column is ``log(share of the customer / share of the shop)`` of a category's lines or of the money off
    (``discount``, where the shop gives any). Shares are shrunk to the shop's with the weight of `_PRIOR_LINES` lines,
    the posterior mean under a Dirichlet prior: a customer with two purchases has no taste yet.
    """
    past = lines[lines["timestamp"] < end]
    total = past.groupby("customer_id").size()
    shown = past[past["category"].isin(categories)]
    count = shown.groupby(["customer_id", "category"]).size().unstack(fill_value=0)
    count = count.reindex(index=total.index, columns=categories, fill_value=0)
    share = count.sum() / total.sum()
    sold = share > 0  # what the shop has not sold yet tells customers apart by nothing
    weight = (total + _PRIOR_LINES).to_numpy()[:, None]
    ratio = (count + _PRIOR_LINES * share).div(weight) / share.where(sold, 1.0)
    ratio.loc[:, ~sold] = 1.0
    lift = np.log(ratio)
    money = past.groupby("customer_id")[["spend", "discount"]].sum().clip(lower=0.0)
    off = money["discount"].sum() / max(money.to_numpy().sum(), 1e-12)
    if off > 0:
        own = (money["discount"] / money.sum(axis=1).clip(lower=1e-12)) * total
        lift["discount"] = np.log((own + _PRIOR_LINES * off) / (total + _PRIOR_LINES) / off)
    return lift


def top_categories(lines: pd.DataFrame, number: int) -> list[str]:
    """The categories with the most customers, largest first."""
    buyers = lines.drop_duplicates(["customer_id", "category"]).groupby("category").size()
    return buyers.sort_values(ascending=False, kind="stable").index[:number].tolist()
