"""The decision sheet: every proposal with its reason, and nothing in it that a spreadsheet would run."""

import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.decisions.workbook.excel import write_workbook
from salesforecast_lib.decisions.workbook.reasons import lasting
from salesforecast_lib.decisions.workbook.savings import saving_words
from salesforecast_lib.decisions.workbook.sheets import decision_sheets, read_decisions
from salesforecast_lib.decisions.workbook.subjects import Sheet
from salesforecast_lib.files import write_csv, write_json
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.pages import decisions_page, plain

EVIL = '=HYPERLINK("http://x","y")'


@pytest.fixture
def finished(tmp_path):
    """A run's decision files, with a product that is named like a formula."""
    plan = pd.DataFrame(
        {
            "unique_id": ["0012", EVIL, "C"],
            "stock": [3.0, 0.0, 90.0],
            "order_quantity": [5, 40, 0],
            "expected_demand": [7.5, 30.0, 2.0],
            "risk_before_delivery": [0.2, 0.9, 0.0],
            "risk_with_order": [0.1, 0.1, 0.0],
            "expected_loss": [1.5, 25.0, 0.0],
            "why": [
                "-3 units below the level",
                "stock 0 is below the level 40",
                "stock 90 covers the level 5: no order",
            ],
        }
    )
    excess = pd.DataFrame({"unique_id": ["C"], "proposal": ["mark down"], "why": ["85 units beyond the level"]})
    alerts = pd.DataFrame(
        {
            "alert": ["A001", "A002"],
            "severity": ["high", "low"],
            "kind": ["feed: day missing", "level down"],
            "unique_id": ["(3 products)", EVIL],
            "impact": [5.0, 90.0],
            "why": ["+9 days", "@home"],
        }
    )
    empty = pd.DataFrame(columns=["unique_id", "action", "profit", "why"])
    for name, table in (("replenishment", plan), ("excess", excess), ("alerts", alerts), ("prices", empty)):
        write_csv(table, tmp_path / f"{name}.csv")
    write_csv(empty, tmp_path / "promotions.csv")
    write_json({"dataset": "shop"}, tmp_path / "panel.json")
    return tmp_path


def test_sheets_hold_what_asks_for_a_decision_most_urgent_first(finished):
    sheets = {sheet.name: sheet for sheet in decision_sheets(finished)}
    assert list(sheets) == ["stock", "prices", "promotions", "alerts"]
    stock = sheets["stock"].table
    assert stock["product"].tolist() == [EVIL, "0012", "C"], "sorted by money lost; leading zeros and signs survive"
    assert stock["action"].tolist() == ["order", "order", "mark down"]
    assert stock["why"].tolist()[1:] == ["-3 units below the level", "85 units beyond the level"]
    assert stock["order (units)"].tolist() == [40, 5, 0]
    assert sheets["alerts"].table["severity"].tolist() == ["high", "low"], "alerts keep the order of their file"
    assert sheets["alerts"].note.startswith("2 alerts, most money at stake first")
    assert sheets["prices"].table.empty and "no price change" in sheets["prices"].note


def test_workbook_has_frozen_headings_and_no_formula(finished):
    book = openpyxl.load_workbook(write_workbook(decision_sheets(finished), finished / "decisions.xlsx"))
    assert book.sheetnames == ["stock", "prices", "promotions", "alerts"]
    texts = 0
    for page in book:
        assert page.freeze_panes == "B3"
        for row in page.iter_rows(min_row=3):
            for cell in row:
                assert cell.data_type in ("s", "n"), (page.title, cell.coordinate, cell.value)
                texts += (
                    isinstance(cell.value, str) and cell.value.startswith(("=", "+", "-", "@")) and cell.quotePrefix
                )
    assert texts == 5, "kept as they were, marked as text"
    assert book["stock"]["A3"].value == EVIL and book["stock"]["C3"].value == 40
    headings = [cell.value for cell in book["stock"][2]]
    assert headings[:3] == ["product", "action", "order (units)"] and headings[-1] == "why"


def test_an_unfinished_run_is_told_from_a_finished_one(finished):
    (finished / "prices.csv").unlink()
    with pytest.raises(FileNotFoundError, match="prices.csv.*chapter 13_pricing"):
        decision_sheets(finished)
    (finished / "alerts.csv").write_text("unique_id\nA\n")
    with pytest.raises(ValueError, match="no column 'why'"):
        read_decisions(finished / "alerts.csv")


def test_page_shows_the_first_rows_and_says_how_many_more(finished):
    page = decisions_page(finished, shown=1)
    assert "2 more in the workbook." in page and f"| {plain(EVIL)} |" in page and "## Alerts" in page
    assert "No promotion is proposed" in page


def test_command_writes_the_workbook_of_the_run_it_is_given(finished):
    done = CliRunner().invoke(app, ["decide", str(finished), "--no-book"])
    assert done.exit_code == 0, done.output
    assert (finished / "decisions.xlsx").is_file() and "3 of 3 rows ask for a decision" in done.output
    (finished / "excess.csv").unlink()
    failed = CliRunner().invoke(app, ["decide", str(finished), "--no-book"])
    assert failed.exit_code == 1


def test_unknown_stock_has_its_own_short_list(finished):
    plan = read_decisions(finished / "replenishment.csv")
    plan = pd.concat([plan, pd.DataFrame({"unique_id": ["NA", "1e5"], "why": "stock unknown: count it"})])
    write_csv(plan.assign(expected_demand=[7.5, 30, 2, 1, 9]), finished / "replenishment.csv")
    sheets = {sheet.name: sheet for sheet in decision_sheets(finished)}
    assert list(sheets)[:2] == ["stock", "stock unknown"]
    hint = "the stock of 2 products is unknown: see stock unknown"
    assert sheets["stock"].note == f"3 of 5 rows ask for a decision; {hint}"
    unknown = sheets["stock unknown"]
    assert unknown.table["product"].tolist() == ["1e5", "NA"], "largest demand first; names that look like others stay"
    assert "2 products not in the stock file" in unknown.note and "missing_stock=zero" in unknown.note
    book = openpyxl.load_workbook(write_workbook(list(sheets.values()), finished / "decisions.xlsx"))
    assert [book["stock unknown"].cell(row, 1).value for row in (3, 4)] == ["1e5", "NA"]
    assert "stock unknown: count it" in decisions_page(finished).replace("\\", "")


def test_a_plan_of_unknown_stock_only_orders_nothing(finished):
    plan = pd.DataFrame({"unique_id": ["a"], "stock": [None], "order_quantity": [None], "why": ["stock unknown"]})
    write_csv(plan, finished / "replenishment.csv")
    sheets = {sheet.name: sheet for sheet in decision_sheets(finished)}
    assert sheets["stock"].table.empty and "stock of 1 product is unknown" in sheets["stock"].note
    assert sheets["stock unknown"].table["product"].tolist() == ["a"]


def test_an_empty_sheet_gives_the_reason_of_its_chapter(finished):
    write_csv(pd.DataFrame(columns=["customer_id", "segment", "why"]), finished / "segments.csv")
    reasons = {"customers": "no customer_id", "pricing": "no prices", "promotions": "no promotion recorded"}
    for name, words in reasons.items():
        write_json({"reason": words}, finished / f"{name}.json")
    sheets = {sheet.name: sheet for sheet in decision_sheets(finished)}
    names = ("customers", "prices", "promotions")
    assert [sheets[name].note for name in names] == list(reasons.values())
    book = openpyxl.load_workbook(write_workbook(list(sheets.values()), finished / "decisions.xlsx"))
    assert [book[name]["A1"].value for name in names] == list(reasons.values())


def test_a_long_list_of_customers_is_cut_and_says_so(finished):
    rows = pd.DataFrame({"customer_id": [f"{k:05d}" for k in range(501)], "segment": "1", "why": "bought"})
    write_csv(rows, finished / "segments.csv")
    sheet = next(sheet for sheet in decision_sheets(finished) if sheet.name == "customers")
    assert len(sheet.table) == 500 and sheet.table["customer"][0] == "00000" and sheet.table["segment"][0] == "1"
    assert sheet.note == "the first 500 of 501 rows; all of them are in segments.csv"


ODD_NAMES = ["=1", "'=1", "''-x", "'quoted'", "＝1", "\t=x", "NA", "007", "a'b", "-5 %", "1e5", "#N/A"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_comes_back_from_the_files_as_it_was(tmp_path, name):
    write_csv(pd.DataFrame({"unique_id": [name, "other"], "why": [name, "x"]}), tmp_path / "t.csv")
    back = read_decisions(tmp_path / "t.csv")
    assert back["unique_id"].tolist() == [name, "other"] and back["why"][0] == name


def test_emoji_and_chinese_reach_the_workbook_and_control_characters_do_not(finished):
    names = ["👩‍👧 \U0001fae8 茶", "a\x07b\u202ec", "#N/A", "x" * 40_000, None]
    table = pd.DataFrame({"product": names, "why": "y"})
    book = openpyxl.load_workbook(write_workbook([Sheet("names", "=note", table, ())], finished / "n.xlsx"))
    values = [book["names"].cell(row, 1).value for row in range(3, 8)]
    assert values[:3] == ["👩‍👧 \U0001fae8 茶", "a b c", "#N/A"] and len(values[3]) == 32_767 and values[4] is None
    assert book["names"]["A1"].data_type == "s" and book["names"]["A5"].data_type == "s"


# ------------------------------------------------------------------------------------------- words that a planner uses


def ordered(finished, **columns):
    """The made run's plan with the columns that chapter 08 writes, and its panel of ten weeks."""
    plan = read_decisions(finished / "replenishment.csv")
    plan = plan.assign(
        periods_of_stock=[1.0, 0.0, 9.0], risk_with_order=[0.12, 0.1, 0.0], loss_without_order=[4.0, 80.0, 0.0],
        why=["stock 3 is below the level 8 (demand 7 by the Champion at level 88%); raised to the minimum order 5",
             "stock 0 is below the level 40 (demand 30 by the Champion; policy: look-ahead)",
             "stock 90 covers the level 5: no order"],
        stock_source="simulated", risk_without_order=[0.6, 1.0, 0.0], **columns,
    )  # fmt: skip
    write_csv(plan, finished / "replenishment.csv")
    write_csv(pd.DataFrame(columns=["unique_id", "proposal", "why"]), finished / "excess.csv")
    days = pd.date_range("2024-01-07", periods=10, freq="7D")
    panel = pd.DataFrame(
        {"unique_id": ["0012"] * 10 + [EVIL] * 10, "ds": [*days, *days], "y": [1.0] * 10 + [0.0, 2.0] * 5}
    )
    panel.to_parquet(finished / "panel.parquet")
    write_json({"dataset": "shop", "freq": "W"}, finished / "panel.json")
    return {sheet.name: sheet for sheet in decision_sheets(finished)}["stock"]


def test_orders_say_how_long_the_stock_lasts_and_what_that_rests_on(finished):
    why = ordered(finished).table.set_index("product")["why"]
    assert why["0012"] == (
        "3 in stock, lasts about one week; 8 expected until the delivery after this one; with the order enough in 88 "
        "of 100 cases, without it in 40; raised to the minimum order 5; rests on 10 weeks, 10 of them with a sale"
    )
    assert why[EVIL].startswith("the shelf is empty; 30 expected") and "policy" not in why[EVIL]
    assert why[EVIL].endswith("rests on 10 weeks, 5 of them with a sale")


@pytest.mark.parametrize(
    ("periods", "period", "words"),
    [(0.0, "day", "less than a day"), (1.0, "week", "about one week"), (3.0, "month", "about 3 months"),
     (10.0, "day", "10 days or more"), (14.0, "day", "10 days or more")],
)  # fmt: skip
def test_how_long_a_stock_lasts(periods, period, words):
    assert lasting(periods, 10.0, period) == words


def test_simulated_stock_is_an_example_and_says_so_on_top(finished):
    stock = ordered(finished)
    assert stock.note.startswith("simulated stock: an example, give yours with -p stock_file=FILE; 2 of 3 rows")
    assert "stock from" not in stock.table
    page = decisions_page(finished)
    assert page.index("Simulated stock") < page.index("| product")
    plan = read_decisions(finished / "replenishment.csv")
    write_csv(plan.assign(stock_source="stock_file"), finished / "replenishment.csv")
    assert decision_sheets(finished)[0].note.startswith("2 of 3 rows ask for a decision")


def test_plans_are_sorted_by_expected_loss_and_then_by_what_the_order_saves(finished):
    plan = pd.DataFrame(
        {"unique_id": list("abc"), "stock": 1.0, "order_quantity": 5, "risk_before_delivery": [0.1, 0.9, 1.0],
         "expected_loss": [2.0, 50.0, 2.0], "loss_without_order": [9.0, 60.0, 3.0], "why": "x"}
    )  # fmt: skip
    write_csv(plan, finished / "replenishment.csv")
    assert decision_sheets(finished)[0].table["product"].tolist() == ["b", "a", "c"]


COSTS = {"Champion": 80.0, "WindowAverage": 88.0, "SeasonalNaive": 99.0, "rule of thumb": 160.0, "AutoETS": 70.0}


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        ({}, "the plan costs 9.1 % less than the best simple rule (window average)"),
        ({"WindowAverage": 200.0}, "the plan costs 19.2 % less than the best simple rule (seasonal naive)"),
        ({"Theta": 60.0}, "the plan costs 33.3 % more than the best simple rule (Theta)"),
        ({"Theta": 80.1}, "about as much as the best simple rule (Theta)"),
    ],
)
def test_the_plan_is_held_against_the_best_simple_rule(finished, costs, words):
    policies = {name: {"total": total} for name, total in {**COSTS, **costs}.items()}
    write_json({"model": "Champion", "policies": policies}, finished / "inventory.json")
    assert words in decision_sheets(finished)[0].note and words in saving_words(
        {"model": "Champion", "policies": policies}
    )


def test_a_policy_is_held_against_the_rule_that_was_best_before(finished):
    months = {
        "policies": {"player": {"earlier": 9.0, "last": 6.0}},
        "simple_rules": {"window average": {"earlier": 10.0, "last": 8.0}, "naive": {"earlier": 11.0, "last": 5.0}},
    }
    write_json({"model": "Champion", "policy": "player", "months": months, "policies": {}}, finished / "inventory.json")
    assert "in the last simulated month the plan costs 25.0 % less than the best simple rule (window average)" in (
        decision_sheets(finished)[0].note
    )


@pytest.mark.parametrize("report", [{}, {"model": "X"}, {"model": "X", "policies": {"X": {"total": 1.0}}}])
def test_a_report_that_cannot_say_what_is_saved_is_silent(report):
    assert saving_words(report) == ""


def test_price_tests_are_shown_and_those_that_wait_are_counted(finished):
    prices = pd.DataFrame(
        {"unique_id": list("abcd"), "action": ["test", "test later", "hold", "raise"], "current_price": 2.0,
         "proposed_price": 2.2, "test_periods": [8.0, 8.0, None, None], "break_even_units": 0.75, "at_stake": 3.0,
         "over_cost": "raise at 55%", "why": "x"}
    )  # fmt: skip
    write_csv(prices, finished / "prices.csv")
    write_json({"basis": "nobody drew these prices by lot"}, finished / "pricing.json")
    sheet = next(sheet for sheet in decision_sheets(finished) if sheet.name == "prices")
    assert sheet.table["product"].tolist() == ["a", "d"] and sheet.table["length of the test"].tolist()[0] == 8
    assert sheet.note == (
        "2 of 4 rows ask for a decision; 1 test more can follow, see prices.csv; nobody drew these prices by lot"
    )
    book = openpyxl.load_workbook(write_workbook([sheet], finished / "p.xlsx"))
    column = [cell.value for cell in book["prices"][2]].index("change of units that just pays")
    cell = book["prices"].cell(3, column + 1)
    assert cell.number_format == "0%" and cell.value == -0.25, "a quarter of the units may go"


# ------------------------------------------------------------------------------------ what the forecast consists of

MADE_OF = {
    "weights": {"Boosting": 0.75, EVIL: 0.25},
    "losses": {"Boosting": 0.2, EVIL: 0.25, "Theta": 0.3},
    "left_out": {"Ridge": "-1 row"},
    "validated_at": ["2024-01-01"],
}


def test_the_sheet_on_the_forecast_says_its_members(finished):
    write_json({"compositions": {"2024-02-01": MADE_OF}}, finished / "champion.json")
    write_json({"model": "Champion"}, finished / "inventory.json")
    write_json({"model": "champion"}, finished / "promotions.json")
    sheets = {sheet.name: sheet for sheet in decision_sheets(finished)}
    assert list(sheets)[-1] == "forecast"
    members = f"Boosting 75 %, {EVIL} 25 %"
    assert sheets["stock"].note.endswith(f"; forecast of the Champion ({members}): see the sheet forecast")
    made = sheets["forecast"]
    assert made.note.startswith("orders and promotions by Champion: Boosting 75 %")
    assert "without a share: Theta; left out: Ridge (-1 row)" in made.note
    assert made.table["member"].tolist() == ["Boosting", EVIL, "Theta", "Ridge"]
    assert made.table["error on earlier cutoffs (best 100)"].tolist()[:3] == [100.0, 125.0, 150.0]
    book = openpyxl.load_workbook(write_workbook(list(sheets.values()), finished / "decisions.xlsx"))
    page = book["forecast"]
    assert page["A4"].value == EVIL and page["A4"].data_type == "s" and page["B3"].number_format == "0%"


@pytest.mark.parametrize(
    "alerts, words", [("LSTM", "alerts by LSTM, asked for"), ("Champion", "orders and alerts by Champion")]
)
def test_another_model_for_one_decision_is_said(finished, alerts, words):
    write_json({"model": "Champion"}, finished / "inventory.json")
    write_json({"model": alerts}, finished / "alerts.json")
    made = decision_sheets(finished)[-1]
    assert words in made.note and made.table.empty, "a run that has not written what its champion consists of"


def test_a_plan_by_another_model_names_it_and_an_old_run_is_silent(finished):
    assert [sheet.name for sheet in decision_sheets(finished)] == ["stock", "prices", "promotions", "alerts"]
    write_json({"model": "AutoETS"}, finished / "inventory.json")
    write_json({"compositions": {"2024-02-01": MADE_OF}}, finished / "champion.json")
    sheets = decision_sheets(finished)
    assert sheets[0].note.endswith("; forecast of the AutoETS") and "Boosting" not in sheets[-1].note
