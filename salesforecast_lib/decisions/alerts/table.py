"""The alert table: one line for one cause, with severity, evidence and what was expected (chapter 09)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.alerts.combination import Alarm, collect
from salesforecast_lib.decisions.alerts.detectors import Detector
from salesforecast_lib.decisions.alerts.feed import (
    Finding,
    copied_days,
    doubled_days,
    holiday_name,
    missing_days,
    near_unit,
    unit_mixups,
    usual_price,
)
from salesforecast_lib.decisions.alerts.grid import Grid, log_chance

COLUMNS = [
    *("kind", "unique_id", "products", "start", "end", "severity", "expected", "observed", "measure", "impact"),
    *("score", "why"),
]
SEVERITIES = ("high", "medium", "low")
_GRADUAL = {"rising": "level up", "falling": "level down"}
_WORDS = {
    "high": "sales spike",
    "low": "sales drop",
    **_GRADUAL,
    "flat": "flat line",
    "missing": "feed: products missing",
    "list_price": "price",
}


@dataclass(frozen=True)
class AlertRules:
    """When chance is no longer believed, and how bad is bad.

    Parameters
    ----------
    odds : chance of the run of periods without a sale below which a product counts as out of stock.
    crowd : share of the products (at least five) that make a shop-wide alert of alarms in one period.
    high, medium : powers of ten beyond the alarm's threshold from which an alert is severe; or
    factor : observed over expected, or its inverse, from which it is severe whatever its rarity.
    """

    odds: float = 1e-4
    crowd: float = 0.05
    high: float = 1.5
    medium: float = 0.5
    factor: float = 4.0

    def __post_init__(self) -> None:
        if not 0 < self.odds < 1 or not 0 < self.crowd <= 1:
            raise ValueError(f"odds={self.odds}, crowd={self.crowd}: expected a probability and a share")
        if not self.high >= self.medium >= 0 or self.factor <= 1:
            raise ValueError(
                f"high={self.high}, medium={self.medium}, factor={self.factor}: expected "
                "high >= medium >= 0 and factor > 1"
            )

    def severity(self, strength: float, expected: float, observed: float) -> str:
        """One of `SEVERITIES`; the lowest whenever the strength is negative, which means: probably known."""
        if strength < 0:
            return "low"
        ratio = (observed + 0.5) / (expected + 0.5)
        if strength >= self.high or max(ratio, 1 / max(ratio, 1e-9)) >= self.factor:
            return "high"
        return "medium" if strength >= self.medium else "low"


def find_alerts(
    grid: Grid,
    columns: np.ndarray,
    alarm: Alarm,
    detectors: Sequence[Detector],
    stock: pd.Series | None = None,
    rules: AlertRules = AlertRules(),
) -> pd.DataFrame:
    """Alerts of the given periods, most severe first; one row a cause, with the columns `COLUMNS`.

    First the feed: a period that it explains is blanked before anything else is looked at. Then products without stock,
    then periods in which a crowd of products moves alike, then single products, whose consecutive alarms are one alert.

    Parameters
    ----------
    detectors : those that the alarm's channels come from. ``stock`` : units on hand by product, from a stock file.
    """
    crowd = max(5, int(np.ceil(rules.crowd * len(grid.ids))))
    findings = [
        *missing_days(grid, columns),
        *copied_days(grid, columns),
        *doubled_days(grid, columns),
        *unit_mixups(grid, columns, crowd),
    ]
    rest = _blank(grid, findings)
    rarity = alarm.rarity(collect(detectors, rest, columns))  # (channels, n, columns)
    names = np.array(list(alarm.tails))
    excess, cause = rarity.max(0) - alarm.threshold, names[rarity.argmax(0)]
    alarms = excess > 0
    position = int(columns[0])
    missing = _missing_products(rest, columns, alarms & (cause == "missing"), excess, crowd)
    for one in missing:
        alarms[one.members, one.start - position : one.end + 1 - position] = False
    empty = _without_stock(grid, _blank(rest, missing), columns, stock, rules.odds)
    for one in empty:
        place = slice(one.start - position, one.end + 1 + grid.quiet - position)
        alarms[one.members, place] &= cause[one.members, place] == "list_price"
    findings += [*missing, *empty]
    findings += _shop_wide(rest, columns, alarms, cause, excess, crowd)
    findings += _single_products(rest, columns, alarms, cause, excess)
    return _table(grid, findings, rules)


def _blank(grid: Grid, findings: list[Finding]) -> Grid:
    """The grid without the periods in which the feed is broken: for all products, or for the prices or products hit."""
    live, price = grid.live.copy(), None if grid.price is None else grid.price.copy()
    for one in findings:
        period = slice(one.start, one.end + 1)
        if one.measure == "mean price" and price is not None:
            price[one.members, period] = np.nan
        elif one.kind == "feed: products missing":
            live[one.members, period] = False
        else:
            live[:, period] = False
            if price is not None:
                price[:, period] = np.nan
    return replace(grid, live=live, price=price)


def stock_alerts(
    grid: Grid, columns: np.ndarray, stock: pd.Series | None = None, rules: AlertRules = AlertRules()
) -> pd.DataFrame:
    """Only the alerts about stock, as in `find_alerts`."""
    return _table(grid, _without_stock(grid, grid, columns, stock, rules.odds), rules)


def _without_stock(grid: Grid, sound: Grid, columns: np.ndarray, stock: pd.Series | None, odds: float) -> list[Finding]:
    """All findings about stock; silence is read from ``sound``, the grid without the periods of a broken feed."""
    empty = [*_empty_shelves(sound, columns, odds), *_recorded_stockouts(grid, columns)]
    return empty if stock is None else [*empty, *_stock_file(grid, columns, stock, empty)]


def _missing_products(
    grid: Grid, columns: np.ndarray, part: np.ndarray, excess: np.ndarray, crowd: int
) -> list[Finding]:
    found: list[Finding] = []
    days = np.flatnonzero(part.sum(0) >= crowd)
    for run in _runs(days):
        inside = columns[run]
        members = np.asarray(part[:, run].any(1))
        expected, observed = _sums(grid, members, inside)
        groups = "" if grid.group is None else _dominant(grid, members)
        day = next((name for name in (holiday_name(grid, t) for t in inside) if name), "")
        reason = f"{day}, or part of the feed is missing" if day else "part of the feed is missing"
        why = f"{members.sum()} products{groups} that usually sell have no sale at once: {reason}"
        strength = float(excess[:, run][part[:, run]].max())
        found.append(
            Finding(
                "feed: products missing", members, inside[0], inside[-1], expected, observed, "units", strength, why
            )
        )
    return found


def _dominant(grid: Grid, members: np.ndarray) -> str:
    assert grid.group is not None
    names, counts = np.unique(grid.group[members], return_counts=True)
    name, count = names[counts.argmax()], counts.max()
    return f" ({count} of the {np.sum(grid.group == name)} in {name})" if count >= 0.8 * members.sum() else ""


def _empty_shelves(grid: Grid, columns: np.ndarray, odds: float) -> list[Finding]:
    """Runs without a sale that chance cannot explain, reported from their first alert period on.

    The chance of a period without a sale is the larger of what the forecast says and the share of such periods in the
    eight cycles before the run (with one success and one failure added, Laplace): forecasts of slow products are often
    too sure of a sale. A run goes on over periods in which the shop is closed.
    """
    seen = grid.live & np.isfinite(grid.mean)
    forecast = log_chance(np.zeros_like(grid.sales), grid.mean, grid.quantiles)
    zero = seen & (grid.sales == 0)
    window = 8 * grid.season
    counts = [
        np.cumsum(np.pad(part, ((0, 0), (window + 1, 0))), axis=1)
        for part in (grid.live & (grid.sales == 0), grid.live)
    ]
    past = [count[:, window:-1] - count[:, : -window - 1] for count in counts]  # of the eight cycles before, (n, T)
    history = np.log((past[0] + 1) / (past[1] + 2))
    found = []
    for i in np.flatnonzero(zero[:, columns].any(1)).tolist():
        places = np.flatnonzero(seen[i, : columns[-1] + 1])
        for run in _runs(np.flatnonzero(zero[i, places])):
            part = places[run]
            total = float(np.maximum(forecast[i, part], history[i, part[0]]).sum())
            if part[-1] < columns[0] or total >= np.log(odds):
                continue
            expected = float(grid.mean[i, part].sum())
            why = (
                f"No sale in {len(part)} periods in which {expected:.0f} units were expected (chance below 1 in "
                f"{10 ** int(min(-total / np.log(10), 9)):,}): out of stock, delisted or hidden?"
            )
            strength = float((np.log(odds) - total) / np.log(10))
            start = max(int(part[0]), int(columns[0]))
            found.append(
                Finding(
                    "stock: nothing sold", _one(grid, i), start, int(part[-1]), expected, 0.0, "units", strength, why
                )
            )
    return found


def _recorded_stockouts(grid: Grid, columns: np.ndarray) -> list[Finding]:
    """Runs of periods that the data themselves mark as (mostly) out of stock while the shop was open."""
    out = (grid.available[:, columns] < 0.5) & grid.open[columns] & np.isfinite(grid.mean[:, columns])
    found = []
    for i in np.flatnonzero(out.any(1)).tolist():
        for run in _runs(np.flatnonzero(out[i]), grid.quiet):
            inside = columns[run[0] : run[-1] + 1]
            expected, observed = float(np.nansum(grid.mean[i, inside])), float(np.nansum(grid.sales[i, inside]))
            if expected < 1:
                continue
            why = f"Recorded as out of stock in {len(run)} periods; about {max(expected - observed, 0):.0f} units lost"
            strength = float(np.log10(1 + expected / max(float(np.nanmean(grid.mean[i, columns])), 0.1))) - 0.3
            found.append(
                Finding(
                    "stock: out of stock",
                    _one(grid, i),
                    inside[0],
                    inside[-1],
                    expected,
                    observed,
                    "units",
                    strength,
                    why,
                )
            )
    return found


def _stock_file(grid: Grid, columns: np.ndarray, stock: pd.Series, empty: list[Finding]) -> list[Finding]:
    """Products the stock file says are empty, and those that it says are there while nothing sells."""
    last, found = int(columns[-1]), []
    silent = {int(np.flatnonzero(one.members)[0]): one for one in empty if one.end == last}
    for i, name in enumerate(grid.ids):
        if name not in stock.index:
            continue
        units, expected = float(stock[name]), float(np.nan_to_num(grid.mean[i, columns[-grid.season :]].mean()))
        if units == 0 and expected >= 0.1:
            why = f"The stock file says none is left; {expected:.1f} units a period are expected"
            found.append(Finding("stock: none on hand", _one(grid, i), last, last, expected, 0.0, "units", 1.0, why))
        elif units > 0 and i in silent:
            one = silent[i]
            since = grid.dates[one.start].date()
            why = f"The stock file says {units:.0f} units, but nothing has sold since {since}: count again"
            found.append(
                Finding("stock: phantom", one.members, one.start, last, one.expected, 0.0, "units", one.strength, why)
            )
    return found


def _shop_wide(
    grid: Grid, columns: np.ndarray, alarms: np.ndarray, cause: np.ndarray, excess: np.ndarray, crowd: int
) -> list[Finding]:
    """Periods in which the alarms of a crowd go the same way; takes them out of ``alarms``."""
    found = []
    for word, causes in (
        ("high", ("high", "rising")),
        ("low", ("low", "falling", "missing", "flat")),
        ("price", ("list_price",)),
    ):
        part = alarms & np.isin(cause, causes)
        fresh = part & ~np.concatenate([np.zeros((len(part), 1), bool), part[:, :-1]], axis=1)
        for run in _runs(np.flatnonzero(fresh.sum(0) >= crowd)):
            members, inside = np.asarray(part[:, run].any(1)), columns[run]
            expected, observed = _sums(grid, members, inside)
            day = next((name for name in (holiday_name(grid, t) for t in inside) if name), "")
            note = f"; {day}" if day else "; look for a common cause: promotion, weather, price list, feed"
            what = "have unusual prices" if word == "price" else f"sell unusually {word}"
            why = f"{members.sum()} products at once {what}{note}"
            strength = float(excess[:, run][part[:, run]].max()) - (1.0 if day else 0.0)
            found.append(
                Finding(
                    f"shop-wide: {word}", members, inside[0], inside[-1], expected, observed, "units", strength, why
                )
            )
            later = np.arange(run[0], min(run[-1] + 1 + grid.quiet, len(columns)))
            alarms[np.ix_(members, later)] &= ~np.isin(cause, causes)[np.ix_(members, later)]
    return found


def _single_products(
    grid: Grid, columns: np.ndarray, alarms: np.ndarray, cause: np.ndarray, excess: np.ndarray
) -> list[Finding]:
    found, usual = [], usual_price(grid)
    for i in np.flatnonzero(alarms.any(1)).tolist():
        gradual: dict[str, tuple[int, int, float]] = {}
        for run in _runs(np.flatnonzero(alarms[i]), grid.quiet):
            top = int(run[excess[i, run].argmax()])
            why, inside, strength = str(cause[i, top]), columns[run[0] : run[-1] + 1], float(excess[i, top])
            if why in _GRADUAL:
                first = _since(grid, i, int(columns[top]), up=why == "rising")
                start, _, most = gradual.get(why, (first, 0, 0.0))  # the same change goes on: one alert
                gradual[why] = (min(start, first), int(columns[top]), max(most, strength))
            elif why == "list_price" and grid.price is not None and usual is not None:
                t = columns[top]
                found.append(_price_finding(grid, i, inside, float(usual[i, t]), float(grid.price[i, t]), strength))
            else:
                kind = _WORDS[why] if why != "missing" else "sales drop"
                found.append(_sales_finding(grid, i, kind, why, int(columns[top]), inside, strength))
        for why, (first, last, strength) in gradual.items():
            found.append(_sales_finding(grid, i, _WORDS[why], why, last, np.arange(first, last + 1), strength))
    return found


def _sales_finding(grid: Grid, i: int, kind: str, why: str, t: int, inside: np.ndarray, strength: float) -> Finding:
    expected, observed = _sums(grid, _one(grid, i), inside)
    words = _reason(grid, i, why, t, inside, expected, observed)
    return Finding(kind, _one(grid, i), int(inside[0]), int(inside[-1]), expected, observed, "units", strength, words)


def _price_finding(grid: Grid, i: int, inside: np.ndarray, usual: float, seen: float, strength: float) -> Finding:
    unit = near_unit(seen / usual)
    guess = f": about {'' if seen > usual else '1/'}{unit:.0f} times, a decimal point or cents?" if unit else ""
    why = (
        f"Price {seen:.2f} is, before discounts, outside the range of the last sixteen cycles; usual {usual:.2f}{guess}"
    )
    return Finding("price", _one(grid, i), inside[0], inside[-1], usual, seen, "price", strength, why)


def _since(grid: Grid, i: int, t: int, up: bool) -> int:
    """Probable first period of a gradual change: after the last one on the other side of the forecast's median."""
    first = int(np.flatnonzero(grid.cutoff == grid.cutoff[t])[0])
    other = grid.sales[i, first : t + 1] < grid.quantiles[i, first : t + 1, 3]
    wrong = np.flatnonzero((other if up else ~other) & grid.live[i, first : t + 1])
    runs = [k for k in wrong if k + 1 in wrong]  # two in a row on the wrong side
    return min(first + (int(runs[-1]) + 2 if runs else 0), t)


def _reason(grid: Grid, i: int, why: str, t: int, inside: np.ndarray, expected: float, observed: float) -> str:
    low, high = grid.quantiles[i, t, 0], grid.quantiles[i, t, -1]
    if why in ("high", "low", "missing"):
        y, mean = grid.sales[i, t], grid.mean[i, t]
        unit = near_unit(y / max(mean, 0.5)) if y > mean else 0.0
        guess = f"; about {unit:.0f} times: pieces instead of packs, or a misplaced decimal point?" if unit else ""
        range_ = f"forecast {mean:.0f} (90 % between {low:.0f} and {high:.0f})"
        return f"{y:.0f} units on {grid.dates[t].date()}, {range_}{guess}"
    if why in _GRADUAL:
        change = 100 * (observed / max(expected, 0.5) - 1)
        return f"{change:+.0f} % against the forecast over {len(inside)} periods: the level has moved or drifts"
    return f"The same value {grid.sales[i, t]:.0f} again and again up to {grid.dates[t].date()}: is the feed frozen?"


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
    table = pd.DataFrame(rows, columns=COLUMNS)
    rank = table["severity"].map({name: k for k, name in enumerate(SEVERITIES)})
    order = np.lexsort((table["unique_id"], -table["impact"].to_numpy(float), rank.to_numpy(float)))
    return table.iloc[order].reset_index(drop=True)


def _one(grid: Grid, i: int) -> np.ndarray:
    return np.arange(len(grid.ids)) == i


def _sums(grid: Grid, members: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    part = np.ix_(np.flatnonzero(members), inside)
    return float(np.nansum(grid.mean[part])), float(np.nansum(grid.sales[part]))


def _runs(places: np.ndarray, quiet: int = 0) -> list[np.ndarray]:
    """Ascending places split where more than ``quiet`` are left out in between."""
    return [part for part in np.split(places, np.flatnonzero(np.diff(places) > quiet + 1) + 1) if len(part)]
