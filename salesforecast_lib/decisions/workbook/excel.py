"""The decision sheets as one formatted Excel workbook in which nothing can become a formula."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from salesforecast_lib.decisions.workbook.subjects import Sheet
from salesforecast_lib.files import FORMULA_STARTS, atomically

LONGEST = 32_767  # characters in a cell
# control characters are no text, and turning the direction of writing disguises it
_DROPPED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]+")
_HEAD = PatternFill("solid", fgColor="1F3B57")
_MONEY = ("price", "profit", "loss", "cost", "money", "seen", "elasticity")
_SHARES = ("risk", "chance", "discount", "share", "uplift", "change of units")


def _write(cell: Cell, value: object) -> None:
    """A number as a number, anything else as text that no spreadsheet runs: never as a formula."""
    if value is None or value is pd.NA or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        cell.value = None if pd.isna(value) else value
        return
    text = _DROPPED.sub(" ", str(value)).strip()[:LONGEST]
    cell.value = text
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(FORMULA_STARTS)  # type: ignore[attr-defined]


def _fill(page: Worksheet, sheet: Sheet) -> None:
    """Note, headings and rows of one sheet, with frozen headings, filters and widths that can be read."""
    _write(page["A1"], sheet.note)
    page["A1"].font = Font(italic=True)
    for k, heading in enumerate(sheet.table.columns, start=1):
        cell = page.cell(2, k)
        _write(cell, heading)
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), _HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        column = sheet.table.iloc[:, k - 1]
        longest = max([len(heading) / 2, *column.astype(str).str.len().head(500)], default=8)
        page.column_dimensions[get_column_letter(k)].width = 90 if heading == "why" else min(max(longest + 2, 11), 36)
        for row, value in enumerate(column.tolist(), start=3):
            cell = page.cell(row, k)
            _write(cell, value)
            cell.alignment = Alignment(wrap_text=heading == "why", vertical="top")
            if any(word in heading for word in _SHARES):
                cell.number_format = "0%"
            elif any(word in heading for word in _MONEY):
                cell.number_format = "#,##0.00"
            elif isinstance(value, float):
                cell.number_format = "#,##0" if abs(value) >= 10 else "#,##0.0"
    page.freeze_panes = "B3"
    if len(sheet.table):
        page.auto_filter.ref = f"A2:{get_column_letter(len(sheet.table.columns))}{len(sheet.table) + 2}"
    page.page_setup.orientation, page.page_setup.fitToHeight = "landscape", 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.print_title_rows = "2:2"


def write_workbook(sheets: list[Sheet], path: str | Path) -> Path:
    """Write one formatted sheet a subject; text stays text, so a product's name can never become a formula."""
    book = Workbook()
    book.remove(book.active)
    for sheet in sheets:
        _fill(book.create_sheet(sheet.name), sheet)
    return atomically(path, book.save)
