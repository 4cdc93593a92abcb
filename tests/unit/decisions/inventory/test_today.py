"""What is ordered today: the stock it starts from, limits, money, and the files that a planner gets."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.inventory import case_study, contest, planner, report, today
from salesforecast_lib.decisions.inventory import constraints as con
from salesforecast_lib.decisions.inventory.policies import paths_today
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig
from salesforecast_lib.wording import counted
from tests.unit.decisions.inventory.test_case_study import made_forecasts, made_panel

CONFIG = SimulationConfig(3, 7, holding_cost=0.02, shortage_cost=1.0)


@pytest.fixture(scope="module")
def shop():
    panel = made_panel(("a", "b", "c")).assign(price=2.0)
    panel.loc[panel["unique_id"] == "b", "price"] = np.nan
    forecasts = made_forecasts(panel)
    case = case_study.build_case(forecasts, panel, CONFIG, 7)
    ids, moments = case_study.moments_today(forecasts, "LSTM", CONFIG, 7)
    _, _, ahead = paths_today(forecasts, "LSTM", CONFIG.protection, CONFIG.protection, 7)
    return panel, forecasts, case, ids, moments, ahead


def test_one_period_is_one_period():
    assert [counted(n, "period") for n in (0, 0.6, 1, 1.4, 2)] == [
        "0 periods",
        "1 period",
        "1 period",
        "1 period",
        "2 periods",
    ]


def test_stock_comes_from_the_file_or_from_the_simulated_shop(shop, tmp_path):
    _, _, case, ids, moments, _ = shop
    file = tmp_path / "stock.csv"
    file.write_text("unique_id,stock\na,7\nb,0\n")
    given = today.opening_stock(str(file), case, "LSTM", CONFIG, 0.9, ids, moments["interval"][0])
    assert given.units[:2].tolist() == [7, 0] and np.isnan(given.units[2])
    assert given.source.tolist() == ["stock_file", "stock_file", "unknown"] and given.unknown == ["c"]
    made = today.opening_stock("", case, "LSTM", CONFIG, 0.9, [*ids, "young"], np.array([1.0, 2, 3, 44]))
    usual = case_study.stock_today(case, "LSTM", CONFIG, 0.9)
    assert made.units.tolist() == [*usual, 44] and set(made.source) == {"simulated"}
    assert "1 product too young" in made.note


def test_prices_and_weeks(shop):
    panel, _, _, ids, _, _ = shop
    assert today.unit_prices(panel, ids).tolist() == [2, 2, 2]
    assert today.unit_prices(panel.drop(columns="price"), ids).tolist() == [1, 1, 1]
    weekly = today.weekly_sales(panel, ids)
    last = panel[(panel["unique_id"] == "a") & (panel["ds"] > panel["ds"].max() - pd.Timedelta(days=7))]
    assert weekly.shape == (3, 20) and weekly[0, -1] == last["y"].sum()
    monday = panel[panel["ds"].dt.dayofweek == 0]
    assert today.weekly_sales(monday, ids).shape == (3, 20), "weekly data stay weekly"


def test_choices_keep_cases_shelf_life_and_budget(shop):
    _, _, _, _, _, ahead = shop
    stock, price, wanted = np.zeros(3), np.array([1.0, 2, 3]), np.array([100.0, 130, 0])
    choices = con.order_choices(wanted, ahead, stock, price, CONFIG, con.Limits(case_pack=12))
    assert choices.order.tolist() == [108, 132, 0] and (choices.quantities % 12 == 0).all()
    chosen = choices.within(200)
    assert price @ chosen <= 200 and 0 < choices.saved(chosen) < choices.saved(choices.order)
    curve = con.budget_curve(choices, (0.25, 0.5, 0.75, 1.0))
    assert curve.is_monotonic_increasing and curve[1.0] == pytest.approx(1) and curve[0.5] > 0.5
    short = con.order_choices(wanted, ahead, stock, price, CONFIG, con.Limits(shelf_life=2))
    sold = np.quantile(ahead[:, :, :2].sum(axis=2), 0.5, axis=0)
    assert (short.order <= sold).all() and short.order[0] > 0
    nothing = con.order_choices(np.zeros(3), ahead, stock, price, CONFIG, con.Limits())
    assert (con.budget_curve(nothing) == 1).all()
    with pytest.raises(ValueError, match="case"):
        con.Limits(case_pack=0)


def test_the_finished_plan_says_what_was_cut_and_is_written(shop, tmp_path):
    panel, forecasts, case, ids, moments, ahead = shop
    stock = np.array([5.04, 400.0, 40.0])
    plan = planner.replenishment_plan(ids, stock, moments["lead"], moments["interval"], 0.9)
    free = plan["order_quantity"].to_numpy()
    cut = np.where(np.arange(3) == 0, free // 2, free)
    ordered = con.Ordered(cut, ["half of it", "", ""], np.zeros(3))
    done = today.finished_plan(plan, stock, ordered, moments, ahead, CONFIG, panel, np.ones(3))
    first = done.set_index("unique_id").loc["a"]
    assert first["why"].endswith("; half of it") and first["order_quantity"] == cut[0]
    assert first["risk_with_order"] > plan.set_index("unique_id").loc["a", "risk_with_order"]
    assert done["expected_loss"].is_monotonic_decreasing and {"abc", "xyz", "turnover", "unit_value"} <= set(done)
    warnings = planner.rank_warnings(done)
    excess = planner.excess_proposals(done, (done["expected_demand"] / 10).to_numpy(), 10, 0.02, planner.ExcessConfig())
    counts = today.plan_counts(done, warnings, excess)
    assert counts["products"] == 3 and counts["ordered"] == (cut > 0).sum() and counts["with more than the level"] == 1
    table = case_study.compare(case, CONFIG, 0.9)
    policies = contest.compare_policies(case, "LSTM", CONFIG, 0.9)
    ranking = pd.DataFrame({"metric": ["WAPE"], "rank_correlation": [0.9], "low": [0.8], "high": [1.0]})
    opening = today.OpeningStock(stock, np.full(3, "stock_file"), "", ["d"], ["e"])
    demand = today.demand_today(forecasts, panel, "LSTM", CONFIG, 7, recorded=True)
    runs = contest.play(case, "LSTM", CONFIG, 0.9)
    simple = contest.simple_rules(case, CONFIG, 0.9)
    chosen = report.Chosen(contest.USUAL, "price", runs, simple, 14)
    facts = report.inventory_report(case, table, policies, ranking, 0.9, opening, demand, "LSTM", chosen)
    projected = planner.project_stock(ahead, stock, cut.astype(float), 3)
    _, dates, _ = paths_today(forecasts, "LSTM", 10, 10, 7)
    report.save_today(tmp_path, done, warnings, excess, planner.projection_table(ids, dates, projected), facts)
    written = json.loads((tmp_path / "inventory.json").read_text())
    assert written["stock_unknown"] == ["d"] and written["stock_without_plan"] == ["e"]
    assert written["without_demand"] == [] and written["stock_source"] == "stock_file"
    assert written["policy"] == contest.USUAL and written["costs_as"] == "price"
    paid = written["months"]["policies"][contest.USUAL]
    assert paid["earlier"] + paid["last"] == pytest.approx(runs[contest.USUAL].summary()["total"], abs=0.02)
    assert "rule of thumb" in written["months"]["simple_rules"]
    assert written["cheapest_model"] == written["model"] == "LSTM"
    assert written["products"] == 3 and len(written["other_policies"]) == 11
    names = ("replenishment", "warnings", "excess", "projection")
    assert [len(pd.read_csv(tmp_path / f"{n}.csv")) for n in names] == [3, len(warnings), 1, 30]


def test_days_without_demand_are_not_scored(shop):
    panel, forecasts, case, _, _, _ = shop
    sunday = case.dates.dayofweek == 6
    assert not case.scored[:, sunday].any() and case.scored[:, ~sunday].all()
    assert dataclasses.replace(case, season=7).scored.shape == case.demand.shape
