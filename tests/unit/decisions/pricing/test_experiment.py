"""Price tests: break-even by hand, and a length that keeps its promise."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from salesforecast_lib.decisions.pricing.data import panel_prices
from salesforecast_lib.decisions.pricing.duel import advice_against_truth, advice_verdict
from salesforecast_lib.decisions.pricing.experiment import (
    break_even_elasticity,
    break_even_ratio,
    first_tests,
    period_noise,
    periods_needed,
)
from salesforecast_lib.decisions.pricing.rules import STANDARD_RULES, PlanConfig
from salesforecast_lib.decisions.pricing.study import play_shop
from tests.unit.decisions.pricing.made import weekly_panel


@pytest.mark.parametrize("proposed", [8.0, 9.5, 11.0, 12.5])
@pytest.mark.parametrize("cost", [2.0, 5.0, 7.5])
def test_profit_is_the_same_at_the_break_even(proposed, cost):
    price = np.array([10.0])
    ratio = break_even_ratio(price, np.array([proposed]), np.array([cost]))
    elasticity = break_even_elasticity(price, np.array([proposed]), np.array([cost]))
    assert (proposed - cost) * ratio[0] == pytest.approx(10 - cost)
    assert (proposed / 10) ** elasticity[0] == pytest.approx(ratio[0]) and elasticity[0] < 0


def test_a_price_at_its_cost_never_pays_and_no_change_has_no_break_even():
    price, proposed, cost = np.array([10.0, 10.0]), np.array([7.0, 10.0]), np.array([7.0, 7.0])
    assert break_even_ratio(price, proposed, cost).tolist() == [np.inf, 1.0]
    assert break_even_elasticity(price, proposed, cost)[0] == -np.inf
    assert np.isnan(break_even_elasticity(price, proposed, cost)[1])


@pytest.mark.parametrize("effect", [-0.3, 0.15, 0.6])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_a_test_of_that_length_sees_the_effect_four_times_in_five(effect, noise):
    needed = periods_needed(np.array([effect]), np.array([noise]), 400)[0]
    pairs, rng = int(needed) // 2, np.random.default_rng(0)
    limit = student.ppf(0.95, pairs - 1)

    def seen(truth, pairs):
        drawn = rng.normal(truth, noise, (20_000, pairs))
        return (np.sign(effect) * drawn.mean(1) / drawn.std(1, ddof=1) * np.sqrt(pairs) > limit).mean()

    assert seen(effect, pairs) > 0.78 and seen(0.0, pairs) == pytest.approx(0.05, abs=0.01)
    if pairs > 3:
        limit = student.ppf(0.95, pairs - 2)
        assert seen(effect, pairs - 1) < 0.85, "one pair less would hardly be enough"


def test_what_no_test_can_see_has_no_length():
    found = periods_needed(np.array([0.01, 0.3, 0.3, np.nan]), np.array([0.5, np.nan, 0.1, 0.1]), 26)
    assert np.isnan(found[[0, 1, 3]]).all() and found[2] == 6
    assert np.isnan(periods_needed(np.array([9.0]), np.array([0.1]), 5)).all(), "fewer than three pairs are no test"


def test_noise_is_what_price_and_plan_do_not_explain():
    """Poisson sales of a mean of 80: one week against the next differs by sqrt(2 / 80), whatever the price does."""
    for elasticity in (-0.5, -3.0):
        noise = period_noise(panel_prices(weekly_panel(weeks=300, elasticity=elasticity), "group", []))
        assert noise["noise"].to_numpy() == pytest.approx(np.sqrt(2 / 80), rel=0.25)
        assert (noise["seen"] == 300).all() and (noise["moves"] > 100).all()


def test_first_tests_are_of_different_categories_and_those_of_most_money():
    plan = pd.DataFrame(
        {"wanted": [True, True, False, True], "at_stake": [1.0, 5.0, 9.0, 3.0], "category": ["x", "x", "y", "z"]}
    )
    assert first_tests(plan, 10).tolist() == [False, True, False, True]
    assert first_tests(plan, 1).tolist() == [False, True, False, False] and not first_tests(plan, 0).any()


@pytest.mark.parametrize("bad", [{"cost_doubt": 1.0}, {"cost_doubt": -0.1}, {"tests": -1}, {"longest_test": 4}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        PlanConfig(**bad)


def test_blind_advice_promises_more_than_it_brings():
    """In a shop whose manager raises prices when demand is high, the estimate without instruments is too flat."""
    shops = [play_shop(seed, products=8, days=500) for seed in (3, 4)]
    table = advice_against_truth(shops, STANDARD_RULES)
    blind, known = table.loc["double ML"], table.loc["double ML, instruments and views"]
    assert blind["promised"] - blind["true"] > 0.05 and blind["true"] < known["true"]
    assert blind["losing"] > known["losing"] and blind["raises"] > known["raises"]
    assert "lose money" in advice_verdict(table, "double ML", "double ML, instruments and views")
