"""Answers of the server, and their shapes for its description."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from salesforecast_lib.production.server.ledger import unknown
from salesforecast_lib.production.server.problems import Problem
from salesforecast_lib.production.server.snapshot import CHAMPION, Arrays, Snapshot

DIGITS = 4


class Driver(BaseModel):
    """What one driver adds to a product's usual sales."""

    driver: str
    units: float = Field(description="over the whole forecast")
    share: float | None = Field(description="of the usual")
    low: float | None = Field(description="least that one of the committee's trees says")
    high: float | None = Field(description="most that one of them says")
    sure: bool = Field(description="whether all of them agree that it moved the forecast by a noticeable amount")
    when: str | None = Field(description="first period in which it is at work, where it is an event")


class Card(BaseModel):
    """Why the champion forecasts what it does: usual, drivers and rest add up to the forecast."""

    id: str
    cutoff: str
    usual: float
    forecast: float = Field(description="units over the whole horizon after the cutoff")
    rest: float = Field(description="what the other members, calibration and limits add")
    drivers: list[Driver]
    why: str = Field(description="the card in words")


class WhyAnswer(Card):
    """Answer of /why/ID."""

    version: str
    note: str


class Forecast(BaseModel):
    """One product's forecast."""

    id: str | None
    model: str = Field(description="who made it: champion or live")
    dates: list[str]
    mean: list[float]
    quantiles: list[list[float]] = Field(description="by period, one value for each of the levels")
    why: Card | None = Field(None, description="where it was asked for; null where the forecast is not the champion's")


class ForecastAnswer(BaseModel):
    """Answer of /forecast."""

    version: str
    levels: list[float]
    forecasts: list[Forecast]


class ObserveAnswer(BaseModel):
    """Answer of /observe: the observations are on the disk."""

    version: str
    accepted: int = Field(description="observations that were new")
    known_already: int = Field(description="observations that had been taken before")


class Order(BaseModel):
    """One product's order."""

    id: str
    model: str
    order: int
    level: float = Field(description="units up to which the position is filled")
    service_level: float
    expected_demand: float = Field(description="units until the delivery of the next order")
    risk_without_order: float
    risk_with_order: float
    why: str


class ReplenishAnswer(BaseModel):
    """Answer of /replenish."""

    version: str
    orders: list[Order]


class Difference(BaseModel):
    """What a plan changes of one product's forecast."""

    id: str
    model: str
    dates: list[str]
    before: list[float]
    after: list[float]
    difference: float = Field(description="units over the horizon")


class WhatIfAnswer(BaseModel):
    """Answer of /whatif."""

    version: str
    differences: list[Difference]
    difference: float
    caution: str


class ModelAnswer(BaseModel):
    """Answer of /model."""

    version: str
    cutoff: str
    freq: str
    horizon: int
    window: int
    levels: list[float]
    future: list[str]
    told: list[str]
    static: list[str]
    products: int
    observed: int = Field(description="products that were observed after the cutoff")
    examples: list[str]
    champion: bool
    passed_over: str = Field("", description="newer versions that cannot be served, and why")
    info: dict[str, Any]


class Wrong(BaseModel):
    """Every answer that is no success."""

    error: str
    field: str


CAUTION = (
    "The model knows how sales went with such a plan, not what the plan does to them; where promotions or prices "
    "followed demand, only a test tells. Models make the effect of a price too small: salesforecast whatif measures it "
    "on the shop's own changes of price."
)


EXPLAINED = (
    "It explains the champion's forecast at the cutoff, over the whole horizon; what was observed later is not in it."
)


def why_answer(snapshot: Snapshot, name: str) -> dict[str, Any]:
    """Answer of /why/ID; raises `Problem` 404 where there is no such product, or no reason of it."""
    if name not in snapshot.place:
        told = unknown(name, "id")
        raise Problem(404, told.sentence, "id")
    if name not in snapshot.cards:
        sentence = (
            f"id: version {snapshot.version} has no reasons of {name[:60]!r}; run the run's stage 16_trust, and export "
            "it again with: salesforecast export RUN"
        )
        raise Problem(404, sentence, "id")
    return {"version": snapshot.version, **snapshot.cards[name], "note": EXPLAINED}


def forecast_answer(
    snapshot: Snapshot,
    names: Sequence[str | None],
    lasts: Sequence[date],
    models: Sequence[str],
    found: Arrays,
    horizon: int,
    why: bool = False,
) -> dict[str, Any]:
    """Answer of /forecast; with ``why`` each forecast of the champion brings its card along."""
    mean, quantiles = (_rounded(each[:, :horizon]) for each in found)
    dates: dict[date, list[str]] = {}
    rows = []
    for number, (name, last, model) in enumerate(zip(names, lasts, models, strict=True)):
        if last not in dates:
            dates[last] = ahead_of(snapshot, last, horizon)
        rows.append(
            {
                "id": name,
                "model": model,
                "dates": dates[last],
                "mean": mean[number],
                "quantiles": quantiles[number],
            }
        )
        if why:
            rows[-1]["why"] = snapshot.cards.get(name or "") if model == CHAMPION else None
    return {"version": snapshot.version, "levels": list(snapshot.model.levels), "forecasts": rows}


def _rounded(values: np.ndarray) -> np.ndarray:
    """Rounded, and each row in one piece, as the writer of JSON wants it."""
    return np.ascontiguousarray(np.round(values, DIGITS))


def ahead_of(snapshot: Snapshot, last: date, horizon: int) -> list[str]:
    """The periods after a day, ISO dates."""
    days = snapshot.model.known.calendar.days
    begin = int(np.searchsorted(days, np.datetime64(last, "D"), side="right"))
    return [str(day) for day in days[begin : begin + horizon]]


def whatif_answer(
    snapshot: Snapshot, names: Sequence[str], lasts: Sequence[date], before: np.ndarray, after: np.ndarray
) -> dict[str, Any]:
    """Answer of /whatif."""
    old, new = _rounded(before), _rounded(after)
    sums = np.round((after - before).sum(axis=1), DIGITS)
    rows = [
        {
            "id": name,
            "model": "live",
            "dates": ahead_of(snapshot, last, snapshot.model.horizon),
            "before": old[number],
            "after": new[number],
            "difference": float(sums[number]),
        }
        for number, (name, last) in enumerate(zip(names, lasts, strict=True))
    ]
    total = round(float((after - before).sum()), DIGITS)
    return {"version": snapshot.version, "differences": rows, "difference": total, "caution": CAUTION}


def model_answer(snapshot: Snapshot) -> dict[str, Any]:
    """Answer of /model: what the version is and what it can be told; the files' checksums are left out."""
    model = snapshot.model
    info = {name: value for name, value in model.info.items() if name not in ("files", "live")}
    return {
        "version": snapshot.version,
        "cutoff": str(snapshot.cutoff),
        "freq": model.freq,
        "horizon": model.horizon,
        "window": model.window,
        "levels": list(model.levels),
        "future": list(model.future),
        "told": list(model.told),
        "static": list(model.static),
        "products": len(snapshot.ids),
        "observed": int((snapshot.at > snapshot.cutoff).sum()),
        "examples": snapshot.ids[:5],
        "champion": snapshot.table is not None,
        "info": info,
    }
