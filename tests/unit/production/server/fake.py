"""A model that is quick to make and whose answers can be told by hand: the mean of the last week, and a promotion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.production.live import States
from salesforecast_lib.production.server.snapshot import Snapshot, Table

HORIZON, WEEK = 14, 7
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass
class FakeModel:
    """Forecasts the mean of the last ``WEEK`` known sales, and ``lift`` times as much in a promotion."""

    cutoff: pd.Timestamp = pd.Timestamp("2024-01-07")
    products: int = 5
    lift: float = 2.0

    def __post_init__(self) -> None:
        self.ids = tuple(f"P{k}" for k in range(self.products))
        self.horizon, self.window, self.season, self.freq, self.levels = HORIZON, WEEK, 7, "D", LEVELS
        self.future, self.told, self.static = ("weekday", "promo"), ("promo",), ("group",)
        days = np.arange("2023-01-01", "2025-01-01", dtype="datetime64[D]")
        self.known = SimpleNamespace(calendar=SimpleNamespace(days=days))
        self.info: dict[str, Any] = {"licence": "made", "files": {"network.onnx": "0"}}

    def state(self) -> States:
        numbers = np.repeat(np.arange(1.0, self.products + 1)[:, None], WEEK, axis=1)
        return States(np.array(self.ids, dtype=object), np.datetime64(self.cutoff, "D"), numbers)

    def _known(self, n, told, long):
        values = np.zeros((n, long, 2))
        if told and "promo" in told:
            values[:, :, 1] = np.nan_to_num(told["promo"], nan=0.0)
        return values

    def ahead(self, last_date, n, told=None, ids=None, static=None):
        return self._known(n, told, HORIZON)

    def past(self, last_date, n, periods, told=None, ids=None, static=None):
        if (np.asarray(last_date) - np.timedelta64(periods - 1, "D") < self.known.calendar.days[0]).any():
            raise ValueError("a period that is needed lies outside the calendar")  # as the live model does
        return self._known(n, told, periods)

    def today(self, at, n, told=None, ids=None, static=None):
        return self._known(n, {name: values[:, None] for name, values in (told or {}).items()}, 1)[:, 0]

    def _answer(self, level, ahead):
        mean = level[:, None] * np.where(ahead[:, :, 1] > 0, self.lift, 1.0)
        return mean, mean[:, :, None] * np.linspace(0.5, 1.5, len(LEVELS))

    def forecast(self, windows):
        recent = windows.y[:, -WEEK:]
        return self._answer(
            np.nanmean(np.where(windows.available[:, -WEEK:] > 0, recent, np.nan), axis=1), windows.ahead
        )

    def step(self, states, y, available, today):
        numbers = np.concatenate([states.numbers[:, 1:], y[:, None]], axis=1)
        return States(states.ids, states.at + np.timedelta64(1, "D"), numbers)

    def decode(self, states, ahead):
        return self._answer(states.numbers.mean(axis=1), ahead)


CUTOFFS = {"v1": "2024-01-07", "v2": "2024-01-09"}


def load(version: str, folder: Path) -> Snapshot:
    """A version of the fake model; the champion says 100 for all, and knows all products but the last."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    model = FakeModel(pd.Timestamp(CUTOFFS[version]))
    mean = np.full((model.products - 1, HORIZON), 100.0)
    place = {name: number for number, name in enumerate(model.ids[:-1])}
    quantiles = np.asfortranarray(mean[:, :, None] * np.linspace(0.5, 1.5, len(LEVELS)))  # as a table's columns come
    table = Table(place, mean, quantiles)
    cards = {name: card(name) for name in ("P0", "P1")} if version == "v1" else {}
    return Snapshot(version, model, table, cards)  # type: ignore[arg-type]


def card(name: str) -> dict[str, Any]:
    """Why the champion forecasts what it does, as an export writes it."""
    driver = {"driver": "promotion", "units": 9.0, "share": 0.1, "low": 7.0, "high": None, "sure": True, "when": None}
    told = {"cutoff": "2024-01-07", "usual": 90.0, "forecast": 100.0, "rest": 1.0, "drivers": [driver], "why": "so"}
    return {"id": name, **told}
