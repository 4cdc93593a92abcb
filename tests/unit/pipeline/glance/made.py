"""A finished run of a made shop, whatever its products are called, as the pages of its book read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.files import write_csv, write_json, write_parquet

ODD = [
    *(
        "<script>alert(1)</script>",
        "\"quoted\" & 'single'",
        "</script><b>bold</b>",
        "茶叶 绿 🎁",
        "a/b\\c",
        "__proto__",
    ),
    *("constructor", "$5 & $10 `gift`", "```", "=1+1", "100 %25", "# 1", "x" * 80, "plain"),
]
HORIZON, CUTOFFS = 14, 3


def made_shop(
    folder: Path, names: list[str], price: bool = True, stock: str = "stock_file", common: float = 0.3, freq: str = "D"
) -> Path:
    """Write the files of a run: Poisson-like sales, forecasts whose errors share ``common``, a plan, alerts, prices."""
    rng = np.random.default_rng(5)
    count, days = len(names), pd.date_range("2024-01-01", periods=120, freq={"D": "D", "W": "W-SUN", "M": "MS"}[freq])
    level = rng.uniform(2, 60, count)
    shared = rng.standard_normal((1, len(days))) * np.sqrt(common)
    noise = shared + rng.standard_normal((count, len(days))) * np.sqrt(1 - common)
    y = np.maximum(np.round(level[:, None] * (1 + 0.3 * noise)), 0)
    index = {"unique_id": np.repeat(names, len(days)), "ds": np.tile(days, count)}
    panel = pd.DataFrame({**index, "y": y.ravel(), "available": 1.0})
    if price:
        panel["price"] = np.repeat(rng.uniform(1, 9, count).round(2), len(days))
    write_parquet(panel, folder / "panel.parquet")
    rows = []
    for place in range(CUTOFFS, -1, -1):
        start = len(days) - place * HORIZON
        dates = pd.date_range(days[start - 1], periods=HORIZON + 1, freq=days.freq)[1:]
        known = y[:, start : start + HORIZON] if place else np.full((count, HORIZON), np.nan)
        part = pd.DataFrame({"unique_id": np.repeat(names, HORIZON), "ds": np.tile(dates, count)})
        part = part.assign(cutoff=days[start - 1], model="Champion", mean=np.repeat(level, HORIZON), y=known.ravel())
        for column, quantile in zip(QUANTILE_COLUMNS, QUANTILES, strict=True):
            part[column] = np.maximum(part["mean"] * (1 + 0.3 * stats.norm.ppf(quantile)), 0)
        rows.append(part)
    write_parquet(pd.concat(rows, ignore_index=True), folder / "forecasts.parquet")
    loss = level[::-1] * 3
    plan = pd.DataFrame({"unique_id": names, "stock": np.round(level), "order_quantity": np.round(9 * level)})
    plan = plan.assign(order_up_to_level=10 * level, expected_demand=10 * level, risk_before_delivery=0.4)
    plan = plan.assign(
        runs_out_before_delivery=True, why='stock is <low> & "thin"', stock_source=stock, expected_loss=loss
    )
    write_csv(plan, folder / "replenishment.csv")
    write_csv(pd.DataFrame(columns=["unique_id", "proposal", "why"]), folder / "excess.csv")
    later = pd.date_range(days[-1], periods=11, freq=days.freq)[1:]
    stock_ahead = pd.DataFrame({"unique_id": np.repeat(names, 10), "ds": np.tile(later.astype(str), count)})
    stock_ahead = stock_ahead.assign(low=1.0, median=2.0, high=3.0, empty=0.1)
    write_csv(stock_ahead, folder / "projection.csv")
    prices = pd.DataFrame({"unique_id": names, "action": "test", "current_price": 2.0, "proposed_price": 2.2})
    prices = prices.assign(
        profit_change=level, elasticity=-1.5, elasticity_low=-2.0, elasticity_high=-1.0, why="test it"
    )
    write_csv(prices if price else prices.iloc[:0], folder / "prices.csv")
    alerts = pd.DataFrame({"unique_id": [*names[:2], f"({count} products)"], "kind": ["level down", "price", "feed"]})
    alerts = alerts.assign(severity="high", start="2024-04-01", end="2024-04-03", impact=[5.0, 70.0, 6.0], why="<why>")
    write_csv(alerts, folder / "alerts.csv")
    write_csv(pd.DataFrame(columns=["unique_id", "start", "end", "kind", "profit", "why"]), folder / "promotions.csv")
    write_parquet(
        pd.DataFrame({"row": [3, 9, 11], "reason": ["zero quantity"] * 2 + ["<no date>"]}),
        folder / "quarantine.parquet",
    )
    write_json({"dataset": "own_data", "freq": freq, "season_length": 7}, folder / "panel.json")
    write_json({"dataset": "own_data", "freq": freq}, folder / "parameters.json")
    models = {"Champion": {"wape": 0.3}, "SeasonalNaive": {"wape": 0.5}, "WindowAverage": {"wape": 0.4}}
    write_json({"models": models}, folder / "metrics.json")
    costs = {"Champion": {"total": 80.0}, "WindowAverage": {"total": 100.0}, "rule of thumb": {"total": 160.0}}
    write_json({"policies": costs, "service_level": 0.9, "model": "Champion"}, folder / "inventory.json")
    write_json([{"step": "schema", "before": 1000, "after": 997, "quarantined": 3}], folder / "cleaning.json")
    return folder
