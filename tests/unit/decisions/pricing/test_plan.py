"""Recommendations and the reasons they give."""

from salesforecast_lib.decisions.pricing.data import panel_prices
from salesforecast_lib.decisions.pricing.elasticity import double_ml
from salesforecast_lib.decisions.pricing.plan import PLAN_COLUMNS, PlanConfig, recommend, state_today
from salesforecast_lib.decisions.pricing.rules import PriceRules
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from tests.unit.decisions.pricing.made import weekly_panel


def test_recommendations_of_a_panel_say_why():
    panel = weekly_panel()
    data = panel_prices(panel, "group", [])
    posterior = shrink(double_ml(data, instruments=False, folds=4).table)
    plan = recommend(state_today(data, posterior, 0.7), posterior, PriceRules(), PlanConfig(), panel, "group")
    assert list(plan.columns) == list(PLAN_COLUMNS) and set(plan["unique_id"]) == set("abcd")
    rows = plan.set_index("unique_id")
    assert rows.loc["c", "why"].startswith("hold: price never varied")
    assert rows.loc["d", "why"].startswith("hold: too few")
    assert abs(rows.loc["a", "elasticity"] + 1.6) < 0.3
    assert (rows.loc[["a", "b"], "action"] == "raise").all()  # the optimum at 70 % cost is above today's price
    moved = plan[plan["action"] != "hold"]
    assert (moved["chance_of_gain"] >= 0.8).all() and (moved["proposed_price"] <= moved["observed_high"] + 1e-9).all()
    assert (
        (moved["profit_change_low"] <= moved["profit_change"]) & (moved["profit_change"] <= moved["profit_change_high"])
    ).all()


def test_prices_outside_the_observed_range_are_marked():
    panel = weekly_panel()
    data = panel_prices(panel, "group", [])
    posterior = shrink(double_ml(data, instruments=False, folds=4).table)
    rules = PriceRules(allow_outside=True, max_change=0.4, max_index_change=0.4)
    plan = recommend(state_today(data, posterior, 0.7), posterior, rules).set_index("unique_id")
    assert "outside the observed prices" in plan.loc["a", "why"]
