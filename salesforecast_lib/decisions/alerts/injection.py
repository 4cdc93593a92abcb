"""Known anomalies put into real data, and what a detector makes of them (chapter 09)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.alerts.combination import (
    Alarm,
    alarm_starts,
    collect,
    count_alerts,
    product_weeks,
)
from salesforecast_lib.decisions.alerts.detectors import Channels, Detector, variance_stable
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


@dataclass(frozen=True)
class Scenario:
    """Injected ``events`` of one kind and strength in ``columns``, and the detectors' evidence of them."""

    kind: str
    strength: str
    events: pd.DataFrame
    found: Channels
    columns: np.ndarray

    def inside(self) -> np.ndarray:
        """Mask (n, columns) of the injected periods."""
        mask = np.zeros(next(iter(self.found.values())).shape, dtype=bool)
        for series, start, end in self.events.itertuples(index=False):
            mask[series, start - self.columns[0] : end + 1 - self.columns[0]] = True
        return mask


def rehearse(
    detectors: Sequence[Detector], grid: Grid, columns: np.ndarray, seed: int, plan: Injection = Injection()
) -> list[Scenario]:
    """Scenarios of every possible kind and strength."""
    out = []
    for kind in possible_kinds(grid):
        for strength in STRENGTHS:
            injected = inject(grid, columns, kind, strength, seed, plan)
            out.append(Scenario(kind, strength, injected.events, collect(detectors, injected.grid, columns), columns))
    return out


def judge(alarms: np.ndarray, clean: np.ndarray, scenario: Scenario, grid: Grid) -> tuple[pd.DataFrame, int]:
    """Hold alarms (n, columns) against the injected events; returns the events with ``found, delay`` and other alerts.

    An event counts as found in its first period that is alarmed *and was not alarmed in the same data without the
    injection* (``clean``): nobody is given credit for an alarm that was up anyway. Every other alert is a false one, if
    it begins outside the event and the cycle after it; alerts of a crowd in one period are one. Delay is in periods.
    """
    position = int(scenario.columns[0])
    fresh, others = alarms & ~clean, alarm_starts(alarms, grid.quiet)
    delays = []
    for series, start, end in scenario.events.itertuples(index=False):
        inside = np.flatnonzero(fresh[series, start - position : end + 1 - position])
        delays.append(float(inside[0]) if len(inside) else np.nan)
        others[series, start - position : end + 1 + grid.season - position] = False
    events = scenario.events.assign(delay=delays)
    return events.assign(found=events["delay"].notna()), count_alerts(others, 0)


@dataclass(frozen=True)
class Trial:
    """``events``: one row per alarm and injected event, with ``kind, strength, series, found, delay``; ``alerts``: per
    alarm, kind and strength the ``others`` (alerts outside the events) and ``weeks`` watched; kind "none" is the data
    as they are."""

    events: pd.DataFrame
    alerts: pd.DataFrame


def trial(
    alarms: Sequence[Alarm],
    ordinary: Channels,
    scenarios: Sequence[Scenario],
    grid: Grid,
    limits: Sequence[float] | None = None,
) -> Trial:
    """Every alarm on every scenario; ``ordinary`` is the evidence of the same columns without injection.

    ``limits`` overrules the alarms' own thresholds.
    """
    events, alerts = [], []
    for alarm, limit in zip(alarms, limits or [alarm.threshold for alarm in alarms], strict=True):
        clean = alarm.score(ordinary) > limit
        weeks = product_weeks(grid, scenarios[0].columns)
        alerts.append((alarm.name, "none", "none", count_alerts(clean, grid.quiet), weeks))
        for one in scenarios:
            table, others = judge(alarm.score(one.found) > limit, clean, one, grid)
            events.append(table.assign(alarm=alarm.name, kind=one.kind, strength=one.strength))
            alerts.append((alarm.name, one.kind, one.strength, others, weeks))
    names = ["alarm", "kind", "strength", "others", "weeks"]
    return Trial(pd.concat(events, ignore_index=True), pd.DataFrame(alerts, columns=names))


def summarise(result: Trial, by: Sequence[str] = ("alarm",)) -> pd.DataFrame:
    """Recall, precision, F1, mean delay of what was found, and other alerts per 1,000 product-weeks.

    ``recall`` is the mean over kinds and strengths, each with the same weight. Precision holds for this density of
    anomalies: found / (found + alerts outside the injected periods).
    """
    keys = list(dict.fromkeys([*by, "kind", "strength"]))
    cells = result.events.groupby(keys, sort=False).agg(
        events=("found", "size"), found=("found", "sum"), rate=("found", "mean"), late=("delay", "sum")
    )
    cells = cells.reset_index().merge(result.alerts, on=[*dict.fromkeys(["alarm", "kind", "strength"])])
    groups = cells.groupby(list(by), sort=False)
    table = groups[["events", "found", "late", "others", "weeks"]].sum()
    table["recall"] = groups["rate"].mean()
    table["precision"] = table["found"] / (table["found"] + table["others"]).clip(lower=1)
    table["f1"] = 2 * table["recall"] * table["precision"] / (table["recall"] + table["precision"]).clip(lower=1e-9)
    table["delay"] = (table["late"] / table["found"].clip(lower=1)).where(table["found"] > 0)
    table["false_alerts"] = 1000 * table["others"] / table["weeks"]
    return table[["events", "recall", "precision", "f1", "delay", "false_alerts"]].reset_index()


def recall_gain(result: Trial, chosen: str, replicates: int = 1000, seed: int = 0) -> pd.DataFrame:
    """How much more of the events ``chosen`` finds than each other alarm: ``alarm, kind, gain, low, high`` (95 %).

    The interval is from a bootstrap that draws products (Efron & Tibshirani, 1993); kind "all" is the mean over kinds.
    """
    rng = np.random.default_rng(seed)
    wide = result.events.pivot_table(index=["kind", "strength", "series"], columns="alarm", values="found").astype(
        float
    )
    series = wide.index.get_level_values("series").to_numpy()
    weight = rng.multinomial(series.max() + 1, np.full(series.max() + 1, 1 / (series.max() + 1)), replicates)[:, series]
    cells = list(dict.fromkeys(zip(wide.index.get_level_values(0), wide.index.get_level_values(1), strict=True)))
    rows = []
    for other in (name for name in wide if name != chosen):
        difference = (wide[chosen] - wide[other]).to_numpy()
        point, draws = {}, {}
        for cell in cells:
            mask = wide.index.get_locs([cell[0], cell[1]])
            point[cell] = difference[mask].mean()
            draws[cell] = (weight[:, mask] @ difference[mask]) / np.maximum(weight[:, mask].sum(1), 1)
        for kind in ("all", *dict.fromkeys(cell[0] for cell in cells)):
            part = [cell for cell in cells if kind in ("all", cell[0])]
            low, high = np.quantile(np.mean([draws[cell] for cell in part], axis=0), [0.025, 0.975])
            rows.append((other, kind, float(np.mean([point[cell] for cell in part])), float(low), float(high)))
    return pd.DataFrame(rows, columns=["alarm", "kind", "gain", "low", "high"])


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


def against_truth(
    reported: pd.DataFrame, truth: pd.DataFrame, days: pd.DatetimeIndex, long: int = 7
) -> dict[str, float]:
    """Stock alerts against the simulator's availability: ``true, precision, long, long_found``.

    An alert is true when the product could not be bought (``available`` below a half, or taken off sale) on most of its
    days. ``long`` counts the runs of at least that many such days; one is found when an alert of its product touches
    it.
    """
    table = truth[truth["ds"].isin(days)].pivot(index="unique_id", columns="ds", values="available")
    launched = table.notna().cumsum(axis=1) > 0
    empty = launched & ~(table >= 0.5)
    true = sum(bool(empty.loc[row.unique_id, row.start : row.end].mean() > 0.5) for row in reported.itertuples())
    runs = found = 0
    for name, row in empty.iterrows():
        mine = reported[reported["unique_id"] == name]
        places = np.flatnonzero(row.to_numpy())
        for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
            if len(run) >= long:
                first, last = empty.columns[run[0]], empty.columns[run[-1]]
                runs += 1
                found += bool(((mine["start"] <= last) & (mine["end"] >= first)).any())
    return {"true": int(true), "precision": true / max(len(reported), 1), "long": runs, "long_found": int(found)}
