"""An already aggregated panel ``unique_id, ds, y`` + covariates, read and checked row by row (chapter 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.data.panel import KEYS
from salesforecast_lib.data.reading import Reading, ReadOptions, read_panel_file


def read_panel(
    path: str, options: ReadOptions | None = None, freq: str = "D", missing_y: str = "zero"
) -> tuple[pd.DataFrame, Reading]:
    """Read an already aggregated panel ``unique_id, ds, y`` + covariates; returns the panel and how it was read.

    Gaps are filled so that each series is regular. ``missing_y`` says what a gap or an empty ``y`` means: "zero"
    (nothing was sold), "unavailable" (``available`` 0: says nothing about demand) or "interpolate".

    Raises
    ------
    ValueError
        When a required column is missing, a key appears twice, or a parameter is not known.
    """
    if missing_y not in ("zero", "unavailable", "interpolate"):
        raise ValueError(f"missing_y={missing_y!r}: expected zero, unavailable or interpolate")
    read = read_panel_file(path, options)
    panel = read.frame.drop(columns="row")
    alias = "D" if freq == "D" else "W-SUN"
    end = panel["ds"].max()
    grid = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(start, end, freq=alias)})
        for name, start in panel.groupby("unique_id")["ds"].min().items()
    ]
    full = pd.concat(grid, ignore_index=True).merge(panel, on=KEYS, how="left")
    if len(full.dropna(subset="y")) < len(panel.dropna(subset="y")):
        raise ValueError(f"{path}: ds does not fit freq={freq!r} (weeks end on Sunday); change freq or the dates")
    known = full["y"].notna()
    if "available" not in full:
        full["available"] = np.where(known | (missing_y != "unavailable"), 1.0, 0.0)
    if missing_y == "interpolate":
        full["y"] = full.groupby("unique_id")["y"].transform(lambda y: y.interpolate(limit_direction="both"))
    full["y"] = full["y"].fillna(0.0)
    full["available"] = pd.to_numeric(full["available"], errors="coerce").fillna(0.0).clip(0, 1)
    covariates = [c for c in full.columns if c not in (*KEYS, "y", "available")]
    for name in covariates:
        if full[name].dtype == float:
            full[name] = full.groupby("unique_id")[name].ffill().fillna(0.0)
        else:
            full[name] = full.groupby("unique_id")[name].transform("first").fillna("unknown").astype(str)
    full = full.assign(open=full.get("open", 1.0)).sort_values(KEYS, ignore_index=True)
    return full, read
