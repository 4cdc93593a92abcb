"""Ids are text, compared without outer white space, in every file alike (chapter 01)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.report import ReadingError, ReadingReport

# what Excel leaves of a long number: the digits that are not shown are lost
SCIENTIFIC = re.compile(r"[+-]?(?:\d(?:[.,]\d+)?E\+|\d[.,]\d+E)\d{1,3}", re.IGNORECASE)
_NOT_PLAIN = ("<super>", "<sub>", "<fraction>", "<circle>")
_FLOAT = re.compile(r"\d+\.0")
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"
_EXACT = 10**15  # digits that a workbook keeps
_EXCEL_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")


def strip(text: str) -> str:
    """``text`` without outer white space of any script, tabs and invisible marks."""
    before = None
    while before != text:
        before, text = text, text.strip().strip(_INVISIBLE)
    return text


def plain_digits(text: str) -> str:
    """``text`` with full-width digits and signs as plain ones; "" where it holds other signs that only look like some.

    Unicode's compatibility form would make 22 of 2² and 21⁄4 of 2¼.
    """
    if any(unicodedata.decomposition(sign).startswith(_NOT_PLAIN) for sign in text):
        return ""
    return unicodedata.normalize("NFKC", text)


def id_text(value: Any) -> str:
    """The id that a cell holds: 100200, "100200 ", "'100200" and 100200.0 are one; "" where the cell is empty."""
    if isinstance(value, str):
        text = strip(value)
        if text.startswith("'") and len(text) > 1:  # a workbook's mark for text
            text = strip(text[1:])
        return text[:-2] if _FLOAT.fullmatch(text) else text
    if isinstance(value, bytes):
        return id_text(value.decode("utf-8", errors="backslashreplace"))
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return strip(str(value))


def _refuse(values: list[Any], column: str, source: str) -> None:
    """Raise ReadingError where ids have lost digits or have become dates."""
    for value in values:
        lost = isinstance(value, (float, np.floating)) and abs(float(value)) >= _EXACT
        if lost or (isinstance(value, str) and SCIENTIFIC.fullmatch(id_text(value))):
            raise ReadingError(
                f"{source}, column {column}: {value!r} is a number that lost its digits, no id; format the column as "
                "text before exporting, and export it again"
            )
        if isinstance(value, (date, np.datetime64)):
            raise ReadingError(
                f"{source}, column {column}: {str(value)[:10]} is a date, no id; the spreadsheet has turned an id into "
                "a date: format the column as text before the ids are written into it"
            )


def read_ids(values: pd.Series, column: str, report: ReadingReport) -> pd.Series:
    """Text of each id, None where the cell is empty; repairs and look-alikes are reported.

    Raises
    ------
    ReadingError
        When an id looks like 4.00638E+12, or a workbook has made a date of it.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    codes, uniques = pd.factorize(values.to_numpy(dtype=object))
    found = list(uniques)
    _refuse(found, column, report.file)
    texts = [id_text(value) for value in found]
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    kinds: dict[str, list[int]] = {}
    for place, (value, text) in enumerate(zip(found, texts, strict=True)):
        if isinstance(value, str) and value != text:
            kinds.setdefault(_what(value), []).append(place)
        elif isinstance(value, (float, np.floating)):
            kinds.setdefault("decimal zero removed", []).append(place)
    for what, places in kinds.items():
        named = [p for p in places if texts[p]]
        examples = [(str(found[p]), texts[p]) for p in named]
        report.repair(column, what, int(counts[named].sum()), examples)
    _report_lookalikes(texts, column, report)
    lookup = np.array([text or None for text in texts] + [None], dtype=object)  # code -1 is the last entry
    return pd.Series(lookup[codes], index=values.index, name=values.name)


def _what(value: str) -> str:
    bare = strip(value)
    if bare.startswith("'"):
        return "apostrophe removed"
    return "decimal zero removed" if bare == value else "white space stripped"


def is_excel_error(values: pd.Series) -> np.ndarray:
    """Cells that hold a workbook's error, such as #N/A."""
    return values.isin(_EXCEL_ERRORS).to_numpy()


def _folded(text: str) -> str:
    """What ids that look alike have in common."""
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split())


def _report_lookalikes(texts: list[str], column: str, report: ReadingReport) -> None:
    """Say which ids differ only by case or by Unicode form: they stay different products."""
    known = pd.unique(np.array([text for text in texts if text], dtype=object))
    keys = pd.Series([_folded(text) for text in known], dtype=object)
    groups: dict[str, set[str]] = {}
    for place in np.flatnonzero(keys.duplicated(keep=False).to_numpy()):  # a set for each of millions takes gigabytes
        groups.setdefault(keys[place], set()).add(known[place])
    alike = sorted(sorted(names) for names in groups.values() if len(names) > 1)
    if alike:
        examples = "; ".join(" and ".join(repr(name) for name in names[:3]) for names in alike[:3])
        report.note(
            f"{column}: {len(alike)} groups of ids differ only by case, blanks inside or Unicode form and stay "
            f"apart: {examples}. Make them one in the file where they are one"
        )
