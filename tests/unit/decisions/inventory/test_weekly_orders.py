"""The weekly demand model and its orders: nothing from later weeks, the season that was made, costs that pull."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.inventory.lookahead import lookahead_order, moment_order, path_cost
from salesforecast_lib.decisions.inventory.paths import negative_binomial_paths
from salesforecast_lib.decisions.inventory.player.demand import (
    WeeklyDemandConfig,
    WeeklyHistory,
    inputs,
    smoothed_level,
    trailing,
    week_of_year,
)
from salesforecast_lib.decisions.inventory.player.orders import WeeklyPlanner, season, seasonal_mean, usual_dispersion

PRODUCTS, WEEKS = 24, 120
CONFIG = WeeklyDemandConfig(
    lead_time=2,
    nested=("aisle", "kind"),
    other_groups=("shop",),
    categories=("aisle",),
    group_strength=(30.0, 60.0),
    rounds=10,
)


@pytest.fixture(scope="module")
def history():
    """Two years of weekly sales with a season, a hole in the shelf in eight weeks of a hundred."""
    rng = np.random.default_rng(5)
    rate = rng.gamma(1.5, 2.0, (PRODUCTS, 1)) * (1 + 0.5 * np.sin(2 * np.pi * np.arange(WEEKS) / 52))
    known = rng.random((PRODUCTS, WEEKS)) > 0.08
    kind = np.arange(PRODUCTS) % 6
    attributes = pd.DataFrame({"aisle": kind % 2, "kind": kind, "shop": np.arange(PRODUCTS) // 6})
    dates = pd.date_range("2022-01-03", periods=WEEKS, freq="7D")
    return WeeklyHistory(rng.poisson(rate) * known.astype(float), known, dates, attributes)


def planner(**changes) -> WeeklyPlanner:
    return WeeklyPlanner(dataclasses.replace(CONFIG, **changes), underage=1.0, overage=0.3, samples=80)


def test_sums_and_levels_by_hand():
    values = np.array([[1.0, 2, 3, 4]])
    assert trailing(values, 2).tolist() == [[1, 3, 5, 7]]
    level = smoothed_level(np.array([[2.0, 4.0]]), np.array([[1.0, 0.0]]), 0.5)
    assert level.tolist() == [[(2 + 0.5) / 2, (1 + 4 + 0.5) / (0.5 + 1)]]


def test_week_53_counts_as_52():
    short = WeeklyHistory(
        np.zeros((1, 2)), np.ones((1, 2), bool), pd.DatetimeIndex(["2020-12-21", "2020-12-28"]), pd.DataFrame()
    )
    assert week_of_year(short, 1).tolist() == [51, 51, 0]


def test_inputs_of_a_week_do_not_change_with_later_weeks(history):
    late = inputs(history, 60, CONFIG)[0][:, :31]  # origins 60 .. 90
    early = inputs(history.until(90), 60, CONFIG)[0]
    assert np.array_equal(late, early, equal_nan=True) and early.shape[:3] == (PRODUCTS, 31, 3)


def test_season_finds_the_made_season(history):
    factor = season(history, CONFIG, own=False)
    assert factor.shape == (PRODUCTS, WEEKS + 3) and factor[:, 5:22].mean() > 1.2 and factor[:, 31:48].mean() < 0.8
    assert np.ptp(factor, axis=0).max() < 1e-9, "the shop's season is everybody's"
    own = season(history, CONFIG)
    assert not np.allclose(own, factor) and own.mean(axis=1) == pytest.approx(factor.mean(axis=1), abs=0.05)
    infinite = dataclasses.replace(CONFIG, group_strength=(np.inf, np.inf))
    assert np.array_equal(season(history, infinite), factor)


def test_orders_are_whole_cover_the_lead_time_and_follow_the_costs(history):
    on_hand, none = np.zeros(PRODUCTS), np.zeros((PRODUCTS, 2))
    usual = planner()
    order = usual.order(history, on_hand, none)
    assert order.shape == (PRODUCTS,) and (order % 1 == 0).all() and (order >= 0).all() and order.sum() > 0
    assert usual.paths_around(usual.mean(history), history).shape == (80, PRODUCTS, 3)
    plenty = usual.order(history, on_hand + 100, none)
    assert plenty.sum() == 0
    dear = WeeklyPlanner(CONFIG, underage=10.0, overage=0.3, trees=usual.trees, means=usual.means)
    assert (dear.order(history, on_hand, none) >= order).all()


def test_a_longer_lead_time_is_a_parameter(history):
    late = planner(lead_time=4)
    assert late.mean(history).shape == (PRODUCTS, 5)
    assert late.order(history, np.zeros(PRODUCTS), np.zeros((PRODUCTS, 4))).shape == (PRODUCTS,)
    with pytest.raises(ValueError, match="lead time"):
        late.order(history, np.zeros(PRODUCTS), np.zeros((PRODUCTS, 2)))


def test_the_mean_is_near_what_sells(history):
    past, target = history.until(WEEKS - 4), history.sales[:, -3:]
    known = history.in_stock[:, -3:]
    forecast = planner().mean(past)
    assert forecast[known].sum() == pytest.approx(target[known].sum(), rel=0.2)
    assert seasonal_mean(past, CONFIG).shape == forecast.shape
    assert ((usual_dispersion(past, 3) >= 0.01) & (usual_dispersion(past, 3) <= 3)).all()


def test_orders_from_moments_cost_what_the_cheapest_on_many_paths_cost():
    """Both judged on other paths; stock runs out within the lead time for some products and not for others."""
    rng = np.random.default_rng(3)
    mean, spread = rng.gamma(1.0, 4.0, (300, 3)) + 0.1, rng.uniform(0.05, 0.6, 300)
    on_hand, arrivals = rng.poisson(3.0, 300).astype(float), rng.poisson(4.0, (300, 2)).astype(float)
    paths, judge = (negative_binomial_paths(mean, spread, 0.0, 3000, seed) for seed in (1, 2))
    best = lookahead_order(paths, on_hand, arrivals, 1.0, 0.3)
    order = moment_order(mean, spread, on_hand, arrivals, 1.0, 0.3)
    costs = [path_cost(judge, on_hand, arrivals, q, 1.0, 0.3).sum() for q in (order, best, best + 2, best * 0)]
    assert (order % 1 == 0).all() and np.abs(order - best).mean() < 0.5
    assert costs[0] < 1.005 * costs[1] and costs[2] > 1.05 * costs[1] and costs[3] > 1.5 * costs[1]


def test_an_order_from_moments_by_hand():
    """Steady demand of 9 a week and no dispersion, the stock just gone: 9 + 0 - 0, plus 3 z with z of 1 / 1.3."""
    one = np.full((1, 1), 9.0), np.zeros(1), np.zeros(1), np.zeros((1, 0))
    z = 0.7363159
    assert moment_order(*one, 1.0, 0.3)[0] == np.floor(9 + 3 * (z + (z**2 - 1) / 6 / 3) + 0.5)
    with pytest.raises(ValueError, match="a period more than arrivals"):
        moment_order(np.ones((2, 2)), np.zeros(2), np.zeros(2), np.zeros((2, 2)), 1.0, 0.3)
    with pytest.raises(ValueError, match="overage=0"):
        moment_order(*one, 1.0, 0)


def test_settings_that_do_not_fit_are_refused(history):
    with pytest.raises(ValueError, match="one strength"):
        WeeklyDemandConfig(nested=("aisle",))
    with pytest.raises(ValueError, match="no column 'brand'"):
        inputs(history, 60, dataclasses.replace(CONFIG, categories=("brand",)))
