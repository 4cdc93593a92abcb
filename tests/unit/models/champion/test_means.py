"""The mean of a committee."""

import numpy as np
import pytest
from scipy import stats

from salesforecast_lib import QUANTILES
from salesforecast_lib.models.champion import means
from tests.unit.models.champion.test_guard import known_of

LEVELS = np.array(QUANTILES)


def test_the_mean_is_taken_from_members_that_aim_at_it():
    each, shares = np.array([[10.0], [20.0], [60.0]]), np.array([0.5, 0.25, 0.25])
    assert means.mixed_mean(shares, ["Networks", "Boosting", "LightGBMDirect"], each).tolist() == [40.0]
    assert means.mixed_mean(np.array([1.0]), ["Networks"], each[:1]).tolist() == [10.0]


def test_the_mean_moves_towards_what_was_sold():
    y = np.full(400, 100.0)
    values = np.full((1, 400, 4), 80.0)
    factor = means.mean_factor(values[0][:, 0], known_of(values, y, 4))
    assert 1.1 < factor < 1.25
    assert means.mean_factor(np.zeros(400), known_of(values, y, 4)) == 1.0


@pytest.mark.parametrize("levels", [LEVELS, np.arange(1, 10) / 10, np.array([0.1, 0.5, 0.9])])
@pytest.mark.parametrize(
    "sold", [stats.uniform(10, 20), stats.norm(100, 20), stats.gamma(2, scale=3), stats.lognorm(0.5, scale=8)]
)
def test_the_mean_of_a_distribution_is_found_from_its_quantiles(sold, levels):
    found = means.quantile_mean(sold.ppf(levels)[None], levels)
    assert found == pytest.approx(sold.mean(), rel=0.06)


def test_the_mean_of_uniform_sales_by_hand():
    quantiles = np.array([[1.0, 5.0, 9.0], [0.0, 0.0, 4.0]])
    # 0 to 1, 1 to 5, 5 to 9, 9 to 13; and nothing up to the median, then 0 to 4, 4 to 8
    by_hand = [0.1 * 0.5 + 0.4 * 3 + 0.4 * 7 + 0.1 * 11, 0.4 * 2 + 0.1 * 6]
    assert means.quantile_mean(quantiles, np.array([0.1, 0.5, 0.9])) == pytest.approx(by_hand)


def test_a_mean_far_above_its_own_distribution_is_drawn_half_way():
    quantiles = np.tile(stats.gamma(2, scale=3).ppf(LEVELS), (4, 1))
    told = float(means.quantile_mean(quantiles[:1], LEVELS)[0])
    times = np.array([1.5, 0.5, 1.0, 4.0])
    settled = means.settled_mean(told * times, quantiles, LEVELS)
    assert settled == pytest.approx(told * np.sqrt(times))
    assert means.settled_mean(told * times * 1000, quantiles * 1000, LEVELS) == pytest.approx(settled * 1000)
    alone = means.settled_mean(told * times[:1], quantiles[:1], LEVELS)
    assert alone == pytest.approx(settled[:1]), "a plan for one day moves no other day"


def test_products_that_hardly_ever_sell_keep_their_mean():
    quantiles, mean = np.zeros((4, len(LEVELS))), np.array([0.02, 0.01, 0.0, 0.03])
    assert means.settled_mean(mean, quantiles, LEVELS).tolist() == mean.tolist()
    assert means.settled_mean(np.zeros(4), quantiles + 1, LEVELS).tolist() == [0.0] * 4


@pytest.mark.parametrize("name", ["Boosting", "LightGBMDirect", "Networks"])
def test_the_mean_of_a_committee_that_learns_is_settled(name):
    values = np.tile(np.r_[100.0, stats.norm(50, 10).ppf(LEVELS)], (2, 5, 1))
    told = means.committee_mean(np.array([0.0, 1.0]), ["Theta", name], values, LEVELS)
    assert told == pytest.approx(np.sqrt(100.0 * 50.0), rel=0.01)


@pytest.mark.parametrize("name", ["WindowAverage", "SeasonalNaive", "AutoETS"])
def test_a_simple_rule_taken_alone_keeps_its_own_mean(name):
    values = np.tile(np.r_[100.0, stats.norm(50, 10).ppf(LEVELS)], (1, 5, 1))
    assert means.committee_mean(np.ones(1), [name], values, LEVELS).tolist() == [100.0] * 5
