"""Errors of a night by product group: what a watch keeps of forecasts and of what came (chapter 15)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from salesforecast_lib import levels_of
from salesforecast_lib.production.monitoring.profile import WHOLE

KEYS = ["unique_id", "ds"]
FIGURES = ["rows", "sold", "forecast", "absolute", "inside", "usual"]


def band_columns(forecasts: pd.DataFrame) -> tuple[str, str, float]:
    """The two quantile columns nearest to an 80 % interval, and the share that lies between them.

    Raises ValueError when the table has no pair of quantiles.
    """
    levels = levels_of(forecasts)
    pairs = [(low, high) for low in levels for high in levels if low < 0.5 < high and abs(low + high - 1) < 1e-6]
    if not pairs:
        raise ValueError(f"forecasts: no pair of quantiles such as q0.1 and q0.9 among {list(forecasts.columns)}")
    low, high = min(pairs, key=lambda pair: abs(pair[1] - pair[0] - 0.8))
    return f"q{low:g}", f"q{high:g}", round(high - low, 6)


def scored(forecasts: pd.DataFrame, actuals: pd.DataFrame) -> pd.DataFrame:
    """Rows with forecast and sales, on which the product could be bought: of several cutoffs the latest before it.

    Raises
    ------
    ValueError
        When a column is missing.
    """
    for name, table, columns in (
        ("forecasts", forecasts, [*KEYS, "mean"]),
        ("actuals", actuals, [*KEYS, "y", "available"]),
    ):
        lacking = [column for column in columns if column not in table]
        if lacking:
            raise ValueError(f"{name}: columns {lacking} are missing; expected {columns}")
    low, high, _ = band_columns(forecasts)
    kept = forecasts.drop(columns=["y", "available"], errors="ignore")
    if "cutoff" in kept:
        kept = kept[kept["cutoff"] < kept["ds"]].sort_values("cutoff", kind="stable")
        kept = kept.drop_duplicates([*KEYS], keep="last")
    columns = [*KEYS, "mean", low, high]
    rows = kept[columns].merge(actuals.loc[actuals["available"] > 0, [*KEYS, "y"]].dropna(subset="y"), on=KEYS)
    return rows.rename(columns={low: "low", high: "high"})


def night_figures(rows: pd.DataFrame, groups: Mapping[str, str], usual: Mapping[str, float]) -> pd.DataFrame:
    """Figures of each night and group: ``ds, group`` and `FIGURES`, sums over the scored rows.

    Parameters
    ----------
    usual : product → usual sales of a period; products without are as large as they are forecast.
    """
    size = rows["unique_id"].astype(str).map(dict(usual)).fillna(rows["mean"]).to_numpy("float64")
    table = pd.DataFrame(
        {
            "ds": rows["ds"],
            "rows": 1.0,
            "sold": rows["y"],
            "forecast": rows["mean"],
            "absolute": (rows["mean"] - rows["y"]).abs(),
            "inside": ((rows["y"] >= rows["low"]) & (rows["y"] <= rows["high"])).astype(float),
            "usual": size,
        }
    )
    of = rows["unique_id"].astype(str).map(dict(groups))
    parts = [table.groupby("ds")[FIGURES].sum().assign(group=WHOLE)]
    if of.notna().any():
        parts += [table.groupby([of.rename("group"), "ds"])[FIGURES].sum().reset_index("group")]
    found = pd.concat(parts).reset_index()
    return found[["ds", "group", *FIGURES]].sort_values(["group", "ds"], ignore_index=True)


def scaled(figures: pd.DataFrame) -> np.ndarray:
    """Bias, absolute error (both over usual sales) and share inside the interval, (nights, 3)."""
    usual = np.maximum(figures["usual"].to_numpy("float64"), 1e-12)
    bias = (figures["forecast"] - figures["sold"]).to_numpy("float64") / usual
    error = figures["absolute"].to_numpy("float64") / usual
    return np.stack([bias, error, (figures["inside"] / figures["rows"].clip(lower=1)).to_numpy("float64")], axis=1)
