"""Sentences on what published numbers give away (chapter 16b)."""

from __future__ import annotations

import pandas as pd

NO_CUSTOMERS = "These data do not tell who bought, so no customer's order can be tested."


def membership_found(table: pd.DataFrame) -> list[str]:
    """For each row of ``order, model, defence, auc, low, high``: whether the order can be told beyond chance."""
    words = []
    for row in table.itertuples(index=False):
        told = "can be told" if row.low > 0.5 else "cannot be told beyond chance"
        words.append(f"{row.order} orders, {row.model}, {row.defence}: {told} (AUC {row.auc:.2f}).")
    return words
