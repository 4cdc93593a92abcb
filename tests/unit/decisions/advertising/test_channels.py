"""The channel model: sampler, likelihood, calibration, returns and budgets against closed forms and brute force."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from salesforecast_lib.data.marketplace.demand import adstock, autoregression, hill
from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.advertising import response as ch
from salesforecast_lib.decisions.advertising.allocation import allocate, expected_gain, marginal_gain
from salesforecast_lib.decisions.advertising.cases import hard_cases, market_case, respend, true_fit
from salesforecast_lib.decisions.advertising.sampling import rank_of_truth, tempered_draws


@pytest.fixture(scope="module")
def case():
    config = MarketplaceConfig(products=60, days=420, units=60_000, stock_cover=0.0, line_split=0.01, seed=3)
    return market_case(simulate_marketplace(config))


def small_data(rng, periods=160, channels=1):
    days = pd.date_range("2024-01-01", periods=periods)
    flights = rng.choice([0.0, 1.0, 2.0], (channels, -(-periods // 8)), p=[0.3, 0.5, 0.2])
    spend = 100 * np.repeat(flights, 8, axis=1)[:, :periods] * np.exp(rng.normal(0, 0.3, (channels, periods)))
    controls = np.column_stack([np.ones(periods), np.arange(periods) / periods])
    names = tuple(f"c{k}" for k in range(channels))
    return ch.ChannelData(names, days, np.ones(periods), spend, controls)


def sample(data, rng, sd=0.04):
    """Data drawn from the model's own prior, and the fit that is true."""
    likelihood = ch._Likelihood(data, ch.ChannelPrior())
    truth = ch.ChannelFit(data.names, *likelihood.parameters(rng.standard_normal((1, 4 * len(data.names)))))
    noise = rng.normal(0, sd * np.sqrt(0.6), len(data.periods))
    noise = noise + autoregression(rng, sd * np.sqrt(0.4), 0.8, (1, len(data.periods)))[0]
    log_sales = 5 + 0.2 * data.controls[:, 1] + np.log1p(truth.response(data.spend)[0].sum(0)) + noise
    return ch.ChannelData(data.names, data.periods, np.exp(log_sales), data.spend, data.controls), truth


def test_sampler_meets_the_normal_posterior_and_its_evidence():
    y, noise = np.array([1.5, -0.5, 0.0]), 0.3

    def log_likelihood(z):
        return stats.norm.logpdf(y, z, noise).sum(1)

    draws, evidence = tempered_draws(log_likelihood, 3, np.random.default_rng(0), 2000)
    shrink = 1 / (1 + noise**2)
    assert draws.mean(0) == pytest.approx(shrink * y, abs=0.03)
    assert draws.std(0) == pytest.approx(np.full(3, np.sqrt(noise**2 * shrink)), rel=0.08)
    assert evidence == pytest.approx(stats.norm.logpdf(y, 0, np.sqrt(1 + noise**2)).sum(), abs=0.15)


def test_sampler_keeps_both_modes():
    def log_likelihood(z):
        return np.logaddexp(stats.norm.logpdf(z[:, 0], -1.5, 0.1), stats.norm.logpdf(z[:, 0], 1.5, 0.1))

    draws, _ = tempered_draws(log_likelihood, 1, np.random.default_rng(1), 1000)
    assert 0.4 < (draws > 0).mean() < 0.6


def test_sampler_says_when_nothing_fits():
    with pytest.raises(ValueError, match="finite likelihood"):
        tempered_draws(lambda z: np.full(len(z), -np.inf), 2, np.random.default_rng(0), 50)


def test_likelihood_equals_the_dense_formula(monkeypatch):
    rng = np.random.default_rng(5)
    data, _ = sample(small_data(rng, 90, 2), rng)
    monkeypatch.setattr(ch, "RHO", (0.7,))
    monkeypatch.setattr(ch, "WHITE", (0.4,))
    likelihood = ch._Likelihood(data, ch.ChannelPrior())
    z = rng.standard_normal((4, 8))
    got = likelihood(z)
    place = np.arange(90)
    errors = 0.6 * 0.7 ** np.abs(place[:, None] - place) + 0.4 * np.eye(90)
    inverse, x = np.linalg.inv(errors), data.controls
    expected = []
    for decay, half, slope, lift in zip(*likelihood.parameters(z), strict=True):
        gain = lift[:, None] * hill(adstock(data.spend, decay), half[:, None], slope[:, None])
        y = np.log(data.sales) - np.log1p(gain.sum(0))
        b = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ y)
        expected.append(-(90 - 2) / 2 * np.log((y - x @ b) @ inverse @ (y - x @ b)))
    assert np.diff(got) == pytest.approx(np.diff(expected), abs=0.02)  # the constant cancels; float32 inside


@pytest.mark.parametrize("longest", [1_000, 10])
def test_errors_are_factored_once_for_all_fits_of_a_length(monkeypatch, longest):
    monkeypatch.setattr(ch, "_LONGEST", longest)
    place = np.arange(40)
    errors = 0.6 * 0.7 ** np.abs(place[:, None] - place) + 0.4 * np.eye(40)
    factor, inverse = ch._factor(40, 0.7, 0.4), ch._inverse(40, 0.7, 0.4)
    assert factor @ factor.T == pytest.approx(errors) and inverse @ factor == pytest.approx(np.eye(40))
    assert (ch._factor(40, 0.7, 0.4) is factor) == (longest == 1_000), "long ones would fill the memory"


def test_posterior_is_calibrated_when_the_truth_comes_from_the_prior():
    ranks = []
    for seed in range(40):
        rng = np.random.default_rng(100 + seed)
        data, truth = sample(small_data(rng, 112), rng)
        fit = ch.fit_channels(data, seed, particles=120)
        found, true = ch.return_on_spend(fit, data), ch.return_on_spend(truth, data)[0]
        ranks.append([*rank_of_truth(found, true), *rank_of_truth(fit.lift, truth.lift[0])])
    for column in np.array(ranks).T:
        assert stats.kstest(column, "uniform").pvalue > 0.01
        assert 0.78 <= np.mean((column > 0.05) & (column < 0.95)) <= 0.99


def test_same_seed_same_draws():
    rng = np.random.default_rng(7)
    data, _ = sample(small_data(rng, 80), rng)
    first, second = (ch.fit_channels(data, 3, particles=60) for _ in range(2))
    assert np.array_equal(first.lift, second.lift)
    assert not np.array_equal(first.lift, ch.fit_channels(data, 4, particles=60).lift)


def test_extra_sales_are_what_is_lost_without_the_channel(case):
    fit, data = true_fit(case), case.data
    response = fit.response(data.spend)[0]
    assert response == pytest.approx(case.response, abs=1e-12)
    without = data.sales * (1 + response[1:].sum(0)) / (1 + response.sum(0))
    assert ch.extra_sales(response, data.sales)[0] == pytest.approx((data.sales - without).sum())
    assert ch.return_on_spend(fit, data)[0] == pytest.approx(ch.extra_sales(response, data.sales) / data.spend.sum(1))


def test_steady_response_is_the_limit_of_a_constant_budget(case):
    fit = true_fit(case)
    spend = np.array([300.0, 200.0, 400.0])
    late = fit.response(np.tile(spend[:, None], 300))[0, :, -1]
    assert fit.steady(spend[:, None])[0, :, 0] == pytest.approx(late, rel=1e-6)


def test_market_case_holds_the_truth_of_the_simulation(case):
    quiet = MarketplaceConfig(
        products=60, days=420, units=60_000, stock_cover=0.0, line_split=0.01, seed=3, ad_lift=0.0
    )
    without = market_case(simulate_marketplace(quiet))
    ratio = case.expected / without.expected / (1 + case.response.sum(0))
    assert np.ptp(ratio) < 1e-9 * ratio.mean()  # constant: the two markets have the same units in all
    assert case.data.sales.sum() == pytest.approx(case.expected.sum(), rel=0.05)


def test_model_beats_the_prior_on_the_market(case):
    fit = ch.fit_channels(case.data, 0, particles=200)
    table = ch.summarise(ch.return_on_spend(fit, case.data), case.data.names)
    total = ch.return_on_spend(fit, case.data) @ (case.data.spend.sum(1) / case.data.spend.sum())
    low, high = np.quantile(total, [0.01, 0.99])
    assert low < case.true_return @ (case.data.spend.sum(1) / case.data.spend.sum()) < high
    assert (table["low"] < table["median"]).all() and (table["median"] < table["high"]).all()


def test_bad_data_is_refused_with_the_day():
    data = small_data(np.random.default_rng(0), 60)
    sales = data.sales.copy()
    sales[4] = 0.0
    with pytest.raises(ValueError, match="2024-01-05"):
        ch.ChannelData(data.names, data.periods, sales, data.spend, data.controls)
    with pytest.raises(ValueError, match="sum above zero"):
        ch.ChannelData(data.names, data.periods, data.sales, data.spend * 0, data.controls)
    with pytest.raises(ValueError, match="periods each"):
        ch.ChannelData(data.names, data.periods, data.sales[1:], data.spend, data.controls)
    with pytest.raises(ValueError, match="8 periods: expected at least 12"):
        short = ch.ChannelData(data.names, data.periods[:8], data.sales[:8], data.spend[:, :8] + 1, data.controls[:8])
        ch.fit_channels(short)


def test_collinear_controls_are_named():
    data = small_data(np.random.default_rng(0), 60)
    doubled = np.column_stack([data.controls, 2 * data.controls[:, 1]])
    with pytest.raises(ValueError, match="combination of the others"):
        ch.fit_channels(ch.ChannelData(data.names, data.periods, data.sales, data.spend, doubled), particles=20)


def test_respend_with_the_same_money_changes_nothing(case):
    again = respend(case, case.data.spend)
    assert again.data.sales == pytest.approx(case.data.sales) and again.true_return == pytest.approx(case.true_return)


def test_hard_cases_are_what_they_say(case):
    cases = hard_cases(case, 0)
    together = cases["together"].data.spend
    assert np.corrcoef(together) == pytest.approx(np.ones((3, 3)))
    assert np.ptp(cases["never varies"].data.spend[0]) == 0
    for other in cases.values():
        assert other.data.spend.mean(1)[1:] == pytest.approx(case.data.spend.mean(1)[1:])


def curves(slope):
    decay, half = np.array([[0.2, 0.6, 0.8]]), np.array([[100.0, 300.0, 900.0]])
    return ch.ChannelFit(("a", "b", "c"), decay, half, np.full((1, 3), slope), np.array([[0.1, 0.12, 0.06]]))


@pytest.mark.parametrize("slope", [0.8, 1.0, 2.0, 3.0])
def test_allocation_meets_brute_force(slope):
    fit, budget, limit = curves(slope), 300.0, np.array([250.0, 200.0, 280.0])
    found = allocate(fit, budget, 1000.0, 0.4, limit, np.full(3, 100.0))
    assert found.spend.sum() == pytest.approx(budget) and (found.spend <= limit + 1e-9).all()
    steps = np.linspace(0, budget, 151)
    rest = ((a, b, budget - a - b) for a, b in itertools.product(steps, steps) if a + b <= budget + 1e-9)
    grid = np.array([split for split in rest if (np.array(split) <= limit + 1e-9).all()]).T.clip(0)
    best = fit.steady(grid)[0].sum(0).max()
    assert fit.steady(found.spend[:, None])[0].sum() >= best * (1 - 1e-6)
    inner = (found.spend > 1e-6) & (found.spend < limit - 1e-6)
    assert np.ptp(found.marginal[inner]) <= 1e-3 * found.marginal.max()


def test_marginal_gain_is_the_derivative_and_the_gain_is_counted_from_today():
    fit, spend = curves(1.5), np.array([80.0, 120.0, 100.0])
    step = 1e-4
    for k in range(3):
        moved = spend.copy()
        moved[k] += step
        slope = (expected_gain(fit, moved[:, None]) - expected_gain(fit, spend[:, None])).sum() / step
        assert marginal_gain(fit, spend)[k] == pytest.approx(slope, rel=1e-4)
    same = allocate(fit, 300.0, 1000.0, 0.4, np.full(3, 300.0), spend, fixed=spend)
    assert same.gain == pytest.approx([0.0])


def test_allocation_refuses_what_the_data_do_not_support():
    with pytest.raises(ValueError, match="sum of the limits"):
        allocate(curves(1.0), 1000.0, 1.0, 0.4, np.full(3, 100.0), np.full(3, 100.0))
    with pytest.raises(ValueError, match="margin"):
        allocate(curves(1.0), 100.0, 1.0, 1.4, np.full(3, 100.0), np.full(3, 100.0))
