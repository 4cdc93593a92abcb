"""Demand at other prices and the optimiser against trying everything."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing.demand import demand_factor, gain_draws, profit, units_at
from salesforecast_lib.decisions.pricing.optimise import brute_force, optimise_category
from salesforecast_lib.decisions.pricing.rules import PriceRules
from tests.unit.decisions.pricing.made import category


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


def test_profit_of_today_is_margin_times_units():
    products = category(2, 4)
    today = profit(products, products["price"].to_numpy())
    assert today == pytest.approx(((products["price"] - products["cost"]) * products["units"]).sum())


def test_units_at_today_undo_a_promotion():
    rows = pd.DataFrame({"unique_id": "a", "units": [40.0, 10.0], "log_price": np.log([1.0, 2.0])})
    found = units_at(rows, pd.Series({"a": 2.0}), pd.Series({"a": -2.0}))
    assert found["a"] == pytest.approx(10.0)


def test_gain_draws_add_up_the_categories():
    state = pd.concat([category(0, 3).assign(category="x"), category(1, 2).assign(category="y")], ignore_index=True)
    state = state.assign(own_sd=0.0, cross_sd=0.0, covariance=0.0)
    prices = state["price"].to_numpy() * 1.05
    gain = gain_draws(state, prices, 5, 0)
    by_hand = sum(
        profit(part, prices[part.index]) - profit(part, part["price"].to_numpy())
        for _, part in state.groupby("category")
    )
    np.testing.assert_allclose(gain, by_hand)
    assert np.ptp(gain_draws(state.assign(own_sd=0.3), prices, 5, 0)) > 0
