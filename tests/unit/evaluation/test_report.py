"""One table from the run's files, the comparison with the best peer, and what is written of it."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.evaluation import calibration, figures, gather, report, segments, verdicts
from salesforecast_lib.evaluation.metrics import evaluate
from salesforecast_lib.files import write_json, write_parquet
from salesforecast_lib.models.peers.baselines import statistical_forecasts
from tests.unit.evaluation.test_backtest import made_panel
from tests.unit.evaluation.test_significance import made_rows

META = {"freq": "D", "season_length": 7, "horizon": 7, "static": ["group"], "future": ["open"]}


@pytest.fixture(scope="module")
def compared():
    rows, panel = made_rows(("LSTM", "Champion", "SeasonalNaive", "AutoETS"), periods=42)
    rows.loc[rows["model"] == "SeasonalNaive", "mean"] += 3
    return rows, panel, report.compare_with_best_peer(rows, panel, 7, ["LSTM", "Champion"], 100, 0)


def test_the_best_peer_is_no_own_model(compared):
    rows, panel, comparison = compared
    assert comparison.reference in ("SeasonalNaive", "AutoETS")
    assert set(comparison.tables) == {"series", "periods", "both"}
    table = evaluate(rows, panel, 7).set_index("model")
    assert comparison.metric == "scaled_quantile_loss"
    short = report.compare_with_best_peer(rows, panel, 400, ["LSTM", "Champion"], 100, 0)
    assert short.metric == "scaled_quantile_loss", "a history of less than a season is scaled by its naive errors"
    still = panel.assign(y=3.0)
    same = report.compare_with_best_peer(rows.assign(y=3.0), still, 7, ["LSTM", "Champion"], 100, 0)
    assert same.metric == "scaled_crps", "sales that never change leave no scale"
    assert comparison.loss == table[comparison.metric][["SeasonalNaive", "AutoETS"]].min()


def test_the_report_can_be_written_and_holds_each_part(compared, tmp_path):
    rows, panel, comparison = compared
    table, by_cutoff = evaluate(rows, panel, 7), evaluate(rows, panel, 7, ["cutoff"])
    p_values = report.p_values_by_span(rows, panel, 7, comparison.reference)
    assert list(p_values) == [1, 7, 14] and comparison.reference not in p_values.index
    gap = report.closest_to_levels(calibration.reliability(rows))
    assert gap.is_monotonic_increasing
    written = report.evaluation_report(table, by_cutoff, comparison, p_values, gap, 6, 21)
    read = json.loads(write_json(written, tmp_path / "m.json").read_text())
    assert read["winner"]["wape"] == table.set_index("model")["wape"].idxmin() and len(read["cutoffs"]) == 2
    assert set(read["significance"]["diebold_mariano"]["p_value"]) == {"1", "7", "14"}
    assert set(read["significance"]["bootstrap"]["both"]) == set(rows["model"]) - {comparison.reference}


def test_verdicts_are_grouped():
    assert report.read_verdicts({"b": "wide", "a": "wide", "c": "narrow"}) == "narrow: c; wide: a, b"


def test_one_scored_period_is_compared_without_a_test_over_time(compared):
    rows, panel, _ = compared
    one = rows[rows["ds"] == rows["ds"].min()]
    comparison = report.compare_with_best_peer(one, panel, 7, ["LSTM", "Champion"], 100, 0)
    assert all(np.isfinite(table["high"]).all() for table in comparison.tables.values())
    p_values = report.p_values_by_span(one, panel, 7, comparison.reference)
    said = {name: verdicts.p_value_verdict(p) for name, p in p_values.iterrows()}
    assert report.read_verdicts(said) == "too few periods"


def test_figures_show_every_model(compared):
    rows, _, comparison = compared
    look = figures.looks(sorted(set(rows["model"])))
    fig = figures.interval_figure(comparison)
    assert {t.get_text() for t in fig.axes[0].get_yticklabels()} == set(look) - {comparison.reference}
    reliable, histogram = calibration.reliability(rows), calibration.pit_histogram(rows)
    fig = figures.reliability_figure(reliable, histogram, ["LSTM"], look)
    assert len(fig.axes[0].lines) == len(look) + 1
    left = calibration.residuals(rows)
    memory = calibration.residual_autocorrelation(left, 7)
    fig = figures.residual_figure(calibration.mean_residuals(left, "step"), memory, ["LSTM", "Champion"], look)
    assert len(fig.axes[1].lines) == 3
    plt.close("all")


def test_groups_and_wape_by_label_match_a_count_by_hand(compared):
    rows, panel, _ = compared
    panel = panel.assign(kind=np.where(panel["unique_id"] < "s3", "few", "many"))
    groups = segments.product_groups(panel, rows, {"static": ["kind"]}, 1)
    assert len(groups) == 3 and groups["group"].nunique() == 1
    found = segments.wape_by(rows, groups, panel, 7, "group")
    part = rows[(rows["model"] == "LSTM") & rows["unique_id"].isin(groups["unique_id"])]
    assert found["LSTM"].iloc[0] == pytest.approx((part["mean"] - part["y"]).abs().sum() / part["y"].sum())
    alone = segments.product_groups(panel, rows, {"static": []}, 4)
    assert len(alone) == 4 and alone["group"].astype(str).eq(alone["unique_id"]).all()


def test_products_are_spread_from_large_to_small():
    volumes = pd.DataFrame({"unique_id": list("abcde"), "volume": [1.0, 5, 3, 4, 2]})
    assert segments.spread_over_volume(volumes, "abcde", 3) == ["b", "c", "a"]
    assert segments.spread_over_volume(volumes, "ab", 9) == ["b", "a"]


def test_forecasts_are_gathered_from_the_runs_files(tmp_path):
    panel = made_panel()
    end = panel["ds"].max()
    cutoff = end - pd.Timedelta(days=7)
    parts = []
    for origin in (cutoff, end):
        steps = pd.date_range(origin, periods=8)[1:]
        grid = pd.MultiIndex.from_product([["s0", "s1", "young"], steps], names=["unique_id", "ds"]).to_frame(False)
        parts.append(grid.assign(cutoff=origin, mean=4.0, y=0.0, **dict.fromkeys(QUANTILE_COLUMNS, 4.0)))
    rows = pd.concat(parts, ignore_index=True)
    known = rows[rows["unique_id"] != "young"]
    with pytest.raises(FileNotFoundError, match="run chapter 02 first"):
        gather.gather_forecasts(tmp_path, panel, META, [cutoff])
    write_parquet(rows.loc[rows["cutoff"] == end, ["unique_id", "ds"]], tmp_path / "ahead.parquet")
    with pytest.raises(FileNotFoundError, match="run chapter 04 first"):
        gather.gather_forecasts(tmp_path, panel, META, [cutoff])
    write_parquet(rows.assign(model="LSTM"), tmp_path / "lstm_forecasts.parquet")
    members = pd.concat([known.assign(model=name) for name in ("Theta", "TSB")])
    write_parquet(members, tmp_path / "members.parquet")
    with pytest.raises(FileNotFoundError, match="run chapter 06b first"):
        gather.gather_forecasts(tmp_path, panel, META, [cutoff])
    names = ("Champion", "Boosting", "Theta", "SeasonalNaive", "AutoETS")
    champion = pd.concat([rows.assign(model=name, mean=9.0) for name in names])
    write_parquet(champion, tmp_path / "champion_forecasts.parquet")
    table = gather.gather_forecasts(tmp_path, panel, META, [cutoff])
    assert set(table["model"]) == {"LSTM", *names}
    means = table.groupby("model")["mean"].mean()
    assert means[["Champion", "Boosting", "SeasonalNaive"]].eq(9.0).all(), "a peer that chapter 06 left out is there"
    assert means["Theta"] == 4.0, "a member of the champion never takes the place of the peer of that name"
    assert not table.duplicated(["model", "unique_id", "ds", "cutoff"]).any()
    assert gather.own_models(table) == ["Champion", "Boosting", "LSTM"]
    assert gather.champion_members(tmp_path) == list(names[1:])
    young = table[table["unique_id"] == "young"]
    assert set(young["cutoff"]) == {end}, "not comparable at the cutoff, but forecast from today"
    at_cutoff = table[table["cutoff"] == cutoff]
    assert at_cutoff["y"].notna().all() and table.loc[table["cutoff"] == end, "y"].isna().all()
    alone = statistical_forecasts(panel, cutoff, 7, "D", 7, 1, ["AutoETS"])
    assert at_cutoff.loc[at_cutoff["model"] == "AutoETS", "mean"].sum() == pytest.approx(alone["mean"].sum())
