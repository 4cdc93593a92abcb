"""A run's plan: whatever columns its panel has, and its files."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing.data import panel_prices
from salesforecast_lib.decisions.pricing.elasticity import double_ml
from salesforecast_lib.decisions.pricing.juice import juice_report
from salesforecast_lib.decisions.pricing.plan import PLAN_COLUMNS, recommend, state_today
from salesforecast_lib.decisions.pricing.rules import PlanConfig, PriceRules
from salesforecast_lib.decisions.pricing.run import plan_run, write_plan
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from tests.unit.decisions.pricing.made import weekly_panel

META = {"static": ["group"], "future": ["open", "flat"]}
CONFIG = PlanConfig(0.7, 0.8)


def scores():
    return pd.DataFrame({"bias": [0.1], "covered": [2], "shops": [3]}, index=["double ML"])


def test_plan_of_a_run_is_what_its_steps_give():
    panel = weekly_panel().assign(flat=0.0, open=1)
    found = plan_run(panel, META, PriceRules(), CONFIG)
    data = panel_prices(panel, "group", [])  # a column that never moves is no control
    pd.testing.assert_frame_equal(found.prices, data.table)
    fit = double_ml(data, instruments=False, folds=4)
    posterior = shrink(fit.table)
    plan = recommend(state_today(data, posterior, 0.7), posterior, PriceRules(), CONFIG, panel, "group")
    pd.testing.assert_frame_equal(found.plan, plan)
    assert f"mean own elasticity {fit.mean:.2f}" in found.report() and "4 products" in found.report()
    assert found.changes.empty and found.asked["unique_id"].tolist() == ["a"], "one test of the category at a time"
    assert found.proposals(1).count("->") == 1 and "not advice" in found.report()
    assert "hold: price never varied" in found.proposals()


@pytest.mark.parametrize("elasticity", [-0.5, -1.6, -6.0])
def test_a_change_is_a_test_until_the_reader_says_that_prices_were_drawn_by_lot(elasticity):
    panel = weekly_panel(elasticity=elasticity)
    config = replace(CONFIG, cost_doubt=0.05)
    blind = plan_run(panel, META, PriceRules(), config)
    assert blind.changes.empty and set(blind.asked["action"]) == {"test"}
    drawn = plan_run(panel, META, PriceRules(), replace(config, randomised=True))
    way = "lower" if elasticity < -3.4 else "raise"  # at 70 % cost the best price is today's at -3.3
    assert set(drawn.changes["action"]) == {way} and set(drawn.changes["unique_id"]) == {"a", "b"}
    assert (drawn.changes["profit_change_low"] > 0).all() and "drawn by lot, you say" in drawn.report()


def test_an_instrument_that_moves_no_price_is_none():
    rng = np.random.default_rng(1)
    panel = weekly_panel(fixed=())
    panel["cost"] = np.exp(rng.normal(0, 0.02, len(panel)))
    found = plan_run(panel, {"static": ["group"], "future": ["cost"]}, PriceRules(), CONFIG, instrument="cost")
    assert found.changes.empty and "hardly moves the prices" in found.basis


def test_prices_by_month_speak_of_months():
    panel = weekly_panel(weeks=150)
    panel["ds"] = panel.groupby("unique_id")["ds"].transform(
        lambda s: pd.date_range("2010-01-31", periods=len(s), freq="ME")
    )
    found = plan_run(panel, {**META, "freq": "ME"}, PriceRules(), CONFIG)
    assert "by month" in found.remark and "months, drawn by lot" in found.asked["why"].iloc[0]


def test_a_run_without_prices_or_weeks_says_why():
    panel = weekly_panel()
    without = plan_run(panel.drop(columns="price"), META, PriceRules(), CONFIG)
    assert without.report().startswith("no price in the file: map it with") and without.estimates is None
    assert list(without.plan.columns) == list(PLAN_COLUMNS) and without.proposals() == "no price is held"
    short = plan_run(panel[panel["ds"] < panel["ds"].min() + pd.Timedelta(weeks=27)], META, PriceRules(), CONFIG)
    assert "weeks of data; at least 32" in short.report() and len(short.plan) == 0


@pytest.mark.parametrize("group", ["group", ""])
def test_an_instrument_is_no_control_and_serves_the_rivals_too(group):
    rng = np.random.default_rng(0)
    panel = weekly_panel(fixed=())
    panel["cost"] = panel["price"] * np.exp(rng.normal(0, 0.02, len(panel)))
    meta = {"static": [group] if group else [], "future": ["cost"]}
    found = plan_run(panel, meta, PriceRules(), CONFIG, instrument="cost")
    assert found.estimates is not None and "instruments" in found.estimates.method
    assert "rival_cost" in found.prices and abs(found.estimates.mean + 1.6) < 0.3


def test_files_of_a_run_hold_the_plan_and_the_numbers(tmp_path):
    found = plan_run(weekly_panel(), META, PriceRules(), CONFIG)
    table, numbers = write_plan(tmp_path, found, scores(), pd.Series({"double ML": 0.04}), CONFIG)
    assert list(pd.read_csv(table).columns) == list(PLAN_COLUMNS)
    held = json.loads(numbers.read_text())
    assert held["bias"] == {"double ML": 0.1} and held["covered"] == {"double ML": 2} and held["shops"] == 3
    assert held["run_products"] == 4 and held["run_changes"] == 0 and held["run_tests"] == 1
    assert (
        held["run_tests_later"] == 1
        and "truth in 2 of 3 simulated shops" in held["basis"]
        and held["regret"] == {"double ML": 0.04}
    )
    assert held["run_mean_elasticity"] == found.estimates.mean and held["cost_share"] == 0.7


def test_orange_juice_is_left_out_or_missed_by_name(tmp_path):
    assert juice_report("").startswith("juice_folder is empty")
    with pytest.raises(FileNotFoundError, match="yx.parquet"):
        juice_report(str(tmp_path))


def test_a_plan_without_rows_has_the_types_of_a_full_one(tmp_path):
    panel = weekly_panel()
    full = plan_run(panel, META, PriceRules(), CONFIG)
    constant = plan_run(panel.assign(price=2.5), META, PriceRules(), CONFIG)
    slow = plan_run(panel.assign(y=(panel["y"] > 0) * 1.0), META, PriceRules(), CONFIG)
    assert "no product's price ever changed" in constant.remark and "no product sold five units a week" in slow.remark
    for found in (constant, slow):
        assert len(found.plan) == 0
        same = found.plan.dtypes.astype(str) == full.plan.dtypes.astype(str)
        assert same.all(), same[~same]
    held = replace(full, plan=full.plan.assign(action="hold", why="hold: price never varied"))
    assert "of 4 products 4 hold: price never varied" in held.why_none()


def test_products_without_rivals_are_estimated_without_a_warning():
    """Each product alone in its category, and a shop of one product: nothing leaks into the chapter."""
    panel = weekly_panel()
    for rows in (panel, panel[panel["unique_id"] == "a"]):
        data = panel_prices(rows, "", [])
        assert not data.table["rival_price"].any()
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            fit = double_ml(data, instruments=False, folds=4)
        assert (fit.table["cross"] == 0).all() and fit.table["own"].notna().all()
