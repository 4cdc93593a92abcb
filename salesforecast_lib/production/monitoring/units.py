"""A feed in other units: dozens, cents, thousands (chapter 15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.production.monitoring import profile
from salesforecast_lib.production.monitoring.reference import Reference

FACTORS = (6, 10, 12, 24, 100, 1000)
NEAR = 0.18  # log distance from a factor that still is it: 10 and 12 overlap, the nearest is named
LEAST = float(np.log(5.0))  # a smaller ratio is a level, not a unit


def named_factor(ratio: float) -> float:
    """The factor of `FACTORS`, or one over it, that a ratio is near; 1.0 where it is near none.

    Examples
    --------
    >>> named_factor(0.085), named_factor(98.0), named_factor(1.4)
    (0.08333333333333333, 100.0, 1.0)
    """
    if not ratio > 0:
        return 1.0
    log = float(np.log(ratio))
    near = min(FACTORS, key=lambda factor: abs(abs(log) - np.log(factor)))
    if abs(log) < LEAST or abs(abs(log) - np.log(near)) > NEAR:
        return 1.0
    return float(near) if log > 0 else 1.0 / near


def unit_rows(reference: Reference, new: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """One row of the drift table for each ratio column and product group: is it in other units?

    Sales are compared as sums over the new periods, other columns as medians over the products.
    """
    recent = new[new["ds"].isin(np.sort(new["ds"].unique())[-7:])]
    of = recent["unique_id"].astype(str).map(reference.groups) if reference.groups else None
    parts = {profile.WHOLE: recent}
    if of is not None:
        parts |= {str(name): part for name, part in recent.groupby(of)}
    for name, usual in reference.usual.items():
        if name not in new:
            continue
        known = pd.Series(usual)
        for group, part in parts.items():
            ratio = _ratio(part, name, known)
            factor = named_factor(ratio)
            words = f"times {factor:g}" if factor > 1 else f"divided by {1 / factor:g}" if factor < 1 else "as before"
            yield (
                "units", f"{name} of {group}", ratio, float(np.exp(LEAST)), factor != 1.0,
                f"{name} of {group} is {ratio:.3g} times the usual one"
                + (f": {words}, as in a feed in other units" if factor != 1.0 else ""),
                f"ask for the unit of {name} in the feed, convert it, and read the file again",
            )  # fmt: skip


def _ratio(part: pd.DataFrame, name: str, usual: pd.Series) -> float:
    values = profile.told(part, name)
    of = part["unique_id"].astype(str).map(usual).to_numpy("float64")
    both = np.isfinite(values) & (of > 0)
    if not both.any():
        return 1.0
    if name == "y":
        return float(values[both].sum() / of[both].sum())
    return float(np.median(values[both] / of[both]))
