"""Worksheets as rows of cells; leading zeros that only a number format shows are kept (chapter 01)."""

from __future__ import annotations

import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import openpyxl

from salesforecast_lib.data.reading.report import ReadingError
from salesforecast_lib.data.reading.unpacking import check_archive

_DIGITS = 10**15
_ZEROS = re.compile(r"0{2,}")


def read_workbook(file: Path, sheet: str = "", prefix: str = "") -> tuple[dict[str, list[list[Any]]], list[str]]:
    """Rows of cells of each visible worksheet that is not empty, and notes; ``sheet`` reads only that one.

    ``prefix`` is what the name of its parameter begins with, for advice.

    Raises
    ------
    ReadingError
        When the file is no .xlsx workbook, unpacks to too much, or has no such worksheet.
    """
    content = io.BytesIO(file.read_bytes())  # whatever the file's name ends in
    try:
        with ZipFile(content) as archive:
            check_archive(archive, file, content.getbuffer().nbytes)
        book = openpyxl.load_workbook(content, read_only=True, data_only=True)
    except ReadingError:
        raise
    except (BadZipFile, KeyError, ValueError, OSError, TypeError, SyntaxError) as error:  # the last: broken XML
        raise ReadingError(
            f"{file}: cannot be read as an Excel workbook ({str(error)[:120]}); save it as .xlsx or as 'CSV UTF-8'"
        ) from error
    try:
        names = book.sheetnames
        if sheet and sheet not in names:
            raise ReadingError(f"{file}: no worksheet {sheet!r}; say {prefix}sheet= with one of {names}")
        notes, tables = [], {}
        coded = any(_ZEROS.fullmatch(text) for text in getattr(book, "_number_formats", []))
        for name in [sheet] if sheet else names:
            page = book[name]
            if not sheet and getattr(page, "sheet_state", "visible") != "visible":
                notes.append(f"hidden worksheet {name!r} was not read; say {prefix}sheet= to read it")
                continue
            if not hasattr(page, "iter_rows"):  # a sheet that is a chart
                continue
            page.reset_dimensions()  # programs write wrong ones
            if coded:
                rows = [[_shown(cell) for cell in row] for row in page.iter_rows()]
            else:
                rows = [[_exact(value) for value in row] for row in page.iter_rows(values_only=True)]
            while rows and not any(cell not in (None, "") for cell in rows[-1]):
                rows.pop()
            if rows:
                tables[name] = rows
        return tables, notes
    finally:
        book.close()


def _shown(cell: Any) -> Any:
    """The cell's value; a number whose format writes leading zeros is the text it shows."""
    value, form = cell.value, getattr(cell, "number_format", "") or ""
    if isinstance(value, (int, float)) and not isinstance(value, (bool, datetime)) and _ZEROS.fullmatch(form):
        return f"{int(value):0{len(form)}d}"
    return _exact(value)


def _exact(value: Any) -> Any:
    """A whole number that a workbook cannot hold to its last digit is a float, as it is in the workbook."""
    return float(value) if type(value) is int and abs(value) >= _DIGITS else value
