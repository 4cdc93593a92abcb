"""Alerts about the data feed, which need no model: days that are missing, copied, loaded twice or in other units."""

from __future__ import annotations

import holidays
import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import by_inner
from salesforecast_lib.decisions.alerts.findings import Finding
from salesforecast_lib.decisions.alerts.grid import Grid, trailing_median
from salesforecast_lib.wording import counted

UNITS = (10.0, 12.0, 100.0)  # decimal comma, dozen, cents
_NEAR = 1.35  # factor by which a mix-up may miss its unit


def holiday_name(grid: Grid, column: int) -> str:
    """Public holiday of the shop's country in the period (in any day of a week or month), or an empty text."""
    stamps = grid.dates[[column]]
    days = pd.date_range(by_inner(grid.season).first_days(stamps)[0], stamps[0], freq="D")
    try:
        known = holidays.country_holidays(grid.country, years=sorted({day.year for day in days}))
    except (NotImplementedError, ValueError):  # a country the calendar does not know
        return ""
    names = [str(known[day.date()]) for day in days if day.date() in known]
    return names[0] if names else ""


def near_unit(factor: float) -> float:
    """The unit (10, 12 or 100) that ``factor`` or its inverse is near to, else 0; 12 counts before 10 from 11 on."""
    size = factor if factor >= 1 else 1 / max(factor, 1e-9)
    fits = [unit for unit in UNITS if unit / _NEAR <= size <= unit * _NEAR]
    return min(fits, key=lambda unit: abs(np.log(size / unit))) if fits else 0.0


def missing_days(grid: Grid, columns: np.ndarray) -> list[Finding]:
    """Periods in which nothing at all was sold, where the shop sold at the same place of the cycle before."""
    found = []
    for t in columns[~grid.open[columns]]:
        before = grid.open[max(t % grid.season, t - 8 * grid.season) : t : grid.season]
        if len(before) == 0 or before.mean() < 0.75:
            continue  # closed on this weekday as usual
        on_sale = np.isfinite(grid.sales[:, t])
        past = grid.sales[:, max(0, t - 4 * grid.season) : t]
        usual = float(np.nansum(past)) / max(past.shape[1], 1)
        day = holiday_name(grid, t)
        reason = f"{day}: closed, or the feed is missing" if day else "no public holiday: is the feed missing?"
        times = counted(len(before), "time")
        why = f"No order line at all, where the shop sold {before.sum()} of the last {times}; {reason}"
        found.append(Finding("feed: day missing", on_sale, t, t, usual, 0.0, "units", -1.0 if day else 6.0, why))
    return found


def copied_days(grid: Grid, columns: np.ndarray, fewest: int = 10) -> list[Finding]:
    """Periods whose sales equal those of one of the last fourteen periods in every product that sold in either."""
    found = []
    sales = np.nan_to_num(grid.sales)
    for t in columns[grid.open[columns]]:
        for lag in range(1, min(14, t) + 1):
            sold = (sales[:, t] > 0) | (sales[:, t - lag] > 0)
            if sold.sum() >= fewest and bool((sales[sold, t] == sales[sold, t - lag]).all()):
                total, expected = float(sales[:, t].sum()), float(np.nansum(grid.mean[:, t]))
                why = (
                    f"All {sold.sum()} products that sold have exactly the sales of {grid.dates[t - lag].date()}: "
                    "the same file was probably loaded again"
                )
                found.append(Finding("feed: day copied", sold, t, t, expected, total, "units", 6.0, why))
                break
    return found


def doubled_days(grid: Grid, columns: np.ndarray, fewest: int = 20) -> list[Finding]:
    """Periods in which every product that sold has an even count and the total is far above the forecast."""
    found = []
    for t in columns[grid.open[columns]]:
        y, expected = np.nan_to_num(grid.sales[:, t]), float(np.nansum(grid.mean[:, t]))
        sold = y > 0
        if sold.sum() >= fewest and bool((y[sold] % 2 == 0).all()) and y.sum() > 1.5 * expected > 0:
            why = (
                f"All {sold.sum()} products that sold have even sales (by chance 1 in 2^{sold.sum()}) and the total is "
                f"{y.sum() / expected:.1f} times the forecast: the day was probably loaded twice"
            )
            found.append(Finding("feed: day loaded twice", sold, t, t, expected, float(y.sum()), "units", 6.0, why))
    return found


def unit_mixups(grid: Grid, columns: np.ndarray, crowd: int) -> list[Finding]:
    """Periods in which the sales, or the prices, of many products at once are near 10, 12 or 100 times the usual.

    A product takes part when it sold, its forecast is at least one unit, and its factor is near the unit that most are
    near to. Prices are compared with the median of the last four cycles.
    """
    found = []
    usual = usual_price(grid)
    for t in columns[grid.open[columns]]:
        y, mean = np.nan_to_num(grid.sales[:, t]), np.nan_to_num(grid.mean[:, t])
        tests = [("sales", np.where((y > 0) & (mean >= 1), y, np.nan), mean)]
        if grid.price is not None and usual is not None:
            tests.append(("price", grid.price[:, t], usual[:, t]))
        for what, seen, expected in tests:
            factor = np.where((seen > 0) & (expected > 0), seen / np.where(expected > 0, expected, 1.0), 1.0)
            for up in (True, False):
                part = np.flatnonzero((factor > 7) if up else (factor < 1 / 7))
                unit = near_unit(float(np.median(factor[part]))) if len(part) >= crowd else 0.0
                near = [i for i in part if unit and near_unit(float(factor[i])) > 0]
                if what == "sales" and not up or len(near) < max(crowd, len(part) / 2):
                    continue  # few sales of many products are a missing feed, not a unit
                members = np.isin(np.arange(len(grid.ids)), near)
                words = f"{unit:.0f} times" if up else f"1/{unit:.0f} of"
                why = f"{what.capitalize()} of {len(near)} products are about {words} the usual: a mix-up of units"
                total = (float(np.sum(v[members])) for v in (expected, seen))
                level = [value / (1 if what == "sales" else len(near)) for value in total]
                measure = "units" if what == "sales" else "mean price"
                found.append(
                    Finding(f"feed: {what} in other units", members, t, t, level[0], level[1], measure, 6.0, why)
                )
    return found


def usual_price(grid: Grid) -> np.ndarray | None:
    """Median price of the four cycles before each period; (n, T), None without prices."""
    return None if grid.price is None else trailing_median(grid.price, 4 * grid.season)
