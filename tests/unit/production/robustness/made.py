"""A small shop whose price drives its sales, its order lines, and a case of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.data.cleaning import CleaningConfig
from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.data.panel import build_panel
from salesforecast_lib.production.robustness.case import Case
from salesforecast_lib.production.robustness.fakes import Book, order_book

META = {
    "dataset": "made", "freq": "D", "season_length": 7, "country": "US", "horizon": 14,
    "static": ["group"], "historical": ["price"], "future": ["open"],
}  # fmt: skip


def made_lines(products: int = 6, days: int = 140, seed: int = 0) -> pd.DataFrame:
    """Order lines of ``p0``, ``p1`` …; a price change lasts two weeks, and halves or doubles sales while it lasts."""
    rng, parts = np.random.default_rng(seed), []
    dates = pd.date_range("2024-01-01", periods=days)
    for number in range(products):
        rise = np.repeat(rng.choice([0.85, 1.0, 1.2], days // 14 + 1), 14)[:days]
        mean = 4.0 * (number + 1) * rise**-4 * (1 + 0.4 * (dates.dayofweek >= 5))
        count = rng.poisson(mean)
        place = np.repeat(np.arange(days), count)
        parts.append(
            pd.DataFrame(
                {
                    "product_id": f"p{number}",
                    "timestamp": dates[place],
                    "quantity": 1.0 + (rng.random(len(place)) < 0.2),
                    "unit_price": (2.0 + number) * rise[place],
                    "customer_id": rng.integers(0, 150, len(place)).astype(str),
                    "group": f"g{number % 2}",
                }
            )
        )
    lines = pd.concat(parts, ignore_index=True)
    return lines.assign(order_id=[f"o{k}" for k in range(len(lines))], row=np.arange(1, len(lines) + 1))


def made_case(lines: pd.DataFrame, priced: bool = True) -> tuple[Case, FeatureTable]:
    """The case of the last horizon of the lines' panel, and its features; without a price when not ``priced``."""
    panel = build_panel(lines, static=("group",))
    panel["open"] = 1.0
    meta = META if priced else {**META, "historical": []}
    panel = panel if priced else panel.drop(columns=["price", "discount"], errors="ignore")
    table = build_features(panel, meta)
    known = table.frame[["unique_id", "ds", *table.roles["future"]]]
    described = {**meta, **table.roles, "groups": table.groups, "in_units": table.in_units}
    return Case.last_horizon(panel, meta, described, known), table


def made_book(case: Case, lines: pd.DataFrame) -> Book:
    """The lines as a book of orders."""
    return order_book(case, lines, "product_id", CleaningConfig())
