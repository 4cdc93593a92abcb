"""How a run's forecast stands against the simple rules, in accuracy and in money, and what was wrong with its data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from salesforecast_lib.decisions.driving import RULES
from salesforecast_lib.decisions.workbook.savings import THUMB, in_words, saving_words
from salesforecast_lib.pipeline.glance.files import RunFiles
from salesforecast_lib.pipeline.glance.total import Total
from salesforecast_lib.wording import counted

_REASONS = 3  # of rows set aside that are named


@dataclass(frozen=True)
class Standing:
    """One forecast beside the others: its error as a share of sales, and the cost of the stock it drives.

    ``wape`` and ``cost`` are not a number where chapter 07 or 08 did not judge it.
    """

    name: str
    wape: float
    cost: float


def _value(report: dict[str, Any], name: str, measure: str) -> float:
    value = report.get(name, {}).get(measure)
    return float(value) if value is not None else math.nan


def standings(run: RunFiles) -> list[Standing]:
    """The forecast that drives the plan first, then every simple rule that the run judged."""
    models, policies = run.metrics.get("models", {}), run.inventory.get("policies", {})
    names = [run.model, *(name for name in (*RULES, THUMB) if name != run.model)]
    table = [Standing(name, _value(models, name, "wape"), _value(policies, name, "total")) for name in names]
    return [row for row in table if math.isfinite(row.wape) or math.isfinite(row.cost)]


def verdict(run: RunFiles) -> str:
    """One sentence: by how much the forecast beats the best simple rule in error and in cost, or that it does not."""
    table = [row for row in standings(run) if math.isfinite(row.wape)]
    ours = next((row for row in table if row.name == run.model), None)
    rules = [row for row in table if row.name != run.model]
    parts = []
    if ours is not None and rules:
        best = min(rules, key=lambda row: row.wape)
        gain = 100 * (1 - ours.wape / best.wape) if best.wape > 0 else 0.0
        side = "below" if gain >= 0 else "above"
        parts.append(f"its error is {abs(gain):.1f} % {side} that of the best simple rule ({in_words(best.name)})")
    saved = saving_words(run.inventory)
    if saved:
        parts.append(saved)
    return f"{run.model}: {'; '.join(parts)}." if parts else f"The {run.model} was not held against a simple rule."


def band_check(total: Total, period: str) -> str:
    """How often earlier sales of the whole shop fell inside the band."""
    if not total.judged:
        return "How often the whole shop's band holds is not known: there is one earlier cutoff only."
    return (
        f"In {counted(total.judged, f'earlier {period}')} the whole shop's sales fell inside the 80 % band "
        f"{100 * total.covered:.0f} % of the time."
    )


def data_facts(run: RunFiles) -> list[str]:
    """What was wrong with the data: rows set aside and why, missing stock, products that nobody wants any more."""
    facts = [_set_aside(run)]
    if "available" in run.panel:
        empty = (run.panel["available"] < 1).mean()
        if empty > 0:
            facts.append(f"{_percent(empty)} of all product-{run.period}s look out of stock: their sales say little.")
    gone = run.inventory.get("without_demand") or []
    if gone:
        facts.append(f"{counted(len(gone), 'product')} without demand any more.")
    priceless = run.panel.groupby("unique_id")["price"].max() if "price" in run.panel else pd.Series(dtype=float)
    lacking = int((~(priceless > 0)).sum())
    if "price" not in run.panel:
        facts.append("No prices: everything is in units.")
    elif lacking:
        facts.append(f"{counted(lacking, 'product')} without a price, left out of the money.")
    return facts


def _set_aside(run: RunFiles) -> str:
    """Rows of the file that were not used, with the most frequent reasons."""
    rows = int(run.cleaning[0]["before"]) if run.cleaning else 0
    aside = run.quarantine["reason"].astype(str).value_counts()
    if aside.empty:
        return f"All {rows:,} rows of the data were used." if rows else "No row of the data was set aside."
    share = f" of {rows:,}" if rows else ""
    named = ", ".join(f"{count:,} {reason}" for reason, count in aside.head(_REASONS).items())
    more = f" and {len(aside) - _REASONS} more reasons" if len(aside) > _REASONS else ""
    return f"{int(aside.sum()):,}{share} rows were set aside: {named}{more}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "Under 0.1 %"
