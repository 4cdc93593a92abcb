"""The long memory of boosting: what its columns tell, no leak, and an average of several draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from salesforecast_lib import QUANTILES, quantile_columns
from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.forecaster.several import mean_of
from salesforecast_lib.models.peers import boosting, kinds
from salesforecast_lib.models.peers.boosting import (
    BoostingConfig,
    between,
    boosting_forecasts,
    fitted_levels,
)
from salesforecast_lib.models.peers.kinds import KINDS
from salesforecast_lib.models.peers.memory import LongMemoryRows
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts
from salesforecast_lib.models.peers.shelf import Shelf

HORIZON = 7
META = {"freq": "D", "season_length": 7, "country": "US", "horizon": HORIZON, "static": ["group"]}
META |= {"historical": ["price"], "future": ["plan"]}


def memory_rows(panel: pd.DataFrame, cutoff: pd.Timestamp) -> tuple[LongMemoryRows, dict[str, int]]:
    """Rows of a daily panel of two groups, and the place of each column by name."""
    table = build_features(panel, META)
    ahead = table.frame[table.frame["ds"] > cutoff]
    rows = LongMemoryRows(table, ahead, cutoff, HORIZON, "D", 7, window=28)
    return rows, {name: k for k, name in enumerate(rows.numeric)}


@pytest.fixture(scope="module")
def long_panel() -> pd.DataFrame:
    """Two years and a bit of four products in two groups."""
    rng, days, parts = np.random.default_rng(0), 800, []
    for k in range(4):
        ds = pd.date_range("2024-01-01", periods=days)
        y = rng.poisson(5 + 3 * k + 4 * (ds.dayofweek >= 5)).astype(float)
        frame = pd.DataFrame({"unique_id": f"s{k}", "ds": ds, "y": y, "available": rng.random(days) > 0.1})
        frame = frame.astype({"available": float})
        parts.append(frame.assign(price=rng.random(days), plan=rng.random(days), group="a" if k < 2 else "b"))
    return pd.concat(parts, ignore_index=True)


def test_the_long_memory_knows_no_sales_after_an_origin(long_panel):
    cutoff, origin_day = long_panel["ds"].max() - pd.Timedelta(days=HORIZON), pd.Timestamp("2025-12-01")
    changed = long_panel.assign(y=long_panel["y"] + 50.0 * (long_panel["ds"] > origin_day))
    told = []
    for panel in (long_panel, changed):
        rows, _ = memory_rows(panel, cutoff)
        origin, step = rows.at(origin_day)
        told.append(rows.inputs(origin, step))
        later = rows.inputs(*rows.at(origin_day + pd.Timedelta(days=HORIZON)))
    np.testing.assert_array_equal(*told)
    assert np.isfinite(told[0]).mean() > 0.95 and not np.array_equal(later, told[1])


def test_the_long_memory_of_weeks_tells_the_week_a_year_before_the_target(long_panel):
    weeks = pd.date_range("2010-01-03", periods=long_panel["ds"].nunique(), freq="W-SUN")
    panel = long_panel.assign(ds=weeks[long_panel.groupby("unique_id").cumcount()])
    table = build_features(panel, {**META, "freq": "W-SUN"})
    cutoff = weeks[-1 - HORIZON]
    rows = LongMemoryRows(table, table.frame[table.frame["ds"] > cutoff], cutoff, HORIZON, "W-SUN", 4, window=28)
    origin, step = rows.at(weeks[300])
    then = origin + step - 52
    expected = np.where(rows.seen[then] > 0, rows.y[then] / rows.level[origin], np.nan)
    columns = rows.inputs(origin, step)[:, : len(rows.numeric)].T
    assert np.isfinite(expected).sum() > 10 and any(np.allclose(c, expected, 1e-4, equal_nan=True) for c in columns)


def test_the_long_memory_of_a_young_series_does_not_reach_into_the_one_before(long_panel):
    cutoff = pd.Timestamp("2026-02-20")
    young = (long_panel["unique_id"] == "s1") & (long_panel["ds"] < cutoff - pd.Timedelta(days=1))
    rows, _ = memory_rows(long_panel[~young].reset_index(drop=True), cutoff)
    origin, step = rows.at(cutoff)
    back = 7 - step
    told = rows._last(origin, 3, 7, back)[rows.names[rows.series[origin]] == "s1"]
    np.testing.assert_array_equal(np.isfinite(told[:5]), False)


def test_the_long_memory_tells_last_year_and_the_group(long_panel):
    cutoff = pd.Timestamp("2026-02-20")
    rows, place = memory_rows(long_panel, cutoff)
    origin, step = rows.at(cutoff)
    assert rows.inputs(origin, step).shape == (4 * HORIZON, len(rows.numeric) + 1)
    sold = long_panel.set_index(["unique_id", "ds"])
    sold = sold[sold["available"] > 0]["y"]
    known = [name for name in place if name.startswith("memory_")]
    values = pd.DataFrame(rows.inputs(origin, step)[:, [place[name] for name in known]])
    level = rows.level[origin]

    def day_mean(names: list[str], first: pd.Timestamp, last: pd.Timestamp) -> float:
        part = sold[sold.index.get_level_values(0).isin(names)]
        days = part.index.get_level_values(1)
        return float(part[(days >= first) & (days <= last)].mean())

    for pair in (3, 2 * HORIZON + 5):  # a product of each group, steps 4 and 6
        name, ahead = f"s{pair // HORIZON}", int(step[pair])
        target = cutoff + pd.Timedelta(days=ahead - 364)
        week = day_mean([name], target - pd.Timedelta(days=3), target + pd.Timedelta(days=3)) / level[pair]
        assert np.isclose(values.loc[pair], week, atol=1e-5).any(), "the week around the target a year ago"
        mates = ["s0", "s1"] if name in ("s0", "s1") else ["s2", "s3"]
        trend = day_mean(mates, cutoff - pd.Timedelta(days=6), cutoff) / day_mean(
            mates, cutoff - pd.Timedelta(days=27), cutoff
        )
        assert np.isclose(values.loc[pair], trend, atol=1e-5).any(), "the group's last week against its four weeks"


SMALL = BoostingConfig(rows=2000, trees=8, learning_rate=0.05, min_rows=20)


def asked(panel: pd.DataFrame, cutoff: pd.Timestamp, config: BoostingConfig = SMALL, **changes) -> pd.DataFrame:
    """Boosting's forecast of a daily panel, from features and the future columns of all periods."""
    table = build_features(panel, {**META, **changes})
    future = table.frame[["unique_id", "ds", *table.roles["future"]]]
    return boosting_forecasts(table, future, cutoff, HORIZON, "D", 7, config)


def columns_of(table: pd.DataFrame) -> list[str]:
    return [name for name in table if name == "mean" or name.startswith("q0.")]


def test_boosting_is_the_average_of_its_kinds_and_says_so(long_panel):
    cutoff, table = long_panel["ds"].max() - pd.Timedelta(days=HORIZON), build_features(long_panel, META)
    future = table.frame[["unique_id", "ds", "plan", *table.roles["future"]]].loc[:, lambda f: ~f.columns.duplicated()]
    both = boosting_forecasts(table, future, cutoff, HORIZON, "D", 7, SMALL)
    assert set(both["model"]) == {"Boosting"} and len(both) == 4 * HORIZON
    alone = []
    for number, name in enumerate(SMALL.kinds):
        window = kinds.window_of(name, "D", 800)
        rows = LongMemoryRows(table, future, cutoff, HORIZON, "D", 7, window)
        alone.append(boosting._fitted(rows, KINDS[name], SMALL, number, number, Shelf()))
    assert not np.allclose(alone[0][1], alone[1][1])
    np.testing.assert_allclose(both["q0.5"], np.mean([each[1][:, 3] for each in alone], axis=0))
    np.testing.assert_allclose(both["mean"], np.mean([alone[0][0], alone[2][0]], axis=0))
    assert (both[columns_of(both)[1:]].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


@pytest.mark.parametrize("levels", [QUANTILES, tuple(k / 10 for k in range(1, 10)), (0.1, 0.2, 0.3, 0.4, 0.5, 0.99)])
def test_each_level_is_fitted_by_some_kind_and_lies_between_its_neighbours_in_the_others(levels):
    turns = [fitted_levels(levels, turn) for turn in (0, 1)]
    assert set(turns[0]) | set(turns[1]) == set(range(len(levels)))
    rng = np.random.default_rng(0)
    scale = rng.uniform(1, 9, 20)[:, None]
    normal = 100 + scale * norm.ppf(levels)
    skewed = np.exp(normal / 40)
    for places in turns:
        assert {0, levels.index(0.5), len(levels) - 1} <= set(places) and len(places) < len(levels)
        np.testing.assert_allclose(between(normal[:, places], places, levels), normal)  # exact for a normal one
        made = between(skewed[:, places], places, levels)
        assert (np.diff(made, axis=1) > 0).all()
        np.testing.assert_allclose(made[:, places], skewed[:, places])
        np.testing.assert_allclose(made, skewed, rtol=0.05)
    assert len(fitted_levels((0.1, 0.5, 0.9), 0)) == len(fitted_levels((0.1, 0.5, 0.9), 1)) == 3


def test_tables_of_several_draws_are_averaged(long_panel):
    cutoff, table = long_panel["ds"].max() - pd.Timedelta(days=HORIZON), build_features(long_panel, META)
    told = (table, table.frame[table.frame["ds"] > cutoff], cutoff, HORIZON, "D", 7)
    levels = (0.2, 0.5, 0.8)
    configs = [DirectConfig(28, max_rows=2000, trees=5, min_rows=20, seed=seed, levels=levels) for seed in (0, 1)]
    alone = [direct_lightgbm_forecasts(*told, config, LongMemoryRows) for config in configs]
    both = mean_of(alone)
    assert columns_of(both) == ["mean", *quantile_columns(levels)]
    assert not np.allclose(alone[0]["mean"], alone[1]["mean"])
    np.testing.assert_allclose(both["q0.8"], (alone[0]["q0.8"] + alone[1]["q0.8"]) / 2)


@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.9), (0.025, 0.3, 0.5, 0.975)])
def test_any_levels_can_be_asked_for(long_panel, levels):
    cutoff = long_panel["ds"].max() - pd.Timedelta(days=HORIZON)
    table = asked(long_panel, cutoff, BoostingConfig(levels, rows=2000, trees=8, min_rows=20))
    assert columns_of(table) == ["mean", *quantile_columns(levels)]
    assert (table[columns_of(table)[1:]].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_fewer_trees_take_larger_steps_and_leave_the_start_as_far_behind():
    """With steps of a twentieth, 40 of them stay near the mean of all days: a plan that doubles sales is missed."""
    ds = pd.date_range("2024-01-01", periods=300)
    rng, parts = np.random.default_rng(3), []
    for k in range(4):
        plan = rng.integers(0, 2, len(ds)).astype(float)
        y = rng.poisson(50.0 * (k + 1) * (1 + plan)).astype(float)
        parts.append(
            pd.DataFrame({"unique_id": f"s{k}", "ds": ds, "y": y, "available": 1.0, "price": 1.0, "plan": plan})
        )
    panel = pd.concat(parts, ignore_index=True).assign(group="a")
    lifts = {}
    for rate in (0.0, 0.05):
        config = BoostingConfig(rows=4000, trees=40, learning_rate=rate, kinds=("level",))
        made = asked(panel, ds[-1 - HORIZON], config).merge(panel[["unique_id", "ds", "plan"]])
        usual = made["q0.5"] / (50.0 * made["unique_id"].str[1:].astype(int).add(1))
        lifts[rate] = usual[made["plan"] > 0].mean() / usual[made["plan"] == 0].mean()
    assert lifts[0.0] > 1.85 > lifts[0.05]


def test_more_draws_are_averaged_and_every_seed_has_its_own(long_panel):
    cutoff = long_panel["ds"].max() - pd.Timedelta(days=HORIZON)
    twice = replace(SMALL, kinds=("level", "season"), draws=2)
    assert twice.models == [("level", 0), ("season", 1), ("level", 1), ("season", 2)]
    assert twice.fits == 4 * 5 + 2  # five of seven levels each, and the mean at every second turn
    configs = (replace(twice, draws=1), twice, replace(twice, seed=1))
    one, two, other = (asked(long_panel, cutoff, each) for each in configs)
    for name in columns_of(one):
        assert not np.allclose(one[name], two[name]) and not np.allclose(two[name], other[name])
    with pytest.raises(ValueError, match="draws=0: expected at least 1"):
        BoostingConfig(draws=0)


def test_a_kind_that_is_not_known_is_named():
    with pytest.raises(ValueError, match="kinds=.'quarter'.: expected some of .*'season'"):
        BoostingConfig(kinds=("level", "quarter"))
    with pytest.raises(ValueError, match="expected some of"):
        BoostingConfig(kinds=())


@pytest.mark.parametrize("times,near", [(1024.0, 1e-9), (2.0**-14, 1e-9), (1000.0, 0.03), (0.001, 0.03)])
def test_another_unit_of_sales_gives_the_same_forecast_in_that_unit(long_panel, times, near):
    """A floor of 0.1 units made tonnes a series without sales. Powers of two round alike, so nothing may differ."""
    cutoff = long_panel["ds"].max() - pd.Timedelta(days=HORIZON)
    usual, other = (asked(long_panel.assign(y=long_panel["y"] * unit), cutoff) for unit in (1.0, times))
    names = columns_of(usual)
    np.testing.assert_allclose(other[names], usual[names] * times, rtol=near)


def test_nothing_after_the_cutoff_reaches_the_forecast(long_panel):
    cutoff = long_panel["ds"].max() - pd.Timedelta(days=HORIZON)
    after = long_panel["ds"] > cutoff
    spoiled = long_panel.assign(y=long_panel["y"].mask(after, 1e6), available=long_panel["available"].mask(after, 1.0))
    pd.testing.assert_frame_equal(asked(long_panel, cutoff), asked(spoiled, cutoff), check_exact=True)


def test_a_closed_day_is_no_target_and_sells_nothing(long_panel):
    cutoff = long_panel["ds"].max() - pd.Timedelta(days=HORIZON)
    opened = ((long_panel["ds"].dt.dayofweek != 6) | (long_panel["unique_id"] == "s3")).astype(float)
    panels = [long_panel.assign(open=opened, y=long_panel["y"].where(opened > 0, sold)) for sold in (0.0, 1e5)]
    table = build_features(panels[0], {**META, "future": ["plan", "open"]})
    made = []
    for panel in panels:  # what a closed day "sold" differs, the columns of the past do not
        table.frame = table.frame.assign(y=panel["y"])
        future = table.frame[["unique_id", "ds", *table.roles["future"]]]
        made.append(boosting_forecasts(table, future, cutoff, HORIZON, "D", 7, SMALL))
    pd.testing.assert_frame_equal(*made)
    shut = (made[0]["ds"].dt.dayofweek == 6) & (made[0]["unique_id"] != "s3")
    assert shut.sum() == 3 and (made[0].loc[shut, columns_of(made[0])] == 0).all(axis=None)
    assert (made[0].loc[~shut, "mean"] > 0).all()


def test_the_mean_is_a_mean_of_skewed_sales():
    """A mean is what many periods add up to; the median of such sales is a third lower."""
    rng, days = np.random.default_rng(1), 500
    ds, parts = pd.date_range("2024-01-01", periods=days), []
    for k in range(20):
        y = 100.0 * (k + 1) * rng.lognormal(0, 0.9, days)
        parts.append(pd.DataFrame({"unique_id": f"s{k:02d}", "ds": ds, "y": y, "available": 1.0}))
    panel = pd.concat(parts, ignore_index=True).assign(price=1.0, plan=0.0, group="a")
    table = asked(panel, ds[-1 - HORIZON], BoostingConfig(rows=8000, trees=30))
    usual = 100 * np.arange(1, 21).sum() * HORIZON
    assert table["mean"].sum() == pytest.approx(usual * np.exp(0.9**2 / 2), rel=0.1)
    assert table["q0.5"].sum() == pytest.approx(usual, rel=0.15)


def test_trees_follow_growth_beyond_what_was_ever_sold():
    """Sales double within the last year; the level carries the forecast above all that the first year sold."""
    ds = pd.date_range("2022-01-02", periods=150, freq="W-SUN")
    grown = 100 * 2 ** (np.maximum(np.arange(150) - 98, 0) / 52)
    parts = [
        pd.DataFrame(
            {"unique_id": f"s{k}", "ds": ds, "y": (k + 1) * grown, "available": 1.0, "price": 1.0, "plan": 0.0}
        )
        for k in range(6)
    ]
    panel = pd.concat(parts, ignore_index=True).assign(group="a")
    table = build_features(panel, {**META, "freq": "W-SUN"})
    future = table.frame[["unique_id", "ds", *table.roles["future"]]]
    cutoff = ds[-5]
    made = boosting_forecasts(table, future, cutoff, 4, "W-SUN", 4, BoostingConfig(trees=60, min_rows=10))
    made = made.merge(panel, on=["unique_id", "ds"])
    assert (made["q0.5"] / made["y"]).between(0.85, 1.15).all()


@pytest.mark.parametrize("freq,periods,horizon", [("M", 40, 12), ("M", 9, 3), ("W-SUN", 30, 13), ("D", 60, 14)])
def test_months_and_histories_shorter_than_a_year_are_forecast(freq, periods, horizon):
    frequency = check_freq(freq)
    ds = pd.date_range("2024-01-01", periods=periods + horizon, freq=frequency.alias)
    rng, parts = np.random.default_rng(2), []
    for k in range(5):
        y = rng.poisson(40.0 * (k + 1), len(ds)).astype(float)
        parts.append(
            pd.DataFrame({"unique_id": f"s{k}", "ds": ds, "y": y, "available": 1.0, "price": 1.0, "plan": 0.0})
        )
    panel, cutoff = pd.concat(parts, ignore_index=True).assign(group="a"), ds[periods - 1]
    table = build_features(panel, {**META, "freq": frequency.alias, "season_length": frequency.season})
    future = table.frame[["unique_id", "ds", *table.roles["future"]]]
    told = (table, future, cutoff, horizon, frequency.alias, frequency.cycle)
    made = boosting_forecasts(*told, BoostingConfig(rows=2000, trees=20, min_rows=10))
    wanted = made["unique_id"].str[1:].astype(int).add(1) * 40.0
    assert len(made) == 5 * horizon and (made["q0.5"] / wanted).between(0.6, 1.5).all()
    rows = LongMemoryRows(*told, 4)
    young = rows.year_ratio(*rows.at(ds[periods // 2 - 1]))
    assert (young == 1.0).all() or freq == "M" and periods == 40
