"""An already aggregated panel ``unique_id, ds, y`` + covariates, read and checked row by row (chapter 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.data.panel import KEYS
from salesforecast_lib.data.schema import quarantine_rows, read_table


def read_panel(
    path: str, column_map: dict[str, str] | None = None, freq: str = "D", missing_y: str = "zero"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read an already aggregated panel ``unique_id, ds, y`` + covariates; returns ``(panel, quarantine)``.

    Gaps are filled so that each series is regular. ``missing_y`` says what a gap or an empty ``y`` means: "zero"
    (nothing was sold), "unavailable" (``available`` 0: says nothing about demand) or "interpolate".

    Raises
    ------
    ValueError
        When a required column is missing, a key appears twice, or a parameter is not known.
    """
    if missing_y not in ("zero", "unavailable", "interpolate"):
        raise ValueError(f"missing_y={missing_y!r}: expected zero, unavailable or interpolate")
    raw = read_table(path).rename(columns={theirs: ours for ours, theirs in (column_map or {}).items()})
    missing = [name for name in (*KEYS, "y") if name not in raw]
    if missing:
        raise ValueError(f"{path}: missing columns {missing}; the file has {list(map(str, raw.columns))[:30]}")
    raw = raw.assign(row=np.arange(1, len(raw) + 1))
    text, value = raw["unique_id"].astype("string").str.strip(), raw["y"]
    stamp = pd.to_datetime(raw["ds"], errors="coerce", format="ISO8601" if raw["ds"].dtype == object else None)
    number = pd.to_numeric(value, errors="coerce").astype("float64")
    empty = value.isna() | (value.astype("string").str.strip() == "").fillna(True).to_numpy(bool)
    checks = {
        "unique_id": (text.isna() | (text == "").fillna(True), "missing id"),
        "ds": (stamp.isna(), "not a date; expected ISO 8601 such as 2024-03-31"),
        "y": (~empty & ~(np.isfinite(number) & (number >= 0)), "not a finite number of zero or more"),
    }
    bad, parts = np.zeros(len(raw), dtype=bool), []
    for column, (mask, reason) in checks.items():
        mask = mask.to_numpy(bool) & ~bad
        parts.append(quarantine_rows(raw, mask, column, reason))
        bad |= mask
    panel = raw.assign(unique_id=text.astype(object), ds=stamp, y=number).loc[~bad].drop(columns="row")
    if panel.empty:
        raise ValueError(f"{path}: no usable row; first reasons: {pd.concat(parts)['reason'].unique().tolist()}")
    twice = panel.duplicated(KEYS)
    if twice.any():
        where = panel.loc[twice, KEYS].iloc[0].tolist()
        raise ValueError(f"{path}: {int(twice.sum())} keys appear twice, the first is {where}; add them up first")
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
        numbers = pd.to_numeric(full[name], errors="coerce")
        if numbers.notna().any():
            full[name] = numbers.groupby(full["unique_id"]).ffill().fillna(0.0)
        else:
            full[name] = full.groupby("unique_id")[name].transform("first").fillna("unknown").astype(str)
    full = full.assign(open=full.get("open", 1.0)).sort_values(KEYS, ignore_index=True)
    return full, pd.concat(parts, ignore_index=True)
