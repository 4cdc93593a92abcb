"""What the rows of a fit took from its data, and must be the same when its models meet other data (chapter 06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Whole:
    """Sums over all series at hand, where the rows are only some of them.

    Parameters
    ----------
    days : (days,) every period of the data and of the horizon, rising.
    codes : for each column, the place of each of its values in the sums; "" stands for the whole shop.
    total, count : by column, (values, days + 1) running sums of sales and of available periods, from 0.
    """

    days: np.ndarray
    codes: dict[str, dict[str, int]]
    total: dict[str, np.ndarray]
    count: dict[str, np.ndarray]


@dataclass(frozen=True)
class Coding:
    """What the models of a fit were told in terms of its data.

    Parameters
    ----------
    periods : of the history of the fit; windows follow from it.
    typical, least : by window: the panel's own unit of levels, and the level of a series that has sold nothing yet.
    categories : values of each static column, sorted; models know them by their place.
    groups : static columns of whose values the long memory tells.
    reach : periods of each series that the recursive model was fitted on.
    whole : sums over all series, where the table holds some of them.
    """

    periods: int
    typical: dict[int, float]
    least: dict[int, float]
    categories: dict[str, list[str]]
    groups: tuple[str, ...]
    reach: int
    whole: Whole | None = field(default=None, compare=False)

    def codes(self, name: str, values: pd.Series) -> np.ndarray:
        """Place of each value among the categories of the fit, (rows,); missing where it had none of them."""
        found = pd.Index(self.categories[name]).get_indexer(values.astype(str)).astype("float64")
        return np.where(found < 0, np.nan, found)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, without the categories, which a champion keeps itself."""
        windows = [[window, self.typical[window], self.least[window]] for window in self.typical]
        return {"periods": self.periods, "windows": windows, "groups": list(self.groups), "reach": self.reach}

    @classmethod
    def from_json(cls, told: Mapping[str, Any], categories: dict[str, list[str]]) -> Coding:
        """Inverse of `to_json`."""
        windows: Sequence[tuple[int, float, float]] = told["windows"]
        typical, least = ({int(each[0]): float(each[k]) for each in windows} for k in (1, 2))
        return cls(int(told["periods"]), typical, least, categories, tuple(told["groups"]), int(told["reach"]))
