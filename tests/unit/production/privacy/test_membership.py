"""The attack finds what is there to be found, and nothing where nothing is."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.production import privacy
from salesforecast_lib.production.privacy.membership import Orders
from salesforecast_lib.production.privacy.verdicts import NO_CUSTOMERS
from tests.unit.production.robustness.made import META, made_case, made_lines


@pytest.fixture(scope="module")
def shop():
    lines = made_lines(products=8, days=100)
    case, _ = made_case(lines)
    return case, lines.assign(series=lines["product_id"])


def made_orders(panel: pd.DataFrame, units: float) -> Orders:
    rows = panel.groupby("unique_id").tail(1)[["unique_id", "ds"]]
    return Orders(rows.assign(units=units).reset_index(drop=True), "made")


def test_a_number_that_holds_the_order_gives_it_away_and_one_that_does_not_tells_nothing(shop):
    panel = shop[0].panel
    orders = made_orders(panel, 1.0)

    def total(rows, seed):
        return rows.groupby("unique_id")["y"].sum()

    def noise(rows, seed):
        rng = np.random.default_rng(seed)
        names = rows["unique_id"].unique()
        return pd.Series(rng.normal(size=len(names)), index=names)

    sold = panel.assign(y=panel["y"] + 1)  # so that the order can be taken out
    assert privacy.attack_auc(privacy.membership_trials(sold, orders, total, 10))[0] == 1.0
    area, low, high = privacy.attack_auc(privacy.membership_trials(sold, orders, noise, 60))
    assert low < 0.5 < high and area == pytest.approx(0.5, abs=0.1)


def test_each_order_is_in_half_of_the_trainings_and_out_of_the_others(shop):
    panel = shop[0].panel
    seen = []

    def publish(rows, seed):
        seen.append((seed, rows["y"].sum()))
        return rows.groupby("unique_id")["y"].sum()

    found = privacy.membership_trials(panel.assign(y=panel["y"] + 5), made_orders(panel, 5.0), publish, 10)
    assert (found.groupby("unique_id")["member"].sum() == 5).all()
    assert len({seed for seed, _ in seen}) == 10
    means = found.groupby(["unique_id", "member"])["value"].mean().unstack()
    assert (means[True] - means[False] == 5).all()


def test_the_area_is_that_of_hand():
    table = pd.DataFrame({"unique_id": "a", "member": [True, True, False, False], "value": [3.0, 1.0, 1.0, 0.0]})
    assert privacy.attack_auc(table)[0] == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_orders_of_one_customer_are_those_of_the_lines(shop):
    case, lines = shop
    largest, typical = privacy.candidate_orders(lines, ["p1", "p5"], case.recent, "D")
    recent = lines[lines["timestamp"].isin(case.recent) & (lines["product_id"] == "p5")]
    totals = recent.groupby(["customer_id", "timestamp"])["quantity"].sum()
    row = largest.table.set_index("unique_id").loc["p5"]
    assert row["units"] == totals.max() and totals.xs(row["ds"], level="timestamp").max() == totals.max()
    assert (typical.table["units"] <= largest.table["units"]).all()


def test_clipping_bounds_what_one_customer_adds(shop):
    case, lines = shop
    greedy = lines[lines["product_id"] == "p3"].tail(50).assign(customer_id="one", timestamp=case.cutoff)
    both = pd.concat([lines, greedy], ignore_index=True)
    panel = case.panel.copy()
    here = (panel["unique_id"] == "p3") & (panel["ds"] == case.cutoff)
    panel.loc[here, "y"] += greedy["quantity"].sum()
    clipped, limit = privacy.clipped_panel(panel, both, "D")
    assert clipped.loc[here, "y"].item() <= case.panel.loc[here, "y"].item() + limit["p3"]
    assert (clipped["y"] <= panel["y"]).all() and (clipped["y"] >= 0).all()


def test_a_giant_order_can_be_told_from_a_rule_and_not_once_it_is_clipped(shop):
    case, lines = shop
    names = [f"p{k}" for k in range(8)]
    test = privacy.membership_case(case.panel, case.recent, lines, META, case.known, case.cutoff, names)
    assert [orders.kind for _, orders in test.orders] == ["typical", "largest", "giant"]
    found = privacy.membership_table(test, trials=8).set_index(["order", "model", "defence"])
    assert found.loc[("giant", "rule", "none"), "low"] > 0.6
    assert found.loc[("giant", "rule", "clipped"), "auc"] < found.loc[("giant", "rule", "none"), "auc"]
    assert (found.xs("none", level="defence")["price"] == 0).all() and (found["price"] >= 0).all()
    words = privacy.membership_found(found.reset_index())
    assert any(text.startswith("giant orders, rule, none: can be told") for text in words)


def test_data_without_customers_have_no_test_and_say_so(shop):
    case, lines = shop
    for told in (None, lines.drop(columns="customer_id"), lines.assign(customer_id=None)):
        test = privacy.membership_case(case.panel, case.recent, told, META, case.known, case.cutoff, ["p1", "p2"])
        found = privacy.membership_table(test, trials=4)
        assert found.empty and list(found)[:3] == ["order", "model", "defence"]
        assert privacy.membership_found(found) == [] and "do not tell who bought" in NO_CUSTOMERS


def test_rounding_is_to_multiples():
    assert privacy.rounded(pd.Series([0.9, 2.6, 7.4]), 5.0).tolist() == [0.0, 5.0, 5.0]
