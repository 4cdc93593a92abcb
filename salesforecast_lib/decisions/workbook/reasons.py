"""Reasons in words that a planner uses: how long the stock lasts, what is expected, and on what that rests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.decisions.driving import CHAMPION, OWN
from salesforecast_lib.evaluation.reasons import REST, USUAL, current_reasons, read_reasons
from salesforecast_lib.files import read_json
from salesforecast_lib.wording import counted

MINUS = "\N{MINUS SIGN}"
EXAMPLE = "simulated stock: an example, give yours with -p stock_file=FILE"
_NEEDED = ("stock", "order_quantity", "expected_demand", "risk_with_order", "periods_of_stock", "why")
_BELOW = " is below the level "
_MOST, _MOVED = 0.5, 0.1  # of what the forecast differs from the usual, and of the usual: less is not the main reason
# What a product is, which is no news to its planner.
_STANDING = ("kind of product", "shop and group", "day of the week", "time of the month", "buyers", "other columns")
_BARE = ("recent sales", "holidays", "advertising")


def evidence(folder: Path) -> pd.DataFrame:
    """What is known of each product of a run's panel, by ``unique_id``.

    Columns ``periods``, ``sold`` (periods with a sale) and ``period``, the name of one period, such as "week"; no rows
    where the run has no panel.
    """
    file, described = folder / "panel.parquet", folder / "panel.json"
    if not (file.is_file() and described.is_file()):
        return pd.DataFrame(columns=["periods", "sold", "period"])
    panel = pd.read_parquet(file, columns=["unique_id", "y"])
    groups = panel["y"].groupby(panel["unique_id"].astype(str), observed=True)
    period = check_freq(str(read_json(described).get("freq", "D"))).period
    return pd.DataFrame({"periods": groups.count(), "sold": groups.agg(lambda y: (y > 0).sum()), "period": period})


def main_reasons(folder: Path) -> dict[str, str]:
    """`main_clauses` of a run; none where it has no ``reasons.csv``, or that is of an earlier champion."""
    reasons = read_reasons(folder)
    if reasons.empty or not (folder / OWN).is_file():
        return {}
    forecasts = pd.read_parquet(folder / OWN, columns=["unique_id", "cutoff", "model", "mean"])
    return main_clauses(current_reasons(reasons, forecasts[forecasts["model"] == CHAMPION]))


def main_clauses(rows: pd.DataFrame) -> dict[str, str]:
    """What mostly moves the forecast away from the usual, a clause by product, only where it is sure enough.

    A driver is told that is news to a planner, on which all trees of the committee agree, and that moves the forecast
    the way it differs from the usual, by a tenth of the usual and half of the difference at least.

    Parameters
    ----------
    rows : as `read_reasons` returns.
    """
    rows = rows[rows["sure"] & ~rows["driver"].isin((USUAL, REST, *_STANDING))]
    apart = rows["forecast"] - rows["usual"]
    main = (rows["units"] * apart > 0) & (
        rows["units"].abs() >= np.maximum(_MOST * apart.abs(), _MOVED * rows["usual"])
    )
    rows = rows[main].sort_values("units", key=abs, ascending=False, kind="stable").drop_duplicates("unique_id")
    return {row.unique_id: _clause(row) for row in rows.itertuples()}


def _clause(row: Any) -> str:
    """ "the forecast is 12 above its usual 106, mostly because of the promotion of 3 May (+9)"."""
    apart = row.forecast - row.usual
    if row.driver == "promotion" and row.units < 0:
        cause = "there is less promotion than usual"
    else:
        day = pd.Timestamp(row.when) if row.when else None
        dated = f" of {day.day} {day:%b}" if day is not None else ""
        cause = f"of {row.driver if row.driver in _BARE else f'the {row.driver}'}{dated}"
    size = f"{'+' if row.units > 0 else MINUS}{abs(row.units):,.0f}"
    beside = f"{abs(apart):,.0f} {'above' if apart > 0 else 'below'} its usual {row.usual:,.0f}"
    return f"the whole forecast is {beside}, mostly because {cause} ({size})"


def lasting(periods: float, most: float, period: str) -> str:
    """How long a stock lasts: "less than a day", "about one day", "about 3 weeks", "10 days or more".

    ``most`` : periods that were looked ahead, beyond which nothing is known.
    """
    if periods < 1:
        return f"less than {'a' if period != 'hour' else 'an'} {period}"
    if periods >= most:
        return f"{counted(most, period)} or more"
    return f"about one {period}" if round(periods) == 1 else f"about {counted(periods, period)}"


def stock_words(
    plan: pd.DataFrame, known: pd.DataFrame, causes: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """The plan with the reasons of its orders in a planner's words; other rows and unknown plans keep theirs.

    What the chapter adds behind the first clause (cases, budget, minimum order) stays.

    Parameters
    ----------
    plan : ``replenishment.csv`` as `read_decisions` returns it. known : as `evidence` returns.
    causes : as `main_reasons` returns.
    """
    if not set(_NEEDED) <= set(plan.columns) or plan.empty:
        return plan
    period = str(known["period"].iloc[0]) if len(known) else "period"
    numbers = {name: pd.to_numeric(plan[name], errors="coerce") for name in _NEEDED[:-1]}
    most = float(np.nanmax(numbers["periods_of_stock"].fillna(0.0).to_numpy()))
    alone = pd.to_numeric(plan.get("risk_without_order", pd.Series(np.nan, plan.index)), errors="coerce")
    words = []
    for place, (name, why) in enumerate(zip(plan["unique_id"].astype(str), plan["why"].astype(str), strict=True)):
        row = {column: float(values.iloc[place]) for column, values in numbers.items()}
        if _BELOW not in why or not np.isfinite(row["stock"]):
            words.append(why)
            continue
        lasts = lasting(row["periods_of_stock"], max(most, 1.0), period)
        start = "the shelf is empty" if row["stock"] <= 0 else f"{row['stock']:,.0f} in stock, lasts {lasts}"
        enough = 100 * (1 - row["risk_with_order"])
        wanted = f"{row['expected_demand']:,.0f} expected until the delivery after this one"
        text = f"{start}; {wanted}; with the order enough in {enough:.0f} of 100 cases"
        if np.isfinite(alone.iloc[place]):
            text += f", without it in {100 * (1 - float(alone.iloc[place])):.0f}"
        added = [clause for clause in why.split("; ")[1:] if not clause.startswith("policy")]
        if name in causes:
            added.append(causes[name])
        if name in known.index:
            seen = known.loc[name]
            added.append(f"rests on {counted(seen['periods'], period)}, {seen['sold']:.0f} of them with a sale")
        words.append("; ".join([text, *added]))
    return plan.assign(why=words)
