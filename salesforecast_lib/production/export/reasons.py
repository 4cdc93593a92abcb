"""The reasons of a run as the server reads them: JSON, so that it needs neither tables nor models for them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.evaluation.reasons import REST, USUAL, current_reasons, read_reasons
from salesforecast_lib.files import write_json
from salesforecast_lib.production.live.reasons import REASONS


def write_cards(run: Path, forecasts: pd.DataFrame, folder: Path) -> int:
    """Write the reasons of the run's champion into a model folder, and return of how many products.

    Nothing is written where the run has none, or they are of another champion than ``forecasts``.
    """
    reasons = current_reasons(read_reasons(run), forecasts)
    cards = [_card(str(name), rows) for name, rows in reasons.groupby("unique_id", sort=True)]
    if cards:
        write_json(cards, folder / REASONS)
    return len(cards)


def _card(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    whole, rest = rows[rows["driver"] == USUAL], rows[rows["driver"] == REST]
    drivers = [
        {
            "driver": row.driver,
            "units": row.units,
            **{key: _known(getattr(row, key)) for key in ("share", "low", "high")},
            "sure": bool(row.sure),
            "when": row.when or None,
        }
        for row in rows[~rows["driver"].isin((USUAL, REST))].itertuples()
    ]
    first = rows.iloc[0]
    return {
        "id": name,
        "cutoff": str(first["cutoff"]),
        "usual": float(first["usual"]),
        "forecast": float(first["forecast"]),
        "rest": float(rest["units"].sum()),
        "drivers": drivers,
        "why": str(whole["why"].iloc[0]) if len(whole) else "",
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
