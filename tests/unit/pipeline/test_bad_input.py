"""Whatever a shop hands in: a clear error naming the file, or quarantine rows with row, column, value and reason."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.data.cleaning import CleaningConfig, clean
from salesforecast_lib.data.own.regular import read_panel
from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_orders
from salesforecast_lib.files import empty_table, write_csv
from salesforecast_lib.pipeline.cli import app

HEADER = "order_id,product_id,timestamp,quantity,unit_price\n"
GOOD = "1,a,2024-03-01,2,1.5\n"


def read_order_lines(file, columns=None):
    read = read_orders(file, ReadOptions(columns=columns or {}))
    return read.frame, read.quarantine


def write(tmp_path, content, name="orders.csv"):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


UNUSABLE = {
    "empty file": (b"", "empty"),
    "only blank lines": (b"\n\n\n", "orders.csv"),
    "header without rows": (HEADER, "no rows"),
    "missing column": ("order_id,product_id,timestamp,quantity\n1,a,2024-03-01,2\n", "unit_price"),
    "no header": (GOOD + GOOD, "missing columns"),
    "column twice": (HEADER.strip() + ",quantity\n" + GOOD.strip() + ",3\n", "twice"),
    "unclosed quote": (HEADER + '1,"a,2024-03-01,2,1.5\n' + GOOD, "orders.csv"),
    "binary rubbish": (bytes(range(256)) * 20, "orders.csv"),
    "all rows refused, still read": (HEADER + "1,a,never,2,1.5\n", None),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_file_names_itself_and_what_is_wrong(tmp_path, case):
    content, complaint = UNUSABLE[case]
    file = write(tmp_path, content)
    if complaint is None:
        lines, refused = read_order_lines(file)
        assert lines.empty and refused["row"].tolist() == [1]
        with pytest.raises(ValueError, match="quarantine"):
            build_panel(clean(lines, CleaningConfig(), refused).kept, PanelConfig())
        return
    with pytest.raises(ValueError) as error:
        read_order_lines(file)
    assert "orders.csv" in str(error.value) and complaint in str(error.value)


@pytest.mark.parametrize(
    "name, content, complaint",
    [
        ("orders.pdf", b"%PDF", "unknown file type"),
        ("orders.parquet", b"no parquet", "orders.parquet"),
        ("orders.xlsx", b"no workbook", "orders.xlsx"),
    ],
)
def test_wrong_kind_of_file_is_named(tmp_path, name, content, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_order_lines(write(tmp_path, content, name))


def test_missing_file_and_folder_without_parquet_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.csv"):
        read_order_lines(tmp_path / "nowhere.csv")
    with pytest.raises(ReadingError, match=f"{tmp_path.name}: no .parquet file in this folder"):
        read_order_lines(tmp_path)


REFUSED = {
    "negative infinity": ("1,a,2024-03-01,-inf,1.5", "quantity"),
    "infinity": ("1,a,2024-03-01,2,inf", "unit_price"),
    "nan": ("1,a,2024-03-01,nan,1.5", "quantity"),
    "words for numbers": ("1,a,2024-03-01,two,1.5", "quantity"),
    "decimal comma": ('1,a,2024-03-01,2,"1,5"', "unit_price"),
    "empty quantity": ("1,a,2024-03-01,,1.5", "quantity"),
    "number beyond floats": ("1,a,2024-03-01,1e999,1.5", "quantity"),
    "no date": ("1,a,yesterday,2,1.5", "timestamp"),
    "impossible date": ("1,a,2024-02-30,2,1.5", "timestamp"),
    "year 9999": ("1,a,9999-01-01,2,1.5", "timestamp"),
    "year 1066": ("1,a,1066-10-14,2,1.5", "timestamp"),
    "empty order": (",a,2024-03-01,2,1.5", "order_id"),
    "blank product": ("1,   ,2024-03-01,2,1.5", "product_id"),
    "too few fields": ("1,a,2024-03-01,2", "unit_price"),
    "too many fields": ("2,a,2024-03-01,2,1.5,9,9,9", "unit_price"),
    "ten megabytes in a cell": ("1," + "x" * 10_000_000 + ",2024-03-01,2,1.5", "product_id"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_row_goes_to_quarantine_with_its_number_and_column(tmp_path, case):
    row, column = REFUSED[case]
    lines, refused = read_order_lines(write(tmp_path, HEADER + GOOD + row + "\n" + GOOD))
    assert refused[["row", "column"]].values.tolist() == [[2, column]]
    assert refused["reason"].str.len().gt(5).all() and refused["value"].str.len().le(200).all()
    assert lines["row"].tolist() == [1, 3]


CLEANED = {
    "negative quantity": ("2,a,2024-03-01,-2,1.5", "quantity"),
    "negative price": ("2,a,2024-03-01,2,-1.5", "unit_price"),
    "zero price": ("2,a,2024-03-01,2,0", "unit_price"),
    "zero quantity": ("2,a,2024-03-01,0,1.5", "quantity"),
    "duplicate": (GOOD.strip(), "order_id"),
}


@pytest.mark.parametrize("case", CLEANED)
def test_row_that_is_no_sale_is_kept_out_and_counted(tmp_path, case):
    row, column = CLEANED[case]
    lines, refused = read_order_lines(write(tmp_path, HEADER + GOOD + row + "\n"))
    cleaned = clean(lines, CleaningConfig(), refused)
    assert cleaned.quarantine[["row", "column"]].values.tolist() == [[2, column]]
    assert len(cleaned.kept) + len(cleaned.quarantine) + len(cleaned.cancelled) == 2


def test_mixed_dates_are_read_or_refused_never_guessed(tmp_path):
    rows = ["2024-03-01", "2024-03-01 10:00", "2024-03-01T10:00:00", "03/04/2024", "20240301", "1709251200"]
    text = HEADER + "".join(f"{number},a,{day},2,1.5\n" for number, day in enumerate(rows))
    lines, refused = read_order_lines(write(tmp_path, text))
    assert len(lines) + len(refused) == len(rows)
    assert set(lines["timestamp"].dt.date.astype(str)) == {"2024-03-01"}, "03/04 is March or April: refused"


def test_semicolons_and_byte_order_mark_are_understood(tmp_path):
    text = "\ufeff" + (HEADER + GOOD).replace(",", ";")
    lines, refused = read_order_lines(write(tmp_path, text))
    assert len(lines) == 1 and refused.empty


def test_one_row_and_odd_names_make_a_panel(tmp_path):
    lines, _ = read_order_lines(write(tmp_path, HEADER + "1,🧦 =1+1,2024-03-01,2,1.5\n"))
    panel = build_panel(lines, PanelConfig())
    assert panel["unique_id"].tolist() == ["🧦 =1+1"] and panel["y"].tolist() == [2.0]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_we_write_is_never_a_formula(tmp_path, text):
    file = write_csv(pd.DataFrame({"unique_id": [text], text: [-1.5]}), tmp_path / "plan.csv")
    back = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert back["unique_id"].iloc[0] == "'" + text
    assert back.columns[1].startswith("'") and back.iloc[0, 1] == "-1.5", "numbers stay numbers"


@pytest.mark.parametrize(
    "columns, complaint",
    [({"amount": "quantity"}, "unknown names"), ({"quantity": "Qty"}, "looked for 'Qty'")],
)
def test_column_map_is_checked(tmp_path, columns, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_order_lines(write(tmp_path, HEADER + GOOD), columns)


PANELS = {
    "duplicate keys": ("a,2024-03-01,1\na,2024-03-01,2\n", "twice"),
    "no usable row": ("a,never,1\n", "no usable row"),
    "not a weekly date": ("a,2024-03-03,1\na,2024-03-06,1\n", "row 2: 2024-03-06 is a Wednesday|give freq=D"),
}


@pytest.mark.parametrize("case", PANELS)
def test_unusable_panel_is_refused(tmp_path, case):
    rows, complaint = PANELS[case]
    file = write(tmp_path, "unique_id,ds,y\n" + rows, "panel.csv")
    with pytest.raises(ValueError, match=complaint):
        read_panel(str(file), freq="W" if "weekly" in case else "D")


def test_bad_panel_rows_go_to_quarantine(tmp_path):
    rows = "a,2024-03-01,1\na,2024-03-02,-1\na,2024-03-03,inf\n,2024-03-04,1\na,no,1\na,2024-03-05,5\n"
    regular, read = read_panel(str(write(tmp_path, "unique_id,ds,y\n" + rows, "panel.csv")))
    assert sorted(read.quarantine["row"]) == [2, 3, 4, 5]
    assert regular.panel["y"].tolist() == [1, 0, 0, 0, 5]


@pytest.mark.parametrize("case", ["missing column", "binary rubbish", "empty file"])
def test_command_line_says_what_is_wrong_without_a_traceback(tmp_path, case):
    file = write(tmp_path, UNUSABLE[case][0])
    result = CliRunner().invoke(app, ["check-data", str(file)])
    assert result.exit_code == 1
    assert "Traceback" not in result.output and isinstance(result.exception, SystemExit)


def test_an_empty_table_has_the_types_of_a_full_one():
    table = empty_table({"unique_id": "object", "units": "float64", "ds": "datetime64[ns]"})
    assert table.empty and [str(kind) for kind in table.dtypes] == ["object", "float64", "datetime64[ns]"]
