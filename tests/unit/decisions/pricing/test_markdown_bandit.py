"""Clearance against brute force, and learning against its bounds."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import poisson

from salesforecast_lib.decisions.pricing.bandit import (
    BanditConfig,
    Trial,
    compare_learners,
    explore_then_commit,
    fixed_price,
    thompson,
)
from salesforecast_lib.decisions.pricing.markdown import ClearanceConfig, fixed_policy, fixed_value, policy_value, solve

SMALL = ClearanceConfig((3.0, 2.0), (1.5, 1.0), 3.0, -2.0, 2, 0.5)


def every_policy(config):
    """All deterministic policies of two weeks that obey ``only_down``: price by stock, later also by last price."""
    prices, states = range(len(config.prices)), config.stock + 1
    for first in product(prices, repeat=states):
        for second in product(prices, repeat=len(config.prices) * states):
            choice = np.zeros((2, len(config.prices), states), dtype=int)
            choice[0, :, :] = first
            choice[1] = np.reshape(second, (len(config.prices), states))
            if config.only_down and (choice[1] < np.arange(len(config.prices))[:, None]).any():
                continue
            yield choice


@pytest.mark.parametrize("only_down", [True, False])
def test_markdown_equals_the_best_of_all_policies(only_down):
    config = ClearanceConfig(SMALL.prices, SMALL.rate, 3.0, -2.0, 2, 0.5, only_down)
    best = max(policy_value(config, choice) for choice in every_policy(config))
    assert solve(config).expected == pytest.approx(best, abs=1e-12)


def test_policy_value_equals_simulation():
    config = ClearanceConfig((9.0, 7.0, 5.0), (4.0, 3.0, 2.0), 9.0, -2.0, 12, 1.0)
    policy, rng = solve(config), np.random.default_rng(0)
    demand, total = config.demand(), []
    for _ in range(20_000):
        left, last, money = config.stock, 0, 0.0
        for week in range(3):
            last = policy.choice[week, last, left]
            sold = min(left, rng.poisson(demand[week, last]))
            money, left = money + config.prices[last] * sold, left - sold
        total.append(money + config.salvage * left)
    assert np.mean(total) == pytest.approx(policy.expected, abs=4 * np.std(total) / np.sqrt(len(total)))


def test_one_week_is_a_newsvendor_in_price():
    config = ClearanceConfig((4.0, 3.0, 2.0), (5.0,), 4.0, -1.8, 6)
    units = np.arange(200)
    rates = 5.0 * (np.array(config.prices) / 4.0) ** -1.8
    by_hand = [
        p * (poisson.pmf(units, r) * np.minimum(units, 6)).sum() for p, r in zip(config.prices, rates, strict=True)
    ]
    assert solve(config).expected == pytest.approx(max(by_hand))


def test_more_stock_and_more_time_are_worth_more_and_prices_fall_with_stock():
    policy = solve(ClearanceConfig((9.0, 8.0, 7.0, 6.0), (3.0,) * 4, 9.0, -2.5, 30, only_down=False))
    assert (np.diff(policy.value[0, 0]) >= -1e-9).all() and (np.diff(policy.value[:, 0, 30]) <= 1e-9).all()
    assert (np.diff(policy.choice[0, 0, 1:]) >= 0).all()
    with pytest.raises(ValueError, match="numbers"):
        fixed_policy(policy.config, (0, 0))


def test_bad_clearance_is_refused():
    with pytest.raises(ValueError, match="highest first"):
        ClearanceConfig((2.0, 3.0), (1.0,), 3.0, -2.0, 2)
    with pytest.raises(ValueError, match="negative elasticity"):
        ClearanceConfig((3.0, 2.0), (1.0,), 3.0, 2.0, 2)


PRICES = (8.0, 9.0, 10.0, 11.0, 12.0)
CONFIG = BanditConfig(prices=PRICES, cost=6.0, reference_price=10.0, prior_level=np.log(20.0))
TRUTH = 20.0 * (np.array(PRICES) / 10.0) ** -3.5


def test_thompson_learns_the_elasticity_and_the_best_rung():
    run = thompson(CONFIG, TRUTH, 200, 40, seed=1)
    profit = (np.array(PRICES) - 6.0) * TRUTH
    assert (run.asked[:, -30:] == profit.argmax()).mean() > 0.5
    assert abs(run.elasticity.mean() + 3.5) < 0.4  # the prior said -2
    assert run.regret[:, -50:].mean() < 0.5 * run.regret[:, :10].mean()
    assert (run.regret >= 0).all()


def test_learning_costs_less_than_a_test_and_less_than_the_wrong_price():
    run, tested = thompson(CONFIG, TRUTH, 200, 40, seed=1), explore_then_commit(CONFIG, TRUTH, 200, 40, 8, seed=1)
    wrong = fixed_price(CONFIG, TRUTH, 4, 200)
    assert run.cumulative()[0][-1] < tested.cumulative()[0][-1] and run.cumulative()[0][-1] < wrong[-1]


def test_a_certain_prior_asks_the_best_rung_at_once():
    sure = BanditConfig(PRICES, 6.0, 10.0, np.log(20.0), 1e-3, -3.5, 1e-3)
    assert thompson(sure, TRUTH, 5, 3).regret.max() == 0


def test_bandit_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="shape"):
        thompson(CONFIG, TRUTH[:2], 5, 2)
    with pytest.raises(ValueError, match="periods"):
        explore_then_commit(CONFIG, TRUTH, 5, 2)
    with pytest.raises(ValueError, match="two positive prices"):
        BanditConfig((1.0,), 0.5, 1.0, 0.0)


def test_after_the_last_week_a_unit_brings_its_salvage_value():
    policy = solve(SMALL)
    np.testing.assert_allclose(policy.value[-1], np.tile(SMALL.salvage * np.arange(3), (2, 1)))
    unsold = ClearanceConfig((3.0,), (0.0,), 3.0, -2.0, 4, salvage=0.5)  # nobody comes
    assert fixed_value(unsold, (0,)) == pytest.approx(2.0) == solve(unsold).expected


def test_learners_together_equal_the_learners_alone():
    trial = compare_learners(CONFIG, TRUTH, 60, 10, each=3, seed=2)
    alone = thompson(CONFIG, TRUTH, 60, 10, seed=2)
    np.testing.assert_array_equal(trial.curves["Thompson sampling"], alone.cumulative()[0])
    np.testing.assert_array_equal(trial.curves["today's price"], fixed_price(CONFIG, TRUTH, 2, 60))
    assert trial.report().count("in 60 days") == 3 and trial.elasticity == alone.elasticity.mean()
    with pytest.raises(ValueError, match="one of the prices"):
        compare_learners(BanditConfig(PRICES, 6.0, 10.5, np.log(20.0)), TRUTH, 60, 10)


def test_verdict_says_when_a_way_has_lost_most_and_least():
    dear, flat = np.array([5.0, 8.0, 9.0, 9.5]), np.array([3.0, 6.0, 9.2, 12.0])
    errors = {"a": np.full(4, 0.3), "b": np.zeros(4)}
    text = Trial({"a": dear, "b": flat}, errors, 100.0, -2.0).verdict("a")
    assert "most on 2 of 4 days, the last of them day 2" in text and "least from day 3 on" in text
    assert "2 ahead of the next, 'b'" in text and "beyond what chance" in text
    vague = Trial({"a": dear, "b": flat}, {"a": np.full(4, 2.0), "b": np.zeros(4)}, 100.0, -2.0)
    assert "within what chance" in vague.verdict("a") and "has not lost least" in vague.verdict("b")
    with pytest.raises(ValueError, match="at least two"):
        Trial({"a": dear}, errors, 100.0, -2.0).verdict("a")
