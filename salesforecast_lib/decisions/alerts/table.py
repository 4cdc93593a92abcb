"""The alert table: one line for one cause, with severity, evidence and what was expected (chapter 09)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.alerts.combination import Alarm, collect
from salesforecast_lib.decisions.alerts.detectors import Detector
from salesforecast_lib.decisions.alerts.feed import copied_days, doubled_days, missing_days, unit_mixups
from salesforecast_lib.decisions.alerts.findings import AlertRules, Finding, blank
from salesforecast_lib.decisions.alerts.grid import Grid, known_median
from salesforecast_lib.decisions.alerts.products import missing_products, shop_wide, single_products
from salesforecast_lib.decisions.alerts.stock import Unwanted, without_stock
from salesforecast_lib.files import empty_table

COLUMNS = [
    *("kind", "unique_id", "products", "start", "end", "severity", "expected", "observed", "measure", "impact"),
    *("score", "why"),
]


def no_alerts() -> pd.DataFrame:
    """A quiet shop's table: no row, and each column with the type that it has when there is something to report."""
    types = dict.fromkeys(("kind", "unique_id", "severity", "measure", "why"), "object")
    types |= dict.fromkeys(("start", "end"), "datetime64[ns]") | {"products": "int64"}
    return empty_table({name: types.get(name, "float64") for name in COLUMNS})


def why_none(table: pd.DataFrame, grid: Grid, columns: np.ndarray, alarm: Alarm) -> str:
    """Why there is no alert, in a sentence; empty where there are some."""
    if len(table):
        return ""
    first, last = (grid.dates[columns[place]].date() for place in (0, -1))
    return (
        f"nothing to report from {first} to {last}: no product, price, shelf or feed is stranger than the budget of "
        f"{alarm.budget:g} false alerts per 1,000 product-weeks allows"
    )


def find_alerts(
    grid: Grid,
    columns: np.ndarray,
    alarm: Alarm,
    detectors: Sequence[Detector],
    stock: pd.Series | None = None,
    rules: AlertRules | None = None,
    unwanted: Unwanted | None = None,
) -> pd.DataFrame:
    """Alerts of the given periods, the most money at stake first; one row a cause, with the columns `COLUMNS`.

    First the feed: a period that it explains is blanked before anything else is looked at. Then products without stock,
    then periods in which a crowd of products moves alike, then single products, whose consecutive alarms are one alert.

    Parameters
    ----------
    detectors : those that the alarm's channels come from. ``stock`` : units on hand by product, from a stock file.
    unwanted : products whose silence is no news: of these only what sells after all, and prices, are reported.
    """
    rules = rules or AlertRules()
    crowd = max(5, int(np.ceil(rules.crowd * len(grid.ids))))
    findings = [
        *missing_days(grid, columns),
        *copied_days(grid, columns),
        *doubled_days(grid, columns),
        *unit_mixups(grid, columns, crowd),
    ]
    rest = blank(grid, findings)
    rarity = alarm.rarity(collect(detectors, rest, columns))  # (channels, n, columns)
    names = np.array(list(alarm.tails))
    excess, cause = rarity.max(0) - alarm.threshold, names[rarity.argmax(0)]
    alarms = excess > 0
    if unwanted is not None:
        alarms[unwanted.before] &= np.isin(cause[unwanted.before], ("high", "rising", "list_price"))
    position = int(columns[0])
    missing = missing_products(rest, columns, alarms & (cause == "missing"), excess, crowd)
    for one in missing:
        alarms[one.members, one.start - position : one.end + 1 - position] = False
    empty = without_stock(grid, blank(rest, missing), columns, stock, rules.odds, unwanted)
    for one in empty:
        place = slice(one.start - position, one.end + 1 + grid.quiet - position)
        alarms[one.members, place] &= cause[one.members, place] == "list_price"
    findings += [*missing, *empty]
    findings += shop_wide(rest, columns, alarms, cause, excess, crowd)
    findings += single_products(rest, columns, alarms, cause, excess)
    return _table(grid, findings, rules)


def stock_alerts(
    grid: Grid, columns: np.ndarray, stock: pd.Series | None = None, rules: AlertRules | None = None
) -> pd.DataFrame:
    """Only the alerts about stock, as in `find_alerts`."""
    rules = rules or AlertRules()
    return _table(grid, without_stock(grid, grid, columns, stock, rules.odds), rules)


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """The alerts with a first column ``alert``: A001, A002, ..., in their order."""
    out = table.copy()
    out.insert(0, "alert", [f"A{number:03d}" for number in range(1, len(out) + 1)])
    return out


def unit_money(grid: Grid) -> np.ndarray:
    """Money that a unit of each product takes, (n,): its median price, else that of the shop, else 1."""
    if grid.price is None:
        return np.ones(len(grid.ids))
    own = known_median(np.asarray(grid.price, float), axis=1)
    return np.where(np.isfinite(own), own, float(known_median(own, axis=0))) if np.isfinite(own).any() else own * 0 + 1


def weekly_money(grid: Grid, weeks: int = 13) -> float:
    """Money that an average product takes in a week, over the ``weeks`` before the newest forecasts."""
    first = int(grid.split()[2][0])
    columns = slice(max(0, first - max(1, round(weeks / grid.weeks))), max(first, 1))
    taken = np.nansum(grid.sales[:, columns] * unit_money(grid)[:, None], axis=1).mean()
    return float(taken / (grid.sales[:, columns].shape[1] * grid.weeks))


def _impact(grid: Grid, one: Finding, price: np.ndarray) -> float:
    """Money at stake: units between expected and seen, or the whole of a period that a broken feed makes worthless."""
    inside = slice(one.start, one.end + 1)
    sold = np.nan_to_num(grid.sales[one.members, inside]).sum(1)  # (members,)
    gap = abs(one.observed - one.expected)
    if "price" in one.measure:
        return float(gap * sold.sum())
    if one.kind.startswith("feed"):
        gap = max(gap, one.expected, one.observed)
    if not one.members.any():
        return float(gap * price.mean())
    weight = np.nan_to_num(grid.mean[one.members, inside]).sum(1) + sold + 1e-9  # what sells more decides the price
    return float(gap * np.average(price[one.members], weights=weight))


def _table(grid: Grid, findings: list[Finding], rules: AlertRules) -> pd.DataFrame:
    price, week = unit_money(grid), weekly_money(grid)
    rows, known = [], []
    for one in findings:
        impact = _impact(grid, one, price)
        name = str(grid.ids[one.members][0]) if one.members.sum() == 1 else f"({one.members.sum()} products)"
        known.append(one.strength < 0)
        rows.append(
            (
                *(one.kind, name, int(one.members.sum()), grid.dates[one.start], grid.dates[one.end]),
                rules.severity(one.strength, impact, week),
                *(round(one.expected, 2), round(one.observed, 2), one.measure, round(impact, 2)),
                *(round(one.strength, 2), one.why),
            )
        )
    table = pd.DataFrame(rows, columns=COLUMNS) if rows else no_alerts()
    order = np.lexsort((table["unique_id"], -table["impact"].to_numpy(float), np.array(known, bool)))
    return table.iloc[order].reset_index(drop=True)
