"""The decision sheet: every proposal with its reason, and nothing in it that a spreadsheet would run."""

import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.decisions.workbook.excel import write_workbook
from salesforecast_lib.decisions.workbook.sheets import decision_sheets, newest_run, read_decisions
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


def test_an_unfinished_run_is_told_from_a_finished_one(finished, tmp_path):
    (finished / "prices.csv").unlink()
    with pytest.raises(FileNotFoundError, match="prices.csv.*chapter 13_pricing"):
        decision_sheets(finished)
    with pytest.raises(FileNotFoundError, match="no finished run"):
        newest_run(tmp_path / "nowhere")
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
