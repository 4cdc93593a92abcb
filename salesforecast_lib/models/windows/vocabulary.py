"""Which columns and categories a model knows, and the rows of what is known ahead (chapter 04)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable

_BLOCK = 4_000_000  # rows that are held twice at a time


@dataclass(frozen=True)
class Vocabulary:
    """Input columns and category codes a model was trained with; code 0 is "unknown".

    ``unit`` is the typical level of the panel that it was trained on, the median over its series of their mean sales:
    what the network is told of a level is relative to it, so that sums of money serve as well as units.
    """

    historical: tuple[str, ...]
    future: tuple[str, ...]
    static: dict[str, dict[str, int]]
    in_units: tuple[str, ...]
    unit: float = 1.0

    @classmethod
    def of(cls, table: FeatureTable, without: tuple[str, ...] = ()) -> Vocabulary:
        """Collect columns and categories of a feature table, leaving out the feature groups ``without``."""
        left_out = {name for group in without for name in table.groups.get(group, [])}
        static = {
            name: {value: code for code, value in enumerate(sorted(table.frame[name].unique()), start=1)}
            for name in table.roles["static"]
        }
        historical, future = (
            tuple(name for name in table.roles[role] if name not in left_out) for role in ("historical", "future")
        )
        in_units = tuple(name for name in table.in_units if name in historical)
        return cls(historical, future, static, in_units, typical_level(table.frame))

    @property
    def input_size(self) -> int:
        """Inputs of the encoder at each step: y, mask, available, log scale, historical and future columns."""
        return 4 + len(self.historical) + len(self.future)


def typical_level(frame: pd.DataFrame) -> float:
    """Median over the series that sold of their mean absolute sales in available periods; 1 where none sold."""
    parts = []
    for begin in range(0, len(frame), _BLOCK):
        rows = frame.iloc[begin : begin + _BLOCK]
        seen = rows["available"].fillna(1.0)
        sums = pd.DataFrame({"sold": rows["y"].fillna(0.0).abs() * seen, "seen": seen})
        parts.append(sums.groupby(rows["unique_id"].to_numpy()).sum())
    total = pd.concat(parts).groupby(level=0).sum() if len(parts) > 1 else parts[0]
    total = total[total["sold"] > 0]
    return float((total["sold"] / total["seen"]).median()) if len(total) else 1.0


def plain_names(columns: Iterable[str]) -> dict[str, str]:
    """A plain name for each column, by the user's: LightGBM refuses brackets, colons, commas and quotes in names."""
    return {name: f"column_{number}" for number, name in enumerate(columns)}


def known_ahead(
    future: pd.DataFrame, columns: Sequence[str], names: np.ndarray | pd.Series, steps: pd.DatetimeIndex
) -> pd.DataFrame:
    """Rows ``unique_id, ds, columns`` of every series and step, from a table that may hold more.

    Raises ValueError that names the first row that is missing or stands twice.
    """
    names = np.asarray(names)
    wanted = future["ds"].isin(steps).to_numpy() & future["unique_id"].isin(names).to_numpy()
    rows = future.loc[wanted, ["unique_id", "ds", *columns]]
    place = pd.Index(names).get_indexer(rows["unique_id"]) * len(steps) + steps.get_indexer(rows["ds"])
    times = np.bincount(place, minlength=len(names) * len(steps))
    if (times != 1).any():
        wrong = int(np.flatnonzero(times != 1)[0])
        key = f"{names[wrong // len(steps)]!r}, {steps[wrong % len(steps)].date()}"
        raise ValueError(
            f"future: {int((times == 0).sum())} rows are missing and {int((times > 1).sum())} stand twice, the first "
            f"is {key}; give every series its {len(steps)} periods after the cutoff, once"
        )
    return rows.iloc[np.argsort(place)].reset_index(drop=True)
