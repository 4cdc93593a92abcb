"""Which planned values were tried, by the product, by its group, or never."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.whatif import difference, plan_prices, support, totals

DAYS = pd.date_range("2024-01-01", periods=40)


def shop(**changed):
    """Two products of group a and one of b, 40 days: prices 10 and 20 with days of a tenth off, promotions of one."""
    parts = []
    for name, group, price in (("tea", "a", 10.0), ("milk", "a", 20.0), ("rice", "b", 5.0)):
        frame = pd.DataFrame({"unique_id": name, "ds": DAYS, "y": 5.0, "available": 1.0, "group": group})
        frame["price"], frame["promo"], frame["discount"] = price, 0.0, 0.0
        parts.append(frame)
    panel = pd.concat(parts, ignore_index=True)
    tea, milk = panel["unique_id"] == "tea", panel["unique_id"] == "milk"
    panel.loc[tea & panel["ds"].isin(DAYS[:5]), ["price", "promo"]] = [9.0, 1.0]
    panel.loc[milk & panel["ds"].isin(DAYS[5:10]), "price"] = 14.0
    for (name, column), value in changed.items():
        panel.loc[panel["unique_id"] == name, column] = value
    return panel


def ahead(**values):
    rows = pd.DataFrame({"unique_id": np.repeat(["tea", "milk", "rice"], 7), "ds": np.tile(DAYS[-7:], 3)})
    rows["price"] = rows["unique_id"].map({"tea": 10.0, "milk": 20.0, "rice": 5.0})
    rows["promo"] = 0.0
    for name, (column, value) in values.items():
        rows.loc[rows["unique_id"] == name, column] = value
    return rows


def degree(panel, name, column, value):
    table = support(panel, ahead(), ahead(**{name: (column, value)}), ["price", "promo"], "group")
    assert len(table) == 1 and table["unique_id"].iloc[0] == name and table["periods"].iloc[0] == 7
    return table.iloc[0]


@pytest.mark.parametrize(
    ("name", "column", "value", "expected", "seen"),
    [
        ("tea", "price", 9.0, "tried", 5),
        ("tea", "price", 9.2, "tried", 5),  # within a twentieth
        ("milk", "price", 17.0, "between", 0),
        ("tea", "price", 7.0, "by others", 0),  # milk was sold at 70 % of its usual price
        ("tea", "price", 5.0, "never", 0),
        ("rice", "price", 4.5, "never", 0),  # of another group
        ("tea", "promo", 1.0, "tried", 5),
        ("milk", "promo", 1.0, "by others", 0),
        ("rice", "promo", 1.0, "never", 0),
    ],
)
def test_every_planned_value_is_told_what_was_tried_of_it(name, column, value, expected, seen):
    row = degree(shop(), name, column, value)
    assert (row["support"], row["seen"]) == (expected, seen)
    assert ("never tried" in row["words"]) == (expected == "never")


def test_a_value_tried_while_the_shelf_was_empty_was_not_tried():
    panel = shop()
    row = degree(panel.assign(available=np.where(panel["price"] == 9.0, 0.0, 1.0)), "tea", "price", 9.0)
    assert row["support"] != "tried"


def test_the_worst_of_several_values_counts():
    after = ahead()
    tea = after.index[after["unique_id"] == "tea"]
    after.loc[tea[:3], "price"], after.loc[tea[3:], "price"] = 9.0, 2.0
    table = support(shop(), ahead(), after, ["price"], "group")
    assert table["support"].tolist() == ["never"] and table["planned_low"].iloc[0] == 2.0


def forecast(rows, units):
    return rows[["unique_id", "ds"]].assign(mean=rows["unique_id"].map(units).to_numpy())


def test_difference_in_units_money_and_margin_is_that_of_the_two_plans():
    before, after = ahead(), ahead(tea=("price", 9.0))
    table = difference(
        forecast(before, {"tea": 5.0, "milk": 2.0, "rice": 1.0}),
        forecast(after, {"tea": 7.0, "milk": 2.0, "rice": 1.0}),
        (plan_prices(shop(), before), plan_prices(shop(), after)),
        support(shop(), before, after, ["price"], "group"),
        cost_share=0.6,
    ).set_index("unique_id")
    tea = table.loc["tea"]
    assert tea["units_difference"] == pytest.approx(14) and tea["units_percent"] == pytest.approx(40)
    assert tea["money_difference"] == pytest.approx(7 * (7 * 9 - 5 * 10))
    assert tea["margin_difference"] == pytest.approx(7 * (7 * (9 - 6) - 5 * (10 - 6)))
    assert (table.loc[["milk", "rice"], "units_difference"] == 0).all()
    assert table["support"].to_dict() == {"tea": "tried", "milk": "unchanged", "rice": "unchanged"}
    sums = totals(table.reset_index())
    assert sums.loc["all", "money_difference"] == pytest.approx(91) and sums.loc["unchanged", "products"] == 2


def test_a_discount_is_taken_off_the_usual_price_where_prices_are_not_planned():
    panel = shop()
    rows = panel["ds"].isin(DAYS[-3:])
    panel.loc[rows, ["price", "discount"]] = [1.0, 0.5]  # not usual
    plan = ahead().drop(columns="price").assign(discount=0.2)
    prices = plan_prices(panel, plan).groupby(plan["unique_id"]).first()
    assert prices.to_dict() == pytest.approx({"tea": 8.0, "milk": 16.0, "rice": 4.0})
    assert plan_prices(panel.drop(columns="price"), plan).isna().all()


@pytest.mark.parametrize("share", [1.0, -0.2])
def test_a_cost_share_that_is_no_share_is_refused(share):
    rows = ahead()
    with pytest.raises(ValueError, match="cost_share"):
        difference(forecast(rows, {"tea": 1.0}), forecast(rows, {"tea": 1.0}), (rows["price"],) * 2, None, share)
