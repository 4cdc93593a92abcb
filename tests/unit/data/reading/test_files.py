"""Files: encodings, separators, lines above the header, surplus fields, worksheets, column maps."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import openpyxl
import pandas as pd
import pytest

from salesforecast_lib.data.reading import (
    ReadingError,
    ReadOptions,
    open_table,
    read_orders,
    read_panel_file,
    read_plan_file,
    read_stock_file,
)
from tests.unit.data.reading.files import HEADER, case, write

HEAD = ",".join(HEADER) + "\n"
ROWS = "1,{0},2025-01-01,2,1.5\n2,Tee M,2025-01-02,3,2.25\n"

ENCODINGS = {
    "UTF-8": ("utf-8", "Größe 商品 🧦"),
    "UTF-8 with mark": ("utf-8-sig", "Größe 商品"),
    "UTF-16": ("utf-16", "Größe 商品"),
    "UTF-16-LE": ("utf-16-le", "Größe"),
    "UTF-16-BE": ("utf-16-be", "Größe"),
    "GB18030": ("gb18030", "红色T恤 大号"),
    "Windows-1252": ("cp1252", "Größe – “Café” 5 €"),
    "CP1250": ("cp1250", "Łódź żółty"),
}


@pytest.mark.parametrize("shown", ENCODINGS)
def test_the_encoding_is_found_and_named(tmp_path, shown):
    encoding, name = ENCODINGS[shown]
    read = read_orders(write(tmp_path, HEAD + ROWS.format(name), encoding=encoding))
    assert read.frame["product_id"].iloc[0] == name and read.report.encoding == shown


@pytest.mark.parametrize("text", ["Größe", "naïve", "crème brûlée", "Ärmel", "¡Olé!", "5€", "Straße 5", "30°C"])
def test_one_western_word_is_enough(tmp_path, text):
    read = read_orders(write(tmp_path, HEAD + ROWS.format(text), encoding="cp1252"))
    assert read.frame["product_id"].iloc[0] == text


@pytest.mark.parametrize("text", ["商品", "苹果，红色", "T恤（大）", "优质大米5kg", "牛奶"])
def test_one_chinese_word_is_enough(tmp_path, text):
    read = read_orders(write(tmp_path, HEAD + ROWS.format(text), encoding="gb18030"))
    assert read.frame["product_id"].iloc[0] == text


@pytest.mark.parametrize("encoding, text", [("cp1251", "Товар"), ("shift_jis", "商品名カタカナ"), ("cp1252", "ÄÖ")])
def test_another_code_page_is_right_or_refused_and_the_advice_works(tmp_path, encoding, text):
    file = write(tmp_path, HEAD + ROWS.format(text), encoding=encoding)
    try:
        assert read_orders(file).frame["product_id"].iloc[0] == text
    except ReadingError as error:
        assert "encoding=" in str(error)
    assert read_orders(file, ReadOptions(encoding=encoding)).frame["product_id"].iloc[0] == text


def test_korean_is_not_taken_for_chinese(tmp_path):
    names = ["우유", "빵", "설탕", "커피", "과자", "비누"]
    text = HEAD + "".join(f"{number},{name},2025-01-01,2,1.5\n" for number, name in enumerate(names))
    file = write(tmp_path, text, encoding="euc_kr")
    with pytest.raises(ReadingError, match="encoding=euc_kr"):
        read_orders(file)
    assert read_orders(file, ReadOptions(encoding="euc_kr")).frame["product_id"].tolist() == names


def test_an_encoding_that_does_not_fit_is_said(tmp_path):
    file = write(tmp_path, HEAD + ROWS.format("Größe"), encoding="cp1252")
    said = read_orders(file).report.notes
    assert any("Windows-1252" in note and "Größe" in note for note in said), "its words show whether it is right"
    for name in ("utf-8", "klingon"):
        with pytest.raises(ReadingError, match=name):
            read_orders(file, ReadOptions(encoding=name))


def _zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("orders.csv", data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "pack, suffix", [(gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz"), (_zipped, ".zip")]
)
def test_compressed_files_are_read(tmp_path, pack, suffix):
    file = write(tmp_path, pack((HEAD + ROWS.format("Größe")).encode("cp1252")), f"orders.csv{suffix}")
    assert read_orders(file).frame["product_id"].tolist() == ["Größe", "Tee M"]


def test_a_zip_of_several_files_and_a_broken_one_are_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", HEAD)
        archive.writestr("b.csv", HEAD)
    with pytest.raises(ReadingError, match="a.csv"):
        read_orders(write(tmp_path, buffer.getvalue(), "two.zip"))
    with pytest.raises(ReadingError, match="decompressed"):
        read_orders(write(tmp_path, gzip.compress(HEAD.encode())[:-9], "cut.csv.gz"))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_separator_is_found_with_quotes_honoured(tmp_path, separator, end):
    head = [*HEADER, "note, with; all|marks"]
    rows = [
        ["1", 'Tee, "M"; red|blue', "2025-01-01", "2", "1.5", "two\nlines"],
        ["2", "B", "2025-01-02", "1", "1.5", ""],
    ]
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in [head, *rows]]
    text = end.join(separator.join(row) for row in quoted) + end
    read = read_orders(write(tmp_path, text))
    assert read.report.separator == separator
    assert read.frame["product_id"].tolist() == ['Tee, "M"; red|blue', "B"]
    assert read.frame["note, with; all|marks"].tolist() == ["two\nlines", None]


ABOVE = {
    "sep line": ("sep=;\n", ";", 0),
    "quoted sep line": ('"sep=;"\n', ";", 0),
    "a separator that nobody would guess": ("sep=^\n", "^", 0),
    "title": ("Sales report\n", ",", 1),
    "title and blank line": ("Sales report 2025\n\n", ",", 2),
    "sentences with commas": ('"All amounts in EUR, unless specified"\n"Definitions:"\n', ",", 2),
    "ragged lines": ("Report,from,2025-01-01,to,2025-02-01,of,shop\nfilter,all\n", ",", 2),
    "title in other quotes": ('"Sales\nreport"\n', ",", 2),
}


@pytest.mark.parametrize("name", ABOVE)
def test_lines_above_the_header_are_skipped_and_said(tmp_path, name):
    above, separator, lines = ABOVE[name]
    text = above + (HEAD + ROWS.format("A")).replace(",", separator)
    read = read_orders(write(tmp_path, text))
    assert read.frame["product_id"].tolist() == ["A", "Tee M"] and read.frame["row"].tolist() == [1, 2]
    assert lines == 0 or f"{lines} lines above the header were skipped" in read.report.notes


def test_the_header_is_found_by_the_mapped_names(tmp_path):
    text = "Report;2025\nNr;Artikel;Tag;Menge;Preis\n1;A;2025-01-01;2;1,5\n"
    names = dict(zip(HEADER, ["Nr", "Artikel", "Tag", "Menge", "Preis"], strict=True))
    assert read_orders(write(tmp_path, text), ReadOptions(columns=names)).frame["unit_price"].tolist() == [1.5]
    with pytest.raises(ReadingError, match="missing columns"):
        read_orders(write(tmp_path, text))


@pytest.mark.parametrize("name, rows", [("amazon_preamble", 2), ("excel_sep_line", 1), ("total_row", 3)])
def test_lines_above_the_header(name, rows):
    assert len(read_orders(case(f"lines_above_the_header/{name}.csv")).frame) == rows


@pytest.mark.parametrize("surplus", [",", ",,", ",,,,"])
@pytest.mark.parametrize("where", ["every row", "some rows", "header too"])
def test_surplus_empty_fields_never_move_a_column(tmp_path, surplus, where):
    rows = [line + (surplus if where != "some rows" or number else "") for number, line in
            enumerate(ROWS.format("A").splitlines())]  # fmt: skip
    head = HEAD.strip() + (surplus if where == "header too" else "")
    read = read_orders(write(tmp_path, "\n".join([head, *rows]) + "\n"))
    assert read.frame["product_id"].tolist() == ["A", "Tee M"] and read.frame["unit_price"].tolist() == [1.5, 2.25]
    assert read.quarantine.empty


@pytest.mark.parametrize("more", [",9", ",9,9,9", ",,,9", "," * 40 + "9"])
def test_surplus_fields_with_values_are_never_cut_off(tmp_path, more):
    rows = "".join(f"{number},A,2025-01-01,2,1.5{more}\n" for number in range(1, 4))
    read = read_orders(write(tmp_path, HEAD + rows + "4,A,2025-01-01,2,1.5\n"))
    assert read.frame["row"].tolist() == [4] and read.quarantine["row"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", ["orders", "orders_plain"])
def test_comma_at_the_end_of_rows(name):
    read = read_orders(case(f"comma_at_the_end_of_rows/{name}.csv"))
    assert set(read.frame["product_id"]) == {"S0", "S1", "S2", "S3"} and read.frame["unit_price"].max() < 100


def test_a_separator_inside_a_field_without_quotes_moves_nothing(tmp_path):
    read = read_orders(write(tmp_path, HEAD + "1,Tee, red,2025-01-01,2,1.5\n" + ROWS.format("A")))
    assert read.frame["product_id"].tolist() == ["A", "Tee M"] and read.frame["row"].tolist() == [2, 3]
    assert read.quarantine["row"].tolist() == [1] and "more fields" in read.quarantine["reason"].iloc[0]
    with pytest.raises(ReadingError, match="row 1"):
        read_stock_file(write(tmp_path, "unique_id,stock\nTee, red,3\nB,1\n", "stock.csv"))


def test_a_quote_that_is_not_closed_swallows_nothing(tmp_path):
    text = HEAD + '1,"Tee,2025-01-01,2,1.5\n2,A,2025-01-02,3,2.25\n3,"B",2025-01-02,3,2.25\n'
    with pytest.raises(ReadingError, match="quot"):
        read_orders(write(tmp_path, text))


def _book(tmp_path, sheets, hidden=()):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
        if name in hidden:
            page.sheet_state = "hidden"
    book.save(tmp_path / "orders.xlsx")
    return tmp_path / "orders.xlsx"


LINES = [[1, "A", "2025-01-01", 2, 1.5], [2, "B", "2025-01-02", 3, 2.25]]


def test_a_summary_sheet_is_not_read_as_orders_and_the_report_says_which_was(tmp_path):
    summary = [["Summary"], ["product", "units"], ["A", 2], ["Total", 5]]
    file = _book(tmp_path, {"Summary": summary, "Data": [["Export of 3 January"], [], HEADER, *LINES, [None, None]]})
    read = read_orders(file)
    assert read.report.sheet == "Data" and read.report.rows == 2
    assert any("Summary" in note for note in read.report.notes)


def test_rows_of_a_worksheet_keep_their_numbers_over_empty_ones(tmp_path):
    rows = [HEADER, LINES[0], [], [2, "B", "never", 1, 1], [], [3, "C", "2025-01-03", 1, 1]]
    read = read_orders(_book(tmp_path, {"Data": rows}))
    assert read.frame["row"].tolist() == [1, 5] and read.quarantine["row"].tolist() == [3]


def test_sheets_of_the_same_columns_are_read_one_after_another_and_hidden_ones_are_not(tmp_path):
    more = [[3, "C", "2025-01-03", 1, 1.0]]
    sheets = {"January": [HEADER, *LINES], "February": [HEADER, *more], "old": [HEADER, *LINES]}
    read = read_orders(_book(tmp_path, sheets, hidden=("old",)))
    assert read.report.sheet == "January, February" and read.frame["product_id"].tolist() == ["A", "B", "C"]
    assert read.frame["row"].tolist() == [1, 2, 3] and any("hidden" in note for note in read.report.notes)


def test_sheets_of_different_columns_are_refused_and_one_can_be_named(tmp_path):
    other = [[*HEADER, "channel"], [9, "Z", "2025-01-03", 1, 1.0, "web"]]
    file = _book(tmp_path, {"shop": [HEADER, *LINES], "web": other})
    with pytest.raises(ReadingError, match="sheet="):
        read_orders(file)
    assert read_orders(file, ReadOptions(sheet="web")).frame["product_id"].tolist() == ["Z"]
    with pytest.raises(ReadingError, match="'shop'"):
        read_orders(file, ReadOptions(sheet="nowhere"))


def test_a_workbook_under_another_name_is_read_and_an_old_one_refused_with_advice(tmp_path):
    file = _book(tmp_path, {"Data": [HEADER, *LINES]})
    assert read_orders(write(tmp_path, file.read_bytes(), "orders.csv")).report.rows == 2
    for content in (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        b"<html><table><tr><td>1</td></tr></table></html>",
    ):
        with pytest.raises(ReadingError, match="save it as .xlsx"):
            read_orders(write(tmp_path, content, "orders.xls"))


def test_header_names_of_any_kind_can_be_mapped(tmp_path):
    names = ["Order #", "Item (SKU)", "Date: local", "Qty\nsold", 'Price, "EUR"']
    text = ",".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names) + "\n" + ROWS.format("A")
    read = read_orders(write(tmp_path, text), ReadOptions(columns=dict(zip(HEADER, names, strict=True))))
    assert read.frame["unit_price"].tolist() == [1.5, 2.25]


def test_the_mapped_column_wins_and_one_column_may_serve_twice(tmp_path):
    text = "order_id,order_number,sku,Day,quantity,unit_price,timestamp\n0,WC-1,A,2025-01-01,1,2.5,x\n"
    names = {"order_id": "order_number", "product_id": "sku", "timestamp": "Day", "customer_id": "order_number"}
    read = read_orders(write(tmp_path, text), ReadOptions(columns=names))
    assert read.frame["order_id"].tolist() == read.frame["customer_id"].tolist() == ["WC-1"]
    assert read.frame["order_id (file)"].tolist() == ["0"] and read.frame["timestamp (file)"].tolist() == ["x"]
    assert any("order_number" in note for note in read.report.notes)


def test_column_map_meets_own_name():
    file = case("column_map_meets_own_name/orders.csv")
    read = read_orders(file, ReadOptions(columns={"order_id": "order_number"}))
    assert read.frame["order_id"].str.startswith("WC-").all()
    names = {"order_id": "Day", "timestamp": "Day", "product_id": "SKU", "quantity": "Units", "unit_price": "Price"}
    twice = read_orders(case("column_map_meets_own_name/no_order_number.csv"), ReadOptions(columns=names))
    assert twice.frame["order_id"].iloc[0] == "2025-01-06" and twice.report.kept == twice.report.rows


def test_a_file_without_order_ids_is_refused_with_advice_that_works(tmp_path):
    file = write(tmp_path, "product_id,timestamp,quantity,unit_price\nA,2025-01-01,1,2.5\nA,2025-01-01,1,2.5\n")
    with pytest.raises(ReadingError, match="say order_id= with nothing behind it"):
        read_orders(file)
    read = read_orders(file, ReadOptions(columns={"order_id": ""}))
    assert read.frame["order_id"].tolist() == ["1", "2"] and any("order of its own" in n for n in read.report.notes)


def test_a_total_of_the_line_becomes_a_unit_price(tmp_path):
    file = write(tmp_path, "order_id,product_id,timestamp,quantity,total\n1,A,2025-01-01,4,10\n2,A,2025-01-01,0,0\n")
    read = read_orders(file, ReadOptions(columns={"line_total": "total"}))
    assert read.frame["unit_price"].tolist() == [2.5, 0.0] and any("divided" in note for note in read.report.notes)


def test_a_missing_column_is_named_with_what_may_be_meant(tmp_path):
    with pytest.raises(ReadingError, match="Quantities") as error:
        read_orders(write(tmp_path, HEAD.replace("quantity", "Quantities") + ROWS.format("A")))
    assert "quantity" in str(error.value) and "orders.csv" in str(error.value)


def test_names_but_for_case_are_found(tmp_path):
    text = "Order_ID,Product_ID,Timestamp,Quantity,Unit_Price\n" + ROWS.format("A")
    report = read_orders(write(tmp_path, text)).report
    assert report.kept == 2 and "order_id is the file's column 'Order_ID'" in report.notes


def test_a_column_twice_matters_only_where_it_is_used(tmp_path):
    rows = "1,A,2025-01-01,2,1.5,x,y\n"
    read = read_orders(write(tmp_path, HEAD.strip() + ",note,note\n" + rows))
    assert read.frame["note"].tolist() == ["x"] and read.frame["note (7)"].tolist() == ["y"]
    with pytest.raises(ReadingError, match="twice"):
        read_orders(write(tmp_path, HEAD.strip() + ",x,quantity\n" + rows))


def test_rows_add_up_whatever_the_file_holds(tmp_path):
    text = (
        HEAD + ROWS.format("A") + ",,,,\n5,,2025-01-01,1,1\n6,B,never,1,1\n7,B,2025-01-01,x,1\n8,B, C,2025-01-01,1,1\n"
    )
    read = read_orders(write(tmp_path, text))
    report = read.report
    assert (report.rows, report.kept, report.quarantined) == (6, 2, 4) and sum(report.reasons.values()) == 4
    assert "1 rows without any value were skipped" in report.notes
    assert report.table()["what"].tolist().count("note") == len(report.notes)


@pytest.mark.parametrize("name", ["row", "note", "file"])
def test_a_user_s_own_column_is_kept_whatever_its_name(tmp_path, name):
    read = read_orders(write(tmp_path, HEAD.strip() + f",{name}\n1,A,2025-01-01,2,1.5,mine\n"))
    assert "mine" in read.frame.iloc[0].astype(str).tolist() and read.frame["row"].tolist() == [1]


def test_shopify_multiline():
    names = dict(
        zip(HEADER, ["Name", "Lineitem name", "Created at", "Lineitem quantity", "Lineitem price"], strict=True)
    )
    read = read_orders(case("shopify_multiline/orders_export.csv"), ReadOptions(columns=names))
    assert read.quarantine.empty and 'Tee, "Classic" - S / White' in set(read.frame["product_id"])


def test_panel_columns_keep_their_names_and_types(tmp_path):
    text = 'unique_id,ds,y,price [EUR],promo: yes/no,"brand ""x""",code\n'
    text += "A,2025-01-01,1,1.5,yes,b,0\nA,2025-01-02,,2.5,no,b,a\n"
    frame = read_panel_file(write(tmp_path, text)).frame
    assert frame["price [EUR]"].tolist() == [1.5, 2.5] and frame["promo: yes/no"].tolist() == [1, 0]
    assert frame['brand "x"'].tolist() == ["b", "b"] and frame["code"].tolist() == ["0", "a"], "letters are never 0"
    assert frame["y"].isna().tolist() == [False, True]


def test_a_key_twice_is_named_with_its_rows(tmp_path):
    text = "unique_id,ds,y\nA,2025-01-01,1\nB,2025-01-01,1\nA ,2025-01-01,2\n"
    with pytest.raises(ReadingError, match=r"'A' on 2025-01-01 in rows \[1, 3\]"):
        read_panel_file(write(tmp_path, text))


def test_the_advice_on_a_key_twice_works_where_the_product_bears_our_name(tmp_path):
    file = write(tmp_path, "unique_id,location_id,ds,y\nA,North,2025-01-01,1\nA,South,2025-01-01,2\n")
    with pytest.raises(ReadingError, match="map location_id"):
        read_panel_file(file)
    read = read_panel_file(file, ReadOptions(columns={"location_id": "location_id"}))
    assert read.frame["unique_id"].tolist() == ["A @ North", "A @ South"]
    assert "one series for each 'unique_id' at each 'location_id'" in read.report.notes


def test_a_plan_has_dates_or_ranges_and_columns(tmp_path):
    text = "product_id;ds;end;price;kind\nA;01.02.2025;28.02.2025;1,5;sale\n"
    text += "B;03.02.2025;;2,5;\nC;05.02.2025;01.02.2025;1,0;x\n"
    read = read_plan_file(write(tmp_path, text))
    assert read.frame["end"].dt.strftime("%m-%d").tolist() == ["02-28", "02-03"]
    assert read.frame["price"].tolist() == [1.5, 2.5] and read.quarantine["row"].tolist() == [3]
    with pytest.raises(ReadingError, match="plans nothing"):
        read_plan_file(write(tmp_path, "product_id,ds\nA,2025-02-01\n"))


def test_stock_of_a_product_twice_is_refused_with_its_rows(tmp_path):
    with pytest.raises(ReadingError, match=r"'7' appears twice, in rows \[1, 2\]"):
        read_stock_file(write(tmp_path, "unique_id,stock\n7,1\n7.0,2\n"))
    frame = read_stock_file(write(tmp_path, "SKU,On_Hand\nA,1\n")).frame
    assert frame.values.tolist() == [["A", 1.0]], "names that can mean nothing else"


def test_reading_parquet_leaves_numbers_and_times_as_they_are(tmp_path):
    frame = pd.DataFrame([[1, 7, pd.Timestamp("2025-01-01 10:00"), 2, 1.25]], columns=HEADER)
    frame.to_parquet(tmp_path / "orders.parquet")
    read = read_orders(tmp_path / "orders.parquet")
    assert read.frame[["quantity", "unit_price"]].values.tolist() == [[2, 1.25]] and read.report.encoding is None


def test_parquet_columns_of_lists_and_bytes_are_kept(tmp_path):
    frame = pd.DataFrame([[1, b"A ", "2025-01-01", 2, 1.25]], columns=HEADER).assign(tags=[["new", "red"]])
    frame.to_parquet(tmp_path / "orders.parquet")
    read = read_orders(tmp_path / "orders.parquet").frame
    assert read["product_id"].tolist() == ["A"] and list(read["tags"].iloc[0]) == ["new", "red"]


def test_open_table_keeps_cells_as_text(tmp_path):
    frame = open_table(write(tmp_path, "a,b\n007,NA\n,1.50\n")).frame
    assert frame["a"].tolist()[0] == "007" and frame["b"].tolist() == ["NA", "1.50"] and frame["a"].isna().tolist()[1]


@pytest.mark.parametrize("state", ["cancelled", "Storniert", "voided", "annulée"])
def test_cancelled_orders_and_several_currencies_are_said_by_the_reading(tmp_path, state):
    lines = ["order_id,product_id,timestamp,quantity,unit_price,currency,status"]
    for n in range(1, 9):
        money, said = "USD" if n == 3 else "EUR", state if n < 3 else "paid"
        lines.append(f"{n},A,2025-01-{n:02d},1,2,{money},{said}")
    file = write(tmp_path, "\n".join(lines) + "\n")
    notes = read_orders(file).report.notes
    assert any(f"'status' says {state!r} of 2 lines" in note and "cancelled_when" in note for note in notes)
    assert any("amounts are in EUR, USD and nothing is converted" in note for note in notes)
    file = write(tmp_path, file.read_text(encoding="utf-8").replace(state, "paid").replace("USD", "eur"))
    assert not any("cancelled_when" in note or "converted" in note for note in read_orders(file).report.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_lines_in_quotation_marks_as_a_whole_are_taken_out_of_them(tmp_path, encoding):
    lines = [",".join(HEADER), '1,"Gläser, 6",2025-01-02,1,2.5', "2,B,2025-01-03,2,3"]
    quoted = ['"' + line.replace('"', '""') + '"' for line in lines]
    read = read_orders(write(tmp_path, "\r\n".join(quoted) + "\r\n", encoding=encoding))
    assert read.frame["product_id"].tolist() == ["Gläser, 6", "B"] and read.frame["unit_price"].tolist() == [2.5, 3.0]
    assert any("quotation marks as a whole" in note for note in read.report.notes)
    fields = '"order_id","product_id","timestamp","quantity","unit_price"\n"1","A,B","2025-01-02","1","2"\n'
    read = read_orders(write(tmp_path, fields))
    assert read.frame["product_id"].tolist() == ["A,B"] and not any("as a whole" in n for n in read.report.notes)
