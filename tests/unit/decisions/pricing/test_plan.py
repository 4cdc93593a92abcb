"""Recommendations and the reasons they give."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing.data import panel_prices
from salesforecast_lib.decisions.pricing.elasticity import double_ml
from salesforecast_lib.decisions.pricing.plan import PLAN_COLUMNS, recommend, state_today
from salesforecast_lib.decisions.pricing.rules import PlanConfig, PriceRules
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from tests.unit.decisions.pricing.made import weekly_panel


def test_recommendations_of_a_panel_say_why():
    panel = weekly_panel()
    data = panel_prices(panel, "group", [])
    posterior = shrink(double_ml(data, instruments=False, folds=4).table)
    state = state_today(data, posterior, 0.7)
    plan = recommend(state, posterior, PriceRules(), PlanConfig(), panel, "group", identified=True)
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


def made_state(**changes):
    """Two products of two categories, as `state_today` gives them, with a posterior that is sure of them."""
    state = pd.DataFrame(
        {
            "unique_id": ["a", "b"], "category": ["x", "y"], "share": 1.0, "periods": 100, "price": [10.0, 2.0],
            "cost": [7.0, 1.4], "units": [50.0, 80.0], "price_low": [8.0, 1.5], "price_high": [12.0, 2.6],
            "variation": 0.1, "noise": 0.2, "seen": 100, "moves": 30,
        }
    ).assign(**{name: value for name, value in changes.items() if name not in ("own", "own_sd")})  # fmt: skip
    posterior = pd.DataFrame({"unique_id": ["a", "b"], "own": changes.get("own", -1.2), "cross": 0.0})
    posterior = posterior.assign(own_sd=changes.get("own_sd", 0.1), cross_sd=0.01, covariance=0.0)
    return state, posterior


@pytest.mark.parametrize("own", [-0.4, -1.2, -2.0, [-0.6, -6.0]])
def test_without_an_instrument_nothing_is_raised_or_lowered(own):
    """However sure the estimate: what moved the prices is not known, so the proposal is a test."""
    state, posterior = made_state(own=own)
    plan = recommend(state, posterior, PriceRules(), PlanConfig(cost_doubt=0.0))
    assert set(plan["action"]) == {"test"} and (plan["test_periods"] >= 6).all()
    known = recommend(state, posterior, PriceRules(), PlanConfig(cost_doubt=0.0), identified=True)
    assert set(known["action"]) <= {"raise", "lower"} and (known["profit_change_low"] > 0).all()


def test_an_unsure_change_is_a_test_even_with_an_instrument():
    state, posterior = made_state(own=-2.0, own_sd=0.6)
    plan = recommend(state, posterior, PriceRules(), PlanConfig(cost_doubt=0.02), identified=True)
    assert set(plan["action"]) == {"test"} and (plan["profit_change_low"] < 0).all()


def test_a_proposal_whose_sign_depends_on_the_cost_is_held():
    state, posterior = made_state(own=-3.0)  # the best margin is a third of the price
    for share in (0.6, 0.75):
        rows = state.assign(cost=share * state["price"])
        plan = recommend(rows, posterior, PriceRules(), PlanConfig(cost_share=share, cost_doubt=0.2))
        assert set(plan["action"]) == {"hold"} and plan["why"].str.contains("what it costs").all()
        low, high = f"lower at {share - 0.2:.0%}", f"raise at {share + 0.2:.0%}"
        assert plan["over_cost"].str.contains(low).all() and plan["over_cost"].str.contains(high).all()
        assert (plan["proposed_price"] == plan["current_price"]).all() and (plan["profit_change"] == 0).all()


def test_few_tests_begin_and_one_a_category_the_most_money_first():
    state, posterior = made_state()
    more = pd.concat([state, state.assign(unique_id=["c", "d"], units=[500.0, 8.0])], ignore_index=True)
    more["share"] = 0.5
    both = pd.concat([posterior, posterior.assign(unique_id=["c", "d"])], ignore_index=True)
    plan = recommend(more, both, PriceRules(), PlanConfig())
    assert plan["action"].tolist() == ["test", "test", "test later", "test later"]
    assert plan["unique_id"].tolist() == ["c", "b", "a", "d"], "c and b lead their categories in money"
    one = recommend(more, both, PriceRules(), PlanConfig(tests=1)).set_index("unique_id")
    assert one["action"].to_dict() == {"c": "test", "a": "test later", "b": "test later", "d": "test later"}
    assert one.loc["a", "why"].startswith("later")


def test_sales_too_noisy_for_a_test_are_held_and_say_so():
    state, posterior = made_state(noise=[0.2, 3.0])
    plan = recommend(state, posterior, PriceRules(), PlanConfig()).set_index("unique_id")
    assert plan.loc["a", "action"] == "test" and plan.loc["b", "action"] == "hold"
    assert "too noisy" in plan.loc["b", "why"] and "26 weeks" in plan.loc["b", "why"]


def test_the_reason_of_a_test_says_what_it_takes_and_what_pays():
    state, posterior = made_state()
    plan = recommend(state, posterior, PriceRules(), PlanConfig()).set_index("unique_id")
    row = plan.loc["a"]
    ratio = 3.0 / (row["proposed_price"] - 7.0)
    assert row["break_even_units"] == pytest.approx(ratio) and row["break_even"] == pytest.approx(
        np.log(ratio) / np.log(row["proposed_price"] / 10.0)
    )
    assert f"fall by less than {1 - ratio:.0%}" in row["why"] and f"of {row['test_periods']:.0f} weeks" in row["why"]
    assert "100 weeks in which the price moved 30 times, not by lot" in row["why"]
    assert row["at_stake"] == pytest.approx(50 * (row["proposed_price"] - 10))
