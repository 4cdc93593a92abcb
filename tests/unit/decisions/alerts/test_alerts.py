"""Alerts: evidence by hand, no look ahead, budgets kept, broken feeds told apart, and one alert for one cause."""

import time
from dataclasses import replace

import holidays
import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.seasonal import STL

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.decisions.alerts import contest, injection, summary, trials
from salesforecast_lib.decisions.alerts.autoencoder import Autoencoder, AutoencoderConfig, enough_history
from salesforecast_lib.decisions.alerts.combination import (
    alarm_starts,
    calibrate,
    collect,
    count_alerts,
    fit_tail,
    product_weeks,
    share_out,
    threshold_for,
)
from salesforecast_lib.decisions.alerts.detectors import (
    CusumAlarm,
    Decomposition,
    Forest,
    IntervalAlarm,
    SalesEvidence,
)
from salesforecast_lib.decisions.alerts.evidence import cusum, deviations, missing_feed, variance_stable
from salesforecast_lib.decisions.alerts.feed import holiday_name, near_unit
from salesforecast_lib.decisions.alerts.findings import AlertRules
from salesforecast_lib.decisions.alerts.grid import LEVELS, build_grid, log_chance, normal_scores, trailing_median
from salesforecast_lib.decisions.alerts.products import same_value, single_products
from salesforecast_lib.decisions.alerts.stock import unwanted_products
from salesforecast_lib.decisions.alerts.table import (
    COLUMNS,
    find_alerts,
    no_alerts,
    stock_alerts,
    unit_money,
    weekly_money,
    why_none,
)

SMALL = AutoencoderConfig(epochs=1, hidden=8, stride=16)
META = {"freq": "D", "static": ["family"], "country": "US"}
CHANNELS = ["high", "low", "rising", "falling", "flat", "missing", "list_price"]


def made(products=20, days=224, seed=0, price=True, horizon=28, freq="D"):
    """A shop of Poisson sales with a weekly cycle, and forecasts that know its mean."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2023-01-01", periods=days, freq=freq)
    cycle = 1 + 0.4 * np.sin(2 * np.pi * np.arange(days) / 7)
    mean = rng.uniform(8, 40, products)[:, None] * cycle
    grid = pd.MultiIndex.from_product([[f"p{i:03d}" for i in range(products)], dates], names=["unique_id", "ds"])
    panel = grid.to_frame(index=False).assign(y=rng.poisson(mean).ravel().astype(float), available=1.0, open=1.0)
    panel["family"] = np.repeat([f"f{i % 2}" for i in range(products)], days)
    if price:
        panel["price"] = np.repeat(rng.uniform(2, 20, products), days) * np.exp(rng.normal(0, 0.03, len(panel)))
        panel["discount"] = 0.0
    quantiles = np.maximum(mean[..., None] + np.sqrt(mean)[..., None] * LEVELS, 0)
    parts = []
    for cutoff in range(days - 3 * horizon, days, horizon):
        columns = np.arange(cutoff, cutoff + horizon)
        table = pd.DataFrame({"unique_id": np.repeat(panel["unique_id"].unique(), horizon)})
        table["ds"], table["cutoff"] = np.tile(dates[columns], products), dates[cutoff - 1]
        table["model"], table["mean"] = "M", mean[:, columns].ravel()
        table[list(QUANTILE_COLUMNS)] = quantiles[:, columns].reshape(-1, len(QUANTILES))
        parts.append(table)
    return panel, pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def shop():
    return build_grid(*made(), META, "M")


@pytest.fixture(scope="module")
def ready(shop):
    _, calibration, recent = shop.split()
    found = collect([SalesEvidence()], shop, calibration)
    return calibrate("combined", CHANNELS, found, shop, calibration, 10.0), recent


def alerts_of(grid, ready, stock=None):
    alarm, recent = ready
    return find_alerts(grid, recent, alarm, [SalesEvidence()], stock)


def change(grid, **arrays):
    return replace(grid, **arrays)


def test_grid_takes_the_newest_cutoff_and_knows_its_periods():
    panel, forecasts = made(products=3)
    again = forecasts[forecasts["ds"] == forecasts["ds"].max()].assign(cutoff=panel["ds"].iloc[-2], mean=99.0)
    grid = build_grid(panel, pd.concat([again, forecasts]), META, "M")
    assert (grid.mean[:, -1] == 99).all() and (grid.mean[:, -2] < 99).all()
    end, calibration, recent = build_grid(panel, forecasts, META, "M").split()
    assert (end, len(calibration), len(recent)) == (140, 56, 28) and calibration[-1] + 1 == recent[0]


def test_one_cutoff_is_split_in_two():
    panel, forecasts = made(products=3)
    last = forecasts[forecasts["cutoff"] == forecasts["cutoff"].max()]
    end, calibration, recent = build_grid(panel, last, META, "M").split()
    assert (end, len(calibration), len(recent)) == (196, 14, 14)
    only = last[last["ds"] == last["ds"].min()]
    end, calibration, recent = build_grid(panel, only, META, "M").split()
    assert end == 196 and calibration.tolist() == recent.tolist() == [196], "one period is both"


@pytest.mark.parametrize("freq, days", [("D", 1), ("W-SUN", 7), ("ME", 30.4375)])
def test_a_grid_knows_the_length_of_its_periods(freq, days):
    ds = pd.date_range("2023-06-30", periods=20, freq=freq)
    panel = pd.DataFrame({"unique_id": "a", "ds": ds, "y": 1.0, "available": 1.0})
    forecasts = panel.drop(columns=["y", "available"]).assign(cutoff=ds[0] - pd.Timedelta(days=40), model="M", mean=1.0)
    forecasts = forecasts.assign(**dict.fromkeys(QUANTILE_COLUMNS, 1.0))
    grid = build_grid(panel, forecasts, {"freq": freq, "static": [], "country": "US"}, "M")
    assert grid.weeks == pytest.approx(days / 7)
    first = check_freq(freq).first_days(ds)
    for column in range(20):
        inside = pd.date_range(first[column], ds[column])
        assert bool(holiday_name(grid, column)) == bool(set(inside.date) & set(holidays.US(years=[2023, 2024, 2025])))


@pytest.mark.parametrize(("model", "shift", "message"), [("other", 0, "hold"), ("M", 400, "none lies within")])
def test_forecasts_that_do_not_fit_are_refused(model, shift, message):
    panel, forecasts = made(products=2)
    forecasts["ds"] += pd.Timedelta(days=shift)
    with pytest.raises(ValueError, match=message):
        build_grid(panel, forecasts, META, model)


def test_normal_scores_are_exact_on_a_normal_forecast_and_finite_on_a_flat_one():
    quantiles = (50 + 8 * LEVELS)[None, None]
    for y in (30.0, 45.0, 50.0, 61.0, 90.0):
        assert normal_scores(np.array([[y]]), quantiles)[0, 0] == pytest.approx((y - 50) / 8, abs=1e-9)
    flat = normal_scores(np.array([[0.0, 1.0, 50.0]]), np.zeros((1, 3, 7)))
    assert np.isfinite(flat).all() and flat[0, 0] == pytest.approx(0) and 0 < flat[0, 1] < flat[0, 2]


def test_log_chance_is_a_distribution():
    mean, quantiles = np.full((1, 400), 12.0), np.broadcast_to(12 + 5 * LEVELS, (1, 400, 7))
    assert np.exp(log_chance(np.arange(400.0)[None], mean, quantiles)).sum() == pytest.approx(1, abs=1e-6)


def test_trailing_median_equals_pandas_and_leaves_today_out():
    x = np.random.default_rng(0).normal(size=(3, 50))
    x[0, 10:14] = np.nan
    theirs = pd.DataFrame(x.T).rolling(8, min_periods=1).median().shift(1).to_numpy().T
    np.testing.assert_allclose(trailing_median(x, 8), theirs)


def test_cusum_by_hand():
    z = np.array([[2.0, -1.0, np.nan, 9.0, 0.5, 0.0]])
    restart = np.array([False, False, False, False, True, False])
    assert cusum(z, restart).tolist() == [[1.0, 0.0, 0.0, 3.0, 0.0, 0.0]]


def test_robust_decomposition_agrees_with_stl(shop):
    """STL smooths with both sides of a day, so its residuals differ; the two must still tell the same story."""
    ours = deviations(shop, np.arange(140, 224)).sales
    for i in range(5):
        stl = STL(variance_stable(shop.sales[i]), period=7, robust=True).fit().resid[140:]
        assert np.corrcoef(ours[i], stl)[0, 1] > 0.55


def test_decomposition_is_not_moved_by_yesterdays_freak(shop):
    sales = shop.sales.copy()
    sales[0, 180] = 5000
    with_freak = change(shop, sales=sales)
    columns = np.arange(175, 200)
    a, b = deviations(shop, columns).sales[0], deviations(with_freak, columns).sales[0]
    assert b[5] > 30 and np.abs(np.delete(a - b, 5)).max() < 0.8


@pytest.mark.parametrize("which", ["interval", "cusum", "decomposition", "forest", "evidence", "autoencoder"])
def test_no_detector_looks_ahead(shop, which):
    """Tripwire: everything after a period may change; not one bit of the evidence up to it does."""
    end, _, recent = shop.split()
    detector = {
        "interval": IntervalAlarm(),
        "cusum": CusumAlarm(),
        "decomposition": Decomposition(),
        "forest": Forest(trees=20),
        "evidence": SalesEvidence(),
        "autoencoder": Autoencoder(SMALL),
    }[which]
    day = int(recent[9])
    later = np.arange(len(shop.dates)) > day
    blind = change(
        shop,
        sales=np.where(later, shop.sales * 7 + 3, shop.sales),
        price=np.where(later, shop.price * 9, shop.price),
        discount=np.where(later, 0.9, shop.discount),
        live=shop.live & ~later,
        mean=np.where(later, 1.0, shop.mean),
        quantiles=np.where(later[:, None], 1.0, shop.quantiles),
        open=shop.open & ~later,
    )
    before, after = (detector.fit(grid, end).channels(grid, recent) for grid in (shop, blind))
    assert before.keys() == after.keys() and before
    for name in before:
        np.testing.assert_array_equal(before[name][:, :10], after[name][:, :10], err_msg=name)
    assert any((before[name][:, 10:] != after[name][:, 10:]).any() for name in before)


def test_detectors_learn_from_before_the_cutoff_only(shop):
    end, _, recent = shop.split()
    other = change(shop, sales=np.where(np.arange(len(shop.dates)) >= end, 1.0, shop.sales))
    for make in (lambda: Forest(trees=20), lambda: Autoencoder(SMALL)):
        one, two = make().fit(shop, end).channels(shop, recent), make().fit(other, end).channels(shop, recent)
        for name in one:
            np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_tail_counts_in_the_body_and_goes_on_beyond():
    values = np.abs(np.random.default_rng(0).normal(size=20_000))
    tail = fit_tail(values)
    assert tail.rarity(np.array([np.median(values)]))[0] == pytest.approx(-np.log10(0.5), abs=0.02)
    far = tail.rarity(np.array([2.5, 3.5, 10.0, np.nan]))
    assert 1.5 < far[0] < far[1] < far[2] and far[3] == 0


def test_consecutive_alarms_and_crowds_are_one_alert():
    alarms = np.zeros((40, 20), bool)
    alarms[0, [2, 3, 5, 9]] = True  # with two quiet days in between still one alert; four are not
    assert np.flatnonzero(alarm_starts(alarms, 2)[0]).tolist() == [2, 9]
    assert count_alerts(alarms, 2) == 2
    alarms[5:30, 15] = True
    assert count_alerts(alarms, 2) == 3


@pytest.mark.parametrize("budget", [2.0, 10.0, 40.0])
def test_budget_is_kept_and_used(shop, budget):
    _, calibration, _ = shop.split()
    found = collect([SalesEvidence()], shop, calibration)
    alarm = calibrate("a", CHANNELS, found, shop, calibration, budget)
    allowed = budget / 1000 * product_weeks(shop, calibration)
    raised = count_alerts(alarm.score(found) > alarm.threshold, shop.quiet)
    assert raised <= allowed and raised >= np.floor(allowed) - 1


def test_bad_budget_and_unknown_channels_are_refused(shop):
    _, calibration, _ = shop.split()
    found = collect([IntervalAlarm()], shop, calibration)
    with pytest.raises(ValueError, match="budget=0"):
        calibrate("a", ["interval"], found, shop, calibration, 0)
    with pytest.raises(ValueError, match="none of the channels"):
        calibrate("a", ["forest"], found, shop, calibration, 10)


def test_share_out_finds_more_at_the_same_budget(shop):
    _, calibration, _ = shop.split()
    found = collect([SalesEvidence()], shop, calibration)
    equal = calibrate("a", CHANNELS, found, shop, calibration, 10.0)
    allowed = 0.01 * product_weeks(shop, calibration)
    rehearsals = trials.rehearse([SalesEvidence()], shop, calibration, 1)
    shared = share_out(equal, found, rehearsals, shop.quiet, allowed)

    def caught(alarm):
        hits = [(alarm.score(t.found) > alarm.threshold) & t.inside() for t in rehearsals]
        return np.mean([h.any(1).sum() / t.inside().any(1).sum() for h, t in zip(hits, rehearsals, strict=True)])

    assert caught(shared) >= caught(equal) and sum(shared.weights.values()) == pytest.approx(1)
    assert count_alerts(shared.score(found) > shared.threshold, shop.quiet) <= allowed


@pytest.mark.parametrize("kind", injection.KINDS)
def test_injections_stay_after_the_cutoff_and_inside_their_events(shop, kind):
    _, _, recent = shop.split()
    for strength in injection.STRENGTHS:
        made_up = injection.inject(shop, recent, kind, strength, 3)
        again = injection.inject(shop, recent, kind, strength, 3)
        np.testing.assert_array_equal(made_up.grid.sales, again.grid.sales)
        changed = (made_up.grid.sales != shop.sales) & ~np.isnan(shop.sales)
        same = (made_up.grid.price == shop.price) | np.isnan(shop.price) | (shop.sales == 0)
        changed |= ~same
        inside = np.zeros_like(changed)
        for series, start, end in made_up.events.itertuples(index=False):
            inside[series, start : end + 1] = True
        assert changed.any() and not (changed & ~inside).any() and not changed[:, : recent[0]].any()
        np.testing.assert_array_equal(made_up.grid.mean, shop.mean)
    with pytest.raises(ValueError, match="kind="):
        injection.inject(shop, recent, "gremlin", "weak", 0)


def test_no_credit_for_an_alarm_that_was_up_anyway(shop):
    _, _, recent = shop.split()
    one = trials.Scenario(
        "spike", "weak", pd.DataFrame([[0, recent[3], recent[5]]], columns=["series", "start", "end"]), {}, recent
    )
    alarms = np.zeros((len(shop.ids), len(recent)), bool)
    alarms[0, 3:6] = True
    events, others = trials.judge(alarms, alarms, one, shop)
    assert not events["found"].any() and others == 0
    events, _ = trials.judge(alarms, alarms & (np.arange(len(recent)) == 3), one, shop)
    assert events["delay"].tolist() == [1.0]
    alarms[4, 20] = True
    assert trials.judge(alarms, alarms, one, shop)[1] == 1


def test_combined_beats_every_single_detector_on_known_anomalies():
    shop = build_grid(*made(products=60, seed=3), META, "M")
    end, calibration, recent = shop.split()
    detectors = [IntervalAlarm(), CusumAlarm(), Decomposition(), Forest(trees=50).fit(shop, end), SalesEvidence()]
    found = collect(detectors, shop, calibration)
    groups = {
        "interval": ["interval", "price_range"],
        "cusum": ["cusum", "price_range"],
        "decomposition": ["decomposition", "price"],
        "forest": ["forest"],
        "combined": CHANNELS,
    }
    alarms = [calibrate(name, use, found, shop, calibration, 10.0) for name, use in groups.items()]
    result = trials.trial(alarms, collect(detectors, shop, recent), trials.rehearse(detectors, shop, recent, 0), shop)
    table = summary.summarise(result).set_index("alarm")
    print(table)
    assert table.loc["combined", "recall"] > table["recall"].drop("combined").max()
    assert table.loc["combined", "f1"] > table["f1"].drop("combined").max()
    gain = summary.recall_gain(result, "combined", replicates=200)
    assert (gain.loc[gain["kind"] == "all", "low"] > 0).all()
    np.testing.assert_allclose(
        gain.loc[gain["kind"] == "all"].set_index("alarm")["gain"],
        (table.loc["combined", "recall"] - table["recall"]).drop("combined").loc[gain["alarm"].unique()],
    )


def test_ordinary_sales_raise_few_alerts(shop, ready):
    table = alerts_of(shop, ready)
    assert len(table) <= 6 and list(table.columns) == COLUMNS


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("nothing arrives", "feed: day missing"),
        ("the day before again", "feed: day copied"),
        ("loaded twice", "feed: day loaded twice"),
        ("dozens instead of pieces", "feed: sales in other units"),
        ("cents instead of whole", "feed: price in other units"),
    ],
)
def test_a_broken_feed_is_one_alert(shop, ready, way, kind):
    day = int(ready[1][10])
    before, table = alerts_of(shop, ready), alerts_of(injection.break_feed(shop, day)[way], ready)
    new = table[table["start"] == shop.dates[day]]
    assert new["kind"].tolist() == [kind] and new["severity"].tolist() == ["high"]
    assert len(table) - 1 <= len(before) + 1


def test_missing_products_of_one_group_are_one_alert(shop, ready):
    day, sales = int(ready[1][12]), shop.sales.copy()
    sales[shop.group == "f1", day : day + 2] = 0
    table = alerts_of(change(shop, sales=sales), ready)
    row = table[table["kind"] == "feed: products missing"]
    assert len(row) == 1 and row["products"].item() == 10 and "in f1" in row["why"].item()
    assert row["end"].item() - row["start"].item() == pd.Timedelta(days=1) and row["observed"].item() == 0
    assert missing_feed(change(shop, sales=sales))[shop.group == "f0", day].max() == 0


def test_kinds_expected_values_and_words_of_single_products(shop, ready):
    day, sales, price = int(ready[1][5]), shop.sales.copy(), shop.price.copy()
    sales[0, day] = np.rint(12 * shop.mean[0, day])
    sales[1, day:] = np.rint(1.8 * sales[1, day:])
    sales[2, day : day + 10] = np.rint(np.nanmean(shop.mean[2]))
    sales[3, day : day + 4] = 0
    price[4, day] *= 100
    price[3, day : day + 4] = np.nan
    table = alerts_of(change(shop, sales=sales, price=price), ready).set_index("unique_id")
    spike, shift, flat, empty, typo = (table.loc[[f"p{i:03d}"]].iloc[0] for i in range(5))
    assert spike["kind"] == "sales spike" and "12 times" in spike["why"] and spike["severity"] == "high"
    assert spike["expected"] == pytest.approx(shop.mean[0, day], abs=0.01) and spike["observed"] == sales[0, day]
    assert shift["kind"] == "level up" and abs((shift["start"] - shop.dates[day]).days) <= 4
    assert flat["kind"] == "flat line" and f"{sales[2, day]:.0f} units in each of 1" in flat["why"]
    assert empty["kind"] == "stock: nothing sold" and empty["start"] == shop.dates[day] and empty["observed"] == 0
    assert empty["expected"] == pytest.approx(shop.mean[3, day : day + 4].sum(), abs=0.01)
    assert typo["kind"] == "price" and "100 times" in typo["why"] and typo["measure"] == "price"
    assert table.index.value_counts().loc[["p000", "p001", "p002", "p003", "p004"]].max() <= 2


def test_stock_file_is_compared(shop, ready):
    sales = shop.sales.copy()
    sales[3, ready[1][-3:]] = 0
    stock = pd.Series({"p003": 40.0, "p005": 0.0, "p006": 9.0, "stranger": 1.0})
    table = alerts_of(change(shop, sales=sales), ready, stock).set_index("kind")
    assert table.loc["stock: phantom", "unique_id"] == "p003" and "40 units" in table.loc["stock: phantom", "why"]
    assert table.loc["stock: none on hand", "unique_id"] == "p005"


def test_recorded_stockouts_are_reported_once(shop, ready):
    columns, available = ready[1], shop.available.copy()
    available[2, columns[4:9]] = 0.0
    sales = np.where(available == 0, 0.0, shop.sales)
    table = stock_alerts(change(shop, available=available, live=shop.live & (available > 0), sales=sales), columns)
    assert table["kind"].tolist() == ["stock: out of stock"] and "5 days" in table["why"].item()


def test_what_nobody_wants_raises_no_alert_and_a_fresh_end_does(ready):
    """Ended long ago, never sold, ended in the alert periods: the forecasts promise sales of all three."""
    panel, forecasts = made()
    dates = np.sort(panel["ds"].unique())
    for name, first in (("p001", 120), ("p002", 0), ("p003", -12)):
        panel.loc[(panel["unique_id"] == name) & (panel["ds"] >= dates[first]), "y"] = 0.0
    grid = build_grid(panel, forecasts, META, "M")
    alarm, columns = ready
    gone = unwanted_products(panel, grid, columns)
    assert grid.ids[gone.before].tolist() == grid.ids[gone.now].tolist() == ["p001", "p002"]
    stock = pd.Series({"p001": 0.0, "p002": 0.0, "p005": 0.0})
    every = find_alerts(grid, columns, alarm, [SalesEvidence()], stock)
    told = find_alerts(grid, columns, alarm, [SalesEvidence()], stock, unwanted=gone)
    assert {"p001", "p002", "p003"} <= set(every["unique_id"])
    assert not {"p001", "p002"} & set(told["unique_id"])
    assert told.loc[told["unique_id"] == "p003", "kind"].tolist() == ["stock: nothing sold"]
    assert "p005" in set(told["unique_id"]), "an empty shelf of a product that sells is reported"


def test_no_alert_has_a_reason_and_the_types_of_a_full_table(shop, ready):
    alarm, columns = ready
    full = find_alerts(shop, columns, alarm, [SalesEvidence()], pd.Series({"p005": 0.0}))
    none = full.head(0)
    assert (no_alerts().dtypes.astype(str) == full.dtypes.astype(str)).all() and len(full)
    assert why_none(full, shop, columns, alarm) == ""
    first = shop.dates[columns[0]].date()
    assert why_none(none, shop, columns, alarm).startswith(f"nothing to report from {first} to ")


def test_slow_products_are_not_called_out_of_stock():
    panel, forecasts = made(products=20, seed=2)
    rng = np.random.default_rng(0)
    panel["y"] = (rng.random(len(panel)) < 0.15).astype(float)
    grid = build_grid(panel, forecasts, META, "M")  # the forecasts wrongly promise sales every day
    recent = grid.split()[2]
    assert len(stock_alerts(grid, recent)) == 0


def test_data_without_prices_or_groups_have_fewer_channels():
    panel, forecasts = made(products=8, price=False)
    grid = build_grid(panel.drop(columns="family"), forecasts, {**META, "static": []}, "M")
    end, calibration, recent = grid.split()
    found = collect(
        [SalesEvidence(), IntervalAlarm(), Decomposition(), Forest(trees=10).fit(grid, end)], grid, calibration
    )
    assert not {"list_price", "price_range", "price"} & set(found)
    alarm = calibrate("a", CHANNELS, found, grid, calibration, 10.0)
    assert injection.possible_kinds(grid) == [kind for kind in injection.KINDS if kind != "price typo"]
    assert list(find_alerts(grid, recent, alarm, [SalesEvidence()]).columns) == COLUMNS
    with pytest.raises(ValueError, match="no price"):
        injection.inject(grid, recent, "price typo", "weak", 0)


def test_weekly_data():
    panel, forecasts = made(products=12, days=80, horizon=8, freq="W-SUN")
    grid = build_grid(panel, forecasts, {**META, "freq": "W-SUN"}, "M")
    end, calibration, recent = grid.split()
    assert (grid.season, grid.weeks, grid.quiet) == (4, 1.0, 1) and enough_history(grid, end)
    alarm = calibrate("a", CHANNELS, collect([SalesEvidence()], grid, calibration), grid, calibration, 10.0)
    result = trials.trial(
        [alarm], collect([SalesEvidence()], grid, recent), trials.rehearse([SalesEvidence()], grid, recent, 0), grid
    )
    assert summary.summarise(result)["recall"].item() > 0.3
    assert not enough_history(grid, 20)
    with pytest.raises(ValueError, match="needs more than"):
        Autoencoder().fit(grid, 20)


def test_autoencoder_learns_and_is_the_same_again(shop):
    end, _, recent = shop.split()
    one, two = (Autoencoder(AutoencoderConfig(epochs=3, seed=5)).fit(shop, end) for _ in range(2))
    assert one.losses == two.losses and one.losses[-1] < one.losses[0]
    sales = shop.sales.copy()
    sales[0, recent[3]] *= 6
    seen = one.channels(change(shop, sales=sales), recent)["rebuilt_sales"]
    assert seen[0, 3] > 3 * np.median(seen)


def test_words_for_units_and_holidays(shop):
    assert [near_unit(f) for f in (10.0, 0.1, 12.5, 98.0, 3.0, 1.0)] == [10, 10, 12, 100, 0, 0]
    assert holiday_name(shop, int(shop.dates.get_loc("2023-07-04"))) == "Independence Day"
    assert holiday_name(shop, int(shop.dates.get_loc("2023-07-05"))) == ""
    assert holiday_name(change(shop, country="Nowhere"), 3) == ""


@pytest.mark.parametrize("bad", [{"odds": 0}, {"crowd": 0}, {"high": 0.1}, {"medium": -1}])
def test_bad_rules_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        AlertRules(**bad)


def test_severity_is_money_against_the_week_of_an_average_product():
    rules = AlertRules()
    assert [rules.severity(1.0, money, 200.0) for money in (0, 49, 50, 199, 200)] == ["low"] * 2 + ["medium"] * 2 + [
        "high"
    ]
    assert rules.severity(9.0, 10.0, 200.0) == "low", "however rare: nothing is at stake"
    assert rules.severity(-1.0, 1e6, 200.0) == "low", "closed on a holiday"


@pytest.mark.parametrize("dear", [1.0, 50.0])
def test_no_units_against_four_is_high_only_where_four_units_are_money(dear):
    """The published run called "0 units instead of 4" high, whatever a unit cost."""
    panel, forecasts = made(products=20, seed=5)
    slow = panel["unique_id"] == "p007"
    panel.loc[slow, "y"], panel.loc[slow, "price"] = 1.0, 8.0 * dear
    part = forecasts["unique_id"] == "p007"
    forecasts.loc[part, "mean"] = 1.0
    forecasts.loc[part, list(QUANTILE_COLUMNS)] = [0.4, 0.5, 0.8, 1.0, 1.2, 1.5, 1.6]
    last = np.sort(panel["ds"].unique())[-18:]
    panel.loc[slow & panel["ds"].isin(last), "y"] = 0.0
    grid = build_grid(panel, forecasts, META, "M")
    alarm = calibrate("a", CHANNELS, collect([SalesEvidence()], grid, grid.split()[1]), grid, grid.split()[1], 10.0)
    table = find_alerts(grid, grid.split()[2], alarm, [SalesEvidence()]).set_index("unique_id")
    row = table.loc[["p007"]].iloc[0]
    assert row["kind"] == "stock: nothing sold" and row["impact"] == pytest.approx(18 * 8 * dear, rel=0.01)
    assert row["severity"] == ("high" if dear > 1 else "low") and "18 days" in row["why"]


def test_alerts_are_ranked_by_money_and_what_is_known_comes_last(shop, ready):
    day, sales = int(ready[1][5]), shop.sales.copy()
    for i, price in ((0, 2.0), (1, 200.0)):
        sales[i, day] = np.rint(12 * shop.mean[i, day])
        shop_price = shop.price.copy()
        shop_price[i] = price
        shop = change(shop, price=shop_price)
    closed = int(ready[1][12])
    sales[:, closed] = 0
    holiday = str(shop.dates[closed].date())
    with pytest.MonkeyPatch.context() as patch:
        name = "salesforecast_lib.decisions.alerts.feed.holiday_name"
        patch.setattr(name, lambda _, t: "Feast" if t == closed else "")
        table = alerts_of(change(shop, sales=sales, open=shop.open & (np.arange(len(shop.dates)) != closed)), ready)
    order = table.reset_index(drop=True)
    assert order["unique_id"].iloc[0] == "p001" and order["severity"].iloc[0] == "high"
    assert "Feast" in order["why"].iloc[-1] and str(order["start"].iloc[-1].date()) == holiday
    assert order["severity"].iloc[-1] == "low" and order["impact"].iloc[-1] > order["impact"].iloc[0] / 100
    known = order["kind"] == "feed: day missing"
    assert order.loc[~known, "impact"].is_monotonic_decreasing


def test_a_copied_day_is_worth_the_whole_day(shop, ready):
    """Its sales may equal the forecast: all of them are wrong nevertheless."""
    day = int(ready[1][10])
    table = alerts_of(injection.break_feed(shop, day)["the day before again"], ready)
    row = table[table["kind"] == "feed: day copied"].iloc[0]
    assert row["impact"] > 5 * abs(row["expected"] - row["observed"])


def test_money_of_a_shop_without_prices_is_units():
    panel, forecasts = made(products=8, price=False)
    grid = build_grid(panel.drop(columns="family"), forecasts, {**META, "static": []}, "M")
    first = grid.split()[2][0]
    assert unit_money(grid).tolist() == [1.0] * 8
    assert weekly_money(grid) == pytest.approx(7 * np.nanmean(grid.sales[:, first - 91 : first]))


@pytest.mark.parametrize(("times", "told"), [(2, 0), (3, 1), (5, 1)])
def test_the_same_number_twice_is_no_frozen_feed(shop, ready, times, told):
    columns, sales = ready[1], shop.sales.copy()
    sales[0, columns[4]] = 1.0
    sales[0, columns[5] : columns[5] + times] = 17.0
    alarms = np.zeros((len(shop.ids), len(columns)), bool)
    alarms[0, 4 + times] = True
    cause = np.full(alarms.shape, "flat")
    found = single_products(change(shop, sales=sales), columns, alarms, cause, alarms * 1.0)
    assert len(found) == told and all(f"17 units in each of {times} days" in one.why for one in found)


def test_how_often_the_same_value_came_is_counted_in_selling_periods():
    live = np.array([True, True, True, False, True])
    assert same_value(np.array([3.0, 5.0, 5.0, 9.0, 5.0]), live) == 3
    assert same_value(np.array([5.0, 5.0, 5.0, 9.0, 5.0]), live) == 4 and same_value(np.zeros(2), live[:2]) == 2


def test_truth_of_a_market_judges_stock_alerts():
    days = pd.date_range("2024-01-01", periods=10)
    truth = pd.DataFrame({"unique_id": "a", "ds": days, "available": [1, 1, 0, 0, 0, 0, 0, 0, 0, 1.0]})
    reported = pd.DataFrame({"unique_id": ["a", "a"], "start": days[[3, 0]], "end": days[[6, 1]]})
    verdict = contest.against_truth(reported, truth, days)
    assert verdict == {"true": 1, "precision": 0.5, "long": 1, "long_found": 1}


def test_two_hundred_series_of_a_year_take_seconds():
    grid = build_grid(*made(products=200, days=365), META, "M")
    _, calibration, recent = grid.split()
    start = time.process_time()
    alarm = calibrate("a", CHANNELS, collect([SalesEvidence()], grid, calibration), grid, calibration, 10.0)
    find_alerts(grid, recent, alarm, [SalesEvidence()])
    assert time.process_time() - start < 10


def test_threshold_allows_nothing_when_nothing_is_allowed():
    scores = np.random.default_rng(0).random((5, 100))
    assert count_alerts(scores > threshold_for(scores, 2, 0.5), 2) == 0


def test_a_quiet_shop_has_an_empty_table_with_types(shop, ready):
    """Chapter 09 measures spans of alerts and writes them: an empty table must allow what a full one does."""
    alarm, recent = ready
    full = find_alerts(shop, recent, replace(alarm, threshold=-1.0), [SalesEvidence()])
    quiet = find_alerts(shop, recent, replace(alarm, threshold=np.inf), [SalesEvidence()])
    assert len(full) and quiet.empty and list(quiet.columns) == COLUMNS
    assert (quiet["end"] - quiet["start"]).dt.days.empty and (quiet["observed"] + 0.5).empty
    assert quiet.dtypes.to_dict() == full.dtypes.to_dict()
