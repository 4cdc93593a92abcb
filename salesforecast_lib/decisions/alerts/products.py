"""Findings from the alarm: many products at once, or a single one, with the reason in words (chapter 09)."""

from __future__ import annotations

import numpy as np

from salesforecast_lib.data.frequency import by_inner
from salesforecast_lib.decisions.alerts.feed import holiday_name, near_unit, usual_price
from salesforecast_lib.decisions.alerts.findings import Finding, only, runs_of, sums
from salesforecast_lib.decisions.alerts.grid import Grid
from salesforecast_lib.wording import counted

FROZEN = 3  # selling periods with the very same sales that make a flat line
_GRADUAL = {"rising": "level up", "falling": "level down"}
_WORDS = {
    "high": "sales spike",
    "low": "sales drop",
    **_GRADUAL,
    "flat": "flat line",
    "missing": "feed: products missing",
    "list_price": "price",
}


def missing_products(
    grid: Grid, columns: np.ndarray, part: np.ndarray, excess: np.ndarray, crowd: int
) -> list[Finding]:
    """Periods in which a crowd of products that usually sell has no sale; ``part`` (n, columns) are their alarms."""
    found: list[Finding] = []
    days = np.flatnonzero(part.sum(0) >= crowd)
    for run in runs_of(days):
        inside = columns[run]
        members = np.asarray(part[:, run].any(1))
        expected, observed = sums(grid, members, inside)
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


def shop_wide(
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
        for run in runs_of(np.flatnonzero(fresh.sum(0) >= crowd)):
            members, inside = np.asarray(part[:, run].any(1)), columns[run]
            expected, observed = sums(grid, members, inside)
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


def single_products(
    grid: Grid, columns: np.ndarray, alarms: np.ndarray, cause: np.ndarray, excess: np.ndarray
) -> list[Finding]:
    """Alarms of single products, consecutive ones as one; arrays are (n, columns), ``cause`` the strangest channel."""
    found, usual = [], usual_price(grid)
    for i in np.flatnonzero(alarms.any(1)).tolist():
        gradual: dict[str, tuple[int, int, float]] = {}
        for run in runs_of(np.flatnonzero(alarms[i]), grid.quiet):
            top = int(run[excess[i, run].argmax()])
            why, inside, strength = str(cause[i, top]), columns[run[0] : run[-1] + 1], float(excess[i, top])
            if why in _GRADUAL:
                first = _since(grid, i, int(columns[top]), up=why == "rising")
                start, _, most = gradual.get(why, (first, 0, 0.0))  # the same change goes on: one alert
                gradual[why] = (min(start, first), int(columns[top]), max(most, strength))
            elif why == "list_price" and grid.price is not None and usual is not None:
                t = columns[top]
                found.append(_price_finding(grid, i, inside, float(usual[i, t]), float(grid.price[i, t]), strength))
            elif (
                why == "flat"
                and same_value(grid.sales[i, : columns[top] + 1], grid.live[i, : columns[top] + 1]) < FROZEN
            ):
                continue  # the same number twice is no frozen feed
            else:
                kind = _WORDS[why] if why != "missing" else "sales drop"
                found.append(_sales_finding(grid, i, kind, why, int(columns[top]), inside, strength))
        for why, (first, last, strength) in gradual.items():
            found.append(_sales_finding(grid, i, _WORDS[why], why, last, np.arange(first, last + 1), strength))
    return found


def _sales_finding(grid: Grid, i: int, kind: str, why: str, t: int, inside: np.ndarray, strength: float) -> Finding:
    expected, observed = sums(grid, only(grid, i), inside)
    words = _reason(grid, i, why, t, inside, expected, observed)
    return Finding(kind, only(grid, i), int(inside[0]), int(inside[-1]), expected, observed, "units", strength, words)


def _price_finding(grid: Grid, i: int, inside: np.ndarray, usual: float, seen: float, strength: float) -> Finding:
    unit = near_unit(seen / usual)
    guess = f": about {'' if seen > usual else '1/'}{unit:.0f} times, a decimal point or cents?" if unit else ""
    span = _range_words(grid)
    why = f"Price {seen:.2f}, usual {usual:.2f}: before discounts outside the range of the last {span}{guess}"
    return Finding("price", only(grid, i), inside[0], inside[-1], usual, seen, "price", strength, why)


def _range_words(grid: Grid) -> str:
    """Sixteen cycles of the grid in weeks or months."""
    periods = 16 * grid.season
    return {7: "16 weeks", 3: f"{periods} months"}.get(grid.season, f"{periods} weeks")


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
        made = np.datetime_as_string(grid.cutoff[t], unit="D")
        range_ = f"forecast of {made}: {mean:.0f} (90 % between {low:.0f} and {high:.0f})"
        when = "on" if grid.season == 7 else f"in the {by_inner(grid.season).period} to"
        return f"{counted(y, 'unit')} {when} {grid.dates[t].date()}, {range_}{guess}"
    if why in _GRADUAL:
        change = 100 * (observed / max(expected, 0.5) - 1)
        # begins with a digit: text that begins with a sign is a formula to a spreadsheet, and would be quoted
        side = f"{abs(change):.0f} % {'above' if change > 0 else 'below'} the forecast"
        span = counted(len(inside), by_inner(grid.season).period)
        made = np.datetime_as_string(grid.cutoff[t], unit="D")
        sold = f"{counted(observed, 'unit')} in {span}, {expected:.0f} expected by the forecast of {made}"
        return f"{sold} ({side}): the level has moved or drifts"
    times = same_value(grid.sales[i, : t + 1], grid.live[i, : t + 1])
    span = counted(times, by_inner(grid.season).period)
    return f"{counted(grid.sales[i, t], 'unit')} in each of {span} up to {grid.dates[t].date()}: is the feed frozen?"


def same_value(sales: np.ndarray, live: np.ndarray) -> int:
    """Selling periods at the end of ``sales`` (T,) with the very same sales, the last one counted."""
    known = sales[live & np.isfinite(sales)]
    other = np.flatnonzero(known != known[-1]) if len(known) else np.zeros(0, int)
    return int(len(known) - 1 - other[-1]) if len(other) else len(known)
