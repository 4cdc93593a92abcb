"""Who buys: an alarm where a product is suddenly bought by many who never bought in the shop before (chapter 16b).

A ring of accounts orders one unit each, so that no line and no account is out of the ordinary. What is, is that its
accounts are new. How many buyers are new in a usual week is learned from the shop's own earlier weeks. Accounts that
have bought before, or orders without an account, are not seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.production.monitoring.drift import COLUMNS

DAYS = 7  # of a window
HISTORY = 26  # windows before, from which the usual is learned
BEGINNING = 13  # windows at the beginning of the data: whoever buys there is new by definition
FEW = 8  # windows before the newest that are needed
LEAST = 5  # new buyers, below which nothing is said
_SHOP = 20.0  # buyers, for which the shop's own share counts beside the product's
_ABOVE = 1.25  # a limit lies so many times as high as the highest score of the windows before,
_FLOOR = 3.0  # and not below this many standard deviations; both chosen before any ring was played
DO = "look at the new accounts' orders before you order for them; ask for payment that cannot be taken back"
_NEEDED = ("series", "customer_id", "timestamp")


def new_buyers(lines: pd.DataFrame, last: pd.Timestamp | None = None) -> pd.DataFrame:
    """Buyers of each product and week, and how many of them bought in the shop for the first time.

    Parameters
    ----------
    lines : ``series, customer_id, timestamp`` of all order lines; those without a customer are left out.
    last : day with which the newest week ends; later lines are left out. None: the last day of the lines.

    Returns
    -------
    ``series, back, buyers, new``: ``back`` counts weeks from the newest, which is 0. A week in which nobody bought the
    product has no row.

    Raises
    ------
    ValueError
        When a column is missing.
    """
    missing = [name for name in _NEEDED if name not in lines]
    if missing:
        raise ValueError(f"lines: no column {missing[0]!r}; expected {', '.join(_NEEDED)}")
    known = lines[lines["customer_id"].notna()]
    end = (known["timestamp"].max() if last is None else pd.Timestamp(last)).normalize() + pd.Timedelta(days=1)
    known = known[known["timestamp"] < end]
    back = ((end - known["timestamp"] - pd.Timedelta(1)) // pd.Timedelta(days=DAYS)).to_numpy("int64")
    place, names = pd.factorize(known["series"], sort=True)
    who = pd.factorize(known["customer_id"])[0]
    first = np.full(who.max() + 1 if len(who) else 0, -1)
    np.maximum.at(first, who, back)  # the week in which each account came
    weeks = int(back.max()) + 1 if len(back) else 1
    cells = np.unique((place * weeks + back) * max(len(first), 1) + who)  # one number a product, week and buyer
    cells, who = np.divmod(cells, max(len(first), 1))
    fresh = pd.Series(cells % weeks == first[who], dtype=bool)
    table = fresh.groupby(cells).agg(["size", "sum"]).rename_axis("cell").reset_index()
    cell = table.pop("cell").to_numpy("int64")
    table.insert(0, "series", np.asarray(names, dtype=object)[cell // weeks])
    table.insert(1, "back", cell % weeks)
    return table.rename(columns={"size": "buyers", "sum": "new"})


def newcomer_alarms(lines: pd.DataFrame, last: pd.Timestamp | None = None) -> pd.DataFrame:
    """Hold the new buyers of the newest week against those of the weeks before, product by product.

    The score of a week is how many more of a product's buyers are new than its usual share, in standard deviations of
    a binomial count and one buyer. The limit is learned from the scores of all products in the weeks before.

    Returns
    -------
    Columns of `data_drift`, one row a product that somebody bought in the newest week, alarms first; empty where the
    history is too short, or nobody has a customer's id.
    """
    table = new_buyers(lines, last)
    weeks = int(table["back"].max()) + 1 if len(table) else 0
    table = table[table["back"] < max(weeks - BEGINNING, 0)]
    table = table[table["back"] <= HISTORY]
    before = table[table["back"] > 0]
    if before["back"].nunique() < FEW:
        return _typed([])
    shop = float(before["new"].sum() / before["buyers"].sum())
    sums = before.groupby("series")[["buyers", "new"]].sum().reindex(table["series"].unique()).fillna(0.0)
    usual = (sums["new"] + _SHOP * shop) / (sums["buyers"] + _SHOP)
    share = table["series"].map(usual).to_numpy()
    buyers, new = table["buyers"].to_numpy("float64"), table["new"].to_numpy("float64")
    score = (new - buyers * share) / np.sqrt(buyers * share * (1 - share) + 1.0)
    now = (table["back"] == 0).to_numpy()
    limit = max(_ABOVE * float(score[~now].max()), _FLOOR)
    rows = []
    for name, value, count, all_, normal in zip(
        table["series"].to_numpy()[now], score[now], new[now], buyers[now], share[now], strict=True
    ):
        says = f"{count:.0f} of {all_:.0f} buyers of {name} have never bought here before, {normal:.0%} is usual"
        rows.append(("new buyers", name, value, limit, bool(value > limit and count >= LEAST), says, DO))
    return _typed(rows)


def _typed(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"value": "float64", "limit": "float64", "alarm": bool})
    return table.sort_values("alarm", ascending=False, kind="stable", ignore_index=True)
