"""Elasticities, guard rails and price optimisation against known truths."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing.data import PriceData, log_demand, market_prices, panel_prices, rival_index
from salesforecast_lib.decisions.pricing.demand import demand_factor, profit, units_at
from salesforecast_lib.decisions.pricing.elasticity import double_ml, fixed_effects, naive_loglog
from salesforecast_lib.decisions.pricing.nuisance import ByProduct
from salesforecast_lib.decisions.pricing.optimise import brute_force, optimise_category
from salesforecast_lib.decisions.pricing.plan import PLAN_COLUMNS, PlanConfig, recommend, state_today
from salesforecast_lib.decisions.pricing.rules import PriceRules, ladder, refuse_customers
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.decisions.pricing.study import (
    believed_state,
    best_prices,
    pricing_market,
    score_estimators,
    total_profit,
    true_state,
)


@pytest.fixture(scope="module")
def market():
    return pricing_market(3, products=12, days=600)


@pytest.fixture(scope="module")
def fit(market):
    return double_ml(market_prices(market), folds=4)


def synthetic(seed=0, products=6, periods=400, own=-2.0, cross=0.5, confounding=0.8):
    """Prices that answer to a shock, with a cost that moves them; the truth is ``own`` and ``cross`` everywhere."""
    rng = np.random.default_rng(seed)
    cost, shock = rng.normal(0, 0.2, (2, products, periods))
    price = cost + confounding * shock
    table = pd.DataFrame(
        {
            "unique_id": np.repeat([f"p{i}" for i in range(products)], periods),
            "category": "all",
            "ds": np.tile(pd.date_range("2024-01-01", periods=periods), products),
            "block": np.tile(np.arange(periods) // 28, products),
            "units": 10.0,
            "share": 1 / products,
            "log_price": price.ravel(),
            "log_cost": cost.ravel(),
        }
    )
    table["rival_price"] = rival_index(table, "log_price")
    table["rival_log_cost"] = rival_index(table, "log_cost")
    table["control"] = rng.normal(size=len(table))
    noise = rng.normal(0, 0.1, len(table))
    table["log_units"] = (
        own * table["log_price"] + cross * table["rival_price"] + shock.ravel() + table["control"] + noise
    )
    return PriceData(table, ("log_cost", "rival_log_cost"), ("control",))


def category(seed, n):
    rng = np.random.default_rng(seed)
    price = np.round(rng.uniform(2, 9, n), 2)
    return pd.DataFrame(
        {
            "unique_id": [f"p{i}" for i in range(n)],
            "price": price,
            "cost": price * rng.uniform(0.4, 0.7, n),
            "units": rng.uniform(5, 50, n),
            "share": rng.dirichlet(np.ones(n)),
            "own": rng.normal(-2, 0.5, n),
            "cross": rng.uniform(0, 1.2, n),
            "price_low": price * 0.85,
            "price_high": price * 1.2,
        }
    )


def test_instruments_remove_the_bias_that_the_naive_line_has():
    data = synthetic()
    naive, plain, instrumented = naive_loglog(data), double_ml(data, instruments=False), double_ml(data)
    assert naive.mean > -1.7 and plain.mean > -1.7
    low, high = instrumented.interval()
    assert low <= -2.0 <= high and high - low < 0.3
    assert abs(instrumented.table["cross"].mean() - 0.5) < 0.25
    assert instrumented.first_stage_f > 10 and plain.first_stage_f == np.inf


def test_without_confounding_every_estimator_with_the_right_model_is_right():
    data = synthetic(confounding=0.0)
    for found in (fixed_effects(data), double_ml(data, instruments=False), double_ml(data)):
        assert abs(found.mean + 2.0) < 0.1, found.method


def test_fixed_effects_equal_dummy_variables():
    data = synthetic(products=4, periods=30)
    shares = data.table["unique_id"].map({"p0": 0.4, "p1": 0.3, "p2": 0.2, "p3": 0.1})
    table = data.table.assign(share=shares)
    table["rival_price"] = rival_index(table, "log_price")  # with equal shares the period effects would absorb it
    data = PriceData(table, data.instruments, data.controls)
    dummies = pd.get_dummies(table[["unique_id", "ds"]].astype(str), dtype=float).to_numpy()
    X = np.column_stack([table[["log_price", "rival_price", "control"]].to_numpy(), dummies])
    slope = np.linalg.lstsq(X, table["log_units"].to_numpy(), rcond=None)[0]
    found = fixed_effects(data)
    np.testing.assert_allclose([found.mean, found.table["cross"].iloc[0]], slope[:2], atol=1e-6)


def test_by_product_ridge_equals_least_squares_of_each_product():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.repeat([0, 1], 50), rng.normal(size=(100, 2))])
    y = X[:, 1] * np.where(X[:, 0] == 0, 1.0, -2.0) + 3 * X[:, 0] + rng.normal(size=100)
    found = ByProduct(1e-12).fit(X, y).predict(X)
    for code in (0, 1):
        rows = X[:, 0] == code
        design = np.column_stack([np.ones(50), X[rows, 1:]])
        np.testing.assert_allclose(found[rows], design @ np.linalg.lstsq(design, y[rows], rcond=None)[0], atol=1e-8)


def test_jackknife_intervals_are_wider_when_errors_last():
    data, rng = synthetic(confounding=0.0, periods=420), np.random.default_rng(1)
    slow, error = (np.repeat(rng.normal(0, 0.2, (6, 15)), 28, axis=1).ravel() for _ in range(2))
    table = data.table.assign(log_price=slow, log_cost=slow)
    table["rival_price"] = table["rival_log_cost"] = rival_index(table, "log_price")
    demand = -2 * slow + 0.5 * table["rival_price"] + table["control"]
    found = [
        double_ml(PriceData(table.assign(log_units=demand + e), data.instruments, data.controls))
        for e in (error, rng.permutation(error))
    ]
    assert found[0].mean_se > 2 * found[1].mean_se
    assert found[0].interval()[0] <= -2.0 <= found[0].interval()[1]


def test_double_ml_asks_for_instruments_and_enough_blocks():
    data = synthetic(products=2, periods=60)
    with pytest.raises(ValueError, match="no instruments"):
        double_ml(PriceData(data.table, (), data.controls))
    with pytest.raises(ValueError, match="folds=8"):
        double_ml(data, folds=8)


def test_simulated_shop_naive_is_biased_and_the_interval_holds_the_truth(market, fit):
    data = market_prices(market)
    scores = score_estimators(market, {"naive": naive_loglog(data), "ours": fit}).set_index("method")
    assert scores.loc["naive", "bias"] > 0.3 and not scores.loc["naive", "covered"]
    assert scores.loc["ours", "covered"] and abs(scores.loc["ours", "bias"]) < 0.3


def test_latent_columns_stay_out_of_the_price_data(market):
    names = set(market_prices(market).table.columns)
    assert not names & {"mu", "shock", "demand", "regime", "stock"}


def test_log_demand_is_unbiased_for_counts_and_sold_out_days():
    rng = np.random.default_rng(0)
    demand = pd.Series(rng.poisson(20.0, 40_000))
    assert abs(log_demand(demand).mean() - np.log(20)) < 0.005
    stock = 12
    last = pd.Series(rng.beta(stock, demand.clip(lower=stock) - stock + 1))
    out = demand >= stock
    censored = log_demand(demand.clip(upper=stock), last.where(out, 1.0))
    assert abs(censored.mean() - np.log(20)) < 0.01
    assert abs(np.log(demand.clip(upper=stock)).mean() - np.log(20)) > 0.3  # what sales alone say
    assert log_demand(pd.Series([0.0]), pd.Series([0.0])).isna().all()


def test_rival_index_by_hand():
    table = pd.DataFrame(
        {
            "unique_id": ["a", "a", "b", "b", "c", "c"],
            "category": "x",
            "ds": [1, 2] * 3,
            "share": [0.5, 0.5, 0.3, 0.3, 0.2, 0.2],
            "v": [1.0, 3.0, 0.0, 2.0, 5.0, 5.0],
        }
    )
    # deviations: a -1, 1; b -1, 1; c 0, 0
    np.testing.assert_allclose(rival_index(table, "v"), [-0.6, 0.6, -0.5 / 0.7, 0.5 / 0.7, -1.0, 1.0])


def test_customer_columns_are_refused_everywhere(market, fit):
    with pytest.raises(ValueError, match="customer_segment"):
        refuse_customers(["price", "customer_segment"], "x")
    refuse_customers(["price", "buyers", "package", "usage"], "x")  # counts and look-alikes are fine
    panel = pd.DataFrame(
        {"unique_id": ["a"], "ds": [pd.Timestamp("2024-01-01")], "y": [1.0], "price": [1.0], "age": [30]}
    )
    with pytest.raises(ValueError, match="who buys"):
        panel_prices(panel, "", ["age"])
    with pytest.raises(ValueError, match="household_id"):
        optimise_category(category(0, 2).assign(household_id=1))
    state = state_today(market_prices(market), shrink(fit.table), 0.6)
    with pytest.raises(ValueError, match="gender"):
        recommend(state.assign(gender="f"), shrink(fit.table), PriceRules())


def test_shrinkage_by_hand_and_in_the_limits():
    table = pd.DataFrame(
        {
            "unique_id": list("abcd"),
            "category": "x",
            "own": [-1.0, -3.0, -1.5, -2.5],
            "own_se": [0.1, 0.1, 0.1, 0.1],
            "cross": [0.5, 0.5, 0.5, 0.5],
            "cross_se": 0.1,
            "covariance": 0.0,
        }
    )
    tau2 = table["own"].var() - 0.01  # equal errors: the moment estimate is the sample variance less the error's
    gain = tau2 / (tau2 + 0.01)
    np.testing.assert_allclose(shrink(table, robust=50)["own"], -2 + gain * (table["own"] + 2), atol=1e-3)
    vague = shrink(table.assign(own_se=[0.1, 0.1, 0.1, 30.0], own=[-1.9, -2.0, -2.1, -9.0]))
    assert abs(vague["own"].iloc[3] + 2.0) < 0.05
    assert (vague["own_sd"] > 0).all()


def test_shrinkage_makes_products_more_accurate(market, fit):
    truth = market.products.set_index("unique_id")["own_elasticity"][fit.table["unique_id"]].to_numpy()
    raw, pulled = fit.table["own"].to_numpy() - truth, shrink(fit.table)["own"].to_numpy() - truth
    assert np.sqrt((pulled**2).mean()) < np.sqrt((raw**2).mean())


@pytest.mark.parametrize("seed", range(3))
def test_optimiser_finds_what_trying_everything_finds(seed):
    products = category(seed, 3)
    for rules in (PriceRules(), PriceRules(max_index_change=0.02), PriceRules(endings=(), step=0.2, min_margin=0.5)):
        reference, exact = brute_force(products, rules), optimise_category(products, rules)
        np.testing.assert_allclose(exact.profit, reference.profit)
        searched = optimise_category(products, rules, enumerate_up_to=0)
        assert reference.profit * 0.998 <= searched.profit <= reference.profit * (1 + 1e-9)
        assert searched.bound >= reference.profit * (1 - 1e-9)


def test_optimiser_keeps_every_rule_and_certifies_a_larger_category():
    products, rules = category(1, 10), PriceRules(max_change=0.1, max_index_change=0.04, min_margin=0.3)
    found = optimise_category(products, rules)
    price = products["price"].to_numpy()
    moved = np.abs(found.prices - price) > 1e-9
    assert moved.any() and found.profit > found.current_profit and found.gap < 0.005
    assert (np.abs(found.prices / price - 1) <= 0.1 + 1e-9).all()
    cents = np.round(100 * found.prices[moved]).astype(int) % 10
    assert (cents == 9).all()
    assert (1 - products["cost"] / found.prices >= 0.3 - 1e-9)[moved].all()
    assert (found.prices >= products["price_low"] - 1e-9).all() and (
        found.prices <= products["price_high"] + 1e-9
    ).all()
    assert abs((products["share"] * np.log(found.prices / price)).sum()) <= np.log1p(0.04) + 1e-9


def test_single_product_optimum_is_the_textbook_markup():
    one = pd.DataFrame(
        {
            "unique_id": ["a"], "price": [3.5], "cost": [2.0], "units": [10.0], "share": [1.0], "own": [-2.0],
            "cross": [0.7], "price_low": [1.0], "price_high": [9.0],
        }
    )  # fmt: skip
    rules = PriceRules(endings=(), step=0.01, max_change=0.5, max_index_change=0.9)
    assert abs(optimise_category(one, rules).prices[0] - 4.0) < 0.011  # cost * e / (1 + e)


def test_demand_factor_matches_the_simulators_elasticities():
    own, cross, share = np.array([-2.0, -1.5, -3.0]), np.array([0.6, 0.45, 0.9]), np.array([0.5, 0.3, 0.2])
    weight = share[None, :] / (1 - share)[:, None]
    matrix = cross[:, None] * weight
    np.fill_diagonal(matrix, own)
    x = np.array([0.1, -0.2, 0.05])
    np.testing.assert_allclose(demand_factor(x, own, cross, share), np.exp(matrix @ x))


def test_true_state_agrees_with_the_simulator(market):
    """Prices of one category 5 % up: the state's profit formula and the simulator say the same."""
    from salesforecast_lib.data.marketplace.simulate import expected_demand

    data = market_prices(market)
    state = true_state(market, data)
    truth = market.truth
    last = truth["ds"] > truth["ds"].max() - pd.Timedelta(days=28)
    today = state.set_index("unique_id")["price"]
    asked = truth["price"].where(~(last & truth["unique_id"].isin(today.index)), truth["unique_id"].map(today) * 1.05)
    units = expected_demand(market, asked)[last].groupby(truth.loc[last, "unique_id"]).mean().loc[today.index]
    prices = state["price"].to_numpy() * 1.05
    expected = float(((prices - state["cost"]) * units.to_numpy()).sum())
    assert abs(total_profit(state, prices) / expected - 1) < 1e-6


def test_regret_is_small_on_a_simulated_shop(market, fit):
    data = market_prices(market)
    state, rules = true_state(market, data), PriceRules()
    best = total_profit(state, best_prices(state, rules))
    ours = total_profit(state, best_prices(believed_state(state, data, shrink(fit.table)), rules))
    assert total_profit(state, state["price"].to_numpy()) < ours <= best * (1 + 1e-9)
    assert 1 - ours / best <= 0.03


def test_ladder_stays_in_the_observed_range_unless_told():
    inside = ladder(2.49, 1.0, 2.29, 2.59, PriceRules())
    assert inside.min() >= 2.29 and inside.max() <= 2.59 and 2.49 in inside
    assert ladder(2.49, 1.0, 2.29, 2.59, PriceRules(allow_outside=True)).max() > 2.59
    assert ladder(2.49, 2.4, 2.0, 3.0, PriceRules(min_margin=0.1)).tolist()[1:] == [2.69, 2.79, 2.89]


def test_bad_rules_and_products_are_refused():
    with pytest.raises(ValueError, match="max_change"):
        PriceRules(max_change=2.0)
    with pytest.raises(ValueError, match="endings"):
        PriceRules(endings=(109,))
    with pytest.raises(ValueError, match="cost_share"):
        PlanConfig(cost_share=1.2)
    with pytest.raises(ValueError, match="'p1'"):
        optimise_category(category(0, 2).assign(price=[3.0, 0.0]))
    with pytest.raises(ValueError, match="missing"):
        profit_columns = category(0, 2).drop(columns="cross")
        optimise_category(profit_columns)
    with pytest.raises(ValueError, match="combinations"):
        brute_force(category(0, 9), limit=1000)


def weekly_panel(seed=0, weeks=104, elasticity=-1.6, fixed=("c",)):
    rng = np.random.default_rng(seed)
    parts = []
    for name in ("a", "b", "c", "d"):
        price = (
            np.full(weeks, 3.0) if name in fixed else np.round(3 * np.exp(rng.choice([0, 0, 0, -0.2, 0.1], weeks)), 2)
        )
        mean = (0.5 if name == "d" else 80.0) * (price / 3) ** elasticity
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": name, "ds": pd.date_range("2022-01-02", periods=weeks, freq="W-SUN"),
                    "y": rng.poisson(mean).astype(float), "price": price, "available": 1.0, "group": "g",
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


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


def test_units_at_today_undo_a_promotion():
    rows = pd.DataFrame({"unique_id": "a", "units": [40.0, 10.0], "log_price": np.log([1.0, 2.0])})
    found = units_at(rows, pd.Series({"a": 2.0}), pd.Series({"a": -2.0}))
    assert found["a"] == pytest.approx(10.0)


def test_missing_panel_columns_are_named():
    with pytest.raises(ValueError, match="shelf"):
        panel_prices(weekly_panel(), "shelf", [])


def test_profit_of_today_is_margin_times_units():
    products = category(2, 4)
    today = profit(products, products["price"].to_numpy())
    assert today == pytest.approx(((products["price"] - products["cost"]) * products["units"]).sum())
