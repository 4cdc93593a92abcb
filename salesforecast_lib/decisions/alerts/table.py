"""The alert table: one line for one cause, with severity, evidence and what was expected (chapter 09)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.alerts.combination import Alarm, collect
from salesforecast_lib.decisions.alerts.detectors import Detector
from salesforecast_lib.decisions.alerts.feed import copied_days, doubled_days, missing_days, unit_mixups, usual_price
from salesforecast_lib.decisions.alerts.findings import SEVERITIES, AlertRules, Finding, blank
from salesforecast_lib.decisions.alerts.grid import Grid
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
    """Alerts of the given periods, most severe first; one row a cause, with the columns `COLUMNS`.

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


def _table(grid: Grid, findings: list[Finding], rules: AlertRules) -> pd.DataFrame:
    usual = usual_price(grid)
    rows = []
    for one in findings:
        money = np.ones(len(grid.ids)) if usual is None else np.nan_to_num(usual[:, one.start], nan=1.0)
        price = float(money[one.members].mean()) if one.members.any() else 1.0
        gap = abs(one.observed - one.expected)
        units = float(np.nansum(grid.sales[one.members, one.start : one.end + 1]))
        impact = gap * units if "price" in one.measure else gap * price
        name = str(grid.ids[one.members][0]) if one.members.sum() == 1 else f"({one.members.sum()} products)"
        rows.append(
            (
                *(one.kind, name, int(one.members.sum()), grid.dates[one.start], grid.dates[one.end]),
                rules.severity(one.strength, one.expected, one.observed),
                *(round(one.expected, 2), round(one.observed, 2), one.measure, round(impact, 2)),
                *(round(one.strength, 2), one.why),
            )
        )
    table = pd.DataFrame(rows, columns=COLUMNS) if rows else no_alerts()
    rank = table["severity"].map({name: k for k, name in enumerate(SEVERITIES)})
    order = np.lexsort((table["unique_id"], -table["impact"].to_numpy(float), rank.to_numpy(float)))
    return table.iloc[order].reset_index(drop=True)
