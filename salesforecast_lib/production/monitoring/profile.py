"""What a panel's columns look like, period by period: the raw material of a reference (chapter 15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.calendar import calendar_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.production.monitoring.stability import quantile_edges

WHOLE = "whole shop"
MOST_GROUPS = 12  # the largest product groups are watched by name
SPANS = {"D": (112, 14), "W": (26, 4), "M": (12, 3)}  # periods of the reference, and of the window beside it


def span_and_window(freq: str) -> tuple[int, int]:
    """Periods that a reference describes, and that are held against it."""
    return SPANS[check_freq(freq).kind]


def numeric_columns(panel: pd.DataFrame, meta: Mapping[str, Any]) -> list[str]:
    """Sales, availability and the declared numeric columns that the panel has."""
    declared = ["y", "available", *meta.get("historical", ()), *meta.get("future", ())]
    return [c for c in dict.fromkeys(declared) if c in panel and pd.api.types.is_numeric_dtype(panel[c])]


def group_column(panel: pd.DataFrame, meta: Mapping[str, Any]) -> str:
    """The column whose values are the product groups: the static one with the fewest values above one, or none."""
    sizes = {str(name): panel[name].nunique() for name in meta.get("static", ()) if name in panel}
    several = {name: size for name, size in sizes.items() if size > 1}
    return min(several, key=lambda name: several[name]) if several else ""


def groups_of(panel: pd.DataFrame, meta: Mapping[str, Any], most: int = MOST_GROUPS) -> dict[str, str]:
    """Product → name of its group, for the products of the ``most`` groups that sell most; ``column=value``."""
    column = group_column(panel, meta)
    if not column:
        return {}
    of = panel.groupby("unique_id", sort=False)[column].first().astype(str)
    size = panel.groupby("unique_id", sort=False)["y"].sum().groupby(of).sum()
    largest = set(size.sort_values(ascending=False, kind="stable").index[:most])
    return {str(uid): f"{column}={value}" for uid, value in of.items() if value in largest}


def open_rows(panel: pd.DataFrame) -> np.ndarray:
    """Rows in which the shop was open, (rows,)."""
    if "open" not in panel:
        return np.full(len(panel), True)
    return panel["open"].fillna(1.0).to_numpy() > 0


def usual_days(panel: pd.DataFrame, country: str, freq: str) -> pd.DataFrame:
    """The rows of a daily panel that are on no public holiday and no shopping festival; longer periods stay.

    These days differ every year and everybody knows it: they are no sign that the world has changed.
    """
    if check_freq(freq).kind != "D" or panel.empty:
        return panel
    dates = pd.DatetimeIndex(panel["ds"].unique())
    marked = calendar_features(dates, country, freq)[["holiday", "festival"]].max(axis=1)
    return panel[~panel["ds"].isin(marked.index[marked > 0])].reset_index(drop=True)


def told(panel: pd.DataFrame, column: str) -> np.ndarray:
    """Values of a column, (rows,), missing where they say nothing: while the shop is closed, sales also without stock.

    Sales and prices that follow availability would otherwise drift with every closed week.
    """
    says = open_rows(panel)
    if column == "y":
        says = says & (panel["available"].fillna(1.0).to_numpy() > 0)
    return np.where(says, panel[column].to_numpy("float64"), np.nan)


def usual_values(panel: pd.DataFrame, column: str, until: pd.Timestamp, periods: int, freq: str) -> pd.Series:
    """Each product's usual value over the last ``periods`` up to ``until``: mean of sales, median of the others."""
    offset = check_freq(freq).offset
    rows = ((panel["ds"] > until - periods * offset) & (panel["ds"] <= until)).to_numpy()
    values = pd.Series(told(panel, column)[rows])
    grouped = values.groupby(panel["unique_id"].to_numpy()[rows])
    return grouped.mean() if column == "y" else grouped.median()


def is_ratio(panel: pd.DataFrame, column: str) -> bool:
    """Whether a column is told over each product's usual value: sales, and amounts that are hardly ever zero."""
    if column == "y":
        return True
    values = panel[column].to_numpy("float64")
    values = values[np.isfinite(values)]
    if column == "available" or len(values) == 0 or values.min() < 0:
        return False
    return bool((values > 0).mean() > 0.98 and values.max() > values.min())


def relative(panel: pd.DataFrame, column: str, usual: pd.Series | None) -> np.ndarray:
    """Values of a column, (rows,), over each product's usual value; as they are where ``usual`` is None."""
    values = told(panel, column)
    if usual is None:
        return values
    of = panel["unique_id"].map(usual).to_numpy("float64")
    return np.divide(values, of, out=np.full(len(values), np.nan), where=of > 0)


@dataclass(frozen=True)
class PeriodCounts:
    """Rows of each bin in each period: counts (periods, bins), missing (periods,), rows (periods,)."""

    counts: np.ndarray
    missing: np.ndarray
    rows: np.ndarray


def period_counts(
    period: np.ndarray, values: np.ndarray, missing: np.ndarray, edges: np.ndarray, n: int
) -> PeriodCounts:
    """Count ``values`` by ``period`` (rows,), numbered from 0 to n - 1, and bin; ``missing`` (rows,) is counted too."""
    known = np.isfinite(values)
    bins = len(edges) + 1
    place = period[known] * bins + np.searchsorted(edges, values[known])
    counts = np.bincount(place, minlength=n * bins).reshape(n, bins)
    return PeriodCounts(counts, np.bincount(period, weights=missing, minlength=n), np.bincount(period, minlength=n))


def edges_of(values: np.ndarray) -> np.ndarray:
    """Edges of a column's bins, rounded so that a stored reference is short."""
    return np.unique(np.round(quantile_edges(values), 6))
