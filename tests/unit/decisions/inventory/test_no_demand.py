"""Nothing demanded, nothing ordered; a case that costs more than it saves is not bought; unknown stock is not zero."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.inventory import constraints as con
from salesforecast_lib.decisions.inventory import planner, today
from salesforecast_lib.decisions.inventory.orders import order_up_to_level, stockout_risk
from salesforecast_lib.decisions.inventory.paths import negative_binomial_paths
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig
from salesforecast_lib.decisions.silence import silence
from salesforecast_lib.decisions.stock import match_stock
from salesforecast_lib.decisions.workbook.sheets import stock_actions

CONFIG = SimulationConfig(3, 7, holding_cost=0.02, shortage_cost=1.0)
NO_LIMITS = con.Limits()
EXCESS = planner.ExcessConfig(markdown_cost=0.3, return_cost=0.6)


def sold(*counts: float, freq: str = "D", name: str = "p", **columns: list[float]) -> pd.DataFrame:
    ds = pd.date_range("2024-01-07", periods=len(counts), freq=freq)
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": np.array(counts, float), **columns})


STEADY = [3, 0, 5, 1] * 15
UNWANTED = {  # panel of a product, and what is said of it
    "never sold": (sold(*[0] * 60), "never sold in 60 periods"),
    "ended": (sold(*STEADY, *[0] * 95), "not sold in 95 periods, longest pause before 1"),
    "ended, weekly": (sold(*STEADY, *[0] * 9, freq="W-SUN"), "not sold in 9 periods, longest pause before 1"),
    "ended, monthly": (sold(*STEADY, *[0] * 4, freq="ME"), "not sold in 4 periods, longest pause before 1"),
    "sold once, long ago": (sold(4, *[0] * 230), "not sold in 230 periods, longest pause before 0"),
    "closed days are no silence": (
        sold(*STEADY, *[0] * 60, open=[1.0] * 60 + [1, 1, 1, 1, 1, 0] * 10),
        None,
    ),
}
WANTED = {
    "sells": sold(*STEADY, *[0] * 20),
    "a season of the year": sold(*[0] * 200, *STEADY, *[0] * 150),
    "sold once, not long ago": sold(4, *[0] * 100),
    "young": sold(0, 0, 4),
    "young, not yet sold": sold(*[0] * 20),
    "slow": sold(*([1] + [0] * 29) * 6, *[0] * 50),
}


@pytest.mark.parametrize("case", UNWANTED)
def test_what_nobody_buys_any_more_is_found(case):
    panel, words = UNWANTED[case]
    (row,) = silence(panel, ["p"]).itertuples()
    if words is None:
        assert row.periods == 50 and not row.unwanted
    else:
        assert row.unwanted and row.why == words


@pytest.mark.parametrize("case", WANTED)
def test_a_pause_is_not_an_end(case):
    (row,) = silence(WANTED[case], ["p"]).itertuples()
    assert not row.unwanted and row.why == ""


def test_a_recorded_stock_out_is_no_silence_and_an_inferred_one_is():
    panel = sold(*STEADY, *[0] * 90, available=[1.0] * 60 + [0.0] * 90)
    assert not silence(panel, ["p"], recorded=True)["unwanted"].iloc[0]
    assert silence(panel, ["p"], recorded=False)["unwanted"].iloc[0], "the panel infers it from the silence itself"


def test_a_forecast_of_nothing_is_no_demand_and_an_unknown_product_is_left_alone():
    found = silence(sold(*STEADY), ["p", "new"], np.array([0.0, 5.0]))
    assert found["why"].tolist() == ["its forecast expects no sale", ""]


def test_no_demand_needs_no_stock_and_runs_no_risk():
    zero = np.zeros(2)
    assert order_up_to_level(zero, zero, 0.99).tolist() == [0, 0]
    assert stockout_risk(np.array([0.0, 4.0]), zero, zero).tolist() == [0, 0]
    assert np.isnan(stockout_risk(np.array([np.nan]), np.zeros(1), np.zeros(1))[0]), "unknown stock, unknown risk"


def plan_of(stock, mean, silent, limits=NO_LIMITS, samples=2000):
    """Plan, warnings and excess of products with a mean demand a period, as chapter 08 makes them."""
    mean, stock, ids = np.array(mean, float), np.array(stock, float), [f"p{k}" for k in range(len(mean))]
    gone = np.array([bool(why) for why in silent])
    ahead = negative_binomial_paths(np.repeat(mean[:, None], 10, axis=1), np.full(len(mean), 0.1), samples=samples)
    ahead[:, gone] = 0.0
    moments = {
        name: tuple(np.where(gone, 0.0, measure(ahead[:, :, :n].sum(axis=2), axis=0)) for measure in (np.mean, np.std))
        for name, n in (("lead", 3), ("interval", 10))
    }
    plan = planner.replenishment_plan(ids, stock, *moments.values(), 0.877, silent=silent)
    wanted = plan["order_quantity"].to_numpy(float, na_value=np.nan)
    choices = con.order_choices(wanted, ahead, stock, np.ones(len(mean)), CONFIG, limits)
    panel = pd.concat([sold(*STEADY, name=name) for name in ids])
    plan = today.finished_plan(plan, stock, choices.decide(), moments, ahead, CONFIG, panel, np.ones(len(mean)))
    periods = pd.Series(95.0, index=[name for name, none in zip(ids, gone, strict=True) if none])
    rate = (plan["expected_demand"] / 10).to_numpy()
    excess = planner.excess_proposals(plan, rate, 10, 0.02, EXCESS, periods)
    return plan.set_index("unique_id").loc[ids], planner.rank_warnings(plan), excess.set_index("unique_id"), choices


def test_nothing_demanded_nothing_ordered_no_warning_no_money():
    silent = ["never sold in 60 periods", "not sold in 95 periods", ""]
    plan, warnings, excess, _ = plan_of([0, 10, 0], [2, 2, 2], silent)
    assert plan["order_quantity"].tolist()[:2] == [0, 0] and plan["order_quantity"].iloc[2] > 10
    money = ["expected_loss", "loss_without_order", "loss_with_order", "risk_before_delivery", "risk_without_order"]
    assert (plan.iloc[:2][money] == 0).all(axis=None) and warnings["unique_id"].tolist() == ["p2"]
    assert plan["why"].iloc[0].startswith("never sold in 60 periods: no demand expected, no order")
    assert "order by hand" in plan["why"].iloc[0] and "order by hand" not in plan["why"].iloc[1]
    assert list(excess.index) == ["p1"], "stock that nobody wants is excess"
    row = excess.loc["p1"]
    words = "10 units that nobody wants (not sold in 95 periods); as long again cost 19.00 to keep: "
    assert row["why"] == words + "mark down 0, return 10, saves 13.00"
    assert row["proposal"] == "return" and row["keep_cost"] == 19 and row["saving"] == pytest.approx(19 - 6)


def test_stock_that_nobody_wants_is_kept_where_that_is_cheaper():
    plan = pd.DataFrame({"unique_id": ["p"], "excess": [10.0], "why": ["never sold in 60 periods: no demand expected"]})
    kept = planner.excess_proposals(plan, np.zeros(1), 10, 0.001, EXCESS, pd.Series({"p": 60.0}))
    assert kept["proposal"].tolist() == ["keep"] and kept["keep_cost"].iloc[0] == pytest.approx(0.6)
    assert kept["why"].iloc[0].endswith("as long again cost 0.60 to keep: cheaper to keep")


@pytest.mark.parametrize("budget", [0.0, 1000.0])
@pytest.mark.parametrize(
    "limits, words",
    [({"minimum_order": 12}, "the minimum order of 12 would cost"), ({"case_pack": 24}, "a case of 24 would cost")],
)
def test_a_minimum_that_costs_more_than_it_saves_is_not_ordered(budget, limits, words):
    """One unit a month is no reason for twelve; one a day is."""
    plan, warnings, _, choices = plan_of([0, 0], [1 / 30, 3], ["", ""], con.Limits(**limits, order_budget=budget))
    assert plan["order_quantity"].tolist()[0] == 0 and plan["order_quantity"].iloc[1] >= 24
    cost = -choices.savings_of(choices.whole)[0]
    assert cost > 0.3 and f"; {words} {cost:.2f} more than it saves: not ordered" in plan["why"].iloc[0]
    assert plan["refused_cost"].tolist() == [round(cost, 2), 0]
    sheet = stock_actions(plan.reset_index(), pd.DataFrame())
    assert sheet["action"].tolist() == ["do not order", "order"], "the workbook says the same"
    assert plan["loss_with_order"].iloc[0] == plan["loss_without_order"].iloc[0], "money follows what is ordered"
    assert all("not ordered" in why for why in warnings.loc[warnings["unique_id"] == "p0", "why"])


def test_a_lot_that_lasts_is_ordered_when_the_shelf_is_empty_and_not_before():
    """One a week, twelve at least: half a lot in stock costs less than the sales that an empty shelf loses."""
    limits = con.Limits(minimum_order=12)
    empty, _, _, _ = plan_of([0], [1 / 7], [""], limits, samples=20_000)
    full, _, _, _ = plan_of([2], [1 / 7], [""], limits, samples=20_000)
    assert empty["order_quantity"].tolist() == [12] and "raised to the minimum order of 12" in empty["why"].iloc[0]
    assert full["order_quantity"].tolist() == [0]


def test_what_a_limit_changed_is_said():
    wanted, price = np.array([13.0, 30, 30]), np.ones(3)
    ahead = np.full((50, 3, 10), 3.0)
    cases = con.order_choices(wanted, ahead, np.zeros(3), price, CONFIG, con.Limits(case_pack=10)).decide()
    assert cases.units.tolist() == [20, 30, 30] and cases.notes == ["raised to 2 cases of 10", "", ""]
    short = con.order_choices(wanted, ahead, np.array([0.0, 4, 40]), price, CONFIG, con.Limits(shelf_life=3)).decide()
    assert short.units.tolist() == [9, 5, 0]
    words = "more would not sell within the shelf life"
    assert short.notes[1:] == [f"ordered 5: {words}", f"not ordered: {words}"]
    poor = con.order_choices(wanted, ahead, np.zeros(3), price, CONFIG, con.Limits(order_budget=12)).decide()
    assert poor.units.sum() <= 12 and any("the budget saves more elsewhere" in note for note in poor.notes)


def test_unknown_stock_is_empty_in_the_plan_and_says_what_to_do():
    plan, warnings, excess, _ = plan_of([np.nan, 4, np.nan], [2, 2, 2], ["", "", "never sold in 60 periods"])
    order = plan["order_quantity"]
    assert str(order.dtype) == "Int64" and order.isna().tolist() == [True, False, True]
    gaps = ["stock", "risk_without_order", "risk_with_order", "risk_before_delivery", "excess", "expected_loss"]
    gaps += ["loss_with_order", "periods_of_stock", "holding", "turnover"]
    assert plan.iloc[0][gaps].isna().all() and plan.iloc[1][gaps].notna().all()
    assert plan["why"].iloc[0].startswith("stock unknown: count it; the level is ")
    assert plan["expected_demand"].iloc[0] > 15
    assert set(warnings["unique_id"]) <= {"p1"} and "p0" not in excess.index
    counts = today.plan_counts(plan, warnings, excess.assign(proposal="keep"))
    assert counts["stock unknown"] == 2 and counts["ordered"] == 1
    projected = planner.project_stock(np.full((5, 2, 4), 2.0), np.array([np.nan, 9]), np.array([np.nan, 3]), 2)
    table = planner.projection_table(["a", "b"], pd.date_range("2024-01-01", periods=4), projected)
    assert set(table["unique_id"]) == {"b"} and np.isfinite(table[["low", "median", "high", "empty"]]).all(axis=None)


def test_both_directions_of_a_stock_file_are_listed():
    stock = pd.Series({"a": 7.0, "old": 3.0, "b": 0.0})
    found = match_stock(stock, ["a", "b", *"cdefgh"], "unknown", "/somewhere/stock.csv")
    assert found.unknown == list("cdefgh") and found.extra == ["old"] and found.known.to_dict() == {"a": 7, "b": 0}
    first, second, third = found.note.splitlines()
    assert first == "stock of 2 of 8 products is in stock.csv" and "missing_stock=zero" in second
    assert "6 products not in stock.csv: c, d, e, f, g and 1 more" in second
    assert third.startswith("1 product of stock.csv not in this run") and third.endswith(": old")
    zero = match_stock(stock, ["a", "c"], "zero", "stock.csv")
    assert zero.units.tolist() == [7, 0] and zero.unknown == [] and zero.missing == ["c"]
    assert "counted as out of stock (missing_stock=zero), not in stock.csv: c" in zero.note
    with pytest.raises(ValueError, match="missing_stock='none': expected 'unknown' or 'zero'"):
        match_stock(stock, ["a"], "none", "stock.csv")
