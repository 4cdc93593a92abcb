"""What the page of another plan draws: units by period under both plans, and the difference of each product."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST = 200  # products of which the page can draw the periods; the tables have all


def picture_data(before: pd.DataFrame, after: pd.DataFrame, table: pd.DataFrame, period: str) -> dict[str, Any]:
    """Data of the pictures in columns, products that move most first; a name is never a key.

    Parameters
    ----------
    before, after : forecast tables under both plans. ``table`` : of `difference`. ``period`` : noun of a period.

    Returns
    -------
    ``names, difference, low, high, support, why`` of the products that move, None where an interval is not known;
    ``before, after`` (products, periods) and ``before_all, after_all`` (periods,) of all that move, units on ``dates``;
    ``degrees``: of support, those there are, the best known first.
    """
    import numpy as np

    from salesforecast_lib.decisions.whatif.support import DEGREES

    moved = table[table["units_difference"].abs() > 1e-9]
    every = moved["unique_id"]
    moved = moved.iloc[np.argsort(-moved["units_difference"].abs().to_numpy(), kind="stable")[:MOST]]
    names = moved["unique_id"].tolist()
    sides: dict[str, Any] = {}
    for side, forecast in (("before", before), ("after", after)):
        rows = forecast[forecast["unique_id"].isin(every)]
        wide = rows.pivot(index="unique_id", columns="ds", values="mean").sort_index(axis=1)
        sides[side] = [_short(row) for row in wide.reindex(names).to_numpy().tolist()]
        sides[f"{side}_all"] = _short(wide.sum().to_list())
    lacking = [math.nan] * len(names)
    ends = {end: _short(moved[f"units_{end}"] if f"units_{end}" in moved else lacking) for end in ("low", "high")}
    there = set(moved["support"])
    return {
        "period": period,
        "names": [str(name) for name in names],
        "dates": [str(day)[:10] for day in np.sort(before["ds"].unique())],
        **sides,
        "difference": _short(moved["units_difference"]),
        **ends,
        "support": moved["support"].astype(str).tolist(),
        "why": moved["why"].astype(str).tolist(),
        "degrees": [name for name in (*DEGREES, "unchanged") if name in there],
    }


def _short(values: Any) -> list[float | None]:
    return [round(float(value), 2) if math.isfinite(value) else None for value in values]
