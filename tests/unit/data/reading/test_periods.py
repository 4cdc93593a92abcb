"""Months and weeks in place of dates: each spelling, numbers that may be either, and dates told in parts."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_orders, read_panel_file, read_plan_file
from salesforecast_lib.data.reading.cells.periods import days_of_periods, first_days
from salesforecast_lib.data.reading.guess.columns import guess_columns
from salesforecast_lib.data.reading.tables import open_table
from tests.unit.data.reading.files import write

MONTHS = [
    "2025-03", "2025/03", "2025M03", "03/2025", "3.2025", "Mar 2025", "March 2025", "März 2025", "mars 2025",
    "Mar-2025", "2025 Mar", "2025-March", "2025年3月",
]  # fmt: skip
WEEKS = ["2025-W10", "2025W10", "2025 W10", "W10 2025", "w10/2025", "KW10 2025", "2025 KW 10", "Week 10 2025"]


def panel(tmp_path, cells: list[str], name: str = "ds"):
    """A panel of one product, whose column ``name`` holds the cells; it is read with that name mapped."""
    rows = "".join(f"A,{cell},{k}\n" for k, cell in enumerate(cells))
    return read_panel_file(write(tmp_path, f"unique_id,{name},y\n{rows}"), ReadOptions(columns={"ds": name}))


@pytest.mark.parametrize("text", MONTHS)
def test_a_month_is_its_first_day_beside_dates(tmp_path, text):
    assert panel(tmp_path, [text, "2025-04-01"]).frame["ds"].iloc[0] == pd.Timestamp("2025-03-01")
    assert days_of_periods(pd.Series([text]))[0] == 30


@pytest.mark.parametrize("text", WEEKS)
def test_an_iso_week_is_its_monday_beside_dates(tmp_path, text):
    assert panel(tmp_path, [text, "2025-03-10"]).frame["ds"].iloc[0] == pd.Timestamp("2025-03-03")
    assert days_of_periods(pd.Series([text]))[0] == 6


NEITHER = ["2025-13", "13/2025", "Foo 2025", "0/2025", "2025-W54", "2025-W53", "W0 2025", "12345"]


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_neither_is_no_period(text):
    assert first_days([text])[0] == [text] and days_of_periods(pd.Series([text]))[0] == 0


def numbered(first: str, count: int, freq: str) -> list[str]:
    """Months as 202501, weeks as 202501."""
    when = pd.date_range(first, periods=count, freq=freq)
    return [f"{day:%Y%m}" if freq == "MS" else f"{day:%G%V}" for day in when]


@pytest.mark.parametrize("name, cells, kind, second", [
    ("ds", numbered("2023-11-01", 30, "MS"), "months", "2023-12-01"),
    ("ds", numbered("2023-11-06", 30, "W-MON"), "ISO weeks", "2023-11-13"),
    ("month", numbered("2024-01-01", 9, "MS"), "months", "2024-02-01"),
    ("week", numbered("2024-01-01", 9, "W-MON"), "ISO weeks", "2024-01-08"),
    ("ds", [f"{day:%b-%y}" for day in pd.date_range("2023-11-01", periods=30, freq="MS")], "months", "2023-12-01"),
])  # fmt: skip
def test_a_column_of_numbers_or_short_years_is_read_and_said(tmp_path, name, cells, kind, second):
    read = panel(tmp_path, cells, name)
    assert read.quarantine.empty and read.frame["ds"].iloc[1] == pd.Timestamp(second)
    assert any(f"ds holds {kind}: {cells[0]} begins on" in note for note in read.report.notes)
    assert guess_columns(open_table(tmp_path / "orders.csv").frame).kind == "panel"


def test_numbers_that_may_be_months_or_weeks_are_refused_and_the_advice_works(tmp_path):
    with pytest.raises(ReadingError, match="202401 may be a month or a week; write 2024-01 or 2024-W01"):
        panel(tmp_path, numbered("2024-01-01", 9, "MS"))
    assert panel(tmp_path, ["2024-01", "2024-02"]).frame["ds"].iloc[1] == pd.Timestamp("2024-02-01")
    assert panel(tmp_path, ["2024-W01", "2024-W02"]).frame["ds"].iloc[1] == pd.Timestamp("2024-01-08")


def test_articles_of_five_digits_are_no_weeks_neither_as_cells_nor_as_headers(tmp_path):
    assert not first_days([str(20101 + k) for k in range(8)])[1].found
    articles = [str(20101 + k) for k in range(9)]
    rows = [f"2025-01-{day:02d},{','.join('2' * 9)}" for day in range(1, 20)]
    found = read_panel_file(write(tmp_path, "\n".join([f"date,{','.join(articles)}", *rows])))
    assert set(found.frame["unique_id"]) == set(articles) and len(found.frame) == 9 * 19


def test_weeks_without_a_leading_zero_are_weeks(tmp_path):
    read = panel(tmp_path, [f"2024{week}" for week in range(1, 30)])
    assert read.frame["ds"].iloc[[0, 9]].tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-04")]


def test_quarters_are_refused_in_words(tmp_path):
    with pytest.raises(ReadingError, match="2024 Q1 is a quarter; expected days, weeks or months"):
        panel(tmp_path, ["2024 Q1", "2024 Q2"])


def test_days_without_a_year_are_no_months(tmp_path):
    with pytest.raises(ReadingError, match="not a date"):
        panel(tmp_path, [f"Jan-{day:02d}" for day in range(1, 32)])


def test_a_week_as_a_number_is_planned_for_all_its_days(tmp_path):
    file = write(tmp_path, "product_id,week,promotion\nA,202514,1\nA,202515,0\n")
    plan = read_plan_file(file, ReadOptions(columns={"ds": "week"})).frame
    assert plan[["ds", "end"]].iloc[0].tolist() == [pd.Timestamp("2025-03-31"), pd.Timestamp("2025-04-06")]


def test_a_month_as_a_number_of_a_typed_file_is_planned_for_all_its_days(tmp_path):
    for numbers in ([202512, 202601], [202512.0, 202601.0]):
        table = pd.DataFrame({"product_id": "A", "period": numbers, "promotion": 1})
        table.to_parquet(tmp_path / "plan.parquet")
        plan = read_plan_file(tmp_path / "plan.parquet", ReadOptions(columns={"ds": "period"})).frame
        assert plan[["ds", "end"]].iloc[0].tolist() == [pd.Timestamp("2025-12-01"), pd.Timestamp("2025-12-31")]


def test_a_name_that_only_holds_the_letters_of_a_word_decides_nothing(tmp_path):
    for name in ("timestamp", "huge"):
        with pytest.raises(ReadingError, match="may be a month or a week"):
            panel(tmp_path, numbered("2024-01-01", 9, "MS"), name)


def test_months_as_numbers_make_a_wide_table(tmp_path):
    months = numbered("2023-11-01", 6, "MS")
    file = write(tmp_path, f"unique_id,{','.join(months)}\nA,1,2,3,4,5,6\nB,2,3,4,5,6,7\n")
    found = read_panel_file(file).frame.set_index(["unique_id", "ds"])["y"]
    assert len(found) == 12 and found["B", pd.Timestamp("2024-01-01")] == 4


def test_a_header_that_may_be_months_or_weeks_is_refused_with_its_file(tmp_path):
    months = numbered("2024-01-01", 6, "MS")
    with pytest.raises(ReadingError, match="orders.csv, header: 202401 may be a month or a week"):
        read_panel_file(write(tmp_path, f"unique_id,{','.join(months)}\nA,1,2,3,4,5,6\n"))


PARTS = {
    "year and week": ({"Year": "{:%G}", "Week": "{:%V}"}, "W-MON"),
    "words for weeks": ({"Jahr": "{:%G}", "KW": "KW {:%V}"}, "W-MON"),
    "year and month": ({"year": "{:%Y}", "month": "{:%m}"}, "MS"),
    "names of months": ({"year": "{:%Y}", "month": "{:%B}"}, "MS"),
    "year, month and day": ({"YEAR": "{:%Y}", "MONTH": "{:%m}", "DAY": "{:%d}"}, "D"),
    "numbers of a table": ({"year": "{:%Y}.0", "month": "{:%m}.0"}, "MS"),
}


def in_parts(kind: str, **more: str) -> tuple[str, pd.DatetimeIndex]:
    """A file of two products whose dates are told in parts, and its periods; ``more`` are columns of one value."""
    columns, freq = PARTS[kind]
    days = pd.date_range("2023-12-25" if freq != "MS" else "2023-12-01", periods=8, freq=freq)
    header = ",".join(["sku", *columns, "units", *more])
    rows = [
        ",".join([name, *(form.format(day) for form in columns.values()), str(k), *more.values()])
        for name, (k, day) in product(("A", "B"), enumerate(days))
    ]
    return "\n".join([header, *rows]) + "\n", days


@pytest.mark.parametrize("kind", PARTS)
def test_a_date_told_in_parts_is_one_date_and_said(tmp_path, kind):
    text, days = in_parts(kind)
    file = write(tmp_path, text)
    guess = guess_columns(open_table(file).frame)
    assert guess.kind == "panel" and guess.columns == {"unique_id": "sku", "ds": "ds", "y": "units"}
    read = read_panel_file(file, ReadOptions(columns=guess.columns))
    assert read.frame.loc[read.frame["unique_id"] == "B", "ds"].tolist() == list(days)
    assert list(read.frame) == ["row", "unique_id", "ds", "y"]
    assert any("are read as one date in 'ds'" in note for note in read.report.notes)


def test_order_lines_with_year_month_and_day_are_read(tmp_path):
    text = "order_id,product_id,year,month,day,quantity,unit_price\n1,A,2025,3,4,2,1.5\n2,A,2025,3,15,1,1.5\n"
    found = read_orders(write(tmp_path, text), ReadOptions(columns={"timestamp": "ds"}))
    assert found.frame["timestamp"].tolist() == [pd.Timestamp("2025-03-04"), pd.Timestamp("2025-03-15")]


@pytest.mark.parametrize("more, mapped", [({"date": "2024-01-01"}, {}), ({}, {"y": "Week"})])
def test_parts_beside_a_date_or_named_in_the_map_stay_columns(tmp_path, more, mapped):
    file = write(tmp_path, in_parts("year and week", **more)[0])
    assert {"Year", "Week"} <= set(open_table(file, ReadOptions(columns=mapped)).frame)


def test_a_row_whose_parts_are_no_date_goes_to_quarantine_with_its_cells(tmp_path):
    text, _ = in_parts("year and week")
    rows = text.splitlines()
    rows = [rows[0], *(row.replace(",", f"{k},", 1) for k in range(30) for row in rows[1:]), "A,2024,,7"]
    read = read_panel_file(write(tmp_path, "\n".join(rows)), ReadOptions(columns={"unique_id": "sku", "y": "units"}))
    assert read.quarantine[["row", "column"]].to_numpy().tolist() == [[481, "ds"]]
    assert "2024" in read.quarantine["value"].iloc[0] and np.isfinite(read.frame["y"]).all()


@pytest.mark.parametrize("kind, second", [("weeks", "2024-01-08"), ("months", "2024-02-01")])
def test_who_says_what_the_numbers_are_is_asked_no_more(tmp_path, kind, second):
    write(tmp_path, "unique_id,period,y\ntea,202401,1\ntea,202402,1\n")
    options = ReadOptions(columns={"ds": "period"})
    with pytest.raises(ReadingError, match="202401 may be a month or a week"):
        read_panel_file(tmp_path / "orders.csv", options)
    read = read_panel_file(tmp_path / "orders.csv", replace(options, settled={"periods": kind}))
    assert read.frame["ds"].iloc[1] == pd.Timestamp(second) and read.report.periods == kind
    write(tmp_path, "unique_id,period,y\ntea,20241,1\ntea,20242,1\n")  # no zero before the number
    assert (
        read_panel_file(tmp_path / "orders.csv", replace(options, settled={"periods": kind})).frame["ds"].iloc[1]
        == read.frame["ds"].iloc[1]
    )
    both = [f"{year}{number:02d}" for year in (2024, 2025) for number in range(1, 13)]
    write(tmp_path, "\n".join(["unique_id,period,y", *(f"tea,{cell},1" for cell in both)]))
    proven = read_panel_file(tmp_path / "orders.csv", replace(options, settled={"periods": "weeks"}))
    assert proven.report.periods == "months", "what the file itself shows goes first"
