"""Covariates of somebody's own panel: names that nothing else uses, and cells that keep their meaning (chapter 01)."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

# Columns that the book gives a meaning; they have to be numbers.
MEANT = ("available", "open", "price", "discount", "buyers", "baskets", "repeat_share")
# Names of computed features and of columns that tables of later chapters add.
_TAKEN = re.compile(
    r"(holiday|festival)(_ahead|_behind)?|weekday(_\d+)?|month_(day|length)|working_days|year_(sin|cos)_\d+|"
    r"(lag|mean|std|ewm|memory)_?\d+|trend|since_sale|age(_band)?|zero_share|price_(level|volatility)|relative_price|"
    r"discount_x_\w+|(buyers|baskets)_mean|_log_price|ahead_\w+|q0\.\d+|"
    r"row|index|cutoff|model|mean|level|step|scale|kind|group|week|closed|asked|unit"
)


def settle_names(columns: list[object]) -> tuple[list[str], list[str]]:
    """Names of covariates that are text, not empty, all different and used by nothing else; and what was changed.

    A column called like a computed feature (``holiday``, ``lag_1``) is kept as "holiday (given)".
    """
    names: list[str] = []
    notes: list[str] = []
    taken = {"unique_id", "ds", "y"}
    for number, column in enumerate(columns, start=1):
        given = re.sub(r"\s+", " ", str(column)).strip()
        name = given or f"column {number}"
        if _TAKEN.fullmatch(name):
            name = f"{given} (given)"
        free, copy = name, 2
        while free in taken:
            free, copy = f"{name} ({copy})", copy + 1
        taken.add(free)
        if free != str(column):
            why = "is what the book calls a column of its own" if name != given and given else "is empty or not unique"
            notes.append(f"column {str(column)!r} is kept as {free!r}: the name {why}")
        names.append(free)
    return names, notes


def numbers_of(cells: pd.Series) -> pd.Series | None:
    """The cells as float64, missing where they are empty, or None when one of them is text.

    One word among many numbers makes the column a category: a word is no zero.
    """
    if pd.api.types.is_bool_dtype(cells):
        return cells.astype("float64")
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype("float64").replace([np.inf, -np.inf], np.nan)
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64").replace([np.inf, -np.inf], np.nan)
    return None if (numbers.isna() & ~is_empty(cells)).any() else numbers


def is_empty(cells: pd.Series) -> pd.Series:
    """Where a cell holds nothing or blanks."""
    return cells.isna() | (cells.astype("string").str.strip() == "").fillna(True).astype(bool)


def meant_numbers(name: str, cells: pd.Series, source: str) -> pd.Series:
    """Numbers of a column whose meaning is fixed, see `MEANT`.

    Raises ValueError that names the first row with something else; the series' index counts rows from 0.
    """
    numbers = numbers_of(cells)
    if numbers is None:
        bad = pd.to_numeric(cells, errors="coerce").isna() & ~is_empty(cells)
        row = bad.index[bad.to_numpy()][0]
        raise ValueError(
            f"{source}, row {int(row) + 1}: column {name!r} holds {str(cells.loc[row])!r}, but in the book that "
            "name stands for a number; correct the cell or rename the column"
        )
    return numbers


def fill_covariates(full: pd.DataFrame, numbers: list[str], texts: list[str]) -> pd.DataFrame:
    """Fill the gaps of covariates.

    A number keeps its last value within a series and is 0 before the first. A text is a category of the series, the
    value that it has most often, or "unknown".
    """
    ids = full["unique_id"]
    for name in numbers:
        full[name] = full[name].astype("float64").groupby(ids).ffill().fillna(0.0)
    for name in texts:
        counts = full[name].groupby(ids).value_counts()
        # the most frequent value, of several the first in sorting order
        usual = counts.sort_index().groupby(level=0).idxmax().map(lambda key: key[1])
        full[name] = ids.map(usual).fillna("unknown").astype(str)
    return full
