"""The long memory of boosting: what its columns tell, no leak, and an average of several draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.data.features import build_features
from salesforecast_lib.models.peers.boosting import LongMemoryRows, averaged, boosting_config, boosting_forecasts
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts

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


def test_boosting_is_the_average_of_its_draws_and_says_so(long_panel):
    cutoff, table = long_panel["ds"].max() - pd.Timedelta(days=HORIZON), build_features(long_panel, META)
    told = (table, table.frame[table.frame["ds"] > cutoff], cutoff, HORIZON, "D", 7)
    configs = [DirectConfig(28, max_rows=2000, trees=5, min_rows=20, seed=seed) for seed in (0, 1)]
    both = boosting_forecasts(*told, configs)
    alone = [direct_lightgbm_forecasts(*told, config, LongMemoryRows) for config in configs]
    assert set(both["model"]) == {"Boosting"} and len(both) == 4 * HORIZON
    assert not np.allclose(alone[0]["mean"], alone[1]["mean"])
    np.testing.assert_allclose(both["mean"], (alone[0]["mean"] + alone[1]["mean"]) / 2)
    pd.testing.assert_frame_equal(both.drop(columns="model"), averaged(alone).drop(columns="model"))
    assert (both[list(QUANTILE_COLUMNS)].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_settings_of_a_draw_are_those_of_the_league():
    config = boosting_config(56, seed=2)
    chosen = (config.window, config.max_rows, config.trees, config.learning_rate, config.objective, config.seed)
    assert chosen == (56, 80_000, 160, 0.05, "l2", 2)
