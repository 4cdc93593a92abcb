"""Sample paths, look-ahead and policies against brute force, closed forms and hand calculations."""

import numpy as np
import pytest
from scipy import stats

from salesforecast_lib import QUANTILES
from salesforecast_lib.decisions.inventory import policies as pol
from salesforecast_lib.decisions.inventory.lookahead import lookahead_order, path_cost, stock_before
from salesforecast_lib.decisions.inventory.orders import order_up_to
from salesforecast_lib.decisions.inventory.paths import copula_paths, negative_binomial_paths, shrunken_dispersion
from salesforecast_lib.decisions.inventory.simulator import ArrivalPolicy, SimulationConfig, simulate


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(3)
    paths = rng.poisson(rng.gamma(2, 2, (1, 6, 1)), (150, 6, 5)).astype(float)
    return paths, rng.integers(0, 6, 6).astype(float), rng.integers(0, 5, (6, 2)).astype(float)


@pytest.mark.parametrize("review", [1, 3])
@pytest.mark.parametrize("costs", [(1.0, 0.2), (0.5, 0.4)])
def test_lookahead_is_the_cheapest_order_of_all(small, review, costs):
    paths, stock, arrivals = small
    paths = paths[:, :, : 2 + review]
    order = lookahead_order(paths, stock, arrivals, *costs)
    every = np.stack([path_cost(paths, stock, arrivals, np.full(6, q), *costs) for q in range(60)])
    assert every[order.astype(int), np.arange(6)] == pytest.approx(every.min(axis=0))
    assert (order > 0).any()


def test_lookahead_with_backorders_is_the_cheapest_too(small):
    paths, stock, arrivals = small

    def cost(q):
        net = stock_before(paths, stock, arrivals, lost=False) + q
        ends = net[:, :, None] - paths[:, :, 2:].cumsum(axis=2)
        return (0.3 * np.maximum(ends, 0) + 1.0 * np.maximum(-ends, 0)).sum(axis=2).mean(axis=0)

    order = lookahead_order(paths, stock, arrivals, 1.0, 0.3, lost=False)
    every = np.stack([cost(np.full(6, q)) for q in range(80)])
    assert every[order.astype(int), np.arange(6)] == pytest.approx(every.min(axis=0))


def test_lost_sales_need_less_than_the_stock_position_says():
    """A shelf that runs empty before the delivery owes nothing: the position counts that demand, the paths do not."""
    paths = np.full((10, 1, 3), 5.0)
    assert lookahead_order(paths, np.array([2.0]), np.array([[0.0, 1.0]]), 1.0, 0.1) == [5]
    assert lookahead_order(paths, np.array([2.0]), np.array([[0.0, 1.0]]), 1.0, 0.1, lost=False) == [12]


def test_copula_paths_have_the_quantiles_and_the_correlation():
    quantiles = stats.gamma.ppf(QUANTILES, 4, scale=5)[None, None].repeat(8, axis=1)
    paths = copula_paths(quantiles, 0.4, samples=20_000)
    assert np.quantile(paths[:, 0, 3], QUANTILES) == pytest.approx(quantiles[0, 0], rel=0.03)
    scores = np.corrcoef(stats.rankdata(paths[:, 0], axis=0).T)
    assert scores[np.triu_indices(8, 1)] == pytest.approx(6 / np.pi * np.arcsin(0.2), abs=0.03)  # Spearman of a normal
    together = copula_paths(quantiles, 1.0, samples=5000).sum(axis=2)
    apart = copula_paths(quantiles, 0.0, samples=5000).sum(axis=2)
    assert np.quantile(together, 0.9) == pytest.approx(8 * quantiles[0, 0, 5], rel=0.02)
    assert apart.std() == pytest.approx(together.std() / np.sqrt(8), rel=0.1)
    whole = copula_paths(quantiles, 0.4, samples=20_000, whole=True)
    assert (whole % 1 == 0).all() and whole.mean() == pytest.approx(paths.mean(), rel=0.01)
    with pytest.raises(ValueError, match="quantiles"):
        copula_paths(quantiles[0], 0.4)


def test_negative_binomial_paths_have_their_moments():
    mean, d = np.array([[4.0] * 3, [9.0] * 3]), np.array([0.5, 0.1])
    paths = negative_binomial_paths(mean, d, common=0.4, samples=60_000)
    assert paths.mean(axis=0) == pytest.approx(mean, rel=0.03)
    assert paths.var(axis=0) == pytest.approx(mean + d[:, None] * mean**2, rel=0.06)
    covariance = np.cov(paths[:, 0, 0], paths[:, 0, 2])[0, 1]
    assert covariance == pytest.approx(0.4 * 0.5 * 16, rel=0.15)


def test_dispersion_is_found_and_shrunken():
    rng = np.random.default_rng(0)
    mean = np.repeat(rng.uniform(2, 12, 150), 100).reshape(150, 100)
    d = np.where(np.arange(150) < 75, 0.1, 0.6)
    demand = rng.poisson(mean * rng.gamma(1 / d[:, None], d[:, None], mean.shape))
    known = rng.random(mean.shape) > 0.1
    found = shrunken_dispersion(np.where(known, demand, 0), mean, known, strength=10)
    assert found[:75].mean() == pytest.approx(0.1, abs=0.04) and found[75:].mean() == pytest.approx(0.55, abs=0.12)
    loose, firm = (shrunken_dispersion(demand[:, :4], mean[:, :4], known[:, :4], k) for k in (0.1, 1000))
    assert firm.std() < 0.4 * loose.std()


def test_fixed_quantity_by_hand():
    policy = pol.fixed_quantity(np.full((1, 3), 4.0), np.array([6.0]))
    wanted = [float(policy(0, np.array([p]), np.array([p]))[0]) for p in (5.0, 4.0, -1.0, -3.0)]
    assert wanted == [0, 6, 6, 12]
    with pytest.raises(ValueError, match="quantity"):
        pol.fixed_quantity(np.ones((1, 3)), np.array([0.0]))


def test_economic_lot_balances_costs():
    lot = pol.economic_lot(np.array([10.0]), order_cost=50, holding_cost=0.1)
    assert lot[0] == np.ceil(np.sqrt(2 * 10 * 50 / 0.1))
    cost = {q: 50 * 10 / q + 0.1 * q / 2 for q in (50, 100, 200)}
    assert min(cost, key=cost.get) == 100 and pol.economic_lot(np.array([10.0]), 0, 0.1, 7)[0] == 70


def made_arrays(products=5, horizon=14, cutoffs=2, mean=6.0):
    rng = np.random.default_rng(1)
    shape = (cutoffs, products, horizon)
    quantiles = np.broadcast_to(stats.poisson.ppf(QUANTILES, mean), (*shape, len(QUANTILES))).astype(float)
    return {"mean": np.full(shape, mean), "y": rng.poisson(mean, shape).astype(float), "quantiles": quantiles}


def test_arrivals_are_the_orders_on_the_way():
    class Watch:
        def __init__(self):
            self.seen = []

        def order(self, t, net, arrivals):
            self.seen.append((net.copy(), arrivals.copy()))
            return np.array([t + 1.0])

    watch = Watch()
    assert isinstance(watch, ArrivalPolicy)
    simulate(np.full((1, 7), 2.0), watch, np.array([3.0]), SimulationConfig(lead_time=3, minimum_order=0))
    assert [a[0].tolist() for _, a in watch.seen] == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [0, 2, 3]]
    assert [n[0] for n, _ in watch.seen] == [3, 1, 0, 1]  # in period 3 the first order is there


def test_lookahead_policy_beats_a_careless_level_and_sees_no_later_forecast():
    arrays = made_arrays(40)
    demand = arrays["y"].transpose(1, 0, 2).reshape(40, -1)
    config = SimulationConfig(lead_time=2, review_period=1, holding_cost=0.2, shortage_cost=1.0)
    forecast = pol.ForecastPaths(arrays, 7, config.protection)
    start = np.full(40, 18.0)
    run = simulate(demand, pol.LookaheadPolicy(forecast, config), start, config)
    for level in (18.0, 24.0, 30.0):
        careless = simulate(demand, order_up_to(np.full(demand.shape, level)), start, config)
        assert run.summary()["total"] < 1.02 * careless.summary()["total"], level
    later = {name: values.copy() for name, values in arrays.items()}
    later["quantiles"][1] *= 5
    later["y"][1] *= 5
    again = simulate(demand, pol.LookaheadPolicy(pol.ForecastPaths(later, 7, 3), config), start, config)
    assert np.array_equal(run.ordered[:, :14], again.ordered[:, :14])
    assert not np.array_equal(run.ordered[:, 14:], again.ordered[:, 14:])
    levels = pol.path_levels(forecast, config, 28, 0.8)
    assert 18 < levels.mean() < 26
    with pytest.raises(ValueError, match="beyond"):
        forecast.draw(28, 3)


def test_choice_by_cost_knows_earlier_horizons_only():
    demand = np.random.default_rng(2).poisson(5, (6, 30)).astype(float)
    config = SimulationConfig(lead_time=1, holding_cost=0.1, shortage_cost=1.0)
    policies = [order_up_to(np.full(demand.shape, level)) for level in (2.0, 14.0)]
    start = np.full(6, 10.0)

    def choose(d):
        runs = {str(k): simulate(d, p, start, config) for k, p in enumerate(policies)}
        return pol.cheapest_so_far(runs, 10), runs

    choice, runs = choose(demand)
    assert choice[:, 0].tolist() == [0] * 6 and (choice[:, 1:] == 1).all()
    changed = demand.copy()
    changed[:, 20:] = 0
    assert np.array_equal(choose(changed)[0], choice)
    both = simulate(demand, pol.MixedPolicy(policies, choice, 10), start, config)
    assert both.summary()["total"] < runs["0"].summary()["total"]
    assert both.cost_by_product().sum() == pytest.approx(both.summary()["total"])
    assert both.cost_by_product(0, 10).sum() + both.cost_by_product(10).sum() == pytest.approx(both.summary()["total"])


def test_uncertain_lead_time_has_the_textbook_variance():
    paths = np.random.default_rng(0).poisson(8, (40_000, 1, 9)).astype(float)
    total = pol.random_lead_demand(paths, {2: 0.7, 6: 0.3}, review=2)
    lead, variance = 0.7 * 2 + 0.3 * 6, 16 * 0.21
    assert total.mean() == pytest.approx(8 * (lead + 2), rel=0.01)
    assert total.var() == pytest.approx((lead + 2) * 8 + variance * 64, rel=0.03)
    with pytest.raises(ValueError, match="sum to 1"):
        pol.random_lead_demand(paths, {2: 0.7, 6: 0.2}, review=2)
