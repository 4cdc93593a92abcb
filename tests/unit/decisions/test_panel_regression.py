"""Poisson regression with levels: the same slopes as with a column for each level, and intervals that hold."""

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor

from salesforecast_lib.decisions.panel_regression import poisson_within, within


def made(seed=0, groups=12, periods=40, slope=-1.5, spread=0.0):
    """Counts of ``groups`` series over ``periods`` with levels of both and a log price."""
    rng = np.random.default_rng(seed)
    series, period = np.repeat(np.arange(groups), periods), np.tile(np.arange(periods), groups)
    x = rng.normal(0, 0.2, len(series)) + 0.1 * rng.normal(size=periods)[period]
    mean = np.exp(rng.normal(1.5, 0.5, groups)[series] + rng.normal(0, 0.3, periods)[period] + slope * x)
    mean = mean * rng.gamma(1 / spread, spread, len(mean)) if spread else mean
    return rng.poisson(mean).astype(float), x[:, None], series, period


def test_slopes_are_those_of_a_regression_with_a_column_for_each_level():
    y, x, series, period = made()
    fit = poisson_within(y, x, [series, period], [series])
    dummies = np.column_stack([x, series[:, None] == np.arange(12), period[:, None] == np.arange(1, 40)]).astype(float)
    other = PoissonRegressor(alpha=0.0, fit_intercept=False, tol=1e-10, max_iter=2000).fit(dummies, y)
    assert fit.slope[0] == pytest.approx(other.coef_[0], abs=1e-4)
    mean = np.exp(fit.offset + x @ fit.slope)
    for codes in (series, period):
        assert np.bincount(codes, mean) == pytest.approx(np.bincount(codes, y), rel=1e-4), "levels fit their sums"


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_intervals_hold_the_slope_about_as_often_as_they_say(spread):
    held = []
    for seed in range(60):
        y, x, series, period = made(seed, spread=spread)
        fit = poisson_within(y, x, [series, period], [series])
        held.append(abs(fit.slope[0] + 1.5) < 1.96 * np.sqrt(fit.covariance[0, 0]))
    assert np.mean(held) >= 0.85


def test_a_column_that_the_levels_explain_gets_no_slope():
    y, x, series, period = made()
    fit = poisson_within(y, np.column_stack([x, series == 3]), [series], [series])
    assert fit.slope[1] == 0 and fit.moved[1] < 1e-6 and fit.covariance[1, 1] == 0 and fit.slope[0] < -1


def test_a_known_part_is_taken_out():
    y, x, series, period = made()
    fit = poisson_within(y, x, [series], [series], offset=-1.5 * x[:, 0])
    free = poisson_within(y, x, [series], [series])
    assert fit.slope[0] == pytest.approx(free.slope[0] + 1.5, abs=1e-5)


def test_weighted_means_are_taken_out():
    rng = np.random.default_rng(0)
    codes, weights, values = rng.integers(0, 4, 50), rng.uniform(0.5, 2, 50), rng.normal(size=(50, 2))
    left = within(values, codes, weights=weights)
    for code in range(4):
        inside = codes == code
        assert np.average(left[inside], axis=0, weights=weights[inside]) == pytest.approx([0, 0], abs=1e-12)
