"""Known anomalies put into real data, and feeds that break as they do (chapter 09)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.alerts.evidence import variance_stable
from salesforecast_lib.decisions.alerts.grid import Grid

KINDS = ("spike", "level shift", "drift", "flat line", "missing feed", "price typo")
STRENGTHS = ("weak", "medium", "strong")


@dataclass(frozen=True)
class Injection:
    """What the three strengths mean.

    Parameters
    ----------
    spike : size of the peak in robust standard deviations of the product's sales.
    shift, drift : factor on sales from the start on, and factor reached at the end; up or down by a coin.
    flat : periods for which the value of the first one is repeated, daily and weekly.
    feed : share of the products whose sales are missing for two days, or one week.
    typo : factor on the price of one period, up or down by a coin.
    share : of the products, those that get an anomaly of the other kinds.
    """

    spike: tuple[float, float, float] = (4.0, 6.0, 10.0)
    shift: tuple[float, float, float] = (1.5, 2.0, 3.0)
    drift: tuple[float, float, float] = (2.0, 3.0, 5.0)
    flat_days: tuple[int, int, int] = (4, 7, 14)
    flat_weeks: tuple[int, int, int] = (3, 4, 6)
    feed: tuple[float, float, float] = (0.1, 0.3, 1.0)
    typo: tuple[float, float, float] = (1.5, 3.0, 10.0)
    share: float = 0.25


@dataclass(frozen=True)
class Injected:
    """A grid with anomalies; ``events`` has one row per product hit: ``series, start, end`` (columns, end included)."""

    grid: Grid
    events: pd.DataFrame
    kind: str
    strength: str


def inject(
    grid: Grid, columns: np.ndarray, kind: str, strength: str, seed: int, plan: Injection = Injection()
) -> Injected:
    """Put anomalies of one kind into ``columns``, all after a cutoff; forecasts stay what they were at the cutoff.

    Products are drawn among those with a cycle of history that sold something in at least half of the columns' open
    periods.

    Raises
    ------
    ValueError
        On an unknown kind or strength, and for price typos in data without a price.
    """
    if kind not in KINDS or strength not in STRENGTHS:
        raise ValueError(f"kind={kind!r}, strength={strength!r}: expected one of {KINDS} and one of {STRENGTHS}")
    if kind == "price typo" and grid.price is None:
        raise ValueError("price typo: the panel has no price")
    rng, level = np.random.default_rng([seed, KINDS.index(kind), STRENGTHS.index(strength)]), STRENGTHS.index(strength)
    sales = grid.sales.copy()
    price = None if grid.price is None else grid.price.copy()
    days = columns[grid.open[columns]]
    selling = grid.live & (np.nan_to_num(sales) > 0)
    known = grid.live[:, : columns[0]].sum(1) >= grid.season
    usable = np.flatnonzero(known & (selling[:, days].sum(1) >= max(1, len(days) / 2)))
    share = plan.feed[level] if kind == "missing feed" else plan.share
    chosen = np.sort(rng.permutation(usable)[: max(1, round(share * len(usable)))])
    whole = bool((np.rint(sales[np.isfinite(sales)]) == sales[np.isfinite(sales)]).all())
    feed_start = int(rng.choice(days[: max(1, len(days) - 1)])) if len(days) else int(columns[0])
    rows = []
    for i in chosen:
        mine = days[grid.live[i, days]]
        start = end = int(rng.choice(mine[: max(1, len(mine) // 2)] if kind in ("level shift", "drift") else mine))
        up = rng.random() < 0.5
        if kind == "spike":
            past = variance_stable(sales[i, : columns[0]][grid.live[i, : columns[0]]])[-8 * grid.season :]
            sd = max(1.4826 * float(np.median(np.abs(past - np.median(past)))), 1.0)
            sales[i, start] += plan.spike[level] * sd * np.sqrt(max(np.median(past) ** 2 / 4, 1.0))
        elif kind in ("level shift", "drift"):
            end = int(columns[-1])
            ramp = (
                np.linspace(1 / (end - start + 1), 1, end - start + 1) if kind == "drift" else np.ones(end - start + 1)
            )
            factor = (plan.drift if kind == "drift" else plan.shift)[level] ** (ramp if up else -ramp)
            sales[i, start : end + 1] *= factor
        elif kind == "flat line":
            length = (plan.flat_days if grid.season == 7 else plan.flat_weeks)[level]
            start = int(rng.choice(mine[: max(1, len(mine) - length)]))
            end = min(start + length, int(columns[-1]))
            sales[i, start : end + 1] = np.where(grid.open[start : end + 1], sales[i, start], 0.0)
            start = min(start + 1, end)  # the first value is still a real one
        elif kind == "missing feed":
            start, end = feed_start, feed_start + (1 if grid.season == 7 and feed_start < columns[-1] else 0)
            sales[i, start : end + 1] = 0.0
        elif price is not None:
            sold = days[np.isfinite(price[i, days])]
            start = end = int(rng.choice(sold))
            price[i, start] *= plan.typo[level] if up else 1 / plan.typo[level]
        rows.append((int(i), start, end))
    if whole:
        sales = np.rint(sales)
    if price is not None:
        price = np.where(sales > 0, price, np.nan)
    events = pd.DataFrame(rows, columns=["series", "start", "end"])
    return Injected(replace(grid, sales=sales, price=price), events, kind, strength)


def possible_kinds(grid: Grid) -> list[str]:
    """Kinds of anomalies that these data can have: no price, no price typo."""
    return [kind for kind in KINDS if kind != "price typo" or grid.price is not None]


def break_feed(grid: Grid, column: int) -> dict[str, Grid]:
    """The same data with one period's feed broken in each of the usual ways."""
    sales, everywhere = grid.sales[:, column], np.isfinite(grid.sales[:, column])
    yesterday = np.where(everywhere, np.nan_to_num(grid.sales[:, column - 1]), np.nan)
    ways = {
        "nothing arrives": np.where(everywhere, 0.0, np.nan),
        "the day before again": yesterday,
        "loaded twice": 2 * sales,
        "dozens instead of pieces": np.where(np.arange(len(sales)) % 2 == 0, 12 * sales, sales),
    }
    out = {}
    for name, values in ways.items():
        changed, is_open = grid.sales.copy(), grid.open.copy()
        changed[:, column], is_open[column] = values, bool(np.nansum(values) > 0)
        out[name] = replace(grid, sales=changed, open=is_open, live=grid.live & is_open)
    if grid.price is not None:
        price = grid.price.copy()
        price[::2, column] *= 100
        out["cents instead of whole"] = replace(grid, price=price)
    return out
