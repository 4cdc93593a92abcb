"""What matters most in a run: orders, alerts and price proposals, in the order of the money behind them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from salesforecast_lib.decisions.workbook.subjects import UNKNOWN
from salesforecast_lib.pipeline.glance.files import RunFiles, numbers
from salesforecast_lib.pipeline.glance.products import order_of_products
from salesforecast_lib.wording import counted

SHOWN = 10
_SEVERE = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True)
class Item:
    """One line of a list: what it is about, what to do or know, and the number that it is ranked by.

    ``product`` is a name of the page of products; empty where the line is about several products.
    """

    subject: str
    words: str
    value: str
    product: str
    why: str


@dataclass(frozen=True)
class Ranking:
    """A list of the first page: ``items``, most important first, out of ``total``.

    ``what`` and ``measure`` are headings of the items' words and values; ``note`` is what else is to be known.
    """

    title: str
    what: str
    measure: str
    items: list[Item]
    total: int
    note: str


def amount(value: float) -> str:
    """A number for a narrow column: whole from 10 on, a dash where it is not known."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:,.1f}"


def _text(row: pd.Series, name: str) -> str:
    value = row.get(name, "")
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _sorted(table: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    return table.assign(_value=values).sort_values("_value", ascending=False, kind="stable", na_position="last")


def top_orders(run: RunFiles) -> Ranking:
    """Orders with the most to lose before they arrive; where that is equal, with the most to lose without them."""
    wanted = order_of_products(run.plan[numbers(run.plan, "order_quantity") > 0])
    loss = numbers(wanted, "expected_loss")
    measure = "loss" if loss.notna().any() else "risk"
    values = loss if measure == "loss" else numbers(wanted, "risk_before_delivery")
    rows = _sorted(wanted, values)
    stock, order = numbers(rows, "stock"), numbers(rows, "order_quantity")
    items = [
        Item(
            subject=str(row["unique_id"]),
            words=f"{order[label]:,.0f} (have {amount(stock[label])})",
            value=amount(row["_value"]) if measure == "loss" else f"{100 * row['_value']:.0f} %",
            product=str(row["unique_id"]),
            why=_text(row, "why"),
        )
        for label, row in rows.head(SHOWN).iterrows()
    ]
    unknown = int((run.plan["action"] == UNKNOWN).sum())
    notes = []
    if not items:
        notes.append("Nothing has to be ordered today.")
    if unknown:
        notes.append(f"The stock of {counted(unknown, 'product')} is unknown: count it.")
    if "stock_source" in run.plan and (run.plan["stock_source"] == "simulated").any():
        notes.append("Simulated stock: an example.")
    return Ranking("Orders", "order", measure, items, len(rows), " ".join(notes))


def top_alerts(run: RunFiles) -> Ranking:
    """The severest alerts, with the most money at stake among equals; what a holiday explains is not severe."""
    rows = _sorted(run.alerts, numbers(run.alerts, "impact"))
    if "severity" in rows:
        rows = rows.sort_values("severity", key=lambda told: told.map(_SEVERE), kind="stable", na_position="last")
    products = set(run.plan["unique_id"].astype(str))
    items = []
    for _, row in rows.head(SHOWN).iterrows():
        name, start, end = str(row["unique_id"]), _text(row, "start"), _text(row, "end")
        when = start if start == end or not end else f"{start} to {end}"
        why = ": ".join(part for part in (_text(row, "severity"), when, _text(row, "why")) if part)
        words = ", ".join(part for part in (_text(row, "kind"), start[5:]) if part)  # month and day
        items.append(Item(name, words, amount(row["_value"]), name if name in products else "", why))
    note = "" if items else "Nothing unusual in the newest periods."
    return Ranking("Alerts", "alert", "at stake", items, len(rows), note)


def top_prices(run: RunFiles) -> Ranking:
    """Price changes and tests that can begin now, with the most money at stake."""
    actions = run.prices["action"].astype(str) if "action" in run.prices else pd.Series(dtype=str)
    wanted = run.prices[~actions.isin(("hold", "test later"))]
    stake = numbers(wanted, "at_stake")
    measure = "at stake" if stake.notna().any() else "profit"
    rows = _sorted(wanted, stake if measure == "at stake" else numbers(wanted, "profit_change"))
    today, proposed = numbers(rows, "current_price"), numbers(rows, "proposed_price")
    tests = rows.empty or (rows["action"] == "test").all()
    items = [
        Item(
            subject=str(row["unique_id"]),
            words=f"{'' if tests else _text(row, 'action') + ' to '}{proposed[label]:,.2f} (now {today[label]:,.2f})",
            value=amount(row["_value"]),
            product=str(row["unique_id"]),
            why=_text(row, "why"),
        )
        for label, row in rows.head(SHOWN).iterrows()
    ]
    note = "" if items else "No price is worth a test now."
    return Ranking("Price tests" if tests else "Prices", "price", measure, items, len(rows), note)
