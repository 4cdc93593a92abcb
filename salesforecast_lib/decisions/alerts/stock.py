"""Findings about stock: shelves that sell nothing, recorded stock-outs and the stock file (chapter 09)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import by_inner
from salesforecast_lib.decisions.alerts.findings import Finding, only, runs_of
from salesforecast_lib.decisions.alerts.grid import Grid, log_chance
from salesforecast_lib.decisions.silence import silence
from salesforecast_lib.wording import counted


class Unwanted(NamedTuple):
    """Products that nobody wanted ``before`` the alert periods, and that nobody wants ``now``; masks (n,).

    That such a product sells nothing is no news.
    """

    before: np.ndarray
    now: np.ndarray


def unwanted_products(panel: pd.DataFrame, grid: Grid, columns: np.ndarray, recorded: bool = False) -> Unwanted:
    """`silence` of the grid's products at the first of the alert periods ``columns``, and at the end of the data.

    ``recorded`` : ``available`` of the panel is what the shop recorded, not what was inferred from silence.
    """
    ids, past = [str(name) for name in grid.ids], panel[panel["ds"] < grid.dates[columns[0]]]
    masks = [silence(rows, ids, recorded=recorded)["unwanted"].to_numpy() for rows in (past, panel)]
    return Unwanted(*masks)


def without_stock(
    grid: Grid, sound: Grid, columns: np.ndarray, stock: pd.Series | None, odds: float, unwanted: Unwanted | None = None
) -> list[Finding]:
    """All findings about stock; silence is read from ``sound``, the grid without the periods of a broken feed.

    What nobody wants is not missed: `Unwanted` products are reported as phantom stock at most.
    """
    never = np.zeros(len(grid.ids), bool)
    before, now = unwanted or Unwanted(never, never)
    shelves = [one for one in _empty_shelves(sound, columns, odds) if not before[one.members].any()]
    empty = [*shelves, *(one for one in _recorded_stockouts(grid, columns) if not before[one.members].any())]
    if stock is None:
        return empty
    return [*empty, *_stock_file(grid, columns, stock[~stock.index.isin(grid.ids[now])], empty)]


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
        for run in runs_of(np.flatnonzero(zero[i, places])):
            part = places[run]
            total = float(np.maximum(forecast[i, part], history[i, part[0]]).sum())
            if part[-1] < columns[0] or total >= np.log(odds):
                continue
            expected = float(grid.mean[i, part].sum())
            missed = f"{expected:.0f} {'unit was' if round(expected) == 1 else 'units were'} expected"
            why = (
                f"No sale in {counted(len(part), by_inner(grid.season).period)} in which {missed} (chance below 1 in "
                f"{10 ** int(min(-total / np.log(10), 9)):,}): out of stock, delisted or hidden?"
            )
            strength = float((np.log(odds) - total) / np.log(10))
            start = max(int(part[0]), int(columns[0]))
            found.append(
                Finding(
                    "stock: nothing sold", only(grid, i), start, int(part[-1]), expected, 0.0, "units", strength, why
                )
            )
    return found


def _recorded_stockouts(grid: Grid, columns: np.ndarray) -> list[Finding]:
    """Runs of periods that the data themselves mark as (mostly) out of stock while the shop was open."""
    out = (grid.available[:, columns] < 0.5) & grid.open[columns] & np.isfinite(grid.mean[:, columns])
    found = []
    for i in np.flatnonzero(out.any(1)).tolist():
        for run in runs_of(np.flatnonzero(out[i]), grid.quiet):
            inside = columns[run[0] : run[-1] + 1]
            expected, observed = float(np.nansum(grid.mean[i, inside])), float(np.nansum(grid.sales[i, inside]))
            if expected < 1:
                continue
            lost = counted(max(expected - observed, 0), "unit")
            why = f"Recorded as out of stock in {counted(len(run), by_inner(grid.season).period)}; about {lost} lost"
            strength = float(np.log10(1 + expected / max(float(np.nanmean(grid.mean[i, columns])), 0.1))) - 0.3
            found.append(
                Finding(
                    "stock: out of stock",
                    only(grid, i),
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
            why = (
                f"The stock file says none is left; {expected:.1f} units a {by_inner(grid.season).period} are expected"
            )
            found.append(Finding("stock: none on hand", only(grid, i), last, last, expected, 0.0, "units", 1.0, why))
        elif units > 0 and i in silent:
            one = silent[i]
            since = grid.dates[one.start].date()
            why = f"The stock file says {counted(units, 'unit')}, but nothing has sold since {since}: count again"
            found.append(
                Finding("stock: phantom", one.members, one.start, last, one.expected, 0.0, "units", one.strength, why)
            )
    return found
