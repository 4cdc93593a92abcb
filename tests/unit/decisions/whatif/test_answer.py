"""What a price does is measured on the panel's own changes of price, and put in the place of the models' answer."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.decisions.whatif import answer, measure_response, sum_interval

DAYS = pd.date_range("2024-01-01", periods=224)
NAMES = [f"p{k:02d}" for k in range(12)]
ELASTICITY = dict(zip(NAMES, np.linspace(-2.6, -1.4, 12), strict=True))
CROSS = 0.8


def shop(cross=CROSS, moves=0.12, level=30.0, seed=0):
    """Twelve products of two groups; weekly prices drawn by lot, levels that drift, a promotion that lifts by half."""
    rng = np.random.default_rng(seed)
    week = np.repeat(np.arange(32), 7)
    log = {name: rng.normal(0, moves, 32)[week] for name in NAMES}
    parts = []
    for k, name in enumerate(NAMES):
        rivals = np.mean([log[other] for other in NAMES if other != name and NAMES.index(other) % 2 == k % 2], axis=0)
        promo = (rng.random(32) < 0.15)[week].astype(float)
        season = 0.4 * np.sin(np.arange(224) / 30 + k) + 0.3 * (DAYS.dayofweek >= 5)
        mean = level * np.exp(season + ELASTICITY[name] * log[name] + cross * rivals + 0.4 * promo)
        parts.append(
            pd.DataFrame(
                {"unique_id": name, "ds": DAYS, "y": rng.poisson(mean), "available": 1.0, "group": "ab"[k % 2]}
            ).assign(price=10.0 * np.exp(log[name]), promo=promo)
        )
    return pd.concat(parts, ignore_index=True)


def plan(days=7, **prices):
    ahead = pd.date_range(DAYS[-1] + pd.Timedelta(days=1), periods=days)
    rows = pd.DataFrame({"unique_id": np.repeat(NAMES, days), "ds": np.tile(ahead, len(NAMES))})
    rows["price"], rows["promo"] = 10.0, 0.0
    for name, price in prices.items():
        rows.loc[rows["unique_id"] == name, "price"] = price
    return rows


def forecast(rows, units=20.0):
    return rows[["unique_id", "ds"]].assign(
        cutoff=DAYS[-1], model="Champion", mean=units, **{name: units * 0.9 for name in QUANTILE_COLUMNS}
    )


@pytest.fixture(scope="module")
def panel():
    return shop()


@pytest.fixture(scope="module")
def response(panel):
    return measure_response(panel, ["promo"], "D", "group", NAMES)


def test_elasticities_are_those_the_sales_were_made_with(response):
    true = pd.Series(ELASTICITY)
    table = response.table
    assert abs(response.mean - true.mean()) < 2.5 * response.mean_se < 0.4 and response.measured == 12
    assert abs(response.cross - CROSS) < 3 * response.cross_se < 0.8
    assert ((table["elasticity"] - true).abs() < 1.96 * table["sd"]).mean() >= 0.8
    assert np.corrcoef(table["elasticity"], true)[0, 1] > 0.7 and (table["sd"] < 0.4).all()


def test_a_shop_without_rivals_shows_none():
    assert measure_response(shop(cross=0.0), ["promo"], "D", "group").cross == 0.0
    assert measure_response(shop(), ["promo"], "D").cross == 0.0  # without groups nobody is a rival


def test_without_changes_of_price_nothing_is_measured_and_it_is_said(panel):
    still = measure_response(panel.assign(price=10.0), ["promo"], "D", "group")
    assert "no product changed its price" in still.reason and np.isnan(still.mean)
    assert "no prices" in measure_response(panel.assign(price=np.nan), ["promo"], "D").reason
    rng = np.random.default_rng(1)  # prices that have nothing to do with sales tell of no effect
    noise = panel.assign(price=10 * np.exp(np.repeat(rng.normal(0, 0.1, len(panel) // 7), 7)))
    assert "do not tell what a price does" in measure_response(noise, ["promo"], "D").reason


def test_prices_of_periods_without_stock_do_not_count(panel):
    name = NAMES[0]
    rows = (panel["unique_id"] == name) & (panel["price"] > 11)
    short = panel.assign(y=panel["y"].where(~rows, 0), available=np.where(rows, 0.0, 1.0))
    found = measure_response(short, ["promo"], "D", "group").table.loc[name, "elasticity"]
    assert found == pytest.approx(ELASTICITY[name], abs=0.8)
    blind = measure_response(short.assign(available=1.0), ["promo"], "D", "group").table.loc[name, "own"]
    assert blind < found - 2


def test_the_answer_to_a_price_is_the_forecast_times_its_measured_effect(panel, response):
    before, after = plan(), plan(p03=9.0)
    models = forecast(after)
    models.loc[models["unique_id"] == "p03", "mean"] = 21.0  # shrunken
    found = answer(panel, forecast(before), models, (before, after), ["price", "promo"], "D", "group")
    elasticity = response.table.loc["p03", "elasticity"]
    units = found.after.groupby("unique_id")["mean"].mean()
    assert units["p03"] == pytest.approx(20 * 0.9**elasticity, rel=0.02)
    assert found.after.loc[found.after["unique_id"] == "p03", "q0.5"].mean() == pytest.approx(0.9 * units["p03"])
    assert (units[NAMES[1::2]].drop("p03") < 20).all(), "rivals lose what the cheaper one wins"
    assert (units[NAMES[::2]] == 20).all(), "another group has nothing to do with it"
    effect = found.effects.loc["p03"]
    assert effect["models"] == pytest.approx(7.0) and effect["own"] == 1
    assert effect["units_low"] < 7 * (units["p03"] - 20) < effect["units_high"]
    assert found.effects.loc["p05", "elasticity"] != found.effects.loc["p05", "elasticity"]  # only its rival moved
    assert "measured on the changes of price of 12 products" in found.notes()[0] and len(found.notes()) == 1


def test_promotions_stay_the_models_own(panel):
    before, after = plan(), plan(p03=8.0)
    after.loc[after["unique_id"] == "p03", "promo"] = 1.0
    models = forecast(after, 33.0)
    found = answer(panel, forecast(before), models, (before, after), ["price", "promo"], "D", "group")
    assert found.after.equals(models) and found.effects.empty and found.response is None and not found.notes()


def test_the_effect_stops_at_the_last_price_that_was_tried(panel):
    before = plan()
    lowest = panel.groupby("unique_id")["price"].min().min() / 10
    parts = {}
    for price in (10 * lowest * 0.8, 10 * lowest * 0.5):
        after = plan(p03=price)
        found = answer(panel, forecast(before), forecast(after), (before, after), ["price", "promo"], "D", "group")
        parts[price] = found.after.set_index("unique_id").loc["p03", "mean"].iloc[0]
        assert found.effects.loc["p03", "beyond"] == 7 and "least size" in found.notes()[-1]
    one, two = parts.values()
    assert one == pytest.approx(two) and one > 30


def test_a_product_that_never_changed_its_price_borrows_from_the_others(panel):
    still = panel.assign(price=np.where(panel["unique_id"] == "p03", 10.0, panel["price"]))
    before, after = plan(), plan(p03=9.0, p05=9.0)
    found = answer(still, forecast(before), forecast(after), (before, after), ["price", "promo"], "D", "group")
    lent, own = found.effects.loc["p03"], found.effects.loc["p05"]
    assert lent["own"] == 0 and own["own"] == 1
    assert lent["units_high"] - lent["units_low"] > 1.3 * (own["units_high"] - own["units_low"])
    assert any("1 product never changed theirs" in note for note in found.notes())


def test_the_interval_of_a_sum_is_narrower_than_the_sum_of_intervals(panel):
    before, after = plan(), plan(**dict.fromkeys(NAMES, 9.0))
    found = answer(panel, forecast(before), forecast(after), (before, after), ["price", "promo"], "D", "group")
    total = (found.after["mean"] - 20).sum()
    low, high = sum_interval(found.effects, total)
    each = found.effects["units_high"] - found.effects["units_low"]
    assert low < total < high and np.sqrt((each**2).sum()) <= high - low < each.sum()
