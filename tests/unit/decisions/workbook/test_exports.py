"""Reorder rules for inventory systems: the plan's own orders, in the columns that the systems import."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from salesforecast_lib.decisions.workbook.exports import erpnext_rules, odoo_rules, reorder_rules

# Field names of the systems: stock.warehouse.orderpoint of Odoo (addons/stock/models/stock_orderpoint.py), and of
# ERPNext Item and its table reorder_levels, doctype Item Reorder. An import file names a field of a table by the
# table's name, a point and the field's name (frappe, core/doctype/data_import/importer.py), and the record by "ID".
ODOO = {"product_id", "location_id", "product_min_qty", "product_max_qty", "qty_multiple", "trigger", "route_id"}
ITEM = {"ID", "item_code", "lead_time_days", "min_order_qty", "safety_stock"}
ITEM_REORDER = {
    *("warehouse", "warehouse_group", "warehouse_reorder_level", "warehouse_reorder_qty", "material_request_type"),
}


def plan(*rows):
    return pd.DataFrame(rows, columns=["unique_id", "order_up_to_level", "expected_demand"])


def test_minimum_and_maximum_by_hand():
    rules = reorder_rules(plan(("tea", 30.0, 20.0), ("salt", 4.2, 0.0)), lead_time=3, review_period=7)
    assert rules.loc[0, ["minimum", "maximum", "multiple", "lead_days"]].tolist() == [16, 30, 1, 3]  # 30 - 20 * 7 / 10
    assert rules.loc[1, ["minimum", "maximum"]].tolist() == [5, 5], "no demand: what is there has to stay"
    assert rules["place"].tolist() == ["", ""]


@pytest.mark.parametrize("lead_time, review_period", [(0, 1), (0, 7), (3, 7), (2, 1), (30, 30)])
def test_rule_never_orders_later_than_the_plan_and_never_above_its_level(lead_time, review_period):
    """Between two reviews a product sells one review's demand: who is at the minimum then has the lead time covered."""
    rows = [(f"p{k}", 3.7 * k, 2.9 * k) for k in range(12)]
    rules = reorder_rules(plan(*rows), lead_time, review_period)
    for (_, level, demand), rule in zip(rows, rules.itertuples(), strict=True):
        protection = lead_time + review_period
        safety = level - demand
        assert rule.minimum >= lead_time / protection * demand + safety - 1e-5
        assert rule.minimum <= rule.maximum == math.ceil(round(level, 6))
        assert rule.maximum - rule.minimum <= review_period / protection * demand + 1


def test_demand_that_is_above_the_level_gives_no_negative_minimum():
    rules = reorder_rules(plan(("a", 2.0, 30.0), ("b", -1.0, 3.0)), 1, 7)
    assert rules["minimum"].tolist() == [0, 0] and rules["maximum"].tolist() == [2, 0]


def test_product_without_a_level_has_no_rule_and_weeks_are_days():
    table = plan(("a", None, 3.0), ("b", "12", ""), ("c", 5, 5))
    rules = reorder_rules(table, lead_time=2, review_period=1, days=7.0, multiple=6)
    assert rules["product"].tolist() == ["b", "c"] and set(rules["lead_days"]) == {14} and set(rules["multiple"]) == {6}
    assert rules.loc[0, ["minimum", "maximum"]].tolist() == [12, 12]
    assert reorder_rules(table, 1, 1, days=30.4375)["lead_days"].tolist() == [31, 31], "a month is not shorter"


def test_places_are_split_off_at_the_last_sign_and_only_where_there_are_places():
    table = plan(("tea @ 5 @ north", 3, 1), ("salt", 3, 1))
    rules = reorder_rules(table, 1, 1, places=True)
    assert rules["product"].tolist() == ["tea @ 5", "salt"] and rules["place"].tolist() == ["north", ""]
    assert reorder_rules(table, 1, 1)["product"].tolist() == ["tea @ 5 @ north", "salt"]


def test_odoo_takes_the_columns_and_one_place_for_all_or_each_its_own():
    rules = reorder_rules(plan(("tea", 30, 20), ("salt", 9, 3)), 3, 7, multiple=4)
    table = odoo_rules(rules)
    assert set(table) <= ODOO and "location_id" not in table, "Odoo then takes the first warehouse"
    assert table.loc[0].to_dict() == {
        "product_id": "tea", "product_min_qty": 16, "product_max_qty": 30, "qty_multiple": 4, "trigger": "manual",
    }  # fmt: skip
    assert odoo_rules(rules, "WH/Stock")["location_id"].tolist() == ["WH/Stock"] * 2
    places = reorder_rules(plan(("tea @ north", 30, 20), ("salt @ south", 9, 3)), 3, 7, places=True)
    assert (
        odoo_rules(places, "WH/Stock")["location_id"].tolist() == ["north", "south"] and set(odoo_rules(places)) < ODOO
    )


@pytest.mark.parametrize("multiple, quantity", [(1, 14), (6, 18), (20, 20)])
def test_erpnext_orders_whole_cases_that_reach_the_maximum(multiple, quantity):
    rules = reorder_rules(plan(("tea", 30, 20)), 3, 7, multiple=multiple)
    table = erpnext_rules(rules, "Stores - ABC")
    own = {name for name in table if not name.startswith("reorder_levels.")}
    assert own <= ITEM and {name.removeprefix("reorder_levels.") for name in set(table) - own} <= ITEM_REORDER
    row = table.loc[0]
    assert (row["ID"], row["lead_time_days"], row["reorder_levels.warehouse"]) == ("tea", 3, "Stores - ABC")
    assert row["reorder_levels.warehouse_reorder_level"] == 16
    assert row["reorder_levels.warehouse_reorder_qty"] == quantity
    assert row["reorder_levels.material_request_type"] == "Purchase"


def test_erpnext_without_a_warehouse_is_refused_with_what_to_say():
    rules = reorder_rules(plan(("tea @ north", 30, 20), ("salt", 3, 2)), 3, 7, places=True)
    with pytest.raises(ValueError, match="--warehouse 'Stores - ABC'"):
        erpnext_rules(rules)
    assert erpnext_rules(rules, "South")["reorder_levels.warehouse"].tolist() == ["north", "South"]
