"""Which column of a file is which of ours: the mapped one wins, and one column may serve twice (chapter 01)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import pandas as pd

from salesforecast_lib.data.reading.cells.ids import strip
from salesforecast_lib.data.reading.report import ReadingError, ReadingReport

NONE = ""  # map a name to this where the file has no such column


def find_column(name: str, header: Iterable[str]) -> str | None:
    """The header's own spelling of ``name``: equal, else equal but for outer blanks and case where only one is."""
    header = list(header)
    if name in header:
        return name
    near = [theirs for theirs in header if strip(theirs).casefold() == strip(name).casefold()]
    return near[0] if len(near) == 1 else None


def find_renamed(name: str, columns: Iterable[str], renamed: Mapping[str, str]) -> str | None:
    """The column that ``name`` means: one that bears it in the file (``{theirs: ours}``), or one of ``columns``."""
    return renamed.get(name) or find_column(name, columns) or renamed.get(find_column(name, renamed) or "")


def our_columns(
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    required: tuple[str, ...],
    optional: tuple[str, ...],
    report: ReadingReport,
    may_lack: tuple[str, ...] = (),
) -> pd.DataFrame:
    """``frame`` with our names first; all others stay as attributes, under another name where one of ours is taken.

    Parameters
    ----------
    columns : ``{our name: name in the file}``; "" says that the file has no such column, for names in ``may_lack``.

    Raises
    ------
    ReadingError
        That lists the missing columns, those the file has, and what may be meant.
    """
    unknown = sorted(set(columns) - set(required) - set(optional))
    if unknown:
        raise ReadingError(f"column map: unknown names {unknown}; expected some of {[*required, *optional]}")
    header, found, missing = [str(name) for name in frame.columns], {}, []
    for ours in (*required, *optional):
        theirs = columns.get(ours, ours)
        if ours in columns and theirs == NONE and ours in may_lack:
            continue
        place = find_column(theirs, header)
        if place is not None:
            found[ours] = place
            if place != theirs:
                report.note(f"{ours} is the file's column {place!r}")
        elif ours in required or ours in columns:
            missing.append(ours if ours == theirs else f"{ours} (looked for {theirs!r})")
    if missing:
        raise ReadingError(_missing(missing, header, report.file, may_lack))
    result = {ours: frame[theirs] for ours, theirs in found.items()}
    for name in header:
        if name in found.values():
            if list(found.values()).count(name) > 1:
                names = [ours for ours, theirs in found.items() if theirs == name]
                report.note(f"column {name!r} serves as {' and as '.join(names)}")
            continue
        kept = name
        while kept in result or kept in (*required, *optional, "row"):
            kept += " (file)"
        if kept != name:
            report.note(f"the file's own column {name!r} is kept as {kept!r}: the mapped one wins")
        result[kept] = frame[name]
    return pd.DataFrame(result, index=frame.index, copy=False)


def _missing(missing: list[str], header: list[str], file: str, may_lack: tuple[str, ...]) -> str:
    near = {}
    for text in missing:
        wanted = text.split("looked for ")[-1].strip("')(")
        if close := difflib.get_close_matches(wanted, header, 1, 0.75):
            near[text.split(" ")[0]] = close[0]
    example = ", ".join(f"{ours}={theirs}" for ours, theirs in near.items()) or "quantity=Qty"
    lacking = [name for name in may_lack if name in missing]
    none = f" If the file has no {lacking[0]}, say {lacking[0]}= with nothing behind it." if lacking else ""
    one = "timestamp" in missing and {"ds", "y"} <= set(header)
    kind = " They are a panel's: say --kind panel (check-data) or --profile own_panel (run)." if one else ""
    return (
        f"{file}: missing columns {missing}; the file has {header[:30]}.{kind} Name yours in the column map, for "
        f"example {example}, or let salesforecast init NAME --orders FILE find them.{none} Lines above the header are "
        "skipped when the map names its columns"
    )
