"""What the run's own file settled holds for the shorter files that come later."""

import pandas as pd
import pytest

from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare, save_prepared
from salesforecast_lib.data.reading import ReadingError, read_orders, read_panel_file
from salesforecast_lib.files import write_json
from salesforecast_lib.pipeline.batch import read_new
from salesforecast_lib.pipeline.batch.read import run_values
from salesforecast_lib.pipeline.runs.files import reading_options

COLUMNS = {"unique_id": "product", "ds": "period", "y": "units"}
WEEKS = pd.date_range("2023-01-02", "2025-01-06", freq="W-MON")
DAYS = pd.date_range("2025-01-01", "2025-05-31")


def table(days, form):
    said = [day.strftime(form) for day in days]
    frame = pd.DataFrame({"product": "tea", "period": said, "units": range(1, len(days) + 1)})
    return pd.concat([frame, frame.assign(product="cup")])


def run_of(folder, dataset, table, columns, freq, **more):
    """A run's folder as far as chapter 01 writes it."""
    table.to_csv(folder / "first.csv", index=False)
    values = {"dataset": dataset, "columns": columns, "freq": freq, "horizon": 4, **more}
    told = {"path": str(folder / "first.csv"), "reading": reading_options(values)}
    prepared = prepare(dataset, PanelConfig(freq=freq), 4, **told)
    save_prepared(prepared, folder)
    write_json(values | {"path": told["path"]}, folder / "parameters.json")
    return prepared.meta["reading"]


def test_one_week_as_a_number_is_a_week_where_the_run_s_own_were(tmp_path):
    assert run_of(tmp_path, "own_panel", table(WEEKS, "%G%V"), COLUMNS, "W") == {"periods": "weeks"}
    later = tmp_path / "later.csv"
    table(WEEKS[-1:] + pd.Timedelta(weeks=1), "%G%V").to_csv(later, index=False)  # 202503
    with pytest.raises(ReadingError, match="202503 may be a month or a week"):
        read_panel_file(later, reading_options({"columns": COLUMNS}))
    found = read_panel_file(later, reading_options(run_values(tmp_path))).frame
    assert (found["ds"] == pd.Timestamp("2025-01-13")).all()
    assert read_new(tmp_path, later).panel["ds"].unique().tolist() == [pd.Timestamp("2025-01-13")]


def test_one_day_with_two_readings_has_that_of_the_run_s_own(tmp_path):
    assert run_of(tmp_path, "own_panel", table(DAYS, "%d/%m/%Y"), COLUMNS, "D") == {"date_order": "dmy"}
    later = tmp_path / "later.csv"
    table(pd.DatetimeIndex(["2025-06-05"]), "%d/%m/%Y").to_csv(later, index=False)
    with pytest.raises(ReadingError, match="every date fits more than one order"):
        read_panel_file(later, reading_options({"columns": COLUMNS}))
    assert read_new(tmp_path, later).panel["ds"].unique().tolist() == [pd.Timestamp("2025-06-05")]


def test_order_lines_of_one_day_likewise_and_the_plan_s_dates_stay_their_own(tmp_path):
    columns = {"product_id": "product", "timestamp": "period", "quantity": "units", "order_id": "order"}
    orders = table(DAYS, "%m/%d/%Y").assign(price=2.5, order=range(2 * len(DAYS)))
    columns["unit_price"] = "price"
    assert run_of(tmp_path, "own_data", orders, columns, "D") == {"date_order": "mdy"}
    later = tmp_path / "later.csv"
    orders.tail(1).assign(period="06/05/2025").to_csv(later, index=False)
    values = run_values(tmp_path)
    assert (read_orders(later, reading_options(values)).frame["timestamp"] == pd.Timestamp("2025-06-05")).all()
    assert reading_options(values, "plan_columns").settled == {}
    assert reading_options(values | {"date_order": "dmy"}).date_order == "dmy"  # what is said goes first


def test_a_later_file_that_shows_another_order_is_read_as_it_shows(tmp_path):
    run_of(tmp_path, "own_panel", table(DAYS, "%d/%m/%Y"), COLUMNS, "D")
    days = pd.date_range("2025-06-01", "2025-06-20")
    table(days, "%m/%d/%Y").to_csv(tmp_path / "later.csv", index=False)  # twelve of them have two readings
    assert read_new(tmp_path, tmp_path / "later.csv").panel["ds"].unique().tolist() == list(days)


def test_dates_that_leave_nothing_open_settle_nothing(tmp_path):
    assert run_of(tmp_path, "own_panel", table(DAYS, "%Y-%m-%d"), COLUMNS, "D") == {}
