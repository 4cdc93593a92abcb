"""Disturbances change what they say and nothing later; attacks stay in their band and find what they look for."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from salesforecast_lib.data.features import build_features
from salesforecast_lib.decisions.inventory.orders import daily_sd, interval_moments, order_up_to_level
from salesforecast_lib.decisions.levels import levels_and_demand, order_up_to_levels
from salesforecast_lib.production.robustness import disturbances, prices, study, trials, verdicts
from tests.unit.models.made import made_model
from tests.unit.production.robustness.made import META, made_book, made_case, made_lines

ORDER = partial(order_up_to_levels, protection=5, service_level=0.9)


@pytest.fixture(scope="module")
def shop():
    lines = made_lines()
    case, table = made_case(lines)
    return case, table, made_book(case, lines)


@pytest.fixture(scope="module")
def fitted(shop):
    return shop[0].fit()


@pytest.fixture(scope="module")
def models(shop, fitted):
    return trials.models_of(shop[0], fitted, 0.2)


@pytest.mark.parametrize("name", ["noisy_sales", "missing_covariates", "stale_prices", "scaled_prices"])
def test_a_disturbance_changes_recent_rows_before_the_cutoff_only(shop, name):
    case = shop[0]
    factors = pd.DataFrame(1.1, index=["p0", "p1"], columns=case.recent[-3:])
    told = {"stale_prices": (10,), "scaled_prices": (factors,)}.get(name, ())
    changed = getattr(disturbances, name)(case, *told)
    quiet = ~case.panel["ds"].isin(case.recent)
    pd.testing.assert_frame_equal(changed[quiet], case.panel[quiet])
    assert not changed.equals(case.panel)


def test_a_feed_that_stands_still_repeats_its_last_price(shop):
    case = shop[0]
    frozen = disturbances.stale_prices(case, 10)
    last = frozen[(frozen["ds"] > case.cutoff - pd.Timedelta(days=11)) & (frozen["ds"] <= case.cutoff)]
    assert (last.groupby("unique_id")["price"].nunique() == 1).all()


def test_the_order_is_that_of_chapter_08(shop, fitted):
    forecast = shop[0].forecast(fitted).sort_values(["unique_id", "ds"])
    part = forecast[forecast["unique_id"] == "p3"].head(5)
    quantiles = part[[name for name in part if name.startswith("q")]].to_numpy()
    mean, sd = interval_moments(part["mean"].to_numpy(), daily_sd(quantiles), 0.1)
    assert ORDER(forecast)["p3"] == pytest.approx(order_up_to_level(mean, sd, 0.9))
    beside = levels_and_demand(forecast.assign(y=2.0), 5, 0.9)
    assert (beside["demand"] == 10).all() and list(beside["unique_id"]) == sorted(f"p{k}" for k in range(6))
    assert (order_up_to_levels(forecast, 500, 0.9) > ORDER(forecast)).all()  # to the forecast's end


def test_a_greedy_feed_raises_orders_within_its_band_and_beats_chance(shop, fitted):
    case = shop[0]
    model = partial(case.forecast, fitted)
    factors = prices.greedy_prices(case, model, ORDER, band=0.2)
    assert set(np.unique(factors)) <= {0.8, 1.0, 1.2}
    before = ORDER(model(case.panel)).sum()
    found = ORDER(model(disturbances.scaled_prices(case, factors))).sum()
    rng = np.random.default_rng(0)
    tried = [
        ORDER(model(disturbances.scaled_prices(case, factors * 0 + rng.choice([0.8, 1.0, 1.2], factors.shape)))).sum()
        for _ in range(4)
    ]
    assert found > before and found > max(tried)


def test_the_gradient_of_the_network_says_where_the_forecast_goes(shop):
    from salesforecast_lib.models.forecaster.forecast import Forecaster

    case, table, _ = shop
    model, words, architecture = made_model(
        table, input_size=4 + len(table.roles["historical"]) + len(table.roles["future"]),
        future_size=len(table.roles["future"]), output_size=14,
    )  # fmt: skip
    for weights in model.parameters():
        weights.data += 0.05 * torch.randn_like(weights)
    network = Forecaster(model.eval(), words, architecture, 28, 14, 7, "D", {"seed": 0})
    names = pd.Index([f"p{k}" for k in range(6)], name="unique_id")
    slope, _ = prices.price_gradient(case, network, case.panel, names, case.recent)
    assert slope.shape == (6, len(case.recent)) and np.abs(slope).max() > 0

    def total(panel):
        frame = build_features(panel, META).frame
        return network(frame, case.known[case.known["ds"] > case.cutoff], case.cutoff)["mean"].sum()

    one = prices.gradient_prices(case, network, 0.2, steps=1)
    more = prices.gradient_prices(case, network, 0.2, steps=4)
    for factors in (one, more):
        assert 0.8 - 1e-9 <= factors.to_numpy().min() and factors.to_numpy().max() <= 1.2 + 1e-9
    calm = total(case.panel)
    assert total(disturbances.scaled_prices(case, one)) > calm
    against = total(disturbances.scaled_prices(case, 2 - more))  # the other way round
    assert total(disturbances.scaled_prices(case, more)) > max(calm, against)


def test_copies_for_training_have_true_sales_and_wrong_prices_and_leave_the_forecast(shop):
    case = shop[0]
    more = disturbances.augmented(case, 0.2)
    assert len(more) == 2 * len(case.panel)
    copy = more[more["unique_id"].str.contains("copy")].reset_index(drop=True)
    assert (copy["y"].to_numpy() == case.panel["y"].to_numpy()).all()
    ratio = copy["price"].to_numpy() / case.panel["price"].to_numpy()
    assert set(np.round(np.unique(ratio), 6)) == {0.8, 1.0, 1.2}
    hard = case.fit(more)
    made = disturbances.original(case.forecast(hard))
    assert set(made["unique_id"]) == set(case.panel["unique_id"]) and len(made) == 6 * 14


def test_the_table_counts_error_and_money_against_the_same_model(shop, fitted):
    case = shop[0]
    model = partial(case.forecast, fitted)
    twice = case.panel.assign(y=case.panel["y"].where(case.panel["ds"] > case.cutoff, case.panel["y"] * 2))
    rows = [study.Trial(name, "trees", "none", panel, model) for name, panel in
            (("nothing", case.panel), ("twice", twice))]  # fmt: skip
    table = study.robustness_table(case, rows, ORDER).set_index("disturbance")
    assert table.loc["nothing", ["worse", "moved", "net"]].abs().max() == 0
    assert table.loc["twice", "worse"] > 0.1 and table.loc["twice", "moved"] == pytest.approx(1.0, abs=0.4)
    assert (table["loss"] > 0).all() and table.loc["twice", "net"] == pytest.approx(table.loc["twice", "moved"])


def test_an_account_moves_nothing_where_cleaning_stops_it_and_something_where_not(shop, fitted):
    case, _, book = shop
    moves = study.what_an_account_moves(case, book, partial(case.forecast, fitted), ORDER, ["p0", "p4"], (1, 200))
    largest = moves[moves["times"] == 200].groupby(["attack", "defence"])["money"].sum()
    assert largest["one line", "none"] > 10 and largest["split", "cleaning"] > 10
    assert largest["one line", "cleaning"] == largest["split", "cleaning, by account"] == 0
    assert (moves["spend"] >= moves["units"]).all()
    words = verdicts.account_found(moves)
    assert any(
        "one line, cleaning: no order is raised" in text or "one line, cleaning: at most" in text for text in words
    )
    assert study.leverage(moves).loc[("one line", "none"), 200] > 0


def test_the_guard_is_what_is_left_out_without_it(shop, fitted):
    case = shop[0]
    wild = case.panel.copy()
    wild.loc[(wild["unique_id"] == "p0") & (wild["ds"] == case.cutoff), "y"] = 50_000.0
    held, bare = (case.forecast(fitted, wild, guarded=each) for each in (True, False))
    largest = case.panel.loc[(case.panel["unique_id"] == "p0") & (case.panel["ds"] <= case.cutoff), "y"].max()
    assert held.loc[held["unique_id"] == "p0", "mean"].max() <= 3 * largest + 1e-9
    assert bare.loc[bare["unique_id"] == "p0", "mean"].max() > 3 * largest
    table = pd.DataFrame({"defence": ["none", "no guard"], "moved": [0.4, 2.0]})
    assert "takes 80%" in verdicts.guard_found(table)
    assert "hardly holds" in verdicts.guard_found(table.assign(moved=1.0))


def test_all_trials_of_the_chapter_can_be_played_without_a_price_or_a_network(shop, models):
    case = shop[0]
    assert models.network is None and models.hardened is not None
    told = study.robustness_table(case, trials.input_trials(case, models, ORDER, 0.2), ORDER)
    assert set(told["defence"]) == {"none", study.TRAINED} and told["moved"].ge(0).all()
    assert any("Most is moved by" in text for text in verdicts.disturbances_found(told))
    bare, _ = made_case(made_lines(products=3, days=90), priced=False)
    models = trials.models_of(bare, bare.fit(), 0.2)
    told = study.robustness_table(bare, trials.input_trials(bare, models, ORDER, 0.2), ORDER)
    assert models.hardened is None and set(told["disturbance"]) == {"noise on sales", "no covariates"}
    assert (bare.prices == 1).all(), "money is units"


def test_fake_orders_poison_a_training_too(shop, fitted, models):
    case, _, book = shop
    units = pd.Series({"p1": 4000.0, "p4": 4000.0})
    found = trials.order_trials(case, book, models, fitted, ["p1", "p4"], units)
    table = study.robustness_table(case, found, ORDER)
    rows = table.set_index(["disturbance", "model", "defence"])["net"]
    assert rows["bulk order", "champion", "none"] > 0 and rows["bulk order", "trees, trained on it", "none"] > 0
    assert rows["bulk order", "champion", "cleaning"] == 0
    assert rows["split order", "champion", "cleaning, by account"] == 0 < rows["split order", "champion", "cleaning"]
