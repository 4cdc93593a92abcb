"""What a run knows of each product, in columns that a page can load in one go: a list a column, in the same order."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.pipeline.glance.files import RunFiles, numbers
from salesforecast_lib.pipeline.glance.total import BANDS

HISTORY = {"D": 84, "W": 78, "M": 48}  # periods of sales shown at most
MOST = 5_000  # products on the page
ALL_BANDS = 1_000  # more products than this have the 80 % band only, and half of the history
_PER_PRODUCT = 6  # alerts, and promotions, of one product that are shown


def order_of_products(plan: pd.DataFrame) -> pd.DataFrame:
    """The plan's rows in the order of the list: most money at risk first, then what a missing order would cost, then
    the largest expected demand."""
    by = ("expected_loss", "loss_without_order", "expected_demand")
    keys = {f"_{name}": numbers(plan, name).fillna(-1.0) for name in by}
    rows = plan.assign(**keys).sort_values(list(keys), ascending=False, kind="stable")
    return rows.drop(columns=list(keys)).drop_duplicates("unique_id").reset_index(drop=True)


def _short(value: float) -> float | int | None:
    """A number with three digits, larger ones whole; None where it is not known."""
    if not math.isfinite(value):
        return None
    number = round(value) if abs(value) >= 100 else float(f"{value:.3g}")
    return int(number) if number == int(number) else number


def _columns(values: np.ndarray) -> list[Any]:
    """Nested lists of short numbers."""
    if values.ndim > 1:
        return [_columns(row) for row in values]
    return [_short(value) for value in values.tolist()]


def _wide(table: pd.DataFrame, column: str, names: list[str], dates: pd.Index) -> list[Any]:
    """One list a product, one value a date."""
    wide = table.pivot_table(index="unique_id", columns="ds", values=column, aggfunc="last")
    return _columns(wide.reindex(index=names, columns=dates).to_numpy(float))


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    return table[column].fillna("").astype(str).tolist() if column in table else [""] * len(table)


def _days(dates: pd.Index) -> list[str]:
    return [str(day)[:10] for day in dates]


def _told(table: pd.DataFrame, names: list[str], fields: tuple[str, ...], amounts: tuple[str, ...]) -> list[Any]:
    """Rows of a table by product: texts of ``fields``, numbers of ``amounts``; the first ones where there are many."""
    found: dict[str, list[Any]] = {}
    if not table.empty:
        texts = [_texts(table, field) for field in fields]
        values = [_columns(numbers(table, amount).to_numpy()) for amount in amounts]
        for name, *row in zip(table["unique_id"].astype(str), *texts, *values, strict=True):
            found.setdefault(name, []).append(row)
    return [found.get(name, [])[:_PER_PRODUCT] for name in names]


def _by_name(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """One row a product in the order of ``names``; empty where the table says nothing of it."""
    if table.empty:
        return pd.DataFrame(index=names)
    return table.drop_duplicates("unique_id").set_index("unique_id").reindex(names)


def products_data(run: RunFiles) -> dict[str, Any]:
    """Everything that the page of products shows.

    Lists under ``plan``, ``prices``, ``alerts``, ``promotions``, ``y``, ``mean``, ``bands`` and ``projection`` follow
    ``names``; a name is never a key, as names are whatever a shop wrote. ``left_out`` says what a large shop's page
    lacks, and is empty otherwise.
    """
    rows = order_of_products(run.plan)
    total, rows = len(rows), rows.head(MOST)
    names = rows["unique_id"].astype(str).tolist()
    small = len(names) <= ALL_BANDS
    periods = HISTORY[run.kind] // (1 if small else 2)
    bands = [band for band in BANDS if small or band[0] == 80]
    dates = pd.Index(np.sort(run.panel["ds"].unique())[-periods:])
    newest = run.forecasts["cutoff"] == run.forecasts["cutoff"].max()
    coming = run.forecasts[newest & run.forecasts["y"].isna()]
    ahead = pd.Index(np.sort(coming["ds"].unique()))
    later = pd.Index(np.sort(run.projection["ds"].unique()))
    priced = _by_name(run.prices, names)
    left_out = []
    if total > len(names):
        left_out.append(f"the {total - len(names):,} products with the least money at risk")
    if not small:
        left_out.append(f"the 50 % and 90 % bands, and sales before the last {len(dates)} {run.period}s")
    return {
        "period": run.period,
        "model": run.model,
        "lead": run.lead_time,
        "protection": run.protection,
        "simulated": bool((rows["stock_source"] == "simulated").any()) if "stock_source" in rows else False,
        "left_out": " and ".join(left_out),
        "names": names,
        "dates": _days(dates),
        "ahead": _days(ahead),
        "later": _days(later),
        "y": _wide(run.panel[run.panel["ds"].isin(dates)], "y", names, dates),
        "mean": _wide(coming, "mean", names, ahead),
        "bands": [
            {
                "share": share,
                "low": _wide(coming, f"q{low}", names, ahead),
                "high": _wide(coming, f"q{high}", names, ahead),
            }
            for share, low, high in bands
        ],
        "plan": {
            **{
                column: _columns(numbers(rows, source).to_numpy())
                for column, source in {
                    "order": "order_quantity",
                    "stock": "stock",
                    "level": "order_up_to_level",
                    "expected": "expected_demand",
                    "risk": "risk_before_delivery",
                    "loss": "expected_loss",
                }.items()
            },
            **{column: _texts(rows, column) for column in ("action", "why")},
        },
        "projection": {column: _wide(run.projection, column, names, later) for column in ("low", "median", "high")},
        "prices": {
            **{
                column: _prices(numbers(priced, source).to_numpy())
                for column, source in {
                    "current": "current_price",
                    "proposed": "proposed_price",
                    "gain": "profit_change",
                    "stake": "at_stake",
                    "elasticity": "elasticity",
                    "low": "elasticity_low",
                    "high": "elasticity_high",
                    "pays": "break_even",
                    "periods": "test_periods",
                }.items()
            },
            **{column: _texts(priced, column) for column in ("action", "why")},
        },
        "alerts": _told(run.alerts, names, ("severity", "kind", "start", "end", "why"), ("impact",)),
        "promotions": _told(run.promotions, names, ("start", "end", "kind", "why"), ("profit",)),
    }


def _prices(values: np.ndarray) -> list[float | None]:
    """Money and elasticities with two digits."""
    return [round(value, 2) if math.isfinite(value) else None for value in values.tolist()]


def script(data: Mapping[str, Any], name: str = "shopProducts") -> str:
    """Data of a page as a script that loads from a disk as well as over a network; plain ASCII, without a tag.

    Parameters
    ----------
    name : under which the page finds them in its window.
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # ASCII: no line separators of JavaScript
    return f"window.{name} = {text.replace('<', chr(92) + 'u003c')};\n"
