"""Groups that a panel knows: of products by size, age, price, brand and their own columns, of customers by theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.journey import journey_table

LEAST, MOST = 5, 8  # products of a group; groups of one attribute
_OLD = {"19-24": "19-34", "25-34": "19-34", "35-44": "35-54", "45-54": "35-54", "55-64": "55+", "65+": "55+"}
_LOW = ("Under 15K", "15-24K", "25-34K")
_MIDDLE = ("35-49K", "50-74K")


def product_groups(
    panel: pd.DataFrame, meta: Mapping[str, Any], cutoff: pd.Timestamp, brands: pd.Series | None = None
) -> pd.DataFrame:
    """Group of each product by attribute, from what was known at the cutoff: index ``unique_id``, a column each.

    ``size`` and ``price`` are thirds of units sold and of median prices, ``age`` is "new" for a product of which less
    than half of the history is there; ``brand`` is what the caller knows; static columns count where they have two to
    eight values. An attribute of which fewer than two groups have five products is left out; smaller groups are
    "other".
    """
    past = panel[panel["ds"] <= cutoff]
    by = past.groupby("unique_id")
    found: dict[str, pd.Series] = {"size": _thirds(by["y"].sum(), ("small", "middle", "large"))}
    periods = by.size()
    found["age"] = pd.Series(np.where(periods < periods.max() / 2, "new", "old"), index=periods.index)
    if "price" in past:
        found["price"] = _thirds(by["price"].median(), ("cheap", "middle", "dear"))
    if brands is not None:
        found["brand"] = brands.reindex(periods.index)
    for name in meta["static"]:
        values = by[name].first().astype(str)
        if 2 <= values.nunique() <= MOST * 4:
            found[name] = values
    table = pd.DataFrame(found)
    for name in list(table):
        column = _gathered(table[name])
        if column.nunique() < 2:
            table = table.drop(columns=name)
        else:
            table[name] = column
    return table


def journey_brands(lines: pd.DataFrame, level: str) -> pd.Series:
    """ "private" where most of a series' units are of the shop's own brand, else "national"."""
    kinds = journey_table("products", ["product_id", "brand"]).set_index("product_id")["brand"]
    private = lines["product_id"].map(kinds).eq("Private") * lines["quantity"]
    sums = pd.DataFrame({"private": private, "all": lines["quantity"]}).groupby(lines[level].astype(str)).sum()
    return pd.Series(np.where(sums["private"] > sums["all"] / 2, "private", "national"), index=sums.index)


def journey_people() -> pd.DataFrame:
    """Income and age of the households that told them: index ``customer_id`` as text, ``income`` and ``age`` in three
    groups each."""
    people = journey_table("demographics", ["household_id", "age", "income"])
    income = people["income"].astype(str)
    kind = np.where(income.isin(_LOW), "under 35K", np.where(income.isin(_MIDDLE), "35-74K", "75K and more"))
    age = people["age"].astype(str).map(_OLD)
    return pd.DataFrame({"income": kind, "age": age.to_numpy()}, index=people["household_id"].astype(str))


def bought_by(lines: pd.DataFrame, level: str, people: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By attribute of customers: units of each series (rows) that each group (columns) bought.

    Lines of customers about whom nothing is known are left out.
    """
    who = lines["customer_id"].astype(str)
    found = {}
    for name in people:
        group = who.map(people[name])
        table = lines.assign(group=group.to_numpy(), series=lines[level].astype(str))
        table = table.dropna(subset="group").pivot_table("quantity", "series", "group", "sum", 0.0, observed=True)
        found[name] = table.rename_axis(index="unique_id", columns=name)
    return found


def _thirds(values: pd.Series, words: Sequence[str]) -> pd.Series:
    """The third that each value lies in, by rank, so that ties do not empty one; the half where there are few."""
    words = words if len(values) >= 3 * LEAST else (words[0], words[-1])
    place = np.ceil(values.rank(method="first", pct=True) * len(words) - 1e-9) - 1
    return pd.Series(np.asarray(words)[place.fillna(0).astype(int)], index=values.index)


def _gathered(values: pd.Series) -> pd.Series:
    """Groups of fewer than five products put together as "other", which stays only with five of its own."""
    counts = values.value_counts()
    keep = list(counts[counts >= LEAST].index[:MOST])
    gathered = values.where(values.isin(keep) | values.isna(), "other")
    if (gathered == "other").sum() < LEAST:
        gathered = gathered.where(gathered != "other")
    return gathered


def told_groups(
    dataset: str, lines: pd.DataFrame | None, cutoff: pd.Timestamp
) -> tuple[pd.Series | None, dict[str, pd.DataFrame]]:
    """Brands of the series, and units by groups of customers, where a data set tells them; else None and nothing.

    Parameters
    ----------
    lines : order lines with ``series``, None where a run has none; those after the cutoff are not looked at.
    """
    if dataset != "complete_journey" or lines is None or "customer_id" not in lines:
        return None, {}
    early = lines[lines["timestamp"] < cutoff + pd.Timedelta(days=1)]
    return journey_brands(early, "series"), bought_by(early, "series", journey_people())
