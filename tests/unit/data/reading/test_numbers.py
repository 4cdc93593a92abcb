"""Numbers: the marks are inferred from the whole column and file, shown, settable, and refused where they stay open."""

from __future__ import annotations

import math
from decimal import Decimal

import pandas as pd
import pytest

from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_orders, read_panel_file, read_stock_file
from salesforecast_lib.data.reading.cells import parse_cell
from tests.unit.data.reading.files import HEADER, case, orders_with, write

COLUMNS = {  # cells of a column: what they are, decimal mark and mark of thousands shown
    "decimal comma proves thousands": (["1.500", "48,87"], [1500, 48.87], ",", "."),
    "thousands and decimals in one cell": (["1,200.50", "3"], [1200.5, 3], ".", ","),
    "blanks between thousands": (["1 200,50", "7"], [1200.5, 7], ",", " "),
    "narrow non-breaking blank": (["1\u202f200,50", "7"], [1200.5, 7], ",", " "),
    "apostrophes between thousands": (["1'200.50", "7.25"], [1200.5, 7.25], ".", "'"),
    "millions": (["1.234.567", "1.000"], [1234567, 1000], ",", "."),
    "lakhs": (["1,00,000.5", "2"], [100000.5, 2], ".", ","),
    "currency before": (["$1,200.50", "$3.10"], [1200.5, 3.1], ".", ","),
    "currency behind": (["48,87 €", "7,92 €"], [48.87, 7.92], ",", None),
    "currency code": (["EUR 48,87", "7,90 EUR"], [48.87, 7.9], ",", None),
    "yuan": (["¥12.50", "￥3.25"], [12.5, 3.25], ".", None),
    "brackets": (["(3,50)", "2,25"], [-3.5, 2.25], ",", None),
    "trailing minus": (["3,50-", "2,25"], [-3.5, 2.25], ",", None),
    "unicode minus": (["\u22123.5", "2.25"], [-3.5, 2.25], ".", None),
    "plus": (["+3.5", "2.25"], [3.5, 2.25], ".", None),
    "full-width digits": (["１２．５", "３"], [12.5, 3], ".", None),
    "leading zero is no thousands": (["0.500", "1.500"], [0.5, 1.5], ".", None),
    "ungrouped thousands": (["1234.500", "1.500"], [1234.5, 1.5], ".", None),
    "no cents": (["12,-", "1,50", "7,--"], [12, 1.5, 7], ",", None),
    "no cents with a point": (["CHF 12.-", "1.50"], [12, 1.5], ".", None),
    "rupiah": (["Rp 15.000", "Rp 2.500,50"], [15000, 2500.5], ",", "."),
    "exponent": (["1.5e3", "2"], [1500, 2], ".", None),
    "whole numbers only": (["500", "7"], [500, 7], None, None),
    "floats as programs print them": (["7.920000000000001", "3.125"], [7.920000000000001, 3.125], ".", None),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_says_what_its_marks_mean(tmp_path, name):
    cells, values, decimal, thousands = COLUMNS[name]
    read = orders_with(tmp_path, "unit_price", cells, ";")
    assert read.frame["unit_price"].tolist() == pytest.approx(values, abs=0)
    assert (read.report.decimal, read.report.thousands) == (decimal, thousands)


OPEN = {
    "only thousands or only decimals": ["1.000", "1.500"],
    "with whole numbers": ["500", "1.000", "1.500"],
    "commas": ["1,000", "12,500"],
    "negative": ["-1.000", "2"],
    "money": ["$1.000", "$2"],
}


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_two_readings_are_shown_and_refused(tmp_path, name, separator):
    with pytest.raises(ReadingError, match="two readings") as error:
        orders_with(tmp_path, "quantity", OPEN[name], separator)
    assert "decimal=','" in str(error.value) and "decimal='.'" in str(error.value) and "quantity" in str(error.value)


@pytest.mark.parametrize(
    "options, value", [({"decimal": ","}, 1500), ({"decimal": "."}, 1.5), ({"thousands": "."}, 1500)]
)
def test_the_advice_works(tmp_path, options, value):
    read = orders_with(tmp_path, "quantity", ["1.500", "500"], ";", **options)
    assert read.frame["quantity"].tolist() == [value, 500]


def test_another_column_of_the_file_decides(tmp_path):
    text = "order_id;product_id;timestamp;quantity;unit_price\n1;A;2025-01-01;1.500;48,87\n2;A;2025-01-02;500;3,10\n"
    assert read_orders(write(tmp_path, text)).frame["quantity"].tolist() == [1500, 500]
    text = text.replace("48,87", "48.87").replace("3,10", "3.10")
    assert read_orders(write(tmp_path, text)).frame["quantity"].tolist() == [1.5, 500]


def test_discount_obeys_the_same_rules(tmp_path):
    read = orders_with(tmp_path, "discount", ["1,50 €", "", "(0,25)"], ";")
    assert read.frame["discount"].tolist()[0] == 1.5 and read.frame["discount"].isna().tolist() == [False, True, False]
    refused = orders_with(tmp_path, "discount", ["1.5", "10%"])
    assert refused.quarantine[["row", "column"]].values.tolist() == [[2, "discount"]], "a share is no money"
    with pytest.raises(ReadingError, match="discount"):
        orders_with(tmp_path, "discount", ["1.500", ""], ";")


def test_a_column_of_both_marks_is_refused_and_a_typing_error_quarantined(tmp_path):
    with pytest.raises(ReadingError, match="decimal point and .* decimal comma"):
        orders_with(tmp_path, "unit_price", ["1.5", "1,5"])
    read = orders_with(tmp_path, "unit_price", ["1.5", "2.25", "3.5", "1,5", "1.500"])
    assert read.quarantine["row"].tolist() == [4, 5], "beside a typing error 1.500 is not sure either"


NO_NUMBERS = (
    "two|1.2.3|12 pcs|ABC123|1,2,3|--3|nan|inf|1e999|5%|2²|2½|①|".split("|")
)


@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_what_is_no_number_goes_to_quarantine(tmp_path, cell):
    read = orders_with(tmp_path, "quantity", ["2", cell, "3"])
    assert read.quarantine[["row", "column"]].values.tolist() == [[2, "quantity"]]
    assert read.frame["quantity"].tolist() == [2, 3]


def test_amounts_in_two_currencies_are_said(tmp_path):
    notes = orders_with(tmp_path, "unit_price", ["$1.50", "€2.50"]).report.notes
    assert any("$" in note and "€" in note and "converted" in note for note in notes)


@pytest.mark.parametrize(
    "text, dot, comma", [("1.500", 1.5, 1500), ("1,500", 1500, 1.5), ("12.345.678", None, 12345678)]
)
def test_readings_of_one_cell(text, dot, comma):
    cell = parse_cell(text)
    for mark, value in ((".", dot), (",", comma)):
        read = cell.value(mark)
        assert math.isnan(read) if value is None else read == value


@pytest.mark.parametrize("text", ["", "-", "1..2", "1 2", "a1", "0.1.2", "1,23,4"])
def test_no_reading_fits(text):
    assert parse_cell(text) is None


def test_numbers_of_a_workbook_are_what_they_are_beside_text(tmp_path):
    rows = [[1, "A", "2025-01-01", 1.5, 2], [2, "A", "2025-01-02", "1.500", "48,87"]]
    pd.DataFrame(rows, columns=HEADER).to_excel(tmp_path / "orders.xlsx", index=False)
    read = read_orders(tmp_path / "orders.xlsx")
    assert read.frame["quantity"].tolist() == [1.5, 1500] and read.frame["unit_price"].tolist() == [2, 48.87]


@pytest.mark.parametrize("kind", ["string", "category", "decimal"])
def test_numbers_of_parquet_in_any_type(tmp_path, kind):
    frame = pd.DataFrame([["1", "A", "2025-01-01", "1.500", "48,87"]], columns=HEADER)
    if kind == "decimal":
        frame = frame.assign(quantity=[Decimal("1500")], unit_price=[Decimal("48.87")])
    else:
        frame = frame.astype({name: kind for name in ("product_id", "quantity", "unit_price")})
    frame.to_parquet(tmp_path / "orders.parquet")
    read = read_orders(tmp_path / "orders.parquet")
    assert read.frame[["quantity", "unit_price"]].values.tolist() == [[1500, 48.87]]


def test_panels_and_stock_files_obey_the_same_rules(tmp_path):
    panel = "unique_id;ds;y;price\nA;2025-01-01;1.500;48,87\nA;2025-01-02;500;3,10\n"
    assert read_panel_file(write(tmp_path, panel)).frame["y"].tolist() == [1500, 500]
    stock = write(tmp_path, "unique_id;stock\nA;1.200\nB;4\n", "stock.csv")
    with pytest.raises(ReadingError, match="two readings"):
        read_stock_file(stock)
    assert read_stock_file(stock, ReadOptions(decimal=",")).frame["stock"].tolist() == [1200, 4]
    mixed = write(tmp_path, "unique_id;stock\nA;1.200\nB;4,5\n", "stock.csv")
    assert read_stock_file(mixed).frame["stock"].tolist() == [1200, 4.5]


def test_european_thousands():
    with pytest.raises(ReadingError, match="two readings"):
        read_orders(case("european_thousands/bestellungen.csv"))
    read = read_orders(case("european_thousands/bestellungen.csv"), ReadOptions(decimal=","))
    assert set(read.frame["quantity"]) == {500, 1000, 1500} and read.quarantine.empty
    prices = read_orders(case("european_thousands/bestellungen_komma.csv"))
    assert prices.frame["unit_price"].iloc[0] == 48.87 and prices.report.decimal == ","


@pytest.mark.parametrize("name, words", [("negative", "-3"), ("empty_cell", "row 1"), ("thousands", "two readings")])
def test_negative_and_missing_stock(name, words):
    with pytest.raises(ReadingError, match=words):
        read_stock_file(case(f"negative_and_missing_stock/{name}.csv"))


@pytest.mark.parametrize("options", [{"decimal": ";"}, {"thousands": "x"}, {"decimal": ",", "thousands": ","}])
def test_marks_that_cannot_be_are_refused(options):
    with pytest.raises(ReadingError, match="expected"):
        ReadOptions(**options)


@pytest.mark.parametrize("cell", ["-3", "(3)", "3-", "", "many", "1e999"])
def test_a_stock_that_cannot_be_is_refused_with_its_row(tmp_path, cell):
    with pytest.raises(ReadingError, match="row 2: unique_id 'B'"):
        read_stock_file(write(tmp_path, f"unique_id,stock\nA,4\nB,{cell}\n"))
