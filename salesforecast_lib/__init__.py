"""Support library of the sales-forecasting book: each package is a part of the book."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

# Libraries with a progress bar ask for ipywidgets, which the book leaves out: its scripts would come from another host.
warnings.filterwarnings("ignore", message="IProgress not found")


def quantile_columns(levels: Sequence[float]) -> tuple[str, ...]:
    """Names of a forecast table's quantile columns: ``q0.05`` for level 0.05."""
    return tuple(f"q{level:g}" for level in levels)


def levels_of(columns: Iterable[str]) -> tuple[float, ...]:
    """The quantile levels among a forecast table's columns, rising, in whatever order the columns stand."""
    return tuple(sorted(float(name[1:]) for name in map(str, columns) if name.startswith("q0.")))


QUANTILES: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
QUANTILE_COLUMNS: tuple[str, ...] = quantile_columns(QUANTILES)
CHAMPION = "Champion"  # its name in a forecast table
