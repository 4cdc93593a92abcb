"""The case study lines up forecasts, compares policies and plans from the end of the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.data.features import ahead_features, build_features
from salesforecast_lib.data.panel import extend_panel
from salesforecast_lib.decisions.inventory import case_study, contest
from salesforecast_lib.decisions.inventory.orders import order_up_to_level, read_stock
from salesforecast_lib.decisions.inventory.policies import paths_today
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig

HORIZON, DAYS, LEAD, REVIEW = 14, 140, 3, 7
META = {"freq": "D", "season_length": 7, "horizon": HORIZON, "country": "US", "static": ["group"], "historical": []}
META["future"] = ["open", "display"]


def made_panel(products=("a", "b"), days=DAYS) -> pd.DataFrame:
    """Poisson sales around 20, closed on Sundays."""
    rng = np.random.default_rng(0)
    ds = pd.date_range("2023-01-02", periods=days)  # a Monday
    parts = []
    for name in products:
        opened = (ds.dayofweek != 6).astype(float)
        parts.append(
            pd.DataFrame(
                {"unique_id": name, "ds": ds, "y": rng.poisson(20, days) * opened, "available": opened, "open": opened}
            ).assign(display=1.0, group="g")
        )
    return pd.concat(parts, ignore_index=True)


def made_forecasts(panel: pd.DataFrame, model: str = "LSTM", mean: float = 20.0) -> pd.DataFrame:
    """Poisson-like forecasts at two test cutoffs and at the end of the data."""
    end = panel["ds"].max()
    spread = np.array([-7, -6, -3, 0, 3, 6, 7], float)
    parts = []
    for cutoff in (end - pd.Timedelta(days=2 * HORIZON), end - pd.Timedelta(days=HORIZON), end):
        ds = pd.date_range(cutoff, periods=HORIZON + 1)[1:]
        grid = pd.MultiIndex.from_product([panel["unique_id"].unique(), ds], names=["unique_id", "ds"]).to_frame(False)
        rows = grid.assign(cutoff=cutoff, model=model, mean=mean * (grid["ds"].dt.dayofweek != 6))
        for name, move in zip(QUANTILE_COLUMNS, spread, strict=True):
            rows[name] = np.maximum(rows["mean"] + move, 0) * (rows["mean"] > 0)
        parts.append(rows)
    return pd.concat(parts, ignore_index=True).merge(panel[["unique_id", "ds", "y"]], how="left")


@pytest.fixture(scope="module")
def shop():
    panel = made_panel()
    config = SimulationConfig(LEAD, REVIEW, holding_cost=0.02, shortage_cost=1.0)
    forecasts = pd.concat([made_forecasts(panel), made_forecasts(panel, "Half", 10.0)], ignore_index=True)
    return forecasts, case_study.build_case(forecasts, panel, config, 7), config


def test_case_holds_known_months_only(shop):
    forecasts, case, _ = shop
    assert case.demand.shape == (2, 2 * HORIZON)
    assert case.dates.max() == forecasts.dropna(subset="y")["ds"].max()
    assert case.forecasts["y"].notna().all()


def test_rule_of_thumb_orders_up_to_what_sold_last(shop):
    _, case, config = shop
    levels = case_study.naive_levels(case, config.protection)
    everything = np.concatenate([case.history, case.demand], axis=1)
    for t in (0, 5, 27):
        now = case.history.shape[1] + t
        assert np.array_equal(levels[:, t], everything[:, now - config.protection : now].sum(1))


def test_foresight_beats_the_forecast_and_the_forecast_beats_one_that_is_half(shop):
    _, case, config = shop
    cost = case_study.compare(case, config, 0.9).set_index("policy")["total"]
    assert cost["perfect foresight"] <= cost["LSTM"] < cost["Half"]


def test_every_policy_is_simulated_and_the_printed_rule_starves_the_shop(shop):
    _, case, config = shop
    table = contest.compare_policies(case, "LSTM", config, 0.9).set_index("policy")
    assert len(table) == 11
    assert table.loc["article, as printed", "fill_rate"] < 0.6 < table.loc["article, repaired", "fill_rate"]
    assert table.loc["order-up-to from quantiles", "fill_rate"] > 0.9
    dearest = table.loc[[n for n in table.index if not n.startswith("article")], "total"].max()
    assert table.loc["look-ahead on paths", "total"] < dearest < table.loc["article, as printed", "total"]


def test_paths_today_follow_the_newest_forecast(shop):
    forecasts, _, _ = shop
    ids, dates, paths = paths_today(forecasts, "LSTM", 20, 10, 7)
    assert ids == ["a", "b"] and paths.shape == (400, 2, 20) and dates[0] > forecasts.dropna(subset="y")["ds"].max()
    sunday = dates.dayofweek == 6
    assert (paths[:, :, sunday] == 0).all() and paths[:, :, ~sunday].mean() == pytest.approx(20, rel=0.05)


def test_plan_starts_at_the_end_of_the_data(shop):
    forecasts, _, config = shop
    ids, today = case_study.moments_today(forecasts, "LSTM", config, 7)
    ahead = forecasts[forecasts["y"].isna() & (forecasts["model"] == "LSTM")]
    first = ahead[ahead["unique_id"] == "a"].sort_values("ds")["mean"].to_numpy()
    assert ids == ["a", "b"]
    assert today["lead"][0][0] == pytest.approx(first[:LEAD].sum())
    assert today["interval"][0][0] == pytest.approx(first[: LEAD + REVIEW].sum())


def test_plan_without_a_forecast_beyond_the_data_is_refused(shop):
    forecasts, _, config = shop
    with pytest.raises(ValueError, match="LSTM"):
        case_study.moments_today(forecasts.dropna(subset="y"), "LSTM", config, 7)


def test_simulated_stock_today_is_replenished_as_usual(shop):
    """Without the lead time after the end, the last orders were missing and every product looked out of stock."""
    _, case, config = shop
    stock = case_study.stock_today(case, "LSTM", config, 0.9)
    mean, sd = 20.0 * 6 / 7 * config.protection, 30.0
    level = order_up_to_level(np.array([mean]), np.array([sd]), 0.9)[0]
    sold_since_review = 20 * REVIEW
    assert (stock > level - 2 * sold_since_review).all() and (stock < 1.5 * level).all()


def test_panel_is_extended_with_what_is_known_ahead():
    panel = made_panel()
    longer = extend_panel(panel, META["future"], META["static"], "D", HORIZON)
    ahead = longer[longer["ds"] > panel["ds"].max()]
    assert len(ahead) == 2 * HORIZON and ahead["y"].isna().all()
    assert ((ahead["ds"].dt.dayofweek == 6) == (ahead["open"] == 0)).all(), "closed on Sundays, as always"
    assert (ahead["display"] == 1.0).all() and (ahead["group"] == "g").all()
    assert longer[longer["ds"] <= panel["ds"].max()].reset_index(drop=True).equals(panel)


def test_delisted_series_are_not_extended():
    panel = made_panel(("a", "b"))
    panel = panel[(panel["unique_id"] == "a") | (panel["ds"] < "2023-04-01")]
    longer = extend_panel(panel, META["future"], META["static"], "D", HORIZON)
    assert longer.loc[longer["ds"] > panel["ds"].max(), "unique_id"].unique().tolist() == ["a"]


def test_features_ahead_are_those_of_the_real_days():
    """What chapter 02 says of the days ahead is what it says of them once they are there."""
    panel = made_panel()
    cut = panel[panel["ds"] <= panel["ds"].max() - pd.Timedelta(days=HORIZON)].reset_index(drop=True)
    ahead = ahead_features(cut, META).set_index(["unique_id", "ds"]).sort_index()
    later = build_features(panel, META).frame.set_index(["unique_id", "ds"]).loc[ahead.index, ahead.columns]
    pd.testing.assert_frame_equal(ahead, later)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("what,stock\na,1\n", "unique_id"),
        ("unique_id,stock\na,many\n", "row 1"),
        ("unique_id,stock\na,1\nb,-2\n", "row 2"),
        ("unique_id,stock\na,inf\n", "finite"),
        ("unique_id,stock\na,1\na,2\n", "twice"),
    ],
)
def test_stock_file_that_cannot_be_used_is_refused(tmp_path, text, complaint):
    file = tmp_path / "stock.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_stock(file)


def test_stock_file_is_read(tmp_path):
    file = tmp_path / "stock.csv"
    file.write_text("unique_id,stock\na,3\n b ,4.5\n")
    assert read_stock(file).to_dict() == {"a": 3.0, "b": 4.5}
