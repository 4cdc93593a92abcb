"""Small made panels as a champion takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable, build_features

META = {
    "dataset": "made",
    "freq": "D",
    "season_length": 7,
    "country": "DE",
    "static": ["kind"],
    "historical": [],
    "future": ["open", "promo"],
    "horizon": 14,
}


def make_panel(series: int = 8, days: int = 154, ahead: int = 14, seed: int = 0) -> pd.DataFrame:
    """Daily sales with a weekly cycle and promotions that lift them by half; ``ahead`` days are told after the data."""
    rng, parts = np.random.default_rng(seed), []
    stamps = pd.date_range("2024-01-01", periods=days + ahead)
    for number in range(series):
        level = 20.0 * (1 + number)
        promo = (rng.random(len(stamps)) < 0.2).astype(float)
        week = 1 + 0.3 * np.sin(2 * np.pi * stamps.dayofweek.to_numpy() / 7)
        y = rng.poisson(level * week * (1 + 0.5 * promo)).astype(float)
        y[days:] = np.nan
        frame = {"unique_id": f"s{number:02d}", "ds": stamps, "y": y, "available": 1.0, "open": 1.0, "promo": promo}
        parts.append(pd.DataFrame({**frame, "kind": "ab"[number % 2]}))
    return pd.concat(parts, ignore_index=True)


def told(panel: pd.DataFrame, **changes: Any) -> tuple[FeatureTable, pd.DataFrame, dict[str, Any], pd.Timestamp]:
    """Feature table up to the last sale, what is known ahead, the description, and the last day with sales."""
    meta = {**META, **changes}
    last = panel.loc[panel["y"].notna(), "ds"].max()
    frame = panel.assign(y=panel["y"].fillna(0.0)).sort_values(["unique_id", "ds"], ignore_index=True)
    table = build_features(frame, meta)
    known = table.frame[["unique_id", "ds", *table.roles["future"]]]
    past = table.frame[table.frame["ds"] <= last].reset_index(drop=True)
    cut = FeatureTable(past, table.roles, table.groups, table.in_units)
    return cut, known, {**meta, **table.roles}, last
