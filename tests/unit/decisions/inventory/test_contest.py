"""The contest of policies: chosen on earlier months, judged on the last, and asked today."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.inventory import case_study, contest, today
from salesforecast_lib.decisions.inventory.orders import interval_correlation, order_up_to
from salesforecast_lib.decisions.inventory.policies import fixed_quantity
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig, simulate
from salesforecast_lib.evaluation import verdicts
from tests.unit.decisions.inventory.test_case_study import HORIZON, made_forecasts, made_panel

CONFIG = SimulationConfig(3, 7, holding_cost=0.02, shortage_cost=1.0)


@pytest.fixture(scope="module")
def shop():
    panel = made_panel(("a", "b", "c"))
    forecasts = pd.concat([made_forecasts(panel), made_forecasts(panel, "WindowAverage", 12.0)], ignore_index=True)
    return panel, forecasts, case_study.build_case(forecasts, panel, CONFIG, 7, ["group"])


@pytest.fixture(scope="module")
def runs(shop):
    return contest.play(shop[2], "LSTM", CONFIG, 0.9)


def made_run(costs):
    """A stand-in for a run: cost of one product in each period, (periods,)."""
    costs = np.asarray(costs, float)[None]
    return SimpleNamespace(demand=costs, cost_by_product=lambda start=0, stop=None: costs[:, start:stop].sum(axis=1))


def test_the_stock_player_competes_on_the_same_months(runs):
    table = contest.cost_table(runs).set_index("policy")
    assert {contest.PLAYER, contest.BOTH, contest.MIXED, contest.USUAL} <= set(table.index)
    assert (table.loc[[contest.PLAYER, contest.BOTH], "fill_rate"] > 0.9).all()
    thumb = table.loc["article, repaired", "total"]
    assert (table.loc[[contest.PLAYER, contest.BOTH], "total"] < thumb).all()


@pytest.mark.parametrize(
    "costs, best",
    [
        ({contest.USUAL: [5, 5, 1], "b": [4, 4, 99], "article, as printed": [0, 0, 0]}, "b"),
        ({contest.USUAL: [3, 3, 99], "b": [4, 4, 0]}, contest.USUAL),
        ({contest.USUAL: [9, 1, 0], "b": [1, 8, 5]}, "b"),
        ({contest.USUAL: [500, 502, 0], "b": [500, 500, 9]}, contest.USUAL),
        ({contest.USUAL: [500, 520, 0], "b": [500, 500, 9]}, "b"),
    ],
)
def test_the_last_month_chooses_nothing(costs, best):
    made = {name: made_run(values) for name, values in costs.items()}
    assert contest.cheapest_before(made, horizon=1) == best


def test_without_an_earlier_month_the_usual_policy_is_followed():
    made = {"b": made_run([1.0]), contest.USUAL: made_run([2.0])}
    assert contest.cheapest_before(made, horizon=1) == contest.USUAL
    lines = contest.choice_sentences(made, {"rule of thumb": made_run([3.0])}, contest.USUAL, 1)
    assert len(lines) == 1 and "no earlier one" in lines[0]


def test_sentences_name_the_best_simple_rule_of_the_earlier_months():
    made = {
        name: made_run(v)
        for name, v in {contest.USUAL: [9, 8], "b": [5, 6], **dict.fromkeys(contest.ARTICLE, [50, 50])}.items()
    }
    simple = {
        "rule of thumb": made_run([30, 30]),
        "WindowAverage": made_run([20, 12]),
        "SeasonalNaive": made_run([25, 7]),
    }
    said = "\n".join(contest.choice_sentences(made, simple, "b", 1))
    assert "'b': the cheapest in the 1 month before" in said
    assert "50.0 % less than the best simple rule (WindowAverage)" in said
    assert "14.3 % less than the simple rule that turned out best there (SeasonalNaive)" in said
    assert said.index("WindowAverage") < said.index("SeasonalNaive")
    assert "25.0 % less than " + contest.USUAL in said


def test_asked_today_every_policy_fills_up_to_its_level(shop, runs):
    panel, forecasts, case = shop
    ahead, correlation = case_study.case_ahead(forecasts, panel, "LSTM", CONFIG, 7, ["group"])
    assert ahead.ids == ["a", "b", "c"] and 0 <= correlation < 1 and ahead.past.sales.shape[1] == 140
    for name in set(runs) - set(contest.ARTICLE):
        policy = contest.policy_today(name, ahead, "LSTM", CONFIG, 0.9, correlation, runs, case.ids)
        level = contest.level_today(policy, 3, CONFIG.lead_time)
        assert (level > 100).all() and (level < 400).all(), name
        assert (contest.ask(policy, level, 3) == 0).all(), name
        assert (contest.ask(policy, np.zeros(3), 3) > 0).all(), name


def test_the_usual_policy_today_is_the_plan_as_it_was(shop, runs):
    """Asked through the policy, the level is that of the moments of demand after the end of the data."""
    panel, forecasts, case = shop
    ahead, correlation = case_study.case_ahead(forecasts, panel, "LSTM", CONFIG, 7)
    policy = contest.policy_today(contest.USUAL, ahead, "LSTM", CONFIG, 0.9, correlation, runs, case.ids)
    _, moments = case_study.moments_today(forecasts, "LSTM", CONFIG, 7)
    usual = contest.order_up_to_level(*moments["interval"], 0.9)
    stock = np.array([0.0, 30.0, 1000.0])
    assert contest.ask(policy, stock, 3).tolist() == np.ceil(np.maximum(usual - stock, 0)).tolist()
    assert contest.level_today(policy, 3, 3) == pytest.approx(np.ceil(usual))


def test_levels_by_hand():
    flat = np.full((2, 1), 10.0)
    assert contest.level_today(order_up_to(flat), 2, 0).tolist() == [10, 10]
    assert contest.level_today(order_up_to(flat, flat - 6), 2, 0).tolist() == [10, 10], "filled beyond its point"
    assert contest.level_today(fixed_quantity(flat - 6, np.array([5.0, 50.0])), 2, 0).tolist() == [9, 54]
    assert contest.level_today(order_up_to(np.zeros((1, 1))), 1, 0).tolist() == [0]
    assert contest.level_today(order_up_to(np.full((1, 1), 1e6)), 1, 0).tolist() == [1e6]


def test_a_product_that_is_too_young_follows_the_usual_policy(shop, runs):
    panel, forecasts, _ = shop
    ahead, correlation = case_study.case_ahead(forecasts, panel, "LSTM", CONFIG, 7)
    policy = contest.policy_today(contest.MIXED, ahead, "LSTM", CONFIG, 0.9, correlation, runs, ["x", "y", "z"])
    usual = contest.policy_today(contest.USUAL, ahead, "LSTM", CONFIG, 0.9, correlation, runs, ["x", "y", "z"])
    assert contest.ask(policy, np.zeros(3), 3).tolist() == contest.ask(usual, np.zeros(3), 3).tolist()


def test_costs_as_shares_of_the_price_scale_money_and_leave_orders(shop):
    _, _, case = shop
    dear = dataclasses.replace(CONFIG, unit_value=np.array([10.0, 1.0, 0.5]))
    one, other = (
        simulate(case.demand, order_up_to(np.full(case.demand.shape, 150.0)), case.initial_stock, c)
        for c in (CONFIG, dear)
    )
    assert np.array_equal(one.ordered, other.ordered)
    assert other.cost_by_product() == pytest.approx(one.cost_by_product() * [10.0, 1.0, 0.5])
    assert other.summary()["total"] == pytest.approx(other.cost_by_product().sum())
    for wrong in (0.0, np.array([1.0, -1.0]), np.array([1.0, np.nan])):
        with pytest.raises(ValueError, match="unit_value"):
            SimulationConfig(unit_value=wrong)


def test_unit_values_are_prices_where_there_are_any(shop):
    panel, _, _ = shop
    priced = panel.assign(price=panel["unique_id"].map({"a": 4.0, "b": 0.0, "c": 2.0}))
    assert today.unit_values(priced, ["a", "b", "c"], "price").tolist() == [4.0, 3.0, 2.0]
    assert today.unit_values(priced, ["a", "b"], "unit").tolist() == [1.0, 1.0]
    assert today.unit_values(panel, ["a", "b"], "price").tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="costs_as='margin': expected 'unit' or 'price'"):
        today.unit_values(priced, ["a"], "margin")


def test_horizon_is_one_forecast(shop):
    assert contest.horizon_of(shop[2], "LSTM") == HORIZON


@pytest.mark.parametrize(
    "cost, best",
    [
        ({"rule of thumb": 3.0, "WindowAverage": 2.0, "Champion": 1.0}, "WindowAverage"),
        ({"rule of thumb": 3.0, "SeasonalNaive": 5.0}, "rule of thumb"),
        ({"rule of thumb": 3.0, "SeasonalNaive": 2.5, "WindowAverage": np.nan}, "SeasonalNaive"),
    ],
)
def test_the_best_rule_needs_no_model(cost, best):
    assert contest.best_rule(pd.Series(cost)) == best


def test_nothing_is_ordered_of_what_nobody_wants_or_of_unknown_stock(shop, runs):
    panel, forecasts, case = shop
    ahead, correlation = case_study.case_ahead(forecasts, panel, "LSTM", CONFIG, 7)
    demand = today.demand_today(forecasts, panel, "LSTM", CONFIG, 7, recorded=True)
    gone = demand.silent.assign(unwanted=[False, True, False])
    for name in (contest.USUAL, contest.PLAYER, "reorder point and lots (s, Q)"):
        policy = contest.policy_today(name, ahead, "LSTM", CONFIG, 0.9, correlation, runs, case.ids)
        order, level = today.wanted_today(policy, demand._replace(silent=gone), np.array([0.0, 0.0, np.nan]), 3)
        assert order[0] > 0 and order[1] == 0 and np.isnan(order[2]), name
        assert level[1] == 0 and level[2] > 0, name


@pytest.mark.parametrize("errors", [np.zeros((4, 14)), np.full((4, 14), np.nan)])
def test_no_errors_hang_together_without_a_warning(errors, recwarn):
    assert interval_correlation(errors, np.ones((4, 14)), 7) == 0.0
    assert not recwarn.list


def test_costs_are_called_level_as_losses_are():
    assert contest.LEVEL == verdicts.LEVEL
