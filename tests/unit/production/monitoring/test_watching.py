"""Has the data or the forecast changed: distances, limits learned from the past, alarms that name what to do."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from river.drift import PageHinkley

from salesforecast_lib.production import monitoring
from salesforecast_lib.production.monitoring import measures, nights, signals, stability, units
from salesforecast_lib.production.monitoring.trials import injection

META = {"freq": "D", "country": "", "static": ["group"], "historical": ["price"], "future": [], "season_length": 7}


def made_panel(days: int = 200, products: int = 24, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ds = pd.date_range("2024-01-01", periods=days)
    level = rng.gamma(4, 4, products)[:, None]
    week = 1 + 0.3 * np.sin(2 * np.pi * np.arange(days) / 7)[None]
    price = rng.gamma(9, 1, products)[:, None] * np.exp(rng.normal(0, 0.03, (products, days)))
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"p{k:02d}" for k in range(products)], days),
            "ds": np.tile(ds, products),
            "y": rng.poisson(level * week).astype(float).ravel(),
            "available": 1.0,
            "price": price.round(2).ravel(),
            "group": np.repeat([f"g{k % 3}" for k in range(products)], days),
        }
    )


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return made_panel()


@pytest.fixture(scope="module")
def cutoff(panel) -> pd.Timestamp:
    return panel["ds"].max() - pd.Timedelta(days=21)


@pytest.fixture(scope="module")
def reference(panel, cutoff) -> monitoring.Reference:
    return monitoring.Reference.of(panel[panel["ds"] <= cutoff], META)


def alarms(reference, panel, **changes) -> pd.DataFrame:
    """Alarms on the panel with the rows after the reference changed."""
    changed, after = panel.copy(), panel["ds"] > pd.Timestamp(reference.last)
    for name, change in changes.items():
        changed.loc[after, name] = change(changed[after])
    found = monitoring.data_drift(reference, changed, META)
    return found[found["alarm"]]


def test_stability_and_distance_by_hand():
    before, now = np.array([10, 10]), np.array([15, 5])
    p, q = np.array([10.5, 10.5]) / 21, np.array([15.5, 5.5]) / 21
    assert monitoring.population_stability(before, now) == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert monitoring.kolmogorov_smirnov(before, now) == pytest.approx(0.25)
    assert monitoring.kolmogorov_smirnov(before, 3 * before) == 0.0


@pytest.mark.parametrize("edges", [0, 3, 12, 13, 39])
def test_merging_bins_loses_no_row(edges):
    counts = np.arange(1, edges + 2)
    assert stability.merged(counts, edges).sum() == counts.sum()


@pytest.mark.parametrize("rows", [60, 400])
def test_chance_limits_are_hardly_ever_passed_by_independent_rows(rows):
    rng = np.random.default_rng(rows)
    limit, passed = stability.chance_limits(1_000, rows, 10), {"stability": 0, "ks": 0}
    for _ in range(300):
        before, now = (rng.multinomial(n, np.full(10, 0.1)) for n in (1_000, rows))
        passed["stability"] += monitoring.population_stability(before, now) > limit["stability"]
        passed["ks"] += monitoring.kolmogorov_smirnov(before, now) > limit["ks"]
    assert max(passed.values()) <= 3


def test_nothing_alarms_while_nothing_changes(reference, panel):
    assert alarms(reference, panel).empty


def test_a_reference_comes_back_from_its_file(reference, panel, tmp_path):
    again = monitoring.Reference.load(reference.save(tmp_path / "reference.json"))
    assert again == reference
    pd.testing.assert_frame_equal(
        monitoring.data_drift(again, panel, META), monitoring.data_drift(reference, panel, META)
    )


@pytest.mark.parametrize("text", ['{"version": 0}', "[]", "not json", '{"version": 1, "freq": "D"}'])
def test_a_file_that_is_no_reference_is_named(tmp_path, text):
    file = tmp_path / "reference.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="reference.json: not a stored reference"):
        monitoring.Reference.load(file)


CHANGES = {  # what comes in otherwise: the kind and the subject that must be named
    "prices 15 % up": ({"price": lambda x: x["price"] * 1.15}, "population stability", "price"),
    "prices in cents": ({"price": lambda x: x["price"] * 100}, "units", "price of whole shop"),
    "sales in dozens": ({"y": lambda x: x["y"] / 12}, "units", "y of whole shop"),
    "one group in tens": ({"y": lambda x: x["y"] / np.where(x["group"] == "g1", 10, 1)}, "units", "y of group=g1"),
    "prices missing": ({"price": lambda x: x["price"].where(x["ds"].dt.day % 2 == 0)}, "missing", "price"),
    "another spelling": ({"group": lambda x: x["group"].str.upper()}, "categories", "group"),
    "a group loses half": ({"y": lambda x: x["y"] * np.where(x["group"] == "g2", 0.5, 1)}, "turn", "group=g2"),
    "the shop doubles": ({"y": lambda x: x["y"] * 2}, "level", "whole shop"),
    "products fall silent": ({"y": lambda x: x["y"].where(x["unique_id"] > "p04", 0.0)}, "silent", "products"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_alarm_names_what_changed_and_what_to_do(reference, panel, name):
    changes, kind, subject = CHANGES[name]
    found = alarms(reference, panel, **changes)
    assert (kind, subject) in set(zip(found["kind"], found["subject"], strict=True)), found[["kind", "subject"]]
    assert found["says"].str.len().min() > 10 and found["do"].str.len().min() > 10


@pytest.mark.parametrize("factor", [1.15, 0.9])
def test_a_new_list_of_prices_is_seen_within_three_days(reference, panel, cutoff, factor):
    early = panel[panel["ds"] <= cutoff + pd.Timedelta(days=3)]
    found = alarms(reference, early, price=lambda new: new["price"] * factor)
    row = found[found["kind"] == "shift"].iloc[0]
    assert row["subject"] == "price" and ("+" if factor > 1 else "-") in row["says"]


def test_prices_of_a_third_of_the_products_are_no_common_shift(reference, panel):
    some = panel["unique_id"].isin([f"p{k:02d}" for k in range(8)])
    found = alarms(reference, panel, price=lambda new: new["price"] * np.where(some.loc[new.index], 0.5, 1.0))
    assert "shift" not in set(found["kind"])


def test_a_common_shift_by_hand():
    ds = np.tile(pd.date_range("2024-01-01", periods=20), 3)
    panel = pd.DataFrame(
        {"unique_id": np.repeat(["a", "b", "c"], 20), "ds": ds, "price": np.repeat([1.0, 5.0, 9.0], 20)}
    )
    panel.loc[(panel["ds"] > "2024-01-17") & (panel["unique_id"] != "c"), "price"] *= 1.2
    panel.loc[7, "price"] = np.nan
    found = measures.common_shift(panel, "price", 10)
    assert found.iloc[-1] == pytest.approx(np.log(1.2)) and found.iloc[0] == pytest.approx(0.0)
    assert len(found) == 20 - 10 - measures.RECENT + 1


def test_missing_products_and_columns_are_named(reference, panel):
    part = panel[(panel["unique_id"] > "p05") | (panel["ds"] <= pd.Timestamp(reference.last))]
    rows = alarms(reference, part)
    assert "p00" in rows.loc[rows["kind"] == "rows", "says"].iloc[0]
    assert set(alarms(reference, panel.drop(columns=["price", "group"])).query("kind == 'columns'")["subject"]) == {
        "price",
        "group",
    }


def test_one_new_day_is_enough_for_a_feed_in_other_units(reference, panel, cutoff):
    night = panel[panel["ds"] == cutoff + pd.Timedelta(days=1)].copy()
    night["y"] /= 12
    found = monitoring.data_drift(reference, night, META)
    assert "y of whole shop" in set(found.loc[found["alarm"] & (found["kind"] == "units"), "subject"])


def test_no_new_row_and_too_short_a_history_are_refused(reference, panel, cutoff):
    with pytest.raises(ValueError, match="no row after"):
        monitoring.data_drift(reference, panel[panel["ds"] <= cutoff], META)
    with pytest.raises(ValueError, match="at least 28"):
        monitoring.Reference.of(panel[panel["ds"] < "2024-01-20"], META)


def test_holidays_are_no_change(panel, cutoff):
    """A holiday on which nobody buys must not count, where the country has it."""
    first, new_year = panel.copy(), pd.Timestamp("2024-07-04")
    first.loc[first["ds"] == new_year, "y"] = 0.0
    past = first[first["ds"] <= "2024-06-27"]
    meta = {**META, "country": "US"}
    known = monitoring.Reference.of(past, meta)
    drift = monitoring.data_drift(known, first[first["ds"] <= "2024-07-04"], meta)
    level = drift[(drift["kind"] == "level") & (drift["subject"] == "whole shop")]
    assert abs(level["value"].iloc[0]) < 0.05


@pytest.mark.parametrize(("ratio", "factor"), [(1 / 12, 1 / 12), (10.3, 10), (98, 100), (2.5, 1), (0.4, 1), (0, 1)])
def test_factors_of_units(ratio, factor):
    assert units.named_factor(ratio) == pytest.approx(factor)


def test_page_hinkley_alarms_when_that_of_river_does():
    rng = np.random.default_rng(3)
    path = np.r_[rng.normal(0, 1, 60), rng.normal(1.5, 1, 60)]
    detector = PageHinkley(min_instances=1, delta=0.25, threshold=20.0, alpha=1.0, mode="up")
    seen = []
    for night, value in enumerate(path):
        detector.update(value)
        seen += [night] if detector.drift_detected else []
    ours = signals.page_hinkley(path, 0.25)
    assert seen[0] == int(np.argmax(ours > 20.0)) and 60 < seen[0] < 119


def test_adwin_tells_when_the_error_rose():
    rng = np.random.default_rng(0)
    jump = np.r_[rng.normal(0, 0.3, 50), rng.normal(2, 0.3, 50)]
    changes = signals.adwin_changes(jump)
    assert 50 <= changes[0][0] < 65 and changes[0][1] > 0
    assert signals.adwin_changes(jump[:50]) == []


def test_coverage_limits_widen_when_nights_miss_together():
    rows = np.full(28, 100.0)
    alike = np.where(np.arange(28) % 4 == 0, 50.0, 90.0)
    rng = np.random.default_rng(0)
    apart = rng.binomial(100, 0.8, 28).astype(float)
    low, high = signals.coverage_limits(apart, rows, 0.8)
    wider = signals.coverage_limits(alike, rows, 0.8)
    assert wider[0] < low < 0.8 < high < wider[1]


# --- forecasts ----------------------------------------------------------------------------------------------------


def made_forecasts(panel: pd.DataFrame, since: pd.Timestamp, factor: float = 1.0) -> pd.DataFrame:
    """The mean so far, times a factor, with an interval that fits Poisson sales."""
    past = panel[panel["ds"] <= since].groupby("unique_id")["y"].mean()
    rows = panel.loc[panel["ds"] > since, ["unique_id", "ds"]].assign(cutoff=since, model="M")
    mean = rows["unique_id"].map(past) * factor
    return rows.assign(mean=mean, **{"q0.1": mean - 2 * np.sqrt(mean), "q0.5": mean, "q0.9": mean + 2 * np.sqrt(mean)})


@pytest.fixture(scope="module")
def watch(panel) -> dict:
    back_test = made_forecasts(panel, pd.Timestamp("2024-03-01"))
    return monitoring.ForecastWatch.of(back_test[back_test["ds"] <= "2024-05-31"], panel, META).to_json()


def played(watch: dict, panel: pd.DataFrame, factor: float) -> monitoring.ForecastWatch:
    fresh = monitoring.ForecastWatch.from_json(watch)
    fresh.update(made_forecasts(panel, pd.Timestamp("2024-05-31"), factor), panel)
    return fresh


def test_a_forecast_that_stays_as_good_raises_no_alarm(watch, panel):
    assert not played(watch, panel, 1.0).alarms()["alarm"].any()


def test_a_biased_forecast_is_seen_and_named(watch, panel):
    found = played(watch, panel, 1.6).alarms()
    bias = found[(found["kind"] == "bias") & (found["subject"] == "whole shop")].iloc[0]
    assert bias["alarm"] and "too much" in bias["says"] and "retrain" in bias["do"]
    less = played(watch, panel, 0.5).alarms()
    assert "too little" in less.loc[(less["kind"] == "bias") & less["alarm"], "says"].iloc[0]


def test_nights_may_come_one_by_one_twice_and_through_json(watch, panel):
    panel = panel[panel["ds"] <= "2024-06-12"]
    whole = played(watch, panel, 1.3)
    forecasts, step = made_forecasts(panel, pd.Timestamp("2024-05-31"), 1.3), monitoring.ForecastWatch.from_json(watch)
    for night in pd.date_range("2024-06-01", "2024-06-12"):
        for _ in range(2):
            step.update(forecasts, panel[panel["ds"] == night])
        step = monitoring.ForecastWatch.from_json(json.loads(json.dumps(step.to_json())))
    pd.testing.assert_frame_equal(step.alarms(), whole.alarms())
    pd.testing.assert_frame_equal(step.nightly(), whole.nightly())


@pytest.mark.parametrize("change", [{"version": 0}, {"country": None}, {"baseline": None, "figures": None}])
def test_a_watch_of_another_version_or_with_gaps_is_refused(watch, change):
    stored = {name: value for name, value in {**watch, **change}.items() if value is not None}
    with pytest.raises(ValueError, match="watch: .*begin it anew"):
        monitoring.ForecastWatch.from_json(stored)


def test_signals_begin_anew_after_a_training(watch, panel):
    biased = played(watch, panel, 1.6)
    assert biased.alarms()["alarm"].any()
    biased.retrained(panel["ds"].max() - pd.Timedelta(days=2))
    assert not biased.alarms()["alarm"].any() and len(biased.nightly()) > 20


def test_of_several_cutoffs_the_latest_before_the_day_counts(panel):
    early, late = (made_forecasts(panel, pd.Timestamp(day), f) for day, f in (("2024-05-01", 1.0), ("2024-06-01", 2.0)))
    rows = nights.scored(pd.concat([late, early]), panel)
    last = rows[rows["ds"] > "2024-06-01"].merge(late, on=["unique_id", "ds"])
    assert np.allclose(last["mean_x"], last["mean_y"]) and not rows.duplicated(["unique_id", "ds"]).any()


@pytest.mark.parametrize("column", ["mean", "q0.1"])
def test_a_forecast_table_that_lacks_a_column_is_refused(panel, column):
    with pytest.raises(ValueError, match="forecasts: "):
        table = made_forecasts(panel, pd.Timestamp("2024-05-31")).drop(columns=column)
        monitoring.ForecastWatch.of(table, panel, META)


# --- the page and the injected changes ----------------------------------------------------------------------------


def test_an_alarm_that_stays_is_one_line_and_one_that_comes_back_another(tmp_path):
    def night(day, *subjects):
        told = [{"kind": "error", "subject": each, "says": f"{each} on {day}", "do": "look"} for each in subjects]
        return {"night": f"2025-03-0{day}", "version": "v1", "wape": 0.3, "alarms": told}

    rows = [night(1, "a"), night(2, "a", "b"), night(3, "b", "b"), night(4), night(5, "a")]
    text = monitoring.write_dashboard(tmp_path, rows).read_text()
    table = text[text.index("<h2>Alarms</h2>") : text.index("<h2>Versions</h2>")]
    lines = re.findall(r"<tr><td>(.*?)</td><td>(\d+)</td><td>(.*?)</td>", table)
    assert lines == [
        ("2025-03-05", "1", "a on 5"),
        ("2025-03-02 to 2025-03-03", "2", "b on 3"),
        ("2025-03-01 to 2025-03-02", "2", "a on 2"),
    ]


def test_the_page_tells_state_alarms_and_versions(tmp_path):
    alarm = {"kind": "units", "subject": "y", "says": "<b>in dozens</b>", "do": "convert it"}
    rows = [
        monitoring.Night("2024-06-01", "v1", 0.3, 0.01, 0.8),
        {"night": "2024-06-02", "version": "v1"},
        monitoring.Night("2024-06-03", "v2", 0.4, 0.2, 0.6, (alarm,), "retrained on alarm"),
    ]
    text = monitoring.write_dashboard(tmp_path, rows).read_text()
    assert "2024-06-03: 1 alarm. Version v2 forecasts." in text and "retrained on alarm" in text
    assert "&lt;b&gt;in dozens" in text and "<b>" not in text and "<script" not in text and "http" not in text
    assert text.count("<svg") == 3 and text.count("<desc>") == 3 and "prefers-color-scheme:dark" in text


@pytest.mark.parametrize(
    "rows", [[{"version": "v1"}], [{"night": "2024-06-02", "version": "a"}, {"night": "2024-06-01", "version": "a"}]]
)
def test_nights_without_a_date_or_out_of_order_are_refused(tmp_path, rows):
    with pytest.raises(ValueError, match="nights: "):
        monitoring.write_dashboard(tmp_path, rows)


def test_a_page_without_nights_says_so(tmp_path):
    assert "No night yet" in monitoring.write_dashboard(tmp_path, []).read_text()


@pytest.fixture(scope="module")
def market() -> injection.WatchedMarket:
    return injection.watched_market(1, products=8, days=250)


@pytest.mark.parametrize("drift", injection.DRIFTS)
def test_changes_begin_after_the_cutoff_and_are_as_large_as_said(market, drift):
    panel = injection.inject(market, drift)
    after = panel["ds"] > market.cutoff
    pd.testing.assert_frame_equal(panel[~after], market.panel[~after])
    hit = after & (panel["category"] == market.largest)
    last = hit & (panel["ds"] > panel["ds"].max() - pd.Timedelta(days=28))
    ratio = panel.loc[last, "y"].sum() / market.panel.loc[last, "y"].sum()
    expected = {"nothing": 1.0, "new competitor": 0.65, "feed in dozens": 1 / 12, "slow growth": 1.34}
    if drift in expected:
        assert ratio == pytest.approx(expected[drift], rel=0.08)
    else:
        assert abs(np.log(ratio)) > 0.05


def test_an_unknown_change_is_refused(market):
    with pytest.raises(ValueError, match="drift='flood': expected one of"):
        injection.inject(market, "flood")
