"""Where a table's header stands, and the names of its columns (chapter 01)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from salesforecast_lib.data.reading.columns import find_column
from salesforecast_lib.data.reading.report import ReadingError

LINES = 60  # records in which the header is looked for


def header_place(rows: list[list[str]], wanted: Sequence[str]) -> tuple[int | None, int]:
    """Row that holds most of the ``wanted`` names, and how many; without any, the first that looks like a header."""
    hits = [sum(find_column(name, row) is not None for name in set(wanted)) for row in rows]
    if hits and max(hits) > 0:
        return hits.index(max(hits)), max(hits)
    for place, row in enumerate(rows):
        filled = [cell for cell in row if cell]
        width = len(row)
        below = rows[place + 1 : place + 4]
        alike = bool(below) and all(len(other) in (width, width + 1) for other in below)
        if len(filled) > 1 and alike and not any(re.fullmatch(r"[\d.,:/ -]+", cell) for cell in filled):
            return place, 0
    wide = [place for place, row in enumerate(rows) if len([cell for cell in row if cell]) > 1]
    return (wide[0] if wide else None), 0


def header_names(names: list[str], file: str, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of the columns, none twice and none empty; trailing empty ones are left off."""
    while names and not names[-1]:
        names = names[:-1]
    result: list[str] = []
    notes = []
    for number, name in enumerate(names, start=1):
        kept = name or f"column {number}"
        if kept in result:
            if kept in wanted:
                raise ReadingError(f"{file}: columns [{kept!r}] appear twice in the header; name them apart")
            kept = f"{kept} ({number})"
            notes.append(f"column {name!r} appears twice: the second is kept as {kept!r}")
        result.append(kept)
    return result, notes
