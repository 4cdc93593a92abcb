"""A category that changes within a series: one column of 0 and 1 for each of its values (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from salesforecast_lib.data.own_columns import is_empty

MOST = 20  # values of a category that get a column of their own


@dataclass(frozen=True)
class Category:
    """``values`` that have a column each, and those that have none: the ``usual`` one and the rarest ``others``."""

    values: tuple[str, ...]
    usual: str = ""
    others: tuple[str, ...] = ()


def category_texts(cells: pd.Series) -> pd.Series:
    """The cells as texts, missing where empty; 0, "0" and 0.0 are one code."""
    texts = cells.astype("string").str.strip().str.replace(r"^([+-]?\d+)\.0+$", r"\1", regex=True)
    return texts.where(~is_empty(cells)).astype(object).where(~is_empty(cells), None)


def varies_within(texts: pd.Series, ids: pd.Series) -> bool:
    """Whether a category has several values within some series."""
    return bool((texts.groupby(ids).nunique() > 1).any())


def category_of(texts: pd.Series) -> Category:
    """Values of a category: the most frequent one has no column, the `MOST` that follow have one each."""
    counts = texts.dropna().value_counts()
    ranked = sorted(counts.index, key=lambda value: (-counts[value], value))
    return Category(tuple(sorted(ranked[1 : MOST + 1])), ranked[0] if ranked else "", tuple(ranked[MOST + 1 :]))


def indicator(name: str, value: str) -> str:
    """Name of the column of one value of a category."""
    return f"{name}={value}"


def indicators(texts: pd.Series, name: str, category: Category) -> pd.DataFrame:
    """One column of 0 and 1 for each value of the category; missing where it is."""
    known = texts.notna()
    columns = {indicator(name, value): (texts == value).astype("float64").where(known) for value in category.values}
    return pd.DataFrame(columns, index=texts.index)
