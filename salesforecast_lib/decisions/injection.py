"""Known anomalies put into real data, and what a detector makes of them (chapter 09)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.alert_grid import Grid
from salesforecast_lib.decisions.combination import Alarm, alarm_starts, collect, count_alerts, product_weeks
from salesforecast_lib.decisions.detectors import Channels, Detector, variance_stable

KINDS = ("spike", "level shift", "drift", "flat line", "missing feed", "price typo")
STRENGTHS = ("weak", "medium", "strong")


@dataclass(frozen=True)
class Injection:
    """What the three strengths mean.

    Parameters
    ----------
    spike : size of the peak in robust standard deviations of the product's sales.
    shift, drift : factor on sales from the start on, and factor reached at the end of the horizon; up or down by a coin.
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

    Products are drawn among those on sale in every open period of the columns, with at least one sale in them.

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
    span, days = len(columns), columns[grid.open[columns]]
    usable = np.flatnonzero((grid.live[:, days].all(1)) & (np.nansum(sales[:, columns], axis=1) > 0))
    share = plan.feed[level] if kind == "missing feed" else plan.share
    chosen = np.sort(rng.permutation(usable)[: max(1, round(share * len(usable)))])
    whole = bool((np.rint(sales[np.isfinite(sales)]) == sales[np.isfinite(sales)]).all())
    first_half = days[: max(1, len(days) // 2)]
    feed_start = int(rng.choice(days[: -1 if span > 8 else None]))
    rows = []
    for i in chosen:
        start = end = int(rng.choice(first_half if kind in ("level shift", "drift") else days))
        up = rng.random() < 0.5
        if kind == "spike":
            past = variance_stable(sales[i, : columns[0]][grid.live[i, : columns[0]]])[-8 * grid.season :]
            sd = max(1.4826 * float(np.median(np.abs(past - np.median(past)))), 1.0)
            sales[i, start] += plan.spike[level] * sd * np.sqrt(max(np.median(past) ** 2 / 4, 1.0))
        elif kind in ("level shift", "drift"):
            end = int(columns[-1])
            ramp = np.linspace(1 / (end - start + 1), 1, end - start + 1) if kind == "drift" else np.ones(end - start + 1)
            factor = (plan.drift if kind == "drift" else plan.shift)[level] ** (ramp if up else -ramp)
            sales[i, start : end + 1] *= factor
        elif kind == "flat line":
            length = (plan.flat_days if grid.season == 7 else plan.flat_weeks)[level]
            start = int(rng.choice(days[: max(1, len(days) - length)]))
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


@dataclass(frozen=True)
class Scored:
    """``events`` with ``found`` and ``delay`` (periods); ``others``: alerts outside the injected periods; exposure."""

    events: pd.DataFrame
    others: int
    weeks: float


def judge(
    alarms: np.ndarray, clean: np.ndarray, injected: Injected, columns: np.ndarray
) -> Scored:
    """Hold alarms (n, columns) against the injected events.

    An event counts as found in its first period that is alarmed *and was not alarmed in the same data without the
    injection* (``clean``): nobody is given credit for an alarm that was up anyway. Every other alert is a false one, if
    it begins outside the event and the cycle after it; alerts of a crowd in one period are one.
    """
    grid, position = injected.grid, int(columns[0])
    fresh, others = alarms & ~clean, alarm_starts(alarms, grid.quiet)
    delays = []
    for series, start, end in injected.events.itertuples(index=False):
        inside = np.flatnonzero(fresh[series, start - position : end + 1 - position])
        delays.append(float(inside[0]) if len(inside) else np.nan)
        others[series, start - position : end + 1 + grid.season - position] = False
    events = injected.events.assign(delay=delays)
    events["found"] = events["delay"].notna()
    return Scored(events, count_alerts(others, 0), product_weeks(grid, columns))


def trial(
    alarms: Sequence[Alarm],
    detectors: Sequence[Detector],
    grid: Grid,
    columns: np.ndarray,
    seed: int,
    plan: Injection = Injection(),
    limits: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Every alarm on every kind and strength: ``alarm, kind, strength, events, found, delay, others, weeks``.

    ``delay`` is the sum over found events. The rows of kind "none" count the alerts of the same columns without
    injection. ``limits`` overrules the alarms' own thresholds.
    """
    limits = limits or [alarm.threshold for alarm in alarms]
    ordinary = collect(detectors, grid, columns)
    clean = [alarm.score(ordinary) > limit for alarm, limit in zip(alarms, limits, strict=True)]
    weeks = product_weeks(grid, columns)
    rows = [
        (alarm.name, "none", "none", 0, 0, 0.0, count_alerts(mask, grid.quiet), weeks)
        for alarm, mask in zip(alarms, clean, strict=True)
    ]
    for kind in possible_kinds(grid):
        for strength in STRENGTHS:
            injected = inject(grid, columns, kind, strength, seed, plan)
            found = collect(detectors, injected.grid, columns)
            for alarm, mask, limit in zip(alarms, clean, limits, strict=True):
                scored = judge(alarm.score(found) > limit, mask, injected, columns)
                hit, delay = scored.events["found"], float(scored.events["delay"].sum())
                rows.append((alarm.name, kind, strength, len(hit), int(hit.sum()), delay, scored.others, scored.weeks))
    names = ["alarm", "kind", "strength", "events", "found", "delay", "others", "weeks"]
    return pd.DataFrame(rows, columns=names)


def possible_kinds(grid: Grid) -> list[str]:
    """Kinds of anomalies that these data can have: no price, no price typo."""
    return [kind for kind in KINDS if kind != "price typo" or grid.price is not None]


def rehearse(
    detectors: Sequence[Detector], grid: Grid, columns: np.ndarray, seed: int, plan: Injection = Injection()
) -> list[tuple[Channels, np.ndarray]]:
    """Evidence with injected anomalies of every kind and strength, and where they are, for `share_out`."""
    out = []
    for kind in possible_kinds(grid):
        for strength in STRENGTHS:
            injected = inject(grid, columns, kind, strength, seed, plan)
            inside = np.zeros((len(grid.ids), len(columns)), dtype=bool)
            for series, start, end in injected.events.itertuples(index=False):
                inside[series, start - columns[0] : end + 1 - columns[0]] = True
            out.append((collect(detectors, injected.grid, columns), inside))
    return out


def summarise(results: pd.DataFrame, by: Sequence[str] = ("alarm", "kind")) -> pd.DataFrame:
    """Recall, precision, F1, mean delay and other alerts per 1,000 product-weeks of `trial` rows, kind "none" left out.

    Precision holds for this density of anomalies: found / (found + alerts outside the injected periods).
    """
    hit = results[results["kind"] != "none"]
    table = hit.groupby(list(by), sort=False)[["events", "found", "delay", "others", "weeks"]].sum()
    table["recall"] = table["found"] / table["events"]
    table["precision"] = table["found"] / (table["found"] + table["others"]).clip(lower=1)
    table["f1"] = 2 * table["recall"] * table["precision"] / (table["recall"] + table["precision"]).clip(lower=1e-9)
    table["delay"] = table["delay"] / table["found"].clip(lower=1)
    table["false_alerts"] = 1000 * table["others"] / table["weeks"]
    return table[["events", "recall", "precision", "f1", "delay", "false_alerts"]].reset_index()
