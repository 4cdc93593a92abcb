"""Rows of direct regression: which pairs are drawn, in which units, and what a year ago tells."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.models.peers.memory import LongMemoryRows
from salesforecast_lib.models.peers.origins import OriginRows
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts, ridge_forecasts

HORIZON = 14
META = {"freq": "D", "season_length": 7, "country": "US", "horizon": HORIZON, "static": []}
META |= {"historical": [], "future": ["open"]}
SMALL = DirectConfig(28, max_rows=3000, trees=20, min_rows=20)


def shops(days: int = 300, count: int = 6, seed: int = 0) -> pd.DataFrame:
    """Shops that sell about 30, 60, … a day."""
    rng, ds, parts = np.random.default_rng(seed), pd.date_range("2024-01-01", periods=days), []
    for k in range(count):
        y = rng.poisson(30.0 * (k + 1), days).astype(float)
        parts.append(pd.DataFrame({"unique_id": f"s{k}", "ds": ds, "y": y, "available": 1.0, "open": 1.0}))
    return pd.concat(parts, ignore_index=True)


def bare(panel: pd.DataFrame) -> FeatureTable:
    """The panel without features."""
    return FeatureTable(panel, {"static": [], "historical": [], "future": ["open"]})


def rows_of(panel: pd.DataFrame, window: int = 28, kind: type[OriginRows] = OriginRows) -> OriginRows:
    cutoff = panel["ds"].max() - pd.Timedelta(days=HORIZON)
    return kind(bare(panel), panel, cutoff, HORIZON, "D", 7, window)


def rebuilt(panel: pd.DataFrame) -> pd.DataFrame:
    """One shop is closed for half a year but for single days on which it sold next to nothing."""
    day = (panel["ds"] - panel["ds"].min()).dt.days
    shut = (panel["unique_id"] == "s1") & (day >= 60) & (day < 240)
    alone = shut & (day % 61 == 0)
    return panel.assign(
        y=panel["y"].where(~shut, 0.0).where(~alone, 0.001),
        available=1.0 - (shut & ~alone),
        open=1.0 - (shut & ~alone),
    )


def listed(rows: OriginRows, last: pd.Timestamp, least: int) -> set[tuple[int, int]]:
    """All pairs of training, one by one."""
    return {
        (origin, step)
        for origin in range(len(rows.y))
        for step in range(1, rows.horizon + 1)
        if origin - rows.start[origin] >= least and not rows.thin[origin] and origin + step < rows.end[origin]
        if rows.seen[origin + step] > 0 and rows.ds[origin + step] <= np.datetime64(last)
    }


def test_pairs_are_those_that_a_list_of_all_of_them_holds():
    panel = rebuilt(shops(120, 3))
    panel.loc[panel.index % 9 == 4, "available"] = 0.0
    rows = rows_of(panel)
    last = pd.Timestamp("2024-04-01")
    origin, step = rows.training(last, 10**9, 0)
    assert set(zip(origin.tolist(), step.tolist(), strict=True)) == listed(rows, last, 14)
    assert len(origin) == len(listed(rows, last, 14))
    some = rows.training(last, 500, 3)
    drawn = set(zip(*(each.tolist() for each in some), strict=True))
    assert len(drawn) == 500 and drawn < listed(rows, last, 14)
    other = rows.training(last, 500, 4)
    assert not np.array_equal(some[0], other[0])


def test_a_draw_needs_the_memory_of_the_draw_not_that_of_all_pairs():
    rows = rows_of(shops(900, 100))
    tracemalloc.start()
    origin, step = rows.training(rows.cutoff, 5000, 0)
    rows.inputs(origin, step)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(origin) == 5000
    assert peak < 20e6, "90,000 origins of 14 steps would take 20 MB for the origins and the steps alone"


def test_origins_after_months_without_a_day_are_no_training_rows():
    panel = rebuilt(shops())
    rows = rows_of(panel)
    origin, step = rows.training(rows.cutoff, 10**9, 0)
    day = (pd.Series(rows.ds[origin]) - panel["ds"].min()).dt.days
    shut = (rows.names[rows.series[origin]] == "s1") & (day >= 100) & (day < 240)
    assert not shut.any() and len(origin) > 10_000
    # the level of the days before is carried through the closure, and no target is out of all proportion
    for date in ("2024-03-28", "2024-05-25", "2024-08-20"):
        level = rows.level[(rows.names[rows.series] == "s1") & (rows.ds == np.datetime64(date))]
        assert 0.3 < level[0] / 60 < 1.5
    assert (rows.y[origin + step] / rows.level[origin]).max() < 10


@pytest.mark.parametrize("forecast", [ridge_forecasts, direct_lightgbm_forecasts])
@pytest.mark.parametrize("times", [1.0, 1000.0, 0.001])
def test_a_rebuilt_shop_does_not_spoil_the_others(forecast, times):
    """With a floor of 0.1 units the shop's targets were thousands of levels and decided the whole fit."""
    panel = rebuilt(shops()).assign(y=lambda f: f["y"] * times)
    cutoff = panel["ds"].max() - pd.Timedelta(days=HORIZON)
    table = build_features(panel, META)
    future = table.frame[["unique_id", "ds", *table.roles["future"]]]
    made = forecast(table, future, cutoff, HORIZON, "D", 7, SMALL).merge(panel, on=["unique_id", "ds"])
    assert (made["mean"] - made["y"]).abs().sum() < 0.3 * made["y"].sum()
    assert made["q0.95"].sum() < 1.6 * made["y"].sum()


@pytest.mark.parametrize("times,near", [(1024.0, 1e-9), (2.0**-14, 1e-9), (1000.0, 0.15), (0.001, 0.15)])
@pytest.mark.parametrize("forecast", [ridge_forecasts, direct_lightgbm_forecasts])
def test_direct_regressions_do_not_depend_on_the_unit_of_sales(forecast, times, near):
    """Powers of two round alike: nothing may differ; other factors move a value across a bin of a tree."""
    panel = rebuilt(shops())
    cutoff, made = panel["ds"].max() - pd.Timedelta(days=HORIZON), []
    for unit in (1.0, times):
        table = build_features(panel.assign(y=panel["y"] * unit), META)
        future = table.frame[["unique_id", "ds", *table.roles["future"]]]
        made.append(forecast(table, future, cutoff, HORIZON, "D", 7, SMALL))
    names = [name for name in made[0] if name == "mean" or name.startswith("q0.")]
    np.testing.assert_allclose(made[1][names], made[0][names] * times, rtol=near)


def test_levels_and_scales_by_hand():
    panel = shops(120, 2)
    panel.loc[(panel["unique_id"] == "s0") & (panel.index % 5 == 0), "available"] = 0.0
    rows = rows_of(panel, 28)
    sold = panel[panel["unique_id"] == "s0"].reset_index(drop=True)
    for day in (20, 60, 100):
        known = sold.iloc[max(day - 27, 0) : day + 1].query("available > 0")["y"]
        assert rows.level[day] == pytest.approx(known.mean())
        y = sold["y"].where(sold["available"] > 0)[: day + 1]
        change = (y - y.shift(7)).abs().dropna()
        assert rows.scale[day] == pytest.approx((change.sum() + known.mean()) / (len(change) + 2))


def test_a_series_without_sales_has_a_level_of_the_panels_size():
    panel = shops()
    panel.loc[panel["unique_id"] == "s2", "y"] = 0.0
    for times in (1.0, 1e6):
        rows = rows_of(panel.assign(y=panel["y"] * times))
        idle = rows.names[rows.series] == "s2"
        assert (rows.level[idle] > 0).all() and (rows.level[idle] < 10 * times).all()
        origin, _ = rows.training(rows.cutoff, 10**9, 0)
        assert not (rows.names[rows.series[origin]] == "s2").any()


def yearly(days: int = 900) -> pd.DataFrame:
    """Twice as much from October to December."""
    ds = pd.date_range("2023-01-01", periods=days)
    y = np.where(ds.month >= 10, 200.0, 100.0)
    return pd.DataFrame({"unique_id": "s0", "ds": ds, "y": y, "available": 1.0, "open": 1.0})


def test_the_year_ratio_by_hand():
    rows = rows_of(yearly(), 28, LongMemoryRows)
    origin = np.flatnonzero(rows.ds == np.datetime64("2024-09-28"))  # a year less a day before: 100 in the window
    early, late = (rows.year_ratio(origin, np.array([step]))[0] for step in (1, 14))
    ago = pd.Timestamp("2024-09-28") - pd.Timedelta(days=364)
    around = [ago + pd.Timedelta(days=14 + k) for k in range(-7, 8)]
    sold = np.mean([200.0 if day.month >= 10 else 100.0 for day in around])
    assert late == pytest.approx((sold + 20) / (100 + 20)) and 1 < early < late
    first = np.flatnonzero(rows.ds == np.datetime64("2023-06-01"))
    assert rows.year_ratio(first, np.array([5]))[0] == 1.0, "no year before"


def test_a_year_ratio_is_cut_and_is_one_where_last_year_is_hardly_known():
    panel = yearly()
    ago = panel["ds"].between("2023-10-01", "2023-10-20")
    rows = rows_of(panel.assign(y=panel["y"].mask(ago, 1e5)), 28, LongMemoryRows)
    origin = np.flatnonzero(rows.ds == np.datetime64("2024-09-25"))
    assert rows.year_ratio(origin, np.array([14]))[0] == 5.0
    closed = panel["ds"].between("2023-08-01", "2023-09-25")
    rows = rows_of(panel.assign(available=1.0 - closed), 28, LongMemoryRows)
    assert rows.year_ratio(origin, np.array([14]))[0] == 1.0


@pytest.mark.parametrize("kind,horizon", [("M", 18), ("W-SUN", 60)])
def test_a_horizon_longer_than_a_year_reads_no_sales_after_its_origin(kind, horizon):
    freq = {"M": "ME"}.get(kind, kind)
    ds = pd.date_range("2015-01-31", periods=240, freq=freq)
    panel = pd.DataFrame({"unique_id": "s0", "ds": ds, "y": np.arange(240.0) + 1, "available": 1.0, "open": 1.0})
    when, told = ds[-2 * horizon], []
    for y in (panel["y"], panel["y"].mask(panel["ds"] > when, 1e6)):
        rows = LongMemoryRows(bare(panel.assign(y=y)), panel, ds[-1 - horizon], horizon, freq, 4, 12)
        told.append(rows.inputs(*rows.at(when)))
    np.testing.assert_array_equal(*told)
