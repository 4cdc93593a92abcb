"""Categories that change within a series, such as a holiday code or a kind of promotion, as columns of 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.own_columns import is_empty

MOST = 15  # categories with a column of their own; what is rarer shares one
_OTHER = "other"


@dataclass(frozen=True)
class Category:
    """How a column of categories becomes columns of 0 and 1: none for the usual value ``base``, one for each other.

    ``columns`` : category and its column. ``rare`` : categories that share the column of "other". With ``blank`` an
    empty cell is a category, "nothing special"; otherwise it tells nothing.
    """

    name: str
    base: str
    columns: dict[str, str]
    rare: tuple[str, ...]
    blank: bool

    @classmethod
    def of(cls, name: str, cells: pd.Series, present: np.ndarray) -> Category:
        """Categories of a history; ``present`` says which of its rows the file has."""
        labels = labels_of(cells)
        blank = bool((labels.isna().to_numpy() & present).any())
        if blank:
            labels = labels.mask(labels.isna() & present, "")
        counts = labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
        base, *others = [str(label) for label in counts.index if label != "" or counts.index[0] == ""] or [""]
        own = others if len(others) <= MOST else others[: MOST - 1]
        columns = {label: f"{name}={label}" for label in own}
        rare = tuple(label for label in others if label not in columns)
        return cls(name, base, columns | dict.fromkeys(rare, f"{name}={_OTHER} (rare)"), rare, blank)

    @property
    def made(self) -> list[str]:
        """Names of the columns of 0 and 1."""
        return list(dict.fromkeys(self.columns.values()))

    def indicators(self, cells: pd.Series, absent: float = np.nan) -> tuple[pd.DataFrame, list[str]]:
        """Columns of 0 and 1 for cells, and the categories among them that the history does not know.

        An empty cell is ``absent`` in all columns, or 0 where blanks are a category.
        """
        labels = labels_of(cells)
        empty = labels.isna().to_numpy()
        known = {self.base, *self.columns}
        strange = sorted(set(labels.dropna()) - known)
        column = labels.map(self.columns)
        table = pd.DataFrame({name: column.eq(name).fillna(False).astype("float64") for name in self.made}, cells.index)
        if not self.blank:
            table.loc[empty] = absent
        return table, strange

    def says(self) -> str:
        """What the reader is told about the column."""
        usual = repr(self.base) if self.base else "empty"
        return (
            f"column {self.name!r} holds categories that change within a series: each has a column of 0 and 1, "
            f"{', '.join(self.made) or 'none'}; the usual one, {usual}, is 0 in all of them"
        )


def labels_of(cells: pd.Series) -> pd.Series:
    """Texts of cells, missing where empty; whole numbers without a decimal point, so that 0 and 0.0 are one category."""
    texts = cells.map(_text, na_action="ignore").astype(object)
    return texts.mask(is_empty(texts))


def _text(cell: object) -> str:
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        cell = int(cell)
    return " ".join(str(cell).split())
