"""Limits over products, transfers, censored demand and the planner's tables, on cases that can be checked."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from salesforecast_lib.decisions.inventory import constraints as con
from salesforecast_lib.decisions.inventory.case_study import build_case
from salesforecast_lib.decisions.inventory.censoring import (
    censored_mean,
    compare_estimates,
    demand_estimates,
    mean_above,
)
from salesforecast_lib.decisions.inventory.planner import (
    ExcessConfig,
    abc_xyz,
    excess_proposals,
    money_at_risk,
    project_stock,
    projection_table,
    rank_warnings,
    replenishment_plan,
)
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig, simulate
from salesforecast_lib.decisions.inventory.transfers import transfer_plan
from salesforecast_lib.decisions.inventory.value_of_accuracy import (
    METRICS,
    _rank_correlation,
    telling_measures,
    value_of_accuracy,
)
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from tests.unit.decisions.inventory.test_case_study import made_forecasts, made_panel


def test_packs_minimum_and_shelf_life_by_hand():
    assert con.packed(np.array([0.0, 1, 7, 13]), pack=6).tolist() == [0, 6, 12, 18]
    assert con.packed(np.array([0.0, 1, 7, 13]), pack=6, minimum=10).tolist() == [0, 12, 12, 18]
    assert con.packed(np.array([30.0, 30, 30]), pack=6, minimum=10, most=np.array([20.0, 11, 0])).tolist() == [18, 0, 0]
    with pytest.raises(ValueError, match="pack"):
        con.packed(np.ones(2), pack=0)
    room = con.shelf_life_room(np.full((9, 2, 5), 2.0), np.array([4.0, 40.0]))
    assert room.tolist() == [6, 0]


def test_allocation_equals_brute_force_and_keeps_every_limit():
    rng = np.random.default_rng(0)
    paths = rng.poisson(rng.uniform(2, 9, (1, 5, 1)), (300, 5, 3)).astype(float)
    stock, arrivals = np.zeros(5), np.zeros((5, 1))
    quantities = con.options(np.array([9.0, 14, 20, 6, 11]), pack=np.array([1, 2, 5, 3, 1]), minimum=4, count=3)
    saving = con.savings(quantities, paths, stock, arrivals, 2.0, 0.3)
    price, volume = rng.uniform(1, 4, 5), rng.uniform(0.5, 2, 5)
    for money, space in ((60.0, 30.0), (20.0, 90.0), (0.0, 5.0)):
        got = con.allocate(quantities, saving, [(price, money), (volume, space)], gap=0.0)
        best = max(
            sum(saving[i, k] for i, k in enumerate(ks))
            for ks in itertools.product(range(4), repeat=5)
            if sum(price[i] * quantities[i, k] for i, k in enumerate(ks)) <= money
            and sum(volume[i] * quantities[i, k] for i, k in enumerate(ks)) <= space
        )
        mine = sum(saving[i, list(quantities[i]).index(q)] for i, q in enumerate(got))
        assert mine == pytest.approx(best) and price @ got <= money + 1e-6 and volume @ got <= space + 1e-6
    assert con.allocate(quantities, saving, []).sum() > 0
    with pytest.raises(ValueError, match="limit"):
        con.allocate(quantities, saving, [(price, -1.0)])


def test_classes_by_turnover_and_steadiness():
    sales = np.array([[100.0] * 20, [10.0] * 20, [0, 18] * 10, [0] * 19 + [9.0], [0.0] * 20])
    table = abc_xyz(list("abcde"), sales)
    assert table["abc"].tolist() == ["A", "B", "B", "C", "C"] and table["xyz"].tolist() == ["X", "X", "Z", "Z", "Z"]
    assert abc_xyz(list("abcde"), sales, np.array([1, 1, 100, 1, np.nan]))["abc"].tolist()[2] == "A"


def test_transfers_by_hand():
    paths = np.full((20, 2, 2), 10.0)
    stock = np.array([[25.0, 2.0], [10.0, 10.0]])
    free = transfer_plan(["p", "q"], ["north", "south"], stock, paths, np.full((2, 2), 0.1), 1.0)
    assert free[["unique_id", "origin", "destination", "quantity"]].values.tolist() == [["p", "north", "south", 8]]
    assert free["gain"][0] == pytest.approx(8 - 0.8)
    assert transfer_plan(["p", "q"], ["north", "south"], stock, paths, np.full((2, 2), 1.5), 1.0).empty
    small = transfer_plan(["p", "q"], ["n", "s"], stock, paths, np.full((2, 2), 0.1), 1.0, np.array([99.0, 15.0]))
    assert small["quantity"].tolist() == [3]


def test_transfers_lower_the_cost_of_random_cases():
    rng = np.random.default_rng(4)
    paths = rng.poisson(rng.uniform(1, 15, (1, 8, 3)), (500, 8, 3)).astype(float)
    stock = rng.integers(0, 30, (8, 3)).astype(float)
    table = transfer_plan([str(i) for i in range(8)], list("xyz"), stock, paths, np.full((3, 3), 0.05), 1.0)
    after = stock.copy()
    for row in table.itertuples():
        after[int(row.unique_id), "xyz".index(row.origin)] -= row.quantity
        after[int(row.unique_id), "xyz".index(row.destination)] += row.quantity
    assert (after >= 0).all() and len(table)
    lost = [np.maximum(paths - s, 0).mean(axis=0).sum() for s in (stock, after)]
    assert lost[0] - lost[1] - 0.05 * table["quantity"].sum() == pytest.approx(table["gain"].sum(), abs=0.1)
    assert lost[1] < 0.8 * lost[0]


def test_mean_above_a_bound_is_a_sum():
    k = np.arange(2000)
    chance = stats.nbinom.pmf(k, 5, 5 / (5 + 7.0))
    for bound in (0, 3, 12):
        assert mean_above(bound, 7.0, 0.2) == pytest.approx((k * chance)[bound:].sum() / chance[bound:].sum())


def test_censored_demand_is_recovered_and_sales_are_not_demand():
    rng = np.random.default_rng(0)
    truth = rng.uniform(3, 12, 60)
    demand = rng.poisson(truth[:, None] * rng.gamma(5, 0.2, (60, 200)))
    shelf = rng.poisson(truth[:, None] * 1.1, demand.shape)
    sales, out = np.minimum(demand, shelf), demand >= shelf
    table = compare_estimates(demand_estimates(sales, out, 0.2), truth).set_index("model")
    assert table.loc["sales as demand", "bias"] < -0.1 and table.loc["days in stock only", "bias"] < -0.1
    assert abs(table.loc["censored likelihood", "bias"]) < 0.03
    season = np.tile([0.5, 1.5], 100)[None]
    wave = rng.poisson(truth[:, None] * season)
    found = censored_mean(np.minimum(wave, 9), wave >= 9, 0.001, np.broadcast_to(season, wave.shape))
    assert found == pytest.approx(truth, rel=0.25)


@pytest.fixture(scope="module")
def plan_case():
    paths = np.random.default_rng(0).poisson(4, (400, 3, 10)).astype(float)
    moments = [(np.full(3, 4.0 * n), np.full(3, np.sqrt(4.0 * n))) for n in (3, 10)]
    plan = replenishment_plan(["low", "fine", "full"], np.array([2.0, 45.0, 200.0]), *moments, service_level=0.9)
    return plan, paths


def test_projection_counts_the_delivery(plan_case):
    plan, paths = plan_case
    stock, order = plan["stock"].to_numpy(), plan["order_quantity"].to_numpy()
    left = project_stock(paths, stock, order, lead_time=3)
    assert (left[:, 0, 3] >= order[0] - paths[:, 0, 3] - 1e-9).all() and (left >= 0).all()
    table = projection_table(list(plan["unique_id"]), pd.date_range("2024-01-01", periods=10), left)
    assert len(table) == 30 and (table["low"] <= table["median"]).all() and (table["median"] <= table["high"]).all()
    assert table[table["unique_id"] == "low"]["empty"].iloc[2] > 0.95 > table["empty"].iloc[3]


def test_money_at_risk_and_the_order_of_warnings(plan_case):
    plan, paths = plan_case
    table = money_at_risk(plan, paths, 3, shortage_cost=2.0, holding_cost=0.1).set_index("unique_id")
    assert table.loc["low", "expected_loss"] == pytest.approx(2 * (12 - 2), rel=0.05)
    assert table.loc["low", "loss_without_order"] == pytest.approx(2 * (40 - 2), rel=0.05)
    assert table.loc["low", "loss_with_order"] < 0.6 * table.loc["low", "loss_without_order"]
    assert table.loc["full", "loss_without_order"] == 0 and table.loc["full", "periods_of_stock"] == 10
    assert table["turnover"].is_monotonic_decreasing
    twice = pd.concat([plan.iloc[[0]], plan.iloc[[0]].assign(unique_id="dear", stock=0.0)], ignore_index=True)
    ranked = rank_warnings(money_at_risk(twice, paths[:, :2], 3, 2.0, 0.1))
    assert ranked["unique_id"].tolist() == ["dear", "low"] and ranked["rank"].tolist() == [1, 2]
    assert ranked["why"].str.contains("expected loss").all()


def test_excess_proposal_equals_brute_force(plan_case):
    plan, _ = plan_case
    config = ExcessConfig(markdown_cost=0.5, markdown_lift=0.5, return_cost=1.2)
    rate, holding = np.full(3, 4.0), 0.1
    (row,) = excess_proposals(plan, rate, 10, holding, config).itertuples()
    total, room = int(row.excess), 20

    def cost(m, b):
        kept = total - m - b
        return holding / 4 * kept * (kept + 1) / 2 + 0.5 * m + 1.2 * b

    every = {(m, b): cost(m, b) for m in range(room + 1) for b in range(total - m + 1)}
    assert cost(row.markdown_quantity, row.return_quantity) == pytest.approx(min(every.values()))
    assert row.unique_id == "full" and row.proposal == "mark down and return" and row.saving > 0
    kept = excess_proposals(plan, rate, 10, holding, ExcessConfig(500.0, 0.5, 500.0))
    assert kept["proposal"].tolist() == ["keep"] and kept["saving"].tolist() == [0]
    with pytest.raises(ValueError, match="return_cost"):
        ExcessConfig(return_cost=-1)


def test_value_of_accuracy_ranks_what_costs():
    panel = made_panel(tuple("abcdef"))
    config = SimulationConfig(3, 7, holding_cost=0.02, shortage_cost=1.0)
    means = {"good": 20.0, "low": 14.0, "lower": 9.0, "lowest": 4.0}
    forecasts = pd.concat([made_forecasts(panel, n, m) for n, m in means.items()], ignore_index=True)
    case = build_case(forecasts, panel, config, 7)
    table, ranking = value_of_accuracy(case, list(means), config, 0.9, replicates=50)
    assert table["model"].tolist() == list(means) and set(ranking["metric"]) == set(METRICS)
    assert (ranking["rank_correlation"] > 0.99).all() and (ranking["low"] <= ranking["high"]).all()
    assert ranking["needed"].iloc[0] == pytest.approx(0.8)  # of 24 orders of four models, one is above it
    with pytest.raises(ValueError, match="three"):
        value_of_accuracy(case, ["good", "low"], config, 0.9)
    assert _rank_correlation(np.array([1.0, 2, 3]), np.array([9.0, 5, 1])) == pytest.approx(-1)


def test_errors_in_the_table_of_money_are_those_of_chapter_07():
    """A root of a sum passed for the RMSE once: 1212 where chapter 07 has 9.4."""
    panel = made_panel(tuple("abc"))
    panel.loc[(panel["unique_id"] == "a") & (panel["ds"].dt.dayofweek == 2), "available"] = 0.0
    forecasts = pd.concat([made_forecasts(panel, n, m) for n, m in (("x", 20.0), ("y", 14.0), ("z", 9.0))])
    config = SimulationConfig(3, 7, holding_cost=0.02, shortage_cost=1.0)
    case = build_case(forecasts, panel, config, 7)
    table, _ = value_of_accuracy(case, ["x", "y", "z"], config, 0.9, replicates=50)
    expected = evaluate(scored_rows(forecasts, panel), panel, 7).set_index("model")
    found = table.set_index("model").loc[expected.index]
    for ours, theirs in (("RMSE", "rmse"), ("WAPE", "wape"), ("scaled CRPS", "scaled_crps")):
        assert found[ours].to_numpy() == pytest.approx(expected[theirs].to_numpy())
    assert found["absolute bias"].to_numpy() == pytest.approx(expected["bias"].abs().to_numpy())


def test_measures_that_chance_could_rank_as_well_are_named():
    ranking = pd.DataFrame({"metric": ["WAPE", "bias", "CRPS"], "low": [0.9, -0.1, 0.8], "needed": 0.58})
    words = "rank models as money does: CRPS and WAPE; not surely better than chance: bias"
    assert telling_measures(ranking) == words


def test_reasons_speak_of_one_period():
    plan = pd.DataFrame(
        {"stock": [3.0], "periods_of_stock": [1.0], "expected_loss": [2.0], "why": ["low"], "excess": [1.0]}
    ).assign(runs_out_before_delivery=True)
    assert "lasts about 1 period;" in rank_warnings(plan)["why"].iloc[0]
    (row,) = excess_proposals(plan, np.ones(1), 10, 0.1, ExcessConfig()).itertuples()
    assert row.why.startswith("1 unit beyond the level lasts 1 period longer than needed and costs")


def test_simulated_shop_pays_for_taking_sales_as_demand():
    """Levels from sales run out more, sell less, and so look right to themselves."""
    rng = np.random.default_rng(1)
    truth = rng.uniform(4, 10, 40)
    past, future = (rng.poisson(truth[:, None], (40, 120)) for _ in range(2))
    shelf = rng.poisson(truth[:, None], past.shape)
    estimates = demand_estimates(np.minimum(past, shelf), past >= shelf, 0.01)
    config = SimulationConfig(lead_time=1, holding_cost=0.1, shortage_cost=1.0)
    cost = {}
    for name, mean in estimates.items():
        level = stats.poisson.ppf(0.9, 2 * mean)

        def policy(t, position, on_hand, level=level):
            return np.maximum(level - position, 0)

        cost[name] = simulate(future, policy, level, config).summary()["total"]
    assert cost["censored likelihood"] < 0.9 * cost["sales as demand"]


def test_the_reason_names_who_forecast_the_demand():
    lead, interval = ((np.full(3, m), np.full(3, 1.0)) for m in (5.0, 20.0))
    told = (["a", "b", "c"], np.array([3.0, np.nan, 90.0]), lead, interval, 0.9)
    why = replenishment_plan(*told, model="Champion")["why"]
    assert "(demand 20 by the Champion at service level 90%)" in why[0] and "by the Champion" in why[1]
    assert "Champion" not in why[2], "stock that covers the level needs no forecaster"
    assert "(demand 20 at service level 90%)" in replenishment_plan(*told)["why"][0]


def test_a_named_policy_gives_orders_levels_and_its_name():
    lead, interval = ((np.full(5, m), np.full(5, 1.0)) for m in (5.0, 20.0))
    stock = np.array([3.0, 30.0, 60.0, np.nan, 38.0])
    wanted = (np.array([37.0, 0.0, 0.0, 37.0, 2.0]), np.full(5, 40.0))  # it waits until the stock is below 30
    plan = replenishment_plan(list("abcde"), stock, lead, interval, 0.9, 6, policy="(s, S)", wanted=wanted)
    assert plan["order_quantity"].fillna(-1).tolist() == [37, 0, 0, -1, 6]
    assert (plan["policy"] == "(s, S)").all() and (plan["order_up_to_level"] == 40).all()
    assert plan["excess"].fillna(-1).tolist() == [0, 0, 20, -1, 0]
    why = plan["why"].tolist()
    assert "below the level 40" in why[0] and "policy: (s, S)" in why[0] and "policy: (s, S)" in why[3]
    assert why[1] == "stock 30 is above the point at which an order up to 40 is due: no order"
    assert why[2] == "stock 60 covers the level 40: no order" and why[4].endswith("raised to the minimum order 6")


@pytest.mark.parametrize("value", [np.array([2.0, 5.0, 0.5]), np.ones(3)])
def test_money_follows_the_value_of_a_unit(plan_case, value):
    """A pack of diapers weighs more than a pack of gum: units stay, money is multiplied."""
    plan, paths = plan_case
    one = money_at_risk(plan, paths, 2, 1.0, 0.1)
    other = money_at_risk(plan, paths, 2, 1.0 * value, 0.1 * value)
    for name in ("expected_loss", "loss_without_order", "loss_with_order", "holding"):
        assert other[name].to_numpy() == pytest.approx(one[name].to_numpy() * value, abs=0.03), name
    assert other["periods_of_stock"].equals(one["periods_of_stock"])
    rate, config = np.full(3, 4.0), ExcessConfig(0.5, 0.5, 1.2)
    (plain,) = excess_proposals(plan, rate, 10, 0.1, config).itertuples()
    (dear,) = excess_proposals(plan, rate, 10, 0.1, config, unit_value=value).itertuples()
    factor = value[list(plan["unique_id"]).index("full")]
    assert (dear.markdown_quantity, dear.return_quantity) == (plain.markdown_quantity, plain.return_quantity)
    assert dear.saving == pytest.approx(plain.saving * factor, abs=0.02)
    assert dear.keep_cost == pytest.approx(plain.keep_cost * factor, abs=0.02) and f"{dear.keep_cost:.2f}" in dear.why


@pytest.mark.parametrize("value", [3.0, np.array([3.0, 0.2])])
def test_a_case_is_ordered_or_not_whatever_a_unit_is_worth(value):
    """Costs as shares of the price: a dear product's saving is greater, and so is what a whole case costs it."""
    paths = np.random.default_rng(0).poisson(2.0, (300, 2, 4)).astype(float)
    limits = con.Limits(case_pack=6)
    told = (np.array([3.0, 9.0]), paths, np.array([2.0, 0.0]), np.ones(2))
    plain = con.order_choices(*told, SimulationConfig(1, 3), limits)
    valued = con.order_choices(*told, SimulationConfig(1, 3, unit_value=value), limits)
    assert np.array_equal(plain.order, valued.order)
    assert valued.saving == pytest.approx(plain.saving * np.broadcast_to(value, 2)[:, None])
