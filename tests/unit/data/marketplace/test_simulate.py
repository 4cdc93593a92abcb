"""The simulated marketplace: its books balance, and the field's estimators find the truth that it states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from salesforecast_lib.data import calendar
from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.leaks import find_leaks
from salesforecast_lib.data.loaders import load, marketplace
from salesforecast_lib.data.marketplace import demand as simulate_demand
from salesforecast_lib.data.marketplace.config import MAX_CATEGORIES, QUIET, MarketplaceConfig, config_from, read_config
from salesforecast_lib.data.marketplace.demand import adstock, hill
from salesforecast_lib.data.marketplace.orders import make_customers, segment_shares
from salesforecast_lib.data.marketplace.panel import market_columns
from salesforecast_lib.data.marketplace.products import elasticity_matrix
from salesforecast_lib.data.marketplace.simulate import (
    Marketplace,
    expected_demand,
    latent_demand_bias,
    simulate_marketplace,
)
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare

SMALL = MarketplaceConfig(products=24, days=300, units=40_000, categories=3, customers=300)
FLAT = replace(SMALL, text=0.0, **QUIET)
# Enough demand for logarithms of daily counts, always in stock, elasticities almost equal, and shocks of single days:
# with the default's memory the same estimators scatter about three times as much, because days repeat each other.
LARGE = replace(
    SMALL,
    products=40,
    days=500,
    units=40 * 500 * 300.0,
    categories=4,
    level_sd=0.3,
    elasticity_sd=0.1,
    shock_memory=0.0,
    dispersion=50.0,
    stock_cover=0.0,
    line_split=0.01,
    **dict.fromkeys(("intermittent_share", "launch_share", "delisting_share", "regime_share"), 0.0),
)


@pytest.fixture(scope="module")
def market() -> Marketplace:
    return simulate_marketplace(SMALL)


def wide(market: Marketplace, name: str) -> np.ndarray:
    """A truth column as (products, days), where every product is on sale on every day."""
    return market.truth[name].to_numpy(dtype="float64").reshape(market.config.products, market.config.days)


def regressions(market: Marketplace) -> tuple[np.ndarray, np.ndarray]:
    """OLS and 2SLS of log demand on log price, log price of the category's others and promotion.

    Day effects and each product's level, season, weekdays and trend are taken out; the instruments are the supplier's
    costs. The weights of the others are their shares of sales, as an analyst would take them.
    """
    price, cost = np.log(wide(market, "price")), np.log(wide(market, "cost"))
    category, size = market.products["category"].to_numpy(), wide(market, "sales").mean(1)
    weight = (category[:, None] == category) * size * (1 - np.eye(len(size)))
    weight /= weight.sum(1, keepdims=True)

    days = market.config.calendar[: market.config.days]
    year = 2 * np.pi * days.dayofyear.to_numpy() / 365.25
    weekdays = np.eye(7)[days.dayofweek]
    known = np.column_stack([np.sin(year), np.cos(year), np.arange(len(days)) / len(days), weekdays])
    projection = known @ np.linalg.pinv(known)

    def within(values: np.ndarray) -> np.ndarray:
        values = values - values.mean(0)
        return (values - values @ projection).ravel()

    y = within(np.log(wide(market, "demand")))
    promotion = within(wide(market, "promotion"))
    x = np.column_stack([within(price), within(weight @ price), promotion])
    z = np.column_stack([within(cost), within(weight @ cost), promotion])
    return np.linalg.lstsq(x, y, rcond=None)[0], np.linalg.solve(z.T @ x, z.T @ y)


# ---- the books balance


CONFIGS = st.builds(
    MarketplaceConfig,
    products=st.integers(4, 12),
    days=st.integers(60, 120),
    seed=st.integers(0, 10_000),
    units=st.sampled_from([20.0, 3_000.0]),
    categories=st.integers(1, 4),
    customers=st.sampled_from([20, 100]),
    dispersion=st.sampled_from([0.0, 1.0, 10.0]),
    shock_sd=st.sampled_from([0.0, 0.4]),
    stock_cover=st.sampled_from([0.0, 0.5, 1.5]),
    lead_time=st.integers(1, 9),
    review_period=st.integers(1, 8),
    late_share=st.sampled_from([0.0, 0.5]),
    launch_share=st.sampled_from([0.0, 0.8]),
    delisting_share=st.sampled_from([0.0, 0.8]),
    promotion_share=st.sampled_from([0.0, 0.3, 1.0]),
    cross=st.sampled_from([0.0, 0.5]),
    line_split=st.sampled_from([0.2, 1.0]),
    basket=st.sampled_from([1.0, 3.0]),
)


@settings(max_examples=30, deadline=None)
@given(CONFIGS)
def test_identities_hold_for_every_setting(config):
    market = simulate_marketplace(config)
    truth, lines = market.truth, market.lines
    assert not truth.duplicated(["unique_id", "ds"]).any()
    assert truth["mu"].sum() == pytest.approx(config.units)
    np.testing.assert_array_equal(truth["sales"], np.minimum(truth["demand"], truth["stock"]))
    np.testing.assert_array_equal(truth["available"] < 1, truth["demand"] >= truth["stock"])
    np.testing.assert_array_equal(truth["available"] == 0, truth["stock"] == 0)
    assert truth["available"].between(0, 1).all() and (truth["stock"] >= 0).all()

    ds = lines["timestamp"].dt.normalize()
    sold = lines.groupby([lines["product_id"].rename("unique_id"), ds.rename("ds")])["quantity"].sum()
    expected = truth[truth["sales"] > 0].set_index(["unique_id", "ds"])["sales"]
    pd.testing.assert_series_equal(sold, expected, check_dtype=False, check_names=False)
    joined = lines.assign(unique_id=lines["product_id"], ds=ds).merge(truth, on=["unique_id", "ds"], how="left")
    np.testing.assert_array_equal(joined["unit_price"], joined["price"])
    np.testing.assert_array_equal(joined["promotion_x"], joined["promotion_y"])
    off = joined["quantity"] * (joined["list_price"] - joined["price"])
    np.testing.assert_allclose(joined["discount"], off, atol=0.0051)
    time_of_day = (joined["timestamp"] - joined["ds"]) / pd.Timedelta(days=1)
    assert (time_of_day <= joined["available"]).all()
    assert lines["timestamp"].is_monotonic_increasing and (lines["quantity"] >= 1).all()

    assert lines["customer_id"].isin(market.customers["customer_id"]).all()
    orders = pd.DataFrame({"order": lines["order_id"], "customer": lines["customer_id"], "day": ds})
    assert not orders.drop_duplicates()["order"].duplicated().any()  # one customer and one day each
    spans = truth.groupby("unique_id")["ds"].agg(["min", "max"])
    products = market.products.set_index("unique_id").loc[spans.index]
    assert (spans["min"] == products["launch"]).all()
    last = pd.Timestamp(config.start) + pd.Timedelta(days=config.days)
    assert (spans["max"] == products["delisting"].fillna(last) - pd.Timedelta(days=1)).all()


def test_a_seed_gives_the_same_lines_twice_and_another_seed_other_lines(market):
    again = simulate_marketplace(SMALL)
    pd.testing.assert_frame_equal(again.lines, market.lines)
    pd.testing.assert_frame_equal(again.truth, market.truth)
    other = simulate_marketplace(replace(SMALL, seed=1))
    assert not other.truth["demand"].head(100).equals(market.truth["demand"].head(100))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"stock_cover": 0.0}, ["mu", "shock", "demand", "price", "cost", "views", "carts"]),
        ({"customers": 20, "basket": 4.0}, ["mu", "demand", "sales", "available"]),
        ({"ad_lift": 0.0}, ["shock", "price", "cost", "promotion"]),
        ({"views_lead": 9}, ["mu", "demand", "sales", "price"]),
        ({"confounding": 0.0}, ["shock", "cost", "promotion", "depth"]),
    ],
)
def test_one_changed_setting_leaves_the_rest_of_the_world_as_it_was(market, change, same):
    other = simulate_marketplace(replace(SMALL, **change))
    pd.testing.assert_frame_equal(other.truth[same], market.truth[same])
    different = [name for name in market.truth if not other.truth[name].equals(market.truth[name])]
    assert different or not other.lines.equals(market.lines)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"products": 0}, "products=0"),
        ({"days": True}, "days=True"),
        ({"promotion_share": 1.5}, "promotion_share=1.5"),
        ({"elasticity": 0.5}, "elasticity=0.5"),
        ({"shock_sd": float("nan")}, "shock_sd=nan"),
        ({"categories": MAX_CATEGORIES + 1}, "categories"),
        ({"views_lead": 15}, "views_lead=15"),
        ({"start": "yesterday-ish"}, "start="),
        ({"colour": 3}, "unknown parameters.*colour"),
        ({"units": [1]}, "units="),
    ],
)
def test_bad_settings_are_refused_by_name(values, words):
    with pytest.raises(ValueError, match=words):
        config_from(values)


# ---- the truth can be found


@pytest.mark.parametrize("seed", [0, 1])
def test_without_confounding_a_log_log_regression_finds_the_elasticities(seed):
    market = simulate_marketplace(replace(LARGE, seed=seed, confounding=0.0))
    own = market.products["own_elasticity"]
    ols, _ = regressions(market)
    assert ols[0] == pytest.approx(own.mean(), abs=0.1)
    assert ols[1] == pytest.approx(LARGE.cross * own.abs().mean(), abs=0.15)
    assert ols[2] == pytest.approx(market.products["promotion_effect"].mean(), abs=0.05)


@pytest.mark.parametrize("seed", [0, 1])
def test_with_confounding_least_squares_is_biased_and_the_cost_instrument_is_not(seed):
    market = simulate_marketplace(replace(LARGE, seed=seed))
    own = market.products["own_elasticity"].mean()
    ols, instrumented = regressions(market)
    assert ols[0] > own + 1.0  # demand looks far less elastic than it is
    assert instrumented[0] == pytest.approx(own, abs=0.1)
    assert instrumented[1] == pytest.approx(-LARGE.cross * own, abs=0.15)
    shock = wide(market, "shock")
    assert abs(np.corrcoef(shock.ravel(), np.log(wide(market, "cost")).ravel())[0, 1]) < 0.1
    assert np.corrcoef(shock.ravel(), np.log(wide(market, "list_price")).ravel())[0, 1] > 0.05


def test_each_products_own_elasticity_can_be_found():
    market = simulate_marketplace(replace(LARGE, confounding=0.0, elasticity_sd=0.6, cross=0.0, shock_sd=0.05))
    price, demand = np.log(wide(market, "price")), np.log(wide(market, "demand"))
    promotion, when = wide(market, "promotion"), np.arange(LARGE.days)
    year = 2 * np.pi * when / 365.25
    every_day = [
        demand.mean(0),
        np.sin(year),
        np.cos(year),
        when / 365.25,
        np.ones_like(year),
    ]  # festivals, ads, season
    found = []
    for i in range(LARGE.products):
        x = np.column_stack([price[i], promotion[i], *every_day])
        found.append(np.linalg.lstsq(x, demand[i], rcond=None)[0][0])
    assert np.corrcoef(found, market.products["own_elasticity"])[0, 1] > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_censored_likelihood_finds_demand_where_raw_sales_and_masking_are_biased(seed):
    config = replace(FLAT, seed=seed, days=600, units=24 * 600 * 8.0, stock_cover=0.8, dispersion=5.0)
    market = simulate_marketplace(config)
    truth, size = market.truth, config.dispersion
    rows = []
    for name, one in truth.groupby("unique_id"):
        y, available = one["sales"].to_numpy(), one["available"].to_numpy()
        whole, cut = y[available == 1], y[(available > 0) & (available < 1)]

        def loss(log_mean, whole=whole, cut=cut):
            p = size / (size + np.exp(log_mean))
            return -stats.nbinom.logpmf(whole, size, p).sum() - stats.nbinom.logsf(cut - 1, size, p).sum()

        best = optimize.minimize_scalar(loss, bounds=(-4, 7), method="bounded")
        rows.append((name, y.mean(), whole.mean(), np.exp(best.x)))
    means = pd.DataFrame(rows, columns=["unique_id", "raw", "masked", "censored"])
    estimate = truth[["unique_id", "ds"]].merge(means, on="unique_id")
    bias = {name: latent_demand_bias(estimate, truth, name) for name in ("raw", "masked", "censored")}
    assert bias["raw"] < -0.1 and bias["masked"] < -0.02
    assert abs(bias["censored"]) < 0.02


def test_bias_refuses_rows_without_truth(market):
    estimate = market.truth[["unique_id", "ds"]].assign(mean=1.1 * market.truth["mu"])
    assert latent_demand_bias(estimate, market.truth) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="have no truth.*P9"):
        latent_demand_bias(estimate.assign(unique_id="P9"), market.truth)


def test_counts_have_the_stated_mean_and_variance():
    config = replace(FLAT, days=1000, units=24_000 * 6.0, dispersion=4.0, level_sd=0.0, stock_cover=0.0)
    truth = simulate_marketplace(config).truth
    poisson = simulate_marketplace(replace(config, dispersion=0.0)).truth
    for name, one in truth.groupby("unique_id"):
        mu = one["mu"].iloc[0]
        assert one["demand"].mean() == pytest.approx(mu, rel=0.1)
        assert one["demand"].var() == pytest.approx(mu + mu**2 / 4, rel=0.3)
        same = poisson.loc[poisson["unique_id"] == name, "demand"]
        assert same.var() == pytest.approx(mu, rel=0.2)


def test_slow_products_keep_their_mean_but_are_asked_for_on_some_days_only():
    market = simulate_marketplace(replace(FLAT, days=1000, units=240_000.0, intermittent_share=1.0, stock_cover=0.0))
    days = market.truth.groupby("unique_id").agg(
        mu=("mu", "mean"), demand=("demand", "mean"), busy=("demand", lambda d: (d > 0).mean())
    )
    occurrence = market.products.set_index("unique_id")["occurrence"]
    assert (days["busy"] <= occurrence + 0.05).all()
    assert days["demand"].sum() == pytest.approx(days["mu"].sum(), rel=0.05)


# ---- the mechanisms do what the equations say


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=40), st.floats(0, 0.95))
def test_adstock_is_the_sum_of_all_decayed_spend(spend, decay):
    carried = adstock(np.array(spend), decay)
    direct = [sum(x * decay ** (t - s) for s, x in enumerate(spend[: t + 1])) for t in range(len(spend))]
    np.testing.assert_allclose(carried, direct, rtol=1e-9, atol=1e-9)


@given(st.floats(0.1, 1000), st.floats(0.5, 4))
def test_saturation_is_half_at_half_and_rises_to_one(half, slope):
    response = hill(np.array([0.0, half / 2, half, 2 * half, 1e9]), half, slope)
    assert response[0] == 0 and response[2] == pytest.approx(0.5) and response[-1] > 0.99
    assert (np.diff(response) > 0).all()


def test_decay_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="decay=1.0"):
        adstock(np.ones(3), 1.0)


def test_channels_respond_as_their_parameters_say_and_demand_responds_to_them(market):
    parameters = market.channel_parameters.set_index("channel")
    for name, one in market.channels.groupby("channel"):
        row = parameters.loc[name]
        carried = adstock(one["spend"].to_numpy(), row["decay"])
        np.testing.assert_allclose(one["adstock"], carried)
        np.testing.assert_allclose(one["response"], row["lift"] * hill(carried, row["half_saturation"], row["slope"]))
    silent = simulate_marketplace(replace(SMALL, ad_lift=0.0)).truth
    lift = 1 + market.channels.groupby("ds")["response"].sum()
    ratio = market.truth["mu"] / silent["mu"] / market.truth["ds"].map(lift)
    np.testing.assert_allclose(ratio, ratio.iloc[0])  # what is left is the scale that keeps total demand


@given(
    st.lists(st.floats(-4, -0.1), min_size=2, max_size=8),
    st.floats(0, 0.9),
    st.integers(1, 3),
    st.integers(0, 1000),
)
def test_elasticities_sum_to_what_a_common_price_rise_does(own, cross, categories, seed):
    rng = np.random.default_rng(seed)
    category = np.arange(len(own)) % categories
    matrix = elasticity_matrix(np.array(own), rng.normal(size=len(own)), category, cross)
    np.testing.assert_allclose(np.diag(matrix), own)
    company = np.array([(category == c).sum() > 1 for c in category])
    np.testing.assert_allclose(matrix.sum(1), np.array(own) * np.where(company, 1 - cross, 1.0))
    assert (matrix[category[:, None] != category] == 0).all()


def test_expected_demand_follows_own_and_cross_elasticities(market):
    truth = market.truth
    np.testing.assert_allclose(expected_demand(market, truth["price"]), truth["mu"])
    category, table = next(iter(market.cross_elasticity.items()))
    raised = table.columns[0]
    moved = expected_demand(market, truth["price"] * np.where(truth["unique_id"] == raised, 1.1, 1.0)) / truth["mu"]
    launched = market.products.set_index("unique_id")["launch"][raised]
    for name, elasticity in table[raised].items():
        rows = (truth["unique_id"] == name) & truth["ds"].isin(truth.loc[truth["unique_id"] == raised, "ds"])
        np.testing.assert_allclose(moved[rows], 1.1**elasticity)
    others = market.products.loc[market.products["category"] != category, "unique_id"]
    np.testing.assert_allclose(moved[truth["unique_id"].isin(others) | (truth["ds"] < launched)], 1.0)
    with pytest.raises(ValueError, match="positive"):
        expected_demand(market, truth["price"] * 0)
    with pytest.raises(ValueError, match="index"):
        expected_demand(market, truth["price"].iloc[1:])


def test_views_lead_the_shock_by_three_days_and_carts_by_one():
    market = simulate_marketplace(replace(LARGE, confounding=0.0, shock_sd=0.4, shock_memory=0.5, units=2_000_000))
    shock = wide(market, "shock")
    for name, lead in (("views", 3), ("carts", 1)):
        log = np.log1p(wide(market, name))
        log = log - log.mean(0) - log.mean(1, keepdims=True)
        match = [np.corrcoef(log[:, :-6].ravel(), shock[:, k : shock.shape[1] - 6 + k].ravel())[0, 1] for k in range(6)]
        assert int(np.argmax(match)) == lead


def test_regime_shift_moves_the_named_products_on_the_named_day():
    config = replace(FLAT, regime_share=0.5, regime_at=0.6, regime_effect=-0.7, season=0.3)
    market = simulate_marketplace(config)
    calm = simulate_marketplace(replace(config, regime_share=0.0))
    share = np.log(market.truth["mu"] / calm.truth["mu"])
    share -= np.median(share[market.truth["regime"] == 0])  # total demand is the same: the scale moved
    assert market.products["regime"].sum() in range(4, 21)
    first = market.truth.loc[market.truth["regime"] == 1, "ds"].min()
    assert first == pd.Timestamp(config.start) + pd.Timedelta(days=180)
    np.testing.assert_allclose(share[market.truth["regime"] == 0], 0, atol=1e-9)
    table = market.truth.merge(market.products, on="unique_id")
    after = table["regime_x"] == 1
    angle = 2 * np.pi * (table["ds"].dt.dayofyear - table["season_peak"]) / 365.25
    mirrored = -2 * table["season_amplitude"] * np.cos(angle)
    np.testing.assert_allclose(share[after], (table["regime_effect"] + mirrored)[after], atol=1e-9)


def test_words_of_the_text_tell_the_level_only_where_they_carry_signal():
    explained = {}
    for text in (0.0, 1.0):
        market = simulate_marketplace(replace(FLAT, products=150, units=400_000.0, level_sd=0.3, text=text))
        sales = np.log(market.lines.groupby("product_id")["quantity"].sum().reindex(market.products["unique_id"]))
        words = market.words.loc[market.words["kind"] == "level", "word"]
        dummies = np.column_stack([market.products["text"].str.contains(rf"\b{word}\b") for word in words]).astype(
            float
        )
        assert (dummies.sum(1) == 1).all()
        fitted = dummies @ np.linalg.lstsq(dummies, sales, rcond=None)[0]
        explained[text] = 1 - ((sales - fitted) ** 2).sum() / ((sales - sales.mean()) ** 2).sum()
    assert explained[1.0] > 0.3 > 0.15 > explained[0.0]


@given(st.floats(-0.8, 0.5), st.integers(0, 100))
def test_cheap_products_go_to_the_price_sensitive(log_price, seed):
    customers = make_customers(SMALL, np.random.default_rng(seed))
    category = np.arange(3)
    shares = segment_shares(customers, category, np.full(3, log_price))
    np.testing.assert_allclose(shares.sum(1), 1)
    cheaper = segment_shares(customers, category, np.full(3, log_price - 0.2))
    bargain = int(customers.segments["price_sensitivity"].argmin())
    assert (cheaper[:, bargain] > shares[:, bargain]).all()


def test_lines_go_to_segments_by_their_shares(market):
    lines = market.lines.merge(market.customers, on="customer_id")
    table = lines.merge(market.products, left_on="product_id", right_on="unique_id", suffixes=("", "_product"))
    relative = np.log(table["unit_price"] / table["reference_price"]).to_numpy()
    activity = market.segments["activity"].to_numpy()
    taste = market.segments.filter(like="taste_").rename(columns=lambda name: name.removeprefix("taste_"))
    weight = activity * taste.T.loc[table["category"].astype(str)].to_numpy()
    weight = weight * np.exp(market.segments["price_sensitivity"].to_numpy() * relative[:, None])
    expected = weight / weight.sum(1, keepdims=True)
    for place, name in enumerate(market.segments["segment"]):
        observed = (table["segment"] == name).to_numpy()
        spread = np.sqrt((expected[:, place] * (1 - expected[:, place])).sum())
        assert abs(observed.sum() - expected[:, place].sum()) < 4 * spread
    active = lines.groupby("customer_id").size().reindex(market.customers["customer_id"]).fillna(0).to_numpy()
    loyal = (market.customers["segment"] == "loyal").to_numpy()
    assert active[loyal].mean() > 2 * active[~loyal].mean()


def test_festivals_are_those_that_the_features_know(market):
    assert calendar._CHINA_FESTIVALS == simulate_demand.FESTIVALS
    day = market.truth["ds"].dt.strftime("%m-%d") == "06-18"
    usual = market.truth["ds"].dt.strftime("%m-%d").isin(["06-11", "06-25"])
    assert market.truth.loc[day, "mu"].mean() > 1.8 * market.truth.loc[usual, "mu"].mean()


# ---- a loader like the others


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("marketplace") / "small.yml"
    file.write_text("products: 24\ndays: 300\nunits: 40000\ncategories: 3\ncustomers: 300\ndelisting_share: 0.3\n")
    return str(file)


def test_panel_knows_stock_outs_and_plans_but_not_the_truth(small_file):
    source = load("marketplace", small_file)
    assert source.quarantine.empty and source.market is not None and source.country == "CN"
    prepared = prepare("marketplace", PanelConfig(n_series=0), 14, path=small_file)
    panel, truth = prepared.panel, source.market.truth
    assert prepared.meta["static"] == ["category", "brand"]
    assert prepared.meta["future"] == ["open", "promotion", "depth", "ad_search", "ad_social", "ad_video"]
    assert {"price", "views", "carts"} <= set(prepared.meta["historical"])
    assert not {"mu", "shock", "demand", "stock", "cost", "regime"} & set(panel)
    both = panel.merge(truth, on=["unique_id", "ds"], suffixes=("", "_true"))
    assert len(both) == len(panel)
    assert (panel["available"] < 1).any()
    np.testing.assert_array_equal(both["available"], both["available_true"])
    np.testing.assert_array_equal(both["y"], both["sales"])
    np.testing.assert_array_equal(both["price"], both["price_true"])
    np.testing.assert_array_equal(both["promotion"], both["promotion_true"])
    assert panel["y"].sum() == truth["sales"].sum()  # nothing is sold before the first sale
    ends = panel.groupby("unique_id")["ds"].max()
    delisting = source.market.products.set_index("unique_id")["delisting"].reindex(ends.index)
    gone = delisting.notna()
    assert gone.any() and (ends[gone] < delisting[gone]).all()
    assert panel.drop(columns=["unique_id", "category", "brand"]).notna().all().all()


def test_features_of_the_marketplace_do_not_leak(small_file):
    prepared = prepare("marketplace", PanelConfig(n_series=8), 14, path=small_file)
    build = build_features(prepared.panel, prepared.meta)
    assert {"promotion", "depth", "ad_search", "festival"} <= set(build.roles["future"])
    assert {"views", "carts"} <= set(build.roles["historical"])
    cutoff = prepared.panel["ds"].max() - pd.Timedelta(days=60)
    assert (
        find_leaks(
            lambda panel: build_features(panel, prepared.meta), prepared.panel, cutoff, tuple(prepared.meta["future"])
        )
        == []
    )


@pytest.mark.parametrize(("level", "freq"), [("product_id", "W"), ("category", "D"), ("brand", "W")])
def test_records_are_averaged_over_weeks_and_groups(small_file, level, freq):
    market = marketplace(small_file).market
    prepared = prepare("marketplace", PanelConfig(level=level, freq=freq, n_series=0), 4, path=small_file)
    panel = prepared.panel
    assert level not in prepared.meta["static"]
    one = panel.iloc[len(panel) // 2]
    truth = market.truth.merge(market.products[["unique_id", "category", "brand"]], on="unique_id")
    key = {"product_id": "unique_id"}.get(level, level)
    first = one["ds"] - pd.Timedelta(days=6 if freq == "W" else 0)
    rows = truth[(truth[key] == one["unique_id"]) & truth["ds"].between(first, one["ds"])]
    assert one["y"] == rows["sales"].sum()
    assert one["available"] == pytest.approx(rows["available"].mean())
    assert one["promotion"] == pytest.approx(rows["promotion"].mean())
    assert one["views"] == pytest.approx(np.log1p(rows["views"].sum()))
    spend = market.channels[(market.channels["channel"] == "search") & market.channels["ds"].between(first, one["ds"])]
    assert one["ad_search"] == pytest.approx(np.log1p(spend["spend"].sum()))


def test_unknown_level_is_refused(market):
    with pytest.raises(ValueError, match="level='customer_id'"):
        market_columns(pd.DataFrame(), market, "customer_id", "D")


def test_settings_file_is_read_and_its_faults_are_named(tmp_path, small_file):
    assert read_config() == MarketplaceConfig()
    assert read_config(small_file).products == 24
    for text, words in (("products: 0", "products=0"), ("- a", "list"), ("a: [", "not YAML"), ("x: 1", "unknown")):
        file = tmp_path / "bad.yml"
        file.write_text(text)
        with pytest.raises(ValueError, match=f"bad.yml.*{words}"):
            read_config(file)
    dated = tmp_path / "dated.yml"
    dated.write_text("start: 2024-05-06\n")
    assert read_config(dated).calendar[0] == pd.Timestamp("2024-05-06")
    with pytest.raises(FileNotFoundError, match="nowhere.yml"):
        read_config(tmp_path / "nowhere.yml")
