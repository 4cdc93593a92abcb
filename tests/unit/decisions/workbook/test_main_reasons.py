"""An order's reason says why its forecast is unusual, only where that is sure, and of the champion that drives."""

from __future__ import annotations

import pandas as pd
import pytest

from salesforecast_lib.decisions.workbook.reasons import main_reasons
from salesforecast_lib.evaluation.reasons import COLUMNS
from salesforecast_lib.files import write_csv, write_parquet


def made(folder, rows, forecast=118.0, usual=106.0, told=118.0):
    """A run's reasons of one product, and the champion's forecast of it."""
    table = pd.DataFrame([("usual", usual, False, ""), *rows], columns=["driver", "units", "sure", "when"])
    table = table.assign(unique_id="=Tea", cutoff="2024-05-01", share=0.1, low=None, high=None, why="so")
    write_csv(table.assign(usual=usual, forecast=forecast)[list(COLUMNS)], folder / "reasons.csv")
    day = pd.Timestamp("2024-05-01")
    rows = [("=Tea", day, "Champion", told), ("=Tea", day, "Theta", 1.0)]
    write_parquet(
        pd.DataFrame(rows, columns=["unique_id", "cutoff", "model", "mean"]), folder / "champion_forecasts.parquet"
    )
    return main_reasons(folder)


def test_a_sure_and_large_reason_becomes_a_clause(tmp_path):
    found = made(tmp_path, [("promotion", 11.0, True, "2024-05-03"), ("season", 1.0, False, "")])
    assert found == {
        "=Tea": "the whole forecast is 12 above its usual 106, mostly because of the promotion of 3 May (+11)"
    }


def test_less_promotion_is_no_event(tmp_path):
    found = made(tmp_path, [("promotion", -20.0, True, "")], forecast=90.0, told=90.0)
    clause = found["=Tea"]
    assert "16 below" in clause and "there is less promotion than usual (\N{MINUS SIGN}20)" in clause


@pytest.mark.parametrize(
    "rows",
    [
        [("promotion", 11.0, False, "")],  # the trees do not agree
        [("promotion", 5.0, True, "")],  # less than a tenth of the usual
        [("price", -11.0, True, "")],  # the other way
        [("kind of product", 30.0, True, "")],  # no news
        [("usual", 30.0, True, ""), ("rest of the committee", 30.0, True, "")],
    ],
)
def test_nothing_is_said_where_it_is_not_sure_enough(tmp_path, rows):
    assert made(tmp_path, rows) == {}


def test_reasons_of_another_champion_and_no_reasons_say_nothing(tmp_path):
    assert made(tmp_path, [("promotion", 11.0, True, "")], told=99.0) == {}
    (tmp_path / "reasons.csv").unlink()
    assert main_reasons(tmp_path) == {}
