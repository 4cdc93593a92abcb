"""Of which planned values the data can tell: tried by the product, by others of its group, or never.

A model forecasts any plan. Whether it can know what it says depends on what was tried: far from it, trees say what the
nearest tried value did, and networks draw a line that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.usual import is_price
from salesforecast_lib.wording import counted

KEYS = ["unique_id", "ds"]
ENOUGH = 3  # periods in which a value has to have been tried
NEAR = 0.05  # share of a value within which another counts as the same
DEGREES = ("tried", "between", "by others", "never")
TOLD = {
    "tried": "tried by this product",
    "between": "between values that this product tried: a fair guess",
    "by others": "tried by other products of its group only: a guess from them",
    "never": "never tried: the model cannot know; treat as a guess, and test it",
}


def support(
    panel: pd.DataFrame,
    before: pd.DataFrame,
    after: pd.DataFrame,
    columns: Sequence[str],
    group: str = "",
) -> pd.DataFrame:
    """Support of each product and column that another plan changes.

    A value counts as tried in ``ENOUGH`` available periods within ``NEAR`` of it; prices of other products are held
    against their own usual (median) price, so that "a fifth off" is the same for all.

    Parameters
    ----------
    panel : history ``unique_id, ds, available`` and the columns.
    before, after : ``unique_id, ds`` and the columns ahead, the same rows, under the run's plan and the other one.
    group : static column whose products are alike; empty takes all products.

    Returns
    -------
    DataFrame ``unique_id, column, planned_low, planned_high, periods`` (planned otherwise), ``tried_low, tried_high``
    (range in its history), ``seen`` (periods in which the least known of its planned values was tried by the product),
    ``support`` (of `DEGREES`, the worst of its values) and ``words``.
    """
    past = panel[panel["available"] > 0]
    rows = []
    groups = past[group].astype(str) if group else pd.Series("", past.index)
    for column in columns:
        moved = (before[column] - after[column]).abs().to_numpy() > 1e-12
        if not moved.any() or column not in past:
            continue
        usual = past.groupby("unique_id")[column].median() if is_price(column) else None
        mine = {name: part.dropna().to_numpy() for name, part in past.groupby("unique_id")[column]}
        relative = past[column] / (past["unique_id"].map(usual) if usual is not None else 1.0)
        others = {name: part.dropna().to_numpy() for name, part in relative.groupby(groups)}
        of = groups.groupby(past["unique_id"]).first()
        for name, part in after[moved].groupby("unique_id", sort=True):
            planned = np.unique(part[column].dropna().to_numpy())
            own = mine.get(name, np.zeros(0))
            unit = 1.0 if usual is None else float(usual.get(name, np.nan))
            theirs = others.get(of.get(name, ""), np.zeros(0))
            judged = [_degree(value, own, value / unit if unit else np.nan, theirs) for value in planned]
            degree, seen = max(judged, key=lambda each: (DEGREES.index(each[0]), -each[1]))
            tried = (float(own.min()), float(own.max())) if len(own) else (np.nan, np.nan)
            rows.append((name, column, planned[0], planned[-1], len(part), *tried, seen, degree))
    named = ["unique_id", "column", "planned_low", "planned_high", "periods", "tried_low", "tried_high", "seen"]
    table = pd.DataFrame(rows, columns=[*named, "support"])
    table = table.assign(words=[_words(row) for row in table.itertuples()])
    order = table["support"].map(DEGREES.index)  # what is known least is said first
    return (
        table.assign(order=-order)
        .sort_values(["unique_id", "order"], kind="stable", ignore_index=True)
        .drop(columns="order")
    )


def _degree(value: float, own: np.ndarray, relative: float, others: np.ndarray) -> tuple[str, int]:
    """How well one value is known, and in how many periods the product tried it."""
    seen = int(_near(own, value).sum())
    if seen >= ENOUGH:
        return "tried", seen
    numbers = not np.isin(own, (0.0, 1.0)).all()  # between 0 and 1 of a flag there is nothing
    if numbers and int((own <= value).sum()) >= ENOUGH and int((own >= value).sum()) >= ENOUGH:
        return "between", seen
    if int(_near(others, relative).sum()) >= ENOUGH:
        return "by others", seen
    return "never", seen


def _near(values: np.ndarray, value: float) -> np.ndarray:
    return np.abs(values - value) <= max(NEAR * abs(value), 1e-9)


def _words(row: Any) -> str:  # a row of itertuples
    low, high, least, most = (f"{round(value, 2):g}" for value in row[3:5] + row[6:8])
    planned = low if low == high else f"{low}–{high}"
    tried = f"{least} to {most}" if np.isfinite(row.tried_low) else "nothing"
    return f"{row.column} {planned}: {TOLD[row.support]} ({counted(row.seen, 'period')}; its history has {tried})"


def worst(table: pd.DataFrame) -> pd.Series:
    """The worst degree of support over the columns of each product, by ``unique_id``."""
    order = table["support"].map(DEGREES.index)
    return table.assign(order=order).sort_values("order").groupby("unique_id")["support"].last()
