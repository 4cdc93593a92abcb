"""A file's cells as they are, with the rows that could not be told apart into columns (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class RawTable:
    """Cells as they are.

    ``frame`` is indexed by the row's number in the file (data rows, from 1); ``refused`` holds the quarantine rows
    ``row, column, value, reason`` of those that could not be told apart into columns.
    """

    frame: pd.DataFrame
    refused: pd.DataFrame
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    notes: list[str] = field(default_factory=list)


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"), axis=0, copy=False)


def refused_rows() -> pd.DataFrame:
    """An empty quarantine."""
    return pd.DataFrame(
        {"row": pd.Series(dtype="int64"), **{n: pd.Series(dtype=object) for n in ("column", "value", "reason")}}
    )
