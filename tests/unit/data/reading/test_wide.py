"""Wide tables: a row a product and a column a period become a panel; what adds the dates up is no attribute."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.reading import ReadingError, ReadOptions, open_table, read_orders, read_panel_file
from salesforecast_lib.pipeline.init.check_data import check_file
from tests.unit.data.reading.files import write

NAMES = ["A", "B", "C"]
WEEKS = pd.date_range("2024-01-01", periods=8, freq="W-MON")
SPELT = {
    "ISO": [f"{day:%Y-%m-%d}" for day in WEEKS],
    "day first": [f"{day:%d/%m/%Y}" for day in WEEKS],
    "ISO weeks": [f"{day:%G-W%V}" for day in WEEKS],
    "as Excel's cells": [str(day) for day in WEEKS],
}


def wide(headers: list[str], **more: list) -> pd.DataFrame:
    """Units of three products; product k sells k, k + 1, … in the periods."""
    units = np.arange(1, 4)[:, None] + np.arange(len(headers))
    return pd.DataFrame({"sku": NAMES, **more, **dict(zip(headers, units.T, strict=True))})


def read(tmp_path, table: pd.DataFrame, name: str = "wide.csv", sep: str = ","):
    """The panel of a wide table that was written and read."""
    file = tmp_path / name
    if name.endswith(".xlsx"):
        table.to_excel(file, index=False)
    else:
        table.to_csv(file, index=False, sep=sep)
    return read_panel_file(file, ReadOptions(columns={"unique_id": "sku"}))


@pytest.mark.parametrize("name", SPELT)
def test_each_cell_is_a_row_with_its_date(tmp_path, name):
    found = read(tmp_path, wide(SPELT[name]))
    frame = found.frame.set_index(["unique_id", "ds"])["y"]
    assert len(frame) == 24 and frame["B", WEEKS[3]] == 5 and found.quarantine.empty
    assert any("8 columns are dates" in note for note in found.report.notes)


@pytest.mark.parametrize("form", ["%b %Y", "%Y-%m", "%m/%Y"])
def test_months_in_a_header_are_months(tmp_path, form):
    months = pd.date_range("2024-01-01", periods=6, freq="MS")
    found = read(tmp_path, wide([f"{day:{form}}" for day in months]))
    assert found.frame["ds"].drop_duplicates().tolist() == list(months)


def test_a_workbook_with_typed_dates_in_its_header_is_read(tmp_path):
    table = wide(list(WEEKS))
    table.iloc[0, 1:3] = None  # before the product was there
    found = read(tmp_path, table, "wide.xlsx").frame
    assert len(found) == 24 and found["y"].isna().sum() == 2


@pytest.mark.parametrize("sep, decimal", [(",", "."), (";", ",")])
def test_sums_and_means_over_the_dates_are_no_attributes_and_a_total_is_no_product(tmp_path, sep, decimal):
    table = wide(SPELT["ISO"], category=["x", "x", "y"])
    dates = SPELT["ISO"]
    table[dates] = table[dates] + 0.25
    table["Total"], table["Mean"] = table[dates].sum(axis=1), table[dates].mean(axis=1)
    table.loc[3] = ["Total", "", *table[dates].sum(), table["Total"].sum(), table["Total"].sum() / 8]
    table = table.astype(object).map(lambda cell: str(cell).replace(".", decimal))
    found = read(tmp_path, table, sep=sep)
    assert list(found.frame) == ["row", "unique_id", "ds", "y", "category"]
    assert sorted(found.frame["unique_id"].unique()) == NAMES and found.frame["y"].iloc[0] == 1.25
    notes = " ".join(found.report.notes)
    assert "['Total', 'Mean'] are the sum or the mean" in notes and "row 4 adds up others" in notes


def test_a_refused_cell_names_the_row_of_the_file(tmp_path):
    table = wide(SPELT["ISO"]).astype(object)
    table.iloc[1, 4] = "many"
    found = read(tmp_path, table)
    assert found.quarantine[["row", "column", "value"]].values.tolist() == [[2, "y", "many"]]


def test_dates_beside_more_columns_of_other_kinds_are_left_alone(tmp_path):
    table = pd.DataFrame({"order_id": [1], "a": [1], "b": [2], "2024-01-01": [3], "2024-01-02": [4], "2024-01-03": [4]})
    table.to_csv(tmp_path / "few.csv", index=False)
    assert list(open_table(tmp_path / "few.csv").frame) == list(table)


def test_a_wide_table_given_as_orders_says_what_it_is(tmp_path):
    wide(SPELT["ISO"]).to_csv(tmp_path / "wide.csv", index=False)
    with pytest.raises(ReadingError, match="--kind panel") as error:
        read_orders(tmp_path / "wide.csv")
    assert "salesforecast init NAME --orders FILE" in str(error.value)


def test_a_column_of_dates_that_is_mapped_keeps_its_place(tmp_path):
    file = write(tmp_path, "sku,2024-01-01,2024-01-08,2024-01-15,2024-01-22\nA,1,2,3,4\n", "wide.csv")
    assert "2024-01-08" in open_table(file, wanted=("2024-01-08",)).frame


def test_a_place_of_digits_describes_its_series(tmp_path):
    table = pd.concat([wide(SPELT["ISO"], store=[1] * 3), wide(SPELT["ISO"], store=[2] * 3)])
    table.to_csv(tmp_path / "wide.csv", index=False)
    options = ReadOptions(columns={"unique_id": "sku", "location_id": "store"})
    found = read_panel_file(tmp_path / "wide.csv", options).frame
    assert found["unique_id"].nunique() == 6 and set(found["location_id"]) == {"1", "2"}
    checked = check_file(str(tmp_path / "wide.csv"), "panel", lambda: options)
    assert ("describe a series", "location_id") in checked.lines and not checked.error


def test_a_grand_total_over_sums_of_groups_is_no_product_and_a_large_product_is(tmp_path):
    dates = SPELT["ISO"]
    table = wide(dates)
    table.loc[3] = ["Gesamt", *(1.4 * table[dates].sum())]  # more than the rows add up to: others are not in the file
    found = read(tmp_path, table)
    assert sorted(found.frame["unique_id"].unique()) == NAMES
    assert any("row 4 adds up others" in note for note in found.report.notes)
    table.loc[3, "sku"] = "Gesamtpaket"
    assert read(tmp_path, table).frame["unique_id"].nunique() == 4
    table.loc[3] = ["Total", *([0] * len(dates))]  # a brand that sells nothing
    assert read(tmp_path, table).frame["unique_id"].nunique() == 4


def test_a_table_that_has_a_ds_or_a_y_of_its_own_is_left_alone(tmp_path):
    wide(SPELT["ISO"], y=[1, 2, 3]).to_csv(tmp_path / "own.csv", index=False)
    assert SPELT["ISO"][0] in open_table(tmp_path / "own.csv").frame


DAYS = pd.date_range("2024-01-01", periods=30)


def down(first: str = "date", form: str = "%Y-%m-%d", names: tuple[str, ...] = ()) -> pd.DataFrame:
    """A column of dates and one for each of nine products; product k sells k, k + 1, … on the days."""
    units = np.arange(1, 10) + np.arange(len(DAYS))[:, None]
    table = pd.DataFrame(units, columns=[*names, *(f"SKU {k}" for k in range(len(names), 9))])
    table.insert(0, first, DAYS.strftime(form))
    return table


@pytest.mark.parametrize("first, form", [("date", "%d.%m.%Y"), ("", "%Y-%m-%d"), ("Datum", "%G-W%V-%u")])
def test_dates_down_and_products_across_are_a_panel(tmp_path, first, form):
    down(first, form).to_csv(tmp_path / "down.csv", index=False)
    found = read_panel_file(tmp_path / "down.csv")
    frame = found.frame.set_index(["unique_id", "ds"])["y"]
    assert len(frame) == 270 and frame["SKU 3", DAYS[4]] == 8 and found.quarantine.empty
    assert found.frame.loc[found.frame["ds"] == DAYS[4], "row"].eq(5).all(), "a row keeps its number in the file"
    assert any("'SKU 0' to 'SKU 8'" in note for note in found.report.notes)


def test_a_column_that_adds_up_the_products_is_none(tmp_path):
    table = down().assign(Total=lambda t: t.iloc[:, 1:].sum(axis=1))
    table.to_csv(tmp_path / "down.csv", index=False)
    found = read_panel_file(tmp_path / "down.csv")
    assert "Total" not in set(found.frame["unique_id"]) and found.frame["unique_id"].nunique() == 9
    assert "columns ['Total'] add up others: left out" in found.report.notes


NOT_DOWN = {
    "one series and its attributes": lambda: down(names=("sales", "price")),
    "few columns": lambda: down().iloc[:, :6],
    "a date twice": lambda: pd.concat([down(), down().head(1)]),
    "a column of words": lambda: down().assign(**{"SKU 4": "x"}),
    "below zero": lambda: down().assign(**{"SKU 4": -1}),
    "no dates": lambda: down(form="day %d"),
}


@pytest.mark.parametrize("kind", NOT_DOWN)
def test_what_may_be_something_else_stays_as_it_is(tmp_path, kind):
    table = NOT_DOWN[kind]()
    table.to_csv(tmp_path / "other.csv", index=False)
    assert list(open_table(tmp_path / "other.csv").frame) == list(table)


def test_a_column_that_the_map_names_is_no_product(tmp_path):
    down().to_csv(tmp_path / "down.csv", index=False)
    assert "SKU 1" in open_table(tmp_path / "down.csv", ReadOptions(columns={"y": "SKU 1"})).frame
