"""What chapter 06 leaves to its library: members, calibration and reconciliation over time, files and sentences."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.panel import extend_panel
from salesforecast_lib.files import write_parquet
from salesforecast_lib.models.ensembles import members, over_time, report, verdicts
from salesforecast_lib.models.ensembles.conformal import fit_split
from salesforecast_lib.models.ensembles.ensemble import METHODS, combine_over_time, equal_weights, fit_weights
from salesforecast_lib.models.ensembles.reconcile import build_hierarchy, incoherence
from salesforecast_lib.models.ensembles.toy import toy_members
from tests.unit.models.ensembles.test_ensemble import CUTOFFS, RIVALS, made
from tests.unit.models.peers.test_regression import CUTOFF, HORIZON, META, PANEL, SMALL

LAST = PANEL["ds"].max()


@pytest.fixture(scope="module")
def made_members() -> pd.DataFrame:
    table = build_features(PANEL, META)
    extended = extend_panel(PANEL, META["future"], META["static"], "D", HORIZON)
    ahead = build_features(extended.fillna({"price": 1.0}), META).frame
    known = ahead[["unique_id", "ds", *table.roles["future"]]]
    network = pd.DataFrame()
    return members.member_forecasts(extended, table, known, META, [CUTOFF, LAST], ["SeasonalNaive"], SMALL, network)


def test_every_member_forecasts_the_same_rows_at_every_cutoff(made_members):
    sizes = made_members.groupby(["model", "cutoff"]).size()
    assert set(made_members["model"]) == {"SeasonalNaive", "LightGBM", "LightGBMDirect", "Ridge"}
    assert (sizes == HORIZON * PANEL["unique_id"].nunique()).all() and len(sizes) == 8


@pytest.mark.parametrize("count, models", [(0, set()), (2, {"AutoARIMA"})])
def test_best_sellers_are_forecast_at_the_last_cutoff_that_can_be_scored(made_members, count, models):
    extended = extend_panel(PANEL, META["future"], META["static"], "D", HORIZON)
    few = members.best_sellers(made_members, extended, META, count)
    assert set(few["model"]) == models | set(made_members["model"]) and set(few["cutoff"]) == {CUTOFF}
    assert set(few["unique_id"]) == ({"s4", "s5"} if count else {"s5"})


def told_ahead(folder, **columns):
    """``ahead.parquet`` of a run whose shop told these columns for the first of its products, in the first period."""
    usual = extend_panel(PANEL, META["future"], META["static"], "D", HORIZON)
    ahead = usual.loc[usual["ds"] > LAST, ["unique_id", "ds", *META["future"]]].reset_index(drop=True)
    for name, value in columns.items():
        ahead.loc[0, name] = value
    write_parquet(ahead, folder / "ahead.parquet")
    return usual, ahead


@pytest.mark.parametrize("name, value", [(META["future"][-1], 7.0), ("open", 0.0), ("not declared", 3.0)])
def test_what_the_shop_told_ahead_reaches_the_panel_of_the_peers(tmp_path, name, value):
    usual, ahead = told_ahead(tmp_path, **{name: value})
    meta = {**META, "horizon": HORIZON, "freq": "D"}
    extended = members.read_extended(tmp_path, PANEL, meta)
    first = (extended["unique_id"] == ahead["unique_id"][0]) & (extended["ds"] == ahead["ds"][0])
    others = extended[~first].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, usual[~first].reset_index(drop=True), check_dtype=False)
    row = extended[first].iloc[0]
    if name in META["future"]:
        assert row[name] == value and usual.loc[first, name].iloc[0] != value
    assert row["available"] == (0.0 if name == "open" and "open" in META["future"] else 1.0)
    some = PANEL[PANEL["unique_id"] == ahead["unique_id"][0]]
    few = members.read_extended(tmp_path, some, meta)
    pd.testing.assert_frame_equal(few, extended[extended["unique_id"].isin(some["unique_id"])].reset_index(drop=True))


def test_nothing_told_yet_says_which_chapter_tells(tmp_path):
    with pytest.raises(FileNotFoundError, match="run chapter 02 first"):
        members.read_extended(tmp_path, PANEL, {**META, "horizon": HORIZON, "freq": "D"})


def test_a_run_without_chapter_04_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="run chapter 04 first"):
        members.read_lstm(tmp_path, ["a"])


def test_weights_are_learned_from_the_first_whole_horizon_on():
    assert over_time.learned_cutoffs(CUTOFFS, 28, "D") == CUTOFFS[1:]
    assert over_time.learned_cutoffs(CUTOFFS[:1], 28, "D") == []


def test_calibration_over_time_uses_what_was_scored_by_then():
    table = made({"good": (0, 8, 6)})
    kinds = over_time.calibrate_over_time(table.drop(columns="y"), table, CUTOFFS)
    first = kinds[kinds["cutoff"] == CUTOFFS[0]]
    assert set(first["kind"]) == {"before"}, "nothing was scored before the first cutoff"
    last = kinds[(kinds["cutoff"] == CUTOFFS[-1]) & (kinds["kind"] == "split")]
    now = table[table["cutoff"] == CUTOFFS[-1]].drop(columns="y")
    expected = fit_split(table[table["ds"] <= CUTOFFS[-1]], CUTOFFS[-1]).apply(now)
    np.testing.assert_array_equal(last[list(QUANTILE_COLUMNS)], expected[list(QUANTILE_COLUMNS)])


def test_reconciliation_over_time_adds_up_and_leaves_mint_out_where_nothing_was_scored():
    products = made({"base": (0, 8, 6)}, series=4)
    panel = products.assign(group=np.where(products["unique_id"] < "p2", "a", "b"))
    hierarchy = build_hierarchy(panel, ["group"])
    levels = over_time.node_levels(hierarchy)
    assert levels["p0"] == "product" and levels[hierarchy.upper[0]] == "shop"
    parts = [products]
    for node in hierarchy.upper:
        inside = hierarchy.summing.set_index("unique_id").loc[node]
        rows = products[products["unique_id"].isin(inside.index[inside > 0])]
        total = rows.groupby(["ds", "cutoff"], as_index=False)[["mean", "y", *QUANTILE_COLUMNS]].sum()
        parts.append(total.assign(unique_id=node, model="base", mean=total["mean"] + 5.0))
    base = pd.concat(parts, ignore_index=True)
    table = over_time.reconcile_over_time(base.drop(columns="y"), base, hierarchy, CUTOFFS[:2])
    gaps = {name: incoherence(part, hierarchy) for name, part in table.groupby("model")}
    assert gaps["base"] > 4 and max(gaps["bottom-up"], gaps["MinT"]) < 1e-6
    assert set(table.loc[table["model"] == "MinT", "cutoff"]) == {CUTOFFS[1]}
    first = sorted(base.loc[base["cutoff"] == CUTOFFS[0], "ds"].unique())[:2]
    few = base[base["ds"].isin(first)]
    short = over_time.reconcile_over_time(base.drop(columns="y"), few, hierarchy, CUTOFFS[:2])
    assert set(short["model"]) == {"base", "bottom-up"}, "two scored periods weigh nothing"


def test_the_report_holds_what_was_measured_and_nothing_that_was_not(tmp_path):
    one = pd.DataFrame({"model": ["a"], **{name: [0.5] for name in report.METRICS}})
    one["mase"] = np.nan  # a scale of zero: unknown, not a number
    tables = dict.fromkeys(("members", "committees", "committees_with_learned_weights"), one)
    covered = pd.DataFrame({"before": [0.8], "split": [0.9]}, index=["a"])
    levels = pd.DataFrame({"MinT": [0.2]}, index=["shop"])
    told = (tables, {"mean": {"2024-01-07": equal_weights(["a"])}}, CUTOFFS[:1])
    full = report.write_report(tmp_path, *told, CUTOFFS[:1], "mean", covered, levels)
    stored = json.loads((tmp_path / "ensemble.json").read_text())
    assert set(stored) == set(full) and stored["weights"]["mean"]["2024-01-07"]["members"] == ["a"]
    assert full["members"]["a"]["wape"] == 0.5 and full["members"]["a"]["mase"] is None
    assert full["coverage_90"] == {"a before": 0.8, "a split": 0.9}
    assert full["hierarchy_wape"] == {"MinT": {"shop": 0.2}} and full["learned_at"] == ["2024-01-07"]
    early = report.write_report(tmp_path, *told, [], "mean", covered, levels)
    assert early["coverage_90"] == early["hierarchy_wape"] == {}


def test_forecast_files_hold_the_sales_where_they_are_known(tmp_path):
    table = made(RIVALS, CUTOFFS[:1], series=2)
    panel = table.drop_duplicates(["unique_id", "ds"])[["unique_id", "ds", "y"]]
    panel = panel[panel["ds"] < panel["ds"].max()]
    report.write_members(table, panel, tmp_path)
    written = pd.read_parquet(tmp_path / "members.parquet")
    assert len(written) == len(table) and written["y"].isna().sum() == 2 * len(RIVALS)
    pd.testing.assert_frame_equal(written, report.with_sales(table.assign(y=-1.0), panel))


# ---------------------------------------------------------------------------------------- sentences


def test_classes_say_whether_models_for_rare_sales_can_show_anything():
    assert verdicts.classes_found(pd.Series(["smooth", "smooth", "erratic"])) == (
        "products by demand: 2 smooth, 1 erratic; none is intermittent or lumpy, so Croston's method and TSB cannot "
        "show what they were made for"
    )
    assert verdicts.classes_found(pd.Series(["lumpy"])) == "products by demand: 1 lumpy"


def test_arima_is_placed_among_the_others():
    wape = pd.Series({"a": 0.2, "AutoARIMA": 0.3, "b": 0.4})
    assert verdicts.arima_found(wape) == "AutoARIMA: 1 of 2 have a lower WAPE here"
    assert "not run" in verdicts.arima_found(wape.drop("AutoARIMA"))


LOSS = pd.Series({"LSTM": 1.0, "Theta": 1.2, "mean": 1.015, "greedy": 0.995})


def test_committees_are_counted_against_the_network_to_the_last_digit():
    assert verdicts.committees_against(LOSS, ["mean", "greedy"], "LSTM", "WAPE") == (
        "WAPE: 1 of 2 committees lose to LSTM (mean), 1 win (greedy); differences from -0.5 % to +1.5 %"
    )


@pytest.mark.parametrize(
    "greedy, words",
    [
        (0.995, "about level (less than 2 % apart)"),
        (0.9, "10 % lower for the best committee"),
        (1.1, "10 % higher for the best committee"),
    ],
)
def test_no_winner_is_named_where_a_processor_could_turn_it(greedy, words):
    loss = pd.Series({"LSTM": 1.0, "Theta": 1.2, "mean": 1.3, "greedy": greedy})
    assert words in verdicts.committee_found(loss, ["LSTM", "Theta"], ["mean", "greedy"], "WAPE")


def test_both_measures_are_judged_each_on_its_own_line():
    score = pd.DataFrame({"wape": LOSS, "scaled_quantile_loss": LOSS[::-1].to_numpy()})
    counted = verdicts.committees_counted(score, ["mean", "greedy"], "LSTM").split("\n")
    found = verdicts.committees_found(score, ["LSTM", "Theta"], ["mean", "greedy"]).split("\n")
    assert [line.split(":")[0] for line in counted] == ["WAPE", "scaled quantile loss"]
    assert found[0].startswith("WAPE of") and found[1].startswith("scaled quantile loss of")


def test_toy_members_err_as_they_say_and_their_biases_cancel():
    table, cube, y = toy_members()
    assert cube.shape == (300, 3, 7) and len(table) == 900
    error = table["mean"] - table["y"]
    bias = error.groupby(table["model"]).mean()
    assert abs(bias["A"]) < 1 and bias["B"] > 2 and bias["C"] < -2
    np.testing.assert_array_equal(table.loc[table["model"] == "B", list(QUANTILE_COLUMNS)], cube[:, 1])
    weights = fit_weights(table, "greedy", pd.Timestamp("2025-01-01"), rounds=12)
    assert min(weights.values["mean"]) > 0


def test_every_method_makes_a_committee():
    table = made(RIVALS)
    tables, learned = over_time.every_committee(table, table, list(RIVALS), pd.Series({"p0": 1.0}))
    assert set(tables) == set(learned) == set(METHODS)
    expected, _ = combine_over_time(table, table, "greedy", "greedy", list(RIVALS), pd.Series({"p0": 1.0}))
    pd.testing.assert_frame_equal(tables["greedy"], expected)


def test_calibration_is_said_to_help_or_to_harm_by_name():
    covered = pd.DataFrame(
        {"before": [0.86, 0.905, 0.885], "split": [0.90, 0.87, 0.884]}, index=["LSTM", "Theta", "greedy"]
    )
    assert verdicts.coverage_found(covered, "split") == (
        "split calibration brought these intervals nearer to 90 %: LSTM; farther from 90 %: Theta; about as far from "
        "90 %: greedy"
    )
    assert "no interval was calibrated" in verdicts.coverage_found(covered[["before"]], "split")


def test_a_reconciliation_that_loses_everywhere_is_said_to_lose():
    wape = pd.DataFrame({"bottom-up": [0.133, 0.354], "MinT": [0.137, 0.363]}, index=["shop", "product"])
    assert verdicts.hierarchy_found(wape) == "WAPE: bottom-up beats MinT at each level (shop, product)"
    wape.loc["shop", "MinT"] = 0.13
    assert verdicts.hierarchy_found(wape) == "WAPE: bottom-up beats MinT for product; MinT beats bottom-up for shop"
    wape.loc["shop", "MinT"] = 0.134
    level = "bottom-up and MinT less than 2 % apart"
    assert verdicts.hierarchy_found(wape) == f"WAPE: bottom-up beats MinT for product; {level} for shop"
    wape.loc["product", "MinT"] = 0.357
    assert verdicts.hierarchy_found(wape) == f"WAPE: {level} at each level (shop, product)"
    assert "no weights" in verdicts.hierarchy_found(wape[["bottom-up"]])


def test_gaps_are_told_in_round_units():
    assert verdicts.gap_found({"base": 1125.7, "MinT": 1e-9}) == (
        "largest gap between a node and the sum of its products: base about 1,000 units, reconciled at most a "
        "millionth of a unit"
    )
    assert "reconciled 0.5 units" in verdicts.gap_found({"base": 3.0, "MinT": 0.5})
