"""Metrics, demand classes and peers: by hand, and blind to the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.evaluation.backtest import comparable_panel
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.evaluation.segments import demand_classes
from salesforecast_lib.models.peers.baselines import close_shop, statistical_forecasts
from salesforecast_lib.models.peers.recursive import lightgbm_forecasts


def made_panel(lengths=(100, 100, 90), seed=0):
    rng = np.random.default_rng(seed)
    end, parts = pd.Timestamp("2024-06-30"), []
    for number, length in enumerate(lengths):
        ds = pd.date_range(end=end, periods=length)
        frame = pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": rng.poisson(4 + ds.dayofweek).astype(float)})
        parts.append(frame.assign(available=1.0, open=1.0, group="g"))
    return pd.concat(parts, ignore_index=True)


META = {"freq": "D", "season_length": 7, "horizon": 7, "static": ["group"], "historical": [], "future": ["open"]}


def table_of(panel, guess):
    cutoff = panel["ds"].max() - pd.Timedelta(days=2)
    rows = panel.loc[panel["ds"] > cutoff, ["unique_id", "ds"]].assign(cutoff=cutoff, model="m", mean=guess)
    return rows.assign(**{name: rows["mean"] for name in QUANTILE_COLUMNS})


def test_metrics_by_hand_with_a_day_without_a_sale():
    panel = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=6), "available": 1.0})
    panel["y"] = [1.0, 2, 3, 4, 0, 4]
    row = evaluate(scored_rows(table_of(panel, [1.0, 3.0]), panel), panel, season=1).iloc[0]
    assert row["mae"] == 1 and row["wape"] == 0.5 and row["bias"] == 0 and row["mse"] == 1
    assert row["mape"] == 0.25 and row["mape_rows"] == 0.5, "the day without a sale has no percentage error"
    assert row["mase"] == 1 and row["rmsse"] == 1 and row["coverage_90"] == 0


def test_nothing_sold_has_no_wape():
    panel = made_panel().assign(y=0.0)
    row = evaluate(scored_rows(table_of(panel, 1.0), panel), panel, season=7).iloc[0]
    assert np.isnan(row["wape"]) and row["mae"] == 1


def test_unavailable_days_are_not_scored():
    panel = made_panel()
    panel.loc[panel["ds"] == panel["ds"].max(), "available"] = 0.0
    assert len(scored_rows(table_of(panel, 1.0), panel)) == 3


def test_models_on_different_rows_are_refused():
    panel = made_panel()
    table = table_of(panel, 1.0)
    with pytest.raises(ValueError, match="different rows"):
        scored_rows(pd.concat([table, table.iloc[1:].assign(model="n")]), panel)


def test_demand_classes():
    ds = pd.date_range("2024-01-01", periods=40)
    sales = {
        "smooth": np.full(40, 5.0),
        "erratic": np.tile([1.0, 1, 1, 20], 10),
        "intermittent": np.tile([5.0, 0], 20),
        "lumpy": np.tile([1.0, 0, 20, 0, 1, 0, 1, 0], 5),
    }
    panel = pd.concat([pd.DataFrame({"unique_id": n, "ds": ds, "y": y, "available": 1.0}) for n, y in sales.items()])
    classes = demand_classes(panel, ds[-1]).set_index("unique_id")["demand_class"]
    assert classes.to_dict() == {name: name for name in sales}


@pytest.fixture(scope="module")
def peers():
    panel = made_panel()
    cutoff = panel["ds"].max() - pd.Timedelta(days=7)

    def forecast(data):
        tables = [statistical_forecasts(data, cutoff, 7, "D", 7), lightgbm_forecasts(data, META, cutoff)]
        return pd.concat(tables, ignore_index=True)

    spoiled = panel.assign(y=panel["y"].where(panel["ds"] <= cutoff, 1e6))
    return panel, cutoff, forecast(panel), forecast(spoiled)


def test_peers_keep_the_contract_of_the_forecast_table(peers):
    _, _, table, _ = peers
    assert set(table["model"]) == {"SeasonalNaive", "WindowAverage", "AutoETS", "Theta", "LightGBM"}
    assert (table.groupby(["model", "unique_id"]).size() == 7).all() and not table.isna().any(axis=None)
    values = table[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all() and (values >= 0).all() and (table["mean"] >= 0).all()


@pytest.mark.parametrize("days", [40, 47])
def test_boosting_of_a_shop_of_a_few_weeks(days):
    """With 40 days no row before the cutoff has all windows, with 47 none has where the spread of errors is learnt."""
    panel = made_panel((days, days - 1))
    table = lightgbm_forecasts(panel, META, panel["ds"].max() - pd.Timedelta(days=7))
    assert len(table) == 14 and np.isfinite(table[["mean", *QUANTILE_COLUMNS]]).all(axis=None)


def test_peers_see_nothing_after_the_cutoff(peers):
    _, _, honest, spoiled = peers
    pd.testing.assert_frame_equal(honest, spoiled, check_exact=True)


def test_seasonal_naive_repeats_the_last_week(peers):
    panel, cutoff, table, _ = peers
    last = panel[(panel["ds"] <= cutoff) & (panel["unique_id"] == "s0")]["y"].tail(7).to_numpy()
    ours = table[(table["model"] == "SeasonalNaive") & (table["unique_id"] == "s0")].sort_values("ds")["mean"]
    assert ours.to_numpy() == pytest.approx(last)


def test_closed_shop_sells_nothing(peers):
    panel, cutoff, table, _ = peers
    day = cutoff + pd.Timedelta(days=2)
    shut = close_shop(table, panel.assign(open=(panel["ds"] != day).astype(float)), ["open"])
    assert (shut.loc[shut["ds"] == day, ["mean", *QUANTILE_COLUMNS]] == 0).all(axis=None)
    assert shut[shut["ds"] != day].equals(table[table["ds"] != day])


def test_young_series_are_not_compared():
    panel = made_panel((100, 30))
    cutoffs = [panel["ds"].max() - pd.Timedelta(days=7)]
    assert comparable_panel(panel, cutoffs)["unique_id"].unique().tolist() == ["s0"]
    short = comparable_panel(made_panel((30, 30, 12)), cutoffs)
    assert short["unique_id"].unique().tolist() == ["s0", "s1"], "half of the longest history is enough"
    ended = panel[(panel["unique_id"] == "s0") & (panel["ds"] < panel["ds"].max())]
    with pytest.raises(ValueError, match="no series has 46 periods"):
        comparable_panel(pd.concat([ended, panel.tail(1)]), cutoffs)
