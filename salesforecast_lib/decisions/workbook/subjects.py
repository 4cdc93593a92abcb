"""What the decision sheet is about: which file of a run becomes which sheet, with which headings (chapter 08)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Sheet:
    """One subject: plain headings over the rows that ask for a decision, most urgent first, and a sentence on top.

    ``brief`` are the headings that fit on a page of the book.
    """

    name: str
    note: str
    table: pd.DataFrame
    brief: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """Which file of a run becomes which sheet.

    Parameters
    ----------
    columns : column of the file to heading of the sheet; a column that the file lacks is left out.
    chosen : the rows that ask for something.
    order : columns to sort by, largest first; none keeps the order of the file.
    brief : columns that are shown on the page of the run's book.
    empty : what is said when there is no row, and the ``report`` (a JSON file of the run) gives no reason.
    told : what the note calls the rows; empty: rows that ask for a decision.
    most : rows that are shown at most; 0 all.
    optional : the sheet is left out when it has no row; ``later`` : when the run has not come to its chapter yet.
    """

    name: str
    file: str
    chapter: str
    columns: dict[str, str]
    chosen: Callable[[pd.DataFrame], pd.Series]
    order: tuple[str, ...]
    brief: tuple[str, ...]
    empty: str
    report: str = ""
    told: str = ""
    most: int = 0
    optional: bool = False
    later: bool = False


UNKNOWN = "stock unknown"
NAMES = ("unique_id", "alert", "category", "customer_id", "segment", "rfm_segment", "product_id", "product")
_WHY = {"why": "why"}
SUBJECTS = (
    Subject(
        "stock",
        "replenishment.csv",
        "08_inventory",
        {"unique_id": "product", "action": "action", "order_quantity": "order (units)", "stock": "stock (units)",
         "expected_demand": "expected demand (units)", "risk_before_delivery": "risk of running out before delivery",
         "risk_with_order": "risk with the order", "expected_loss": "expected loss before delivery",
         "loss_without_order": "expected loss without the order",
         "refused_cost": "cost of an order beyond its saving", "abc": "value class", **_WHY},
        lambda table: ~table["action"].isin(("nothing", UNKNOWN)),
        ("expected_loss", "loss_without_order", "risk_before_delivery"),
        ("unique_id", "order_quantity", "expected_loss", "why"),
        "nothing to order, to mark down or to return today",
    ),
    Subject(
        UNKNOWN,
        "replenishment.csv",
        "08_inventory",
        {"unique_id": "product", "expected_demand": "expected demand (units)",
         "order_up_to_level": "level to order up to (units)", **_WHY},
        lambda table: table["action"] == UNKNOWN,
        ("expected_demand",),
        ("unique_id", "expected_demand", "order_up_to_level", "why"),
        "the stock of every product is known",
        optional=True,
    ),
    Subject(
        "prices",
        "prices.csv",
        "13_pricing",
        {"unique_id": "product", "action": "action", "current_price": "price today", "proposed_price": "price to ask",
         "test_periods": "length of the test", "break_even_units": "change of units that just pays",
         "break_even": "break-even elasticity", "elasticity": "elasticity in past sales",
         "units_per_period": "units a period", "at_stake": "money at stake a period", "over_cost": "over the cost",
         "observed_low": "lowest price seen", "observed_high": "highest price seen", **_WHY},
        lambda table: ~table["action"].isin(("hold", "test later")),
        (),
        ("unique_id", "action", "current_price", "proposed_price", "at_stake", "why"),
        "no price change or test is proposed: the data say too little about what other prices would do",
        "pricing.json",
    ),
    Subject(
        "promotions",
        "promotions.csv",
        "12_promotions",
        {"unique_id": "product", "start": "from", "end": "to", "kind": "kind", "depth": "discount",
         "usual_units": "units of a quiet week", "extra_units": "extra units", "extra_low": "units at least",
         "extra_high": "units at most", "uplift": "uplift", "profit": "expected profit",
         "profit_low": "profit at least", "profit_high": "profit at most", "spend": "cost", **_WHY},
        lambda table: pd.Series(True, index=table.index),
        ("profit",),
        ("unique_id", "start", "profit", "why"),
        "no promotion is proposed: the data hold none to learn from, or none pays",
        "promotions.json",
    ),
    Subject(
        "alerts",
        "alerts.csv",
        "09_alerts",
        {"severity": "severity", "kind": "kind", "unique_id": "product", "products": "products", "start": "from",
         "end": "to", "expected": "expected", "observed": "observed", "impact": "money at stake", **_WHY},
        lambda table: pd.Series(True, index=table.index),
        (),
        ("severity", "kind", "unique_id", "start", "impact", "why"),
        "nothing unusual in the newest periods",
        "alerts.json",
        "most money at stake first; high is at least what an average product takes in a week, medium a quarter of it",
    ),
    Subject(
        "customers",
        "segments.csv",
        "10_customers",
        {"customer_id": "customer", "segment": "segment", "rfm_segment": "value segment", "orders": "orders",
         "recency_days": "days since the last order", "spend": "money spent", "probability": "chance to buy",
         "expected_spend": "expected money", **_WHY},
        lambda table: pd.Series(True, index=table.index),
        (),
        ("customer_id", "segment", "expected_spend", "why"),
        "no customer decisions",
        "customers.json",
        "by segment",
        most=500,
        later=True,
    ),
)  # fmt: skip
