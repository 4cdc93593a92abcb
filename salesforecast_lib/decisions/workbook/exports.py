"""Reorder rules of a stock plan in the columns that inventory systems import: Odoo and ERPNext."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

BETWEEN = " @ "  # between product and place in the name of a series by place


def reorder_rules(
    plan: pd.DataFrame, lead_time: int, review_period: int, days: float = 1.0, multiple: int = 1, places: bool = False
) -> pd.DataFrame:
    """A plan as minimum and maximum of each product, for a system that looks at the stock every day.

    The plan orders up to a level that lasts until the next order arrives, lead time and review together. A system
    that looks every day need not wait for the review: it orders when what is left is that level without the demand of
    one review period, and then up to the level again.

    Parameters
    ----------
    plan : ``unique_id``, ``order_up_to_level`` and ``expected_demand`` over lead time and review (units).
    lead_time, review_period : in periods of ``days`` days.
    multiple : units in a case; orders are whole cases.
    places : series are named ``product @ place``.

    Returns
    -------
    One row a product with ``product``, ``place`` ("" for none), ``minimum``, ``maximum``, ``multiple`` (units) and
    ``lead_days``; a product without a level has none.
    """
    level = pd.to_numeric(plan["order_up_to_level"], errors="coerce")
    demand = pd.to_numeric(plan["expected_demand"], errors="coerce").fillna(0).clip(lower=0)
    review = demand * review_period / (lead_time + review_period)
    names = plan["unique_id"].astype(str)
    parts = names.str.rpartition(BETWEEN) if places else None
    rules = pd.DataFrame(
        {
            "product": names if parts is None else parts[0].where(parts[1] != "", names),
            "place": "" if parts is None else parts[2].where(parts[1] != "", ""),
            "minimum": np.ceil((level - review).clip(lower=0).round(6)),
            "maximum": np.ceil(level.clip(lower=0).round(6)),
        }
    )
    rules = rules[level.notna().to_numpy()].astype({"minimum": "int64", "maximum": "int64"})
    return rules.assign(multiple=multiple, lead_days=math.ceil(lead_time * days)).reset_index(drop=True)


def odoo_rules(rules: pd.DataFrame, warehouse: str = "") -> pd.DataFrame:
    """Rules as Odoo's *Reordering Rules* (``stock.warehouse.orderpoint``) import them, by technical field names.

    A product is found by its name or internal reference, a place by its full name such as ``WH/Stock``; without one
    Odoo takes the stock of the company's first warehouse. The lead time is the vendor's there and no part of a rule.
    """
    table = pd.DataFrame(
        {
            "product_id": rules["product"],
            "location_id": rules["place"].where(rules["place"] != "", warehouse),
            "product_min_qty": rules["minimum"],
            "product_max_qty": rules["maximum"],
            "qty_multiple": rules["multiple"],
            "trigger": "manual",  # the planner presses the button; "auto" would buy by night
        }
    )
    return table if (table["location_id"] != "").any() else table.drop(columns="location_id")


def erpnext_rules(rules: pd.DataFrame, warehouse: str = "") -> pd.DataFrame:
    """Rules as ERPNext's *Data Import* of *Item* ("Update Existing Records") takes them: the table of reorder levels.

    ERPNext orders a fixed quantity when the stock falls to the level: what is missing to the maximum there, in whole
    cases.

    Raises
    ------
    ValueError
        When a row has no warehouse: ERPNext wants one in each.
    """
    places = rules["place"].where(rules["place"] != "", warehouse)
    if (places == "").any():
        raise ValueError(
            "ERPNext wants a warehouse in each rule: give its whole name, for example --warehouse 'Stores - ABC'"
        )
    cases = np.ceil((rules["maximum"] - rules["minimum"]) / rules["multiple"])
    return pd.DataFrame(
        {
            "ID": rules["product"],
            "lead_time_days": rules["lead_days"],
            "reorder_levels.warehouse": places,
            "reorder_levels.warehouse_reorder_level": rules["minimum"],
            "reorder_levels.warehouse_reorder_qty": (cases * rules["multiple"]).astype("int64"),
            "reorder_levels.material_request_type": "Purchase",
        }
    )
