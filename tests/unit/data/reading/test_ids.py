"""Ids are text, compared without outer blanks, in every kind of file alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.reading import (
    ReadingError,
    ReadOptions,
    read_orders,
    read_panel_file,
    read_plan_file,
    read_stock_file,
)
from salesforecast_lib.data.reading.cells import id_text
from tests.unit.data.reading.files import HEADER, case, orders_with, write

SAME = {
    "number": (100200, "100200"),
    "text": ("100200", "100200"),
    "float of a column with gaps": (100200.0, "100200"),
    "float written as text": ("100200.0", "100200"),
    "numpy integer": (np.int64(7), "7"),
    "blank behind": ("SKU-1 ", "SKU-1"),
    "non-breaking blank": ("\u00a0SKU-1\u00a0", "SKU-1"),
    "full-width blank": ("\u3000SKU-1", "SKU-1"),
    "tab": ("\tSKU-1", "SKU-1"),
    "zero width and byte order mark": ("\ufeffSKU-1\u200b", "SKU-1"),
    "apostrophe": ("'00123", "00123"),
    "apostrophe behind a blank": (" '00123", "00123"),
    "leading zeros": ("00123", "00123"),
    "NA": ("NA", "NA"),
    "null": ("null", "null"),
    "None": ("None", "None"),
    "NaN as text": ("NaN", "NaN"),
    "version": ("2.10", "2.10"),
    "inner blanks": ("Tee  red", "Tee  red"),
    "short exponent is a name": ("1E5", "1E5"),
    "blank only": ("  ", ""),
}


@pytest.mark.parametrize("name", SAME)
def test_an_id_is_what_its_cell_shows(name):
    value, text = SAME[name]
    assert id_text(value) == text


@pytest.mark.parametrize("cell", ["4.00638E+12", "4,00638E+12", "4E+12", "1.2e+15", "4.00638E12"])
def test_a_number_that_lost_its_digits_is_refused_with_advice(tmp_path, cell):
    with pytest.raises(ReadingError, match="format the column as text"):
        orders_with(tmp_path, "product_id", ["A", cell])


@pytest.mark.parametrize("value", [4.00638e15, pd.Timestamp("2025-03-04")])
def test_a_workbook_that_broke_an_id_is_refused(tmp_path, value):
    frame = pd.DataFrame([["1", value, "2025-01-01", 1, 2.0]], columns=HEADER)
    file = tmp_path / "orders.xlsx"
    frame.to_excel(file, index=False)
    with pytest.raises(ReadingError, match="product_id"):
        read_orders(file)


def test_words_for_nothing_are_ids_and_only_empty_cells_are_missing(tmp_path):
    read = orders_with(tmp_path, "product_id", ["NA", "NULL", "None", "null", "nan", "#N/A", "", " \u00a0"])
    assert read.frame["product_id"].tolist() == ["NA", "NULL", "None", "null", "nan"]
    assert read.quarantine["row"].tolist() == [7, 8, 6] and (read.quarantine["column"] == "product_id").all()
    assert not read.quarantine["value"].str.contains("nan|None").any()


def test_sku_named_na():
    read = read_orders(case("sku_named_NA/orders.csv"))
    assert {"NA", "NULL", "None"} < set(read.frame["product_id"]) and read.quarantine.empty


@pytest.mark.parametrize("dtype", ["Int64", "float64", "string", object])
def test_parquet_columns_of_every_type_give_the_same_ids(tmp_path, dtype):
    ids = pd.Series([100200, None, 17], dtype="Int64").astype(dtype)
    frame = pd.DataFrame(
        {"order_id": [1, 2, 3], "product_id": ids, "timestamp": pd.to_datetime("2025-01-01"), "quantity": [1, 1, 1]}
    ).assign(unit_price=2.0)
    frame.to_parquet(tmp_path / "orders.parquet")
    read = read_orders(tmp_path / "orders.parquet")
    assert read.frame["product_id"].tolist() == ["100200", "17"], "an empty cell is missing, not a product"
    assert read.quarantine[["row", "column", "reason"]].values.tolist() == [[2, "product_id", "missing id"]]
    assert read.frame["order_id"].tolist() == ["1", "3"]


def test_number_and_text_in_one_workbook_are_one_product(tmp_path):
    rows = [[1, 100200, "2025-01-01", 1, 2], [2, "100200", "2025-01-02", 1, 2], [3, "100200 ", "2025-01-03", 1, 2]]
    pd.DataFrame(rows, columns=HEADER).to_excel(tmp_path / "orders.xlsx", index=False)
    read = read_orders(tmp_path / "orders.xlsx")
    assert read.frame["product_id"].unique().tolist() == ["100200"]
    assert any(entry["repair"] == "white space stripped" and entry["rows"] == 1 for entry in read.report.repairs)


def test_excel_sku_number_and_text():
    columns = {"order_id": "Order", "product_id": "SKU", "timestamp": "Date", "quantity": "Qty", "unit_price": "Price"}
    read = read_orders(case("excel_sku_number_and_text/orders.xlsx"), ReadOptions(columns=columns))
    stock = read_stock_file(case("excel_sku_number_and_text/stock.xlsx"))
    assert set(read.frame["product_id"]) == set(stock.frame["unique_id"]) and read.report.products == 8


def test_leading_zeros_that_only_the_format_of_a_cell_shows_stay(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active.append([1, 123, "2025-01-01", 1, 2.5])
    book.active["B2"].number_format = "00000"
    book.save(tmp_path / "orders.xlsx")
    assert read_orders(tmp_path / "orders.xlsx").frame["product_id"].tolist() == ["00123"]


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u3000", "\t"])
def test_every_kind_of_file_strips_ids_alike_and_says_so(tmp_path, blank):
    odd = f"SKU-1{blank}"
    orders = orders_with(tmp_path, "product_id", [odd, "SKU-1", "SKU-2"])
    panel = read_panel_file(write(tmp_path, f"unique_id,ds,y\n{odd},2025-01-01,1\nSKU-1,2025-01-02,1\n", "p.csv"))
    stock = read_stock_file(write(tmp_path, f"unique_id,stock\n{odd},4\nSKU-2,1\n", "s.csv"))
    plan = read_plan_file(write(tmp_path, f"unique_id,ds,promotion\n{odd},2025-02-01,1\n", "f.csv"))
    assert set(orders.frame["product_id"]) == set(stock.frame["unique_id"]) == {"SKU-1", "SKU-2"}
    assert set(panel.frame["unique_id"]) == set(plan.frame["unique_id"]) == {"SKU-1"}
    for read in (orders, panel, stock, plan):
        assert [entry["repair"] for entry in read.report.repairs] == ["white space stripped"]
        assert read.report.repairs[0]["examples"] == [[odd, "SKU-1"]]


def test_sku_with_spaces():
    orders, stock = read_orders(case("sku_with_spaces/orders.csv")), read_stock_file(case("sku_with_spaces/stock.csv"))
    assert set(orders.frame["product_id"]) == set(stock.frame["unique_id"]) and orders.report.products == 6
    assert orders.report.repairs[0]["rows"] > 100 and len(orders.report.repairs[0]["examples"]) == 3


@pytest.mark.parametrize("twin", ["sku-1", "ＳＫＵ-1", "Sku-1"])
def test_ids_that_differ_by_case_or_form_are_said_and_stay_apart(tmp_path, twin):
    read = orders_with(tmp_path, "product_id", ["SKU-1", twin, "B"])
    assert read.report.products == 3
    assert any(repr(twin) in note and "'SKU-1'" in note for note in read.report.notes)


def test_composed_and_decomposed_letters_are_said(tmp_path):
    read = orders_with(tmp_path, "product_id", ["caf\u00e9", "cafe\u0301"])
    assert read.report.products == 2 and any("Unicode" in note for note in read.report.notes)
