"""Peers of chapter 06: the contract of the forecast table, no leak, and better than the seasonal naive."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.models.peers.baselines import statistical_forecasts
from salesforecast_lib.models.peers.origins import OriginRows
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts, ridge_forecasts

HORIZON, SEASON, PERIODS = 7, 7, 240
META = {"freq": "D", "season_length": 7, "country": "US", "horizon": HORIZON, "static": ["group"]}
META |= {"historical": ["price"], "future": ["open", "plan"]}
SMALL = DirectConfig(max_rows=4000, trees=60, min_rows=20)


def made_panel(count=6, seed=0):
    """Sales with a weekly rhythm that a planned promotion doubles; some closed days sell nothing."""
    rng = np.random.default_rng(seed)
    ds, parts = pd.date_range("2023-01-01", periods=PERIODS), []
    is_open = (rng.random(PERIODS) > 0.04).astype(float)
    for number in range(count):
        plan = rng.integers(0, 2, PERIODS).astype(float)
        level = 10 * (number + 1) * (1 + 0.5 * (ds.dayofweek >= 5)) * (1 + plan) * is_open
        frame = pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": rng.poisson(level).astype(float)})
        frame = frame.assign(available=is_open, open=is_open, plan=plan, price=rng.uniform(1, 2, PERIODS))
        parts.append(frame.assign(group=f"g{number % 2}"))
    return pd.concat(parts, ignore_index=True)


PANEL = made_panel()
CUTOFF = PANEL["ds"].max() - pd.Timedelta(days=HORIZON)
FORECASTS = {"LightGBMDirect": direct_lightgbm_forecasts, "Ridge": ridge_forecasts}


def forecast(model, panel, config=SMALL):
    table = build_features(panel, META)
    future = table.frame[["unique_id", "ds", *table.roles["future"]]]
    return FORECASTS[model](table, future, CUTOFF, HORIZON, "D", SEASON, config)


def keeps_contract(table, series):
    assert (table.groupby("unique_id").size() == HORIZON).all() and table["unique_id"].nunique() == series
    assert not table.isna().any(axis=None)
    values = table[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all() and (values >= 0).all() and (table["mean"] >= 0).all()


def error(table, panel=PANEL):
    rows = table.merge(panel.loc[panel["available"] > 0, ["unique_id", "ds", "y"]], on=["unique_id", "ds"])
    return (rows["mean"] - rows["y"]).abs().sum() / rows["y"].sum()


@pytest.fixture(scope="module")
def naive():
    return statistical_forecasts(PANEL, CUTOFF, HORIZON, "D", SEASON, models=("SeasonalNaive",))


@pytest.mark.parametrize("model", FORECASTS)
def test_direct_regressions_keep_the_contract_and_beat_the_naive_by_the_plan(model, naive):
    table = forecast(model, PANEL)
    keeps_contract(table, 6)
    assert set(table["model"]) == {model} and (table["cutoff"] == CUTOFF).all()
    assert error(table) < 0.7 * error(naive), "the planned promotion is known ahead and explains most of the error"


@pytest.mark.parametrize("model", FORECASTS)
def test_direct_regressions_see_nothing_after_the_cutoff(model):
    after = PANEL["ds"] > CUTOFF
    spoiled = PANEL.assign(
        y=PANEL["y"].where(~after, 1e6), price=PANEL["price"].where(~after, 99.0), available=PANEL["available"]
    )
    spoiled.loc[after, "available"] = 1.0
    pd.testing.assert_frame_equal(forecast(model, PANEL), forecast(model, spoiled), check_exact=True)


@pytest.mark.parametrize("model", FORECASTS)
def test_sales_of_closed_days_are_no_targets(model):
    """What a closed day "sold" must not reach the fit; the features' own lags are cut off to see the target alone."""
    table = build_features(PANEL, META)
    roles = {**table.roles, "historical": ["price"]}
    future = table.frame[["unique_id", "ds", *roles["future"]]]
    results = []
    for value in (0.0, 1e6):
        frame = table.frame.assign(y=table.frame["y"].where(table.frame["available"] > 0, value))
        part = FeatureTable(frame, roles, {}, [])
        results.append(FORECASTS[model](part, future, CUTOFF, HORIZON, "D", SEASON, SMALL))
    pd.testing.assert_frame_equal(*results)


def test_pooled_quantiles_are_an_option():
    keeps_contract(forecast("LightGBMDirect", PANEL, DirectConfig(max_rows=4000, trees=30, quantiles=False)), 6)


def origin_rows():
    table = build_features(PANEL, META)
    return table, OriginRows(table, table.frame, CUTOFF, HORIZON, "D", SEASON)


def test_rows_by_hand():
    table, rows = origin_rows()
    origin, step = rows.at(CUTOFF)
    inputs = pd.DataFrame(rows.inputs(origin, step)[:, : len(rows.numeric)], columns=rows.numeric)
    frame = table.frame[table.frame["unique_id"] == "s0"].set_index("ds")
    seen = frame.loc[:CUTOFF].tail(56).query("available > 0")["y"]
    assert rows.level[origin[0]] == pytest.approx(seen.mean())
    assert inputs["step"].iloc[:HORIZON].tolist() == list(range(1, HORIZON + 1))
    day = CUTOFF + pd.Timedelta(days=3)
    assert inputs["ahead_plan"].iloc[2] == frame.loc[day, "plan"]
    assert inputs["price"].iloc[2] == pytest.approx(frame.loc[CUTOFF, "price"]), (
        "a historical feature is that of the origin"
    )
    assert inputs["mean_7"].iloc[2] == pytest.approx(frame.loc[CUTOFF, "mean_7"] / seen.mean())
    same_days = frame.loc[[day - pd.Timedelta(weeks=k) for k in range(1, 9)]].query("available > 0")["y"]
    assert inputs["season_average"].iloc[2] == pytest.approx((same_days.sum() / seen.mean() + 1) / (len(same_days) + 1))


def test_training_targets_end_before_the_last_day_and_are_available():
    _, rows = origin_rows()
    last = CUTOFF - pd.Timedelta(days=10)
    origin, step = rows.training(last, 10**9, 0)
    target = origin + step
    assert (rows.ds[target] <= np.datetime64(last)).all() and (rows.seen[target] > 0).all()
    assert (rows.series[origin] == rows.series[target]).all() and rows.ds[target].max() == np.datetime64(last)
    again = rows.training(last, 100, 3)
    assert len(again[0]) == 100 and all(
        np.array_equal(a, b) for a, b in zip(again, rows.training(last, 100, 3), strict=True)
    )


def test_a_missing_day_of_the_plan_is_named():
    table = build_features(PANEL, META)
    with pytest.raises(ValueError, match="1 rows are missing"):
        OriginRows(table, table.frame[table.frame.index != table.frame.index[-1]], CUTOFF, HORIZON, "D", SEASON)
    with pytest.raises(ValueError, match="no series has a row"):
        OriginRows(table, table.frame, pd.Timestamp("2030-01-01"), HORIZON, "D", SEASON)


def intermittent_panel():
    rng = np.random.default_rng(1)
    ds = pd.date_range("2023-01-01", periods=PERIODS)
    parts = [
        pd.DataFrame({"unique_id": f"i{k}", "ds": ds, "y": 5.0 * (rng.random(PERIODS) < 0.15), "available": 1.0})
        for k in range(8)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("model", ["CrostonOptimized", "TSB"])
def test_intermittent_models_beat_the_naive_on_intermittent_demand(model):
    panel = intermittent_panel()
    table = statistical_forecasts(panel, CUTOFF, HORIZON, "D", SEASON, models=(model, "SeasonalNaive"))
    ours, theirs = table[table["model"] == model], table[table["model"] == "SeasonalNaive"]
    keeps_contract(ours, 8)

    def square(rows):
        return ((rows.merge(panel, on=["unique_id", "ds"]).eval("y - mean")) ** 2).mean()

    assert square(ours) < 0.8 * square(theirs)
    spoiled = panel.assign(y=panel["y"].where(panel["ds"] <= CUTOFF, 1e6))
    again = statistical_forecasts(spoiled, CUTOFF, HORIZON, "D", SEASON, models=(model, "SeasonalNaive"))
    pd.testing.assert_frame_equal(table, again, check_exact=True)


def test_autoarima_follows_a_rhythm_and_sees_nothing_after_the_cutoff():
    ds = pd.date_range("2024-01-01", periods=70)
    y = 20 + 10 * (ds.dayofweek >= 5) + np.random.default_rng(0).normal(0, 1, 70)
    panel = pd.DataFrame({"unique_id": "a", "ds": ds, "y": y, "available": 1.0})
    cutoff = ds[-HORIZON - 1]
    table = statistical_forecasts(panel, cutoff, HORIZON, "D", SEASON, models=("AutoARIMA",))
    keeps_contract(table, 1)
    assert error(table, panel) < 0.15
    spoiled = panel.assign(y=panel["y"].where(panel["ds"] <= cutoff, 1e6))
    again = statistical_forecasts(spoiled, cutoff, HORIZON, "D", SEASON, models=("AutoARIMA",))
    pd.testing.assert_frame_equal(table, again, check_exact=True)


def test_an_unknown_model_is_named():
    with pytest.raises(ValueError, match="'Prophet' is not known"):
        statistical_forecasts(PANEL, CUTOFF, HORIZON, "D", SEASON, models=("Prophet",))
