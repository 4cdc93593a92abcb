"""check-data: one JSON object and nothing else, the exit status, every kind of file, every option."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.pipeline.cli import app
from tests.unit.chain import write_chain
from tests.unit.data.reading.files import write

FIELDS = {
    "rows", "kept", "quarantined", "cancelled", "products", "units", "revenue", "first_day", "last_day", "encoding",
    "separator", "decimal", "thousands", "date_order", "timezone", "sheet", "repairs", "notes", "reasons",
}  # fmt: skip
ORDERS = (
    "order_id,product_id,timestamp,quantity,unit_price\n"
    '1,A ,2025-01-01,2,1.5\n1,"B, red",2025-01-01,3,2.25\nC1,A,2025-01-02,-2,1.5\n'
    "2,A,never,1,1\n3,A,2025-01-03,-1,1.5\n"
)


def check(file, *options):
    result = CliRunner().invoke(app, ["check-data", str(file), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_json_is_one_object_with_every_field_and_the_counts_add_up(tmp_path):
    result = check(write(tmp_path, ORDERS), "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and FIELDS <= set(found) and "error" not in found
    assert (found["rows"], found["kept"], found["quarantined"], found["cancelled"]) == (5, 1, 2, 2)
    assert (found["products"], found["units"], found["revenue"]) == (1, 3.0, 6.75), "what was cancelled is no sale"
    assert sum(found["reasons"].values()) == 2 and found["repairs"][0]["examples"] == [["A ", "A"]]


UNUSABLE = {
    "open number": "order_id;product_id;timestamp;quantity;unit_price\n1;A;2025-01-01;1.500;2\n",
    "open date": ORDERS.replace("2025-01-0", "05/06/200"),
    "missing column": ORDERS.replace("quantity", "Menge"),
    "no usable row": "order_id,product_id,timestamp,quantity,unit_price\n1,A,never,1,1\n",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_cannot_be_used_has_its_error_in_the_object_and_status_one(tmp_path, name):
    file = write(tmp_path, UNUSABLE[name])
    result = check(file, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1 and found["error"] and FIELDS <= set(found)
    told = check(file)
    assert told.exit_code == 1 and "Traceback" not in told.output


@pytest.mark.parametrize(
    "kind, text, rows",
    [
        ("panel", "unique_id,ds,y\nA,2025-01-01,1\nA,2025-01-02,\n", 2),
        ("stock", "unique_id;stock\nA;3,5\nB;1\n", 2),
        ("plan", "product_id,ds,end,promotion\nA,2025-01-01,2025-01-20,1\n", 1),
    ],
)
def test_every_kind_of_file(tmp_path, kind, text, rows):
    found = json.loads(check(write(tmp_path, text), "--kind", kind, "--json").stdout)
    assert found["kept"] == found["rows"] == rows and found["kind"] == kind
    assert check(write(tmp_path, text), "--kind", "nothing").exit_code == 1


def test_options_reach_the_reader(tmp_path):
    head = 'Nr #;Artikel;"Datum, Zeit";Menge;Preis\n'
    file = write(tmp_path, head + "1;A;05.06.2025 23:30:00+00:00;1.500;2\n", encoding="cp1252")
    columns = "order_id=Nr #,product_id=Artikel,timestamp=Datum, Zeit,quantity=Menge,unit_price=Preis"
    options = ["--columns", columns, "--decimal", ",", "--date-order", "dmy", "--timezone", "Europe/Berlin", "--json"]
    found = json.loads(check(file, *options, "--encoding", "cp1252").stdout)
    assert (found["units"], found["first_day"], found["encoding"]) == (1500, "2025-06-06", "Windows-1252")
    assert (found["timezone"], found["date_order"], found["thousands"]) == ("Europe/Berlin", "dmy", ".")


def test_words_for_a_reader_hold_what_the_object_holds(tmp_path):
    result = check(write(tmp_path, ORDERS))
    for words in ("encoding", "UTF-8", "white space stripped: 1", "'A ' → 'A'", "quarantined 1", "1 of 5 rows"):
        assert words in result.output


def test_a_panel_says_its_periods_series_roles_and_how_far_ahead_is_told(tmp_path):
    file = write_chain(tmp_path / "chain.csv", shops=4, days=200)
    found = json.loads(check(file, "--kind", "panel", "--json").stdout)
    assert found["future"] == ["open", "promo", "StateHoliday", "school_holiday"] and found["historical"] == []
    assert found["static"] == ["store_type", "assortment"] and found["periods"].startswith("200 days")
    assert set(found["told"].values()) == {"2022-09-01"} and set(found["told"]) == set(found["future"])
    told = check(file, "--kind", "panel").output
    for words in ("known ahead", "promo (told up to 2022-09-01)", "describe a series", "up to 42 days ahead"):
        assert words in told


@pytest.mark.parametrize("freq, unit", [("W-SAT", "weeks"), ("ME", "months")])
def test_a_panel_of_longer_periods_whose_numbers_are_known_afterwards(tmp_path, freq, unit):
    days = pd.date_range("2022-01-01", periods=30, freq=freq)
    table = pd.DataFrame({"unique_id": "a", "ds": days, "y": 3.0, "footfall": 7.0, "Geschlossen": "nein"})
    table.to_csv(tmp_path / "panel.csv", index=False)
    found = json.loads(check(tmp_path / "panel.csv", "--kind", "panel", "--json").stdout)
    assert found["historical"] == ["footfall"] and found["future"] == ["Geschlossen"] and found["told"] == {}
    assert found["periods"].startswith(f"30 {unit}")


@pytest.mark.parametrize("ends", ["2025-01-20", "2025-02-03"])
def test_a_plan_says_what_it_plans_and_for_whom(tmp_path, ends):
    text = f"product_id,ds,end,promotion,price\nA,2025-01-01,{ends},1,\nB,2025-01-05,2025-01-05,,2.5\n"
    told = check(write(tmp_path, text), "--kind", "plan").output
    for words in ("promotion (1 rows) and price (1 rows)", "2 products: A and B", f"2025-01-01 to {ends}"):
        assert words in told


def test_a_panel_that_a_run_would_refuse_has_status_one(tmp_path):
    days = pd.date_range("2014-01-01", periods=40, freq="QE")
    pd.DataFrame({"unique_id": "a", "ds": days, "y": 3.0}).to_csv(tmp_path / "panel.csv", index=False)
    result = check(tmp_path / "panel.csv", "--kind", "panel", "--json")
    assert result.exit_code == 1 and "more than a month apart" in json.loads(result.stdout)["error"]
