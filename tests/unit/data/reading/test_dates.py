"""Dates: every spelling of ISO, one order of day and month for a column, zones said, strays in the quarantine."""

from __future__ import annotations

import pandas as pd
import pytest

from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_orders, read_panel_file
from salesforecast_lib.data.reading.cells import stray_stamps
from salesforecast_lib.data.reading.report import ReadingReport
from tests.unit.data.reading.files import HEADER, case, orders_with, write

ONE = {  # each is 4 March 2025, with the time shown
    "ISO day": ("2025-03-04", "00:00"),
    "ISO with T": ("2025-03-04T09:15", "09:15"),
    "ISO with blank and seconds": ("2025-03-04 09:15:07", "09:15:07"),
    "fraction": ("2025-03-04T09:15:07.250", "09:15:07.250000"),
    "fraction with comma": ("2025-03-04T09:15:07,25", "09:15:07.250000"),
    "offset": ("2025-03-04T09:15+02:00", "09:15"),
    "offset without colon": ("2025-03-04 09:15:00 -0800", "09:15"),
    "offset of hours": ("2025-03-04 09:15+02", "09:15"),
    "Z": ("2025-03-04T09:15:00Z", "09:15"),
    "named zone": ("2025-03-04 09:15:00 CET", "09:15"),
    "basic": ("20250304", "00:00"),
    "basic with time": ("20250304T0915", "09:15"),
    "fourteen digits": ("20250304091500", "09:15"),
    "week date": ("2025-W10-2", "00:00"),
    "day of the year": ("2025-063", "00:00"),
    "slashes, year first": ("2025/03/04 09:15", "09:15"),
    "dots, year first": ("2025.3.4", "00:00"),
    "Chinese": ("2025年3月4日 09:15", "09:15"),
    "no leading zeros": ("2025-3-4 9:15", "09:15"),
    "English month": ("4 March 2025 09:15", "09:15"),
    "American month": ("Mar 4, 2025 9:15:00 AM PST", "09:15"),
    "afternoon": ("Mar 4, 2025 9:15:00 PM", "21:15"),
    "midnight in twelve hours": ("Mar 4, 2025 12:05 AM", "00:05"),
    "German month": ("4. März 2025", "00:00"),
    "French month": ("4 mars 2025", "00:00"),
    "Spanish month": ("4 de marzo de 2025", "00:00"),
    "short American month": ("Mar 04, 2025", "00:00"),
    "mail": ("Tue, 04 Mar 2025 09:15:00 +0100", "09:15"),
    "full-width digits": ("２０２５-03-04", "00:00"),
    "outer blanks": (" 2025-03-04\u00a0", "00:00"),
}


@pytest.mark.parametrize("name", ONE)
def test_every_spelling_is_read_on_its_own_wall_clock(tmp_path, name):
    text, clock = ONE[name]
    read = orders_with(tmp_path, "timestamp", [text, "2025-03-05"])
    assert read.frame["timestamp"].iloc[0] == pd.Timestamp(f"2025-03-04 {clock}") and read.quarantine.empty


def test_twenty_four_hours_are_the_midnight_that_ends_the_day(tmp_path):
    read = orders_with(tmp_path, "timestamp", ["2025-03-04 24:00", "2025-03-04T24:00:00", "2025-03-04 24:01"])
    assert read.frame["timestamp"].dt.strftime("%d %H:%M").tolist() == ["05 00:00"] * 2
    assert read.quarantine["row"].tolist() == [3] and any("24:00" in r["repair"] for r in read.report.repairs)


BAD = [
    "yesterday",
    "2025-02-30",
    "2025-13-01",
    "0000-00-00",
    "45722",
    "1741046400",
    "2025-03-04 25:00",
    "2025-03",
    "12:30",
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_date_goes_to_quarantine(tmp_path, text):
    read = orders_with(tmp_path, "timestamp", ["2025-03-03", text, "2025-03-05"])
    assert read.quarantine[["row", "column"]].values.tolist() == [[2, "timestamp"]]


ORDERS = {
    "day first": (["05/06/2025", "13/06/2025"], "dmy", ["2025-06-05", "2025-06-13"]),
    "month first": (["05/06/2025", "05/13/2025"], "mdy", ["2025-05-06", "2025-05-13"]),
    "dots": (["05.06.2025 09:15", "31.01.2025 10:00"], "dmy", ["2025-06-05", "2025-01-31"]),
    "two-digit years": (["05.06.25", "31.01.25"], "dmy", ["2025-06-05", "2025-01-31"]),
    "American two-digit years": (["1/2/25", "1/31/25"], "mdy", ["2025-01-02", "2025-01-31"]),
    "twelve hours": (["1/2/2025 1:05 PM", "1/31/2025 11:00 AM"], "mdy", ["2025-01-02", "2025-01-31"]),
    "months by name, two-digit years": (["06-Jan-25", "31-Jan-25"], "dmy", ["2025-01-06", "2025-01-31"]),
    "the same either way": (["01/01/2025", "02/02/2025"], "dmy", ["2025-01-01", "2025-02-02"]),
}


@pytest.mark.parametrize("name", ORDERS)
def test_the_column_decides_the_order_of_day_and_month(tmp_path, name):
    cells, order, days = ORDERS[name]
    read = orders_with(tmp_path, "timestamp", cells)
    assert read.frame["timestamp"].dt.strftime("%Y-%m-%d").tolist() == days and read.report.date_order == order


OPEN = {
    "both fit": ["05/06/2025", "07/08/2025"],
    "dots are no proof": ["05.06.2025", "07.08.2025"],
    "dashes": ["05-06-2025", "07-08-2025"],
    "two-digit years": ["05/06/07", "07/08/07"],
}


@pytest.mark.parametrize("name", OPEN)
def test_a_column_that_fits_both_orders_is_refused_with_both_readings_and_the_advice_works(tmp_path, name):
    with pytest.raises(ReadingError, match="more than one order") as error:
        orders_with(tmp_path, "timestamp", OPEN[name])
    assert "date_order=dmy" in str(error.value) and "date_order=mdy" in str(error.value)
    read = orders_with(tmp_path, "timestamp", OPEN[name], date_order="dmy")
    assert read.frame["timestamp"].dt.day.tolist() == [5, 7] and read.report.date_order == "dmy"


def test_a_column_that_fits_no_order_is_refused(tmp_path):
    with pytest.raises(ReadingError, match="one order in a column"):
        orders_with(tmp_path, "timestamp", ["13/06/2025", "06/14/2025"])


def test_open_dates_beside_sure_ones_go_to_quarantine(tmp_path):
    read = orders_with(tmp_path, "timestamp", ["05/06/2025", "2025-03-29", "2025-03-30", "2025-03-31"])
    assert read.quarantine["row"].tolist() == [1] and "two readings" in read.quarantine["reason"].iloc[0]
    sure = orders_with(tmp_path, "timestamp", ["25/03/2025", "2025-03-29", "2025-03-30", "2025-03-31"])
    assert sure.quarantine.empty


def test_iso_stamps_across_dst():
    read = read_orders(case("iso_stamps_across_dst/orders.csv"))
    assert len(read.frame) == 7 and read.quarantine.empty
    first = read_orders(case("iso_stamps_across_dst/orders_first_row_ambiguous.csv"))
    assert len(first.frame) == 3 and first.quarantine["row"].tolist() == [1]


@pytest.mark.parametrize(
    "cell, zone, stamp",
    [
        ("2025-02-03 00:20:00 +0100", "", "2025-02-03 00:20"),
        ("2025-02-03 20:10:00 -0800", "", "2025-02-03 20:10"),
        ("2025-02-03 00:20:00 +0100", "Europe/Berlin", "2025-02-03 00:20"),
        ("2025-02-03 00:20:00 +0100", "America/New_York", "2025-02-02 18:20"),
        ("2025-07-03 22:30:00Z", "Europe/Berlin", "2025-07-04 00:30"),
        ("2025-02-03 20:10:00 -0800", "Europe/Berlin", "2025-02-04 05:10"),
        ("2025-02-03 03:00:00", "America/New_York", "2025-02-02 22:00"),
        ("2025-02-03", "America/New_York", "2025-02-03 00:00"),
        ("2025-02-03 20:10:00 PST", "America/New_York", "2025-02-03 23:10"),
    ],
)
def test_zones_are_as_told_else_the_wall_clock_and_said(tmp_path, cell, zone, stamp):
    read = orders_with(tmp_path, "timestamp", [cell], timezone=zone)
    assert read.frame["timestamp"].iloc[0] == pd.Timestamp(stamp)
    assert zone == "" or read.report.timezone == zone or len(cell) == 10
    if not zone:
        assert "wall clock" in read.report.timezone and any("own wall clock" in note for note in read.report.notes)


@pytest.mark.parametrize("zone", ["", "America/New_York"])
def test_parquet_and_text_give_the_same_stamps(tmp_path, zone):
    for stamps in (["2025-02-03", "2025-02-04"], ["2025-02-03 03:00", "2025-02-04 12:00"]):
        frame = pd.DataFrame({name: ["1", "2"] for name in HEADER}).assign(timestamp=pd.to_datetime(stamps))
        frame.to_parquet(tmp_path / "orders.parquet")
        typed = read_orders(tmp_path / "orders.parquet", ReadOptions(timezone=zone)).frame["timestamp"]
        text = orders_with(tmp_path, "timestamp", stamps, timezone=zone).frame["timestamp"]
        assert typed.tolist() == text.tolist()


def test_long_columns_are_read_as_short_ones_are(tmp_path):
    short = ["2025-02-03 03:00:00", "2025-02-04 12:30:00"]
    long = orders_with(tmp_path, "timestamp", short * 600, timezone="America/New_York").frame["timestamp"]
    assert (
        long.iloc[:2].tolist()
        == orders_with(tmp_path, "timestamp", short, timezone="America/New_York").frame["timestamp"].tolist()
    )


@pytest.mark.parametrize("name", ["orders", "orders_us_evening"])
def test_offset_moves_the_day(name):
    file = case(f"offset_moves_the_day/{name}.csv")
    read, text = read_orders(file), pd.read_csv(file)["timestamp"].str[:10]
    assert read.frame["timestamp"].dt.strftime("%Y-%m-%d").tolist() == text.tolist()


def test_dates_of_a_workbook_are_dates_and_bare_serials_are_not(tmp_path):
    rows = [
        [1, "A", pd.Timestamp("2025-02-03 10:00"), 1, 2],
        [2, "A", "04.02.2025", 1, 2],
        [3, "A", "14.02.2025", 1, 2],
    ]
    pd.DataFrame([*rows, [4, "A", 45692, 1, 2]], columns=HEADER).to_excel(tmp_path / "orders.xlsx", index=False)
    read = read_orders(tmp_path / "orders.xlsx")
    assert read.frame["timestamp"].dt.strftime("%m-%d").tolist() == ["02-03", "02-04", "02-14"]
    assert read.quarantine["row"].tolist() == [4]


STRAYS = ["1970-01-01", "1900-01-01", "2052-01-09", "0001-01-01", "9999-12-31", "1999-12-31", "2019-05-05"]


@pytest.mark.parametrize("text", STRAYS)
def test_a_stamp_far_from_all_others_does_not_move_the_first_or_last_day(tmp_path, text):
    days = [f"2025-01-{day:02d}" for day in range(1, 29)]
    read = orders_with(tmp_path, "timestamp", [*days[:10], text, *days[10:]])
    assert read.quarantine[["row", "column", "reason"]].values.tolist() == [
        [11, "timestamp", "a date far from all others"]
    ]
    assert (read.report.first_day, read.report.last_day) == ("2025-01-01", "2025-01-28")


def test_a_stamp_beyond_tomorrow_goes_to_quarantine(tmp_path):
    now = pd.Timestamp.now().normalize()
    days = [str((now - pd.Timedelta(days=back)).date()) for back in range(40)]
    ahead = [str((now + pd.Timedelta(days=days_)).date()) for days_ in (1, 2)]
    read = orders_with(tmp_path, "timestamp", [*days, *ahead])
    assert read.quarantine["row"].tolist() == [42] and read.report.last_day == ahead[0]


def test_many_stamps_in_the_future_are_refused(tmp_path):
    later = [str((pd.Timestamp.now() + pd.Timedelta(days=days)).date()) for days in range(5, 25)]
    with pytest.raises(ReadingError, match="beyond tomorrow"):
        orders_with(tmp_path, "timestamp", later)


def test_an_earlier_period_of_some_size_is_kept_and_said(tmp_path):
    old = [f"2022-01-{day:02d}" for day in range(1, 15)]
    days = [f"2025-{month:02d}-{day:02d}" for month in (1, 2) for day in range(1, 29)]
    read = orders_with(tmp_path, "timestamp", [*old, *days])
    assert read.quarantine.empty and any("more than a year" in note for note in read.report.notes)


def test_placeholders_are_strays_however_many(tmp_path):
    read = orders_with(tmp_path, "timestamp", ["1970-01-01"] * 5 + [f"2025-01-{day:02d}" for day in range(1, 29)])
    assert len(read.quarantine) == 5


@pytest.mark.parametrize("name", ["orders", "orders_future"])
def test_one_order_in_1970(name):
    read = read_orders(case(f"one_order_in_1970/{name}.csv"))
    assert len(read.quarantine) == 1 and read.report.first_day == "2025-01-06" and read.report.last_day == "2025-05-11"


def test_a_placeholder_is_a_stray_beside_one_real_date(tmp_path):
    read = orders_with(tmp_path, "timestamp", ["1970-01-01", "2025-01-01"])
    assert read.quarantine["row"].tolist() == [1] and read.report.first_day == "2025-01-01"


@pytest.mark.parametrize(
    "stamps, first", [(["2025-01", "2025-02"], "2025-01-01"), (["2025-W05", "2025-W06"], "2025-01-27")]
)
def test_months_and_weeks_are_stamps_of_a_panel_and_not_of_an_order(tmp_path, stamps, first):
    text = "unique_id,ds,y\n" + "".join(f"A,{stamp},1\n" for stamp in stamps)
    assert read_panel_file(write(tmp_path, text)).report.first_day == first
    assert len(orders_with(tmp_path, "timestamp", [*stamps, "2025-03-01"]).quarantine) == 2


def test_two_far_rows_alone_are_both_kept():
    report = ReadingReport("f", "orders")
    masks = stray_stamps(pd.Series(pd.to_datetime(["2020-01-01", "2022-01-01"])), report)
    assert not any(mask.any() for mask in masks.values()) and report.notes


def test_panels_read_zones_and_running_periods(tmp_path):
    now = pd.Timestamp.now().normalize()
    sunday = now + pd.Timedelta(days=6 - now.dayofweek)
    stamps = [f"{(sunday - pd.Timedelta(weeks=week)).date()}T00:00:00+01:00" for week in range(30)]
    text = "unique_id,ds,y\n" + "".join(f"A,{stamp},1\n" for stamp in stamps)
    read = read_panel_file(write(tmp_path, text))
    assert read.quarantine.empty and read.frame["ds"].max() == sunday


COUNTED = {  # 4 March 2025, 9:15 of the clock that the numbers count by
    "Excel's days": (["45720.385416667", "45721.5", "45722"], "2025-03-04 09:15", "days as Excel counts them"),
    "Excel's days, a comma": (["45720,385416667", "45721,5", "45722"], "2025-03-04 09:15", "days as Excel counts them"),
    "seconds": (["1741079700", "1741079701", "1741179700"], "2025-03-04 09:15", "seconds since 1970"),
    "milliseconds": (["1741079700000", "1741079701000"], "2025-03-04 09:15", "milliseconds since 1970"),
    "microseconds": (["1741079700000000", "1741079701000000"], "2025-03-04 09:15", "microseconds since 1970"),
}


@pytest.mark.parametrize("name", COUNTED)
def test_a_column_of_counted_dates_is_read_and_said_with_an_example(tmp_path, name):
    cells, when, words = COUNTED[name]
    read = orders_with(tmp_path, "timestamp", cells)
    assert read.frame["timestamp"].iloc[0] == pd.Timestamp(when) and read.quarantine.empty
    (note,) = [note for note in read.report.notes if words in note]
    assert f"{cells[0]} is {when}" in note


def test_seconds_of_unix_are_utc_and_move_to_the_clock_of_the_shop(tmp_path):
    read = orders_with(tmp_path, "timestamp", ["1741129200", "1741079701"], timezone="Europe/Berlin")
    assert read.frame["timestamp"].iloc[0] == pd.Timestamp("2025-03-05 00:00")
    read = orders_with(tmp_path, "timestamp", ["1741129200", "1741079701"])
    assert read.report.timezone == "wall clock of the stamps (UTC)", "the report says on whose clock they were read"
    read = orders_with(tmp_path, "timestamp", ["45720.5", "45721.5"])
    assert read.report.timezone is None, "Excel's days are the shop's own clock"


MIXED = [["45720", "2025-03-05"], ["45720", "1741079700"], ["123456", "234567"], ["20240", "1"]]


@pytest.mark.parametrize("cells", MIXED)
def test_numbers_of_more_than_one_kind_are_no_dates(tmp_path, cells):
    read = orders_with(tmp_path, "timestamp", [*cells, "2025-03-06"])
    assert not any("counts them" in note for note in read.report.notes) and len(read.quarantine) >= 1
