"""Inventory rules against closed forms, brute force and hand calculations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salesforecast_lib import QUANTILES
from salesforecast_lib.decisions.inventory import orders as inv
from salesforecast_lib.decisions.inventory.planner import replenishment_plan
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig, simulate


def run(demand, level, stock=0.0, **options):
    demand = np.atleast_2d(np.asarray(demand, float))
    config = SimulationConfig(**options)
    policy = inv.order_up_to(np.full(demand.shape, float(level)))
    return simulate(demand, policy, np.full(len(demand), float(stock)), config)


def test_newsvendor_closed_form():
    order, cost = inv.newsvendor_normal(120, 10, underage=18, overage=2)
    assert order == pytest.approx(132.8155, abs=1e-4)
    assert cost == pytest.approx(35.09967, abs=1e-5)


def test_newsvendor_brute_force():
    demand = np.arange(61)
    probability = stats.poisson.pmf(demand, 20)
    probability /= probability.sum()
    costs = [inv.expected_cost(q, demand, probability, 9, 1) for q in demand]
    assert int(np.argmin(costs)) == int(stats.poisson.ppf(0.9, 20))


def test_newsvendor_quantiles_interpolates_and_stays_inside():
    values = np.array([1.0, 2, 5, 10, 15, 20, 30])
    assert inv.newsvendor_quantiles(values, 9, 1) == pytest.approx(20)
    assert inv.newsvendor_quantiles(values, 6, 4) == pytest.approx(12)
    assert inv.newsvendor_quantiles(values, 999, 1) == 30


@pytest.mark.parametrize(("lead", "ends"), [(0, [6, 6, 6, 6, 6]), (1, [6, 2, 2, 2, 2]), (3, [6, 2, 0, 0, 0])])
def test_lead_times_by_hand(lead, ends):
    result = run([4, 4, 4, 4, 4], 10, 10, lead_time=lead, minimum_order=0)
    assert result.stock[0].tolist() == ends


def test_order_quantity_brute_force():
    demand = [3, 0, 7, 2]
    costs = {s: run(demand, s, lead_time=0, holding_cost=1, shortage_cost=3).summary()["total"] for s in range(12)}
    by_hand = {s: sum(max(s - d, 0) + 3 * max(d - s, 0) for d in demand) for s in range(12)}
    # after a slack period the position already lies at s, so each period ends as a newsvendor of its own
    assert costs == by_hand


def test_lost_sales_and_backorders():
    lost = run([5, 0, 0], 0, 2, lead_time=0)
    assert lost.lost.sum() == 3 and lost.stock.sum() == 0
    owed = run([5, 0, 0], 0, 2, lead_time=1, lost_sales=False)
    assert owed.backlog[0].tolist() == [3, 3, 0]  # ordered in period 1, delivered in period 2
    assert owed.delivered.sum() == 5 and owed.summary()["fill_rate"] == pytest.approx(0.4)


def test_minimum_order_is_respected():
    result = run([1, 1, 1, 1], 5, 5, lead_time=1, minimum_order=12)
    assert set(result.ordered[0]) <= {0.0, 12.0} and (result.ordered > 0).any()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=25),
    st.integers(0, 4),
    st.integers(1, 4),
    st.integers(0, 60),
    st.booleans(),
    st.integers(0, 20),
)
def test_stock_is_conserved(demand, lead, review, level, lost_sales, moq):
    r = run(demand, level, 7, lead_time=lead, review_period=review, lost_sales=lost_sales, minimum_order=moq)
    assert r.initial_stock[0] + r.received.sum() - r.delivered.sum() == pytest.approx(r.stock[0, -1])
    assert r.demand.sum() == pytest.approx(r.delivered.sum() + r.lost.sum() + r.backlog[0, -1])
    assert r.received.sum() == r.ordered.sum()


def test_article_rule_is_reversed():
    demand = np.full((1, 30), 5.0)
    need = np.full((1, 30), 15.0)
    config = SimulationConfig(lead_time=2)
    printed, repaired = (
        simulate(demand, inv.article_rule(need, fix), np.array([15.0]), config).summary() for fix in (False, True)
    )
    assert printed["fill_rate"] < 0.2 and repaired["fill_rate"] == 1.0


def test_perfect_foresight_never_runs_out_after_the_first_delivery():
    demand = np.random.default_rng(0).poisson(6, (20, 40)).astype(float)
    config = SimulationConfig(lead_time=2, review_period=3)
    result = simulate(demand, inv.perfect_foresight(demand, 5), demand[:, :2].sum(axis=1), config)
    assert result.lost.sum() == 0


def test_daily_quantiles_do_not_add_up():
    mean, sd = np.full((1, 7), 10.0), np.full((1, 7), 3.0)
    assert inv.interval_moments(mean, sd, 0.0)[1][0] == pytest.approx(3 * np.sqrt(7))
    assert inv.interval_moments(mean, sd, 1.0)[1][0] == pytest.approx(21)


@pytest.mark.parametrize("r", [0.0, 0.3, 0.7])
def test_correlation_is_recovered(r):
    rng = np.random.default_rng(1)
    z = np.sqrt(r) * rng.normal(size=(4000, 1)) + np.sqrt(1 - r) * rng.normal(size=(4000, 4))
    assert inv.interval_correlation(z, np.ones_like(z), 4) == pytest.approx(r, abs=0.03)


def test_level_and_risk_agree_and_sd_comes_from_quantiles():
    mean, sd = np.array([50.0]), np.array([12.0])
    assert inv.stockout_risk(inv.order_up_to_level(mean, sd, 0.95), mean, sd)[0] == pytest.approx(0.05)
    assert inv.daily_sd(stats.norm.ppf(QUANTILES, 20, 4)) == pytest.approx(4)


def test_plan_orders_warns_and_lists_excess():
    interval, lead = (np.full(2, 30.0), np.full(2, 5.0)), (np.full(2, 20.0), np.full(2, 4.0))
    plan = replenishment_plan(["a", "b"], np.array([5.0, 100.0]), lead, interval, 0.95)
    assert plan["order_quantity"].tolist()[1] == 0 and plan["order_quantity"].iloc[0] > 25
    assert plan["runs_out_before_delivery"].tolist() == [True, False] and plan["excess"].iloc[1] > 50
    assert plan["risk_with_order"].iloc[0] <= 0.05


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lead_time", -1),
        ("lead_time", 1.5),
        ("review_period", 0),
        ("holding_cost", -1.0),
        ("minimum_order", -2),
        ("shortage_cost", float("nan")),
        ("order_cost", float("inf")),
        ("lost_sales", "yes"),
    ],
)
def test_bad_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        SimulationConfig(**{name: value})


@pytest.mark.parametrize("demand", [[[np.nan, 1]], [[-1, 2]], [[np.inf, 2]]])
def test_bad_demand_is_refused_with_its_row(demand):
    with pytest.raises(ValueError, match="row 0"):
        run(demand, 3)
