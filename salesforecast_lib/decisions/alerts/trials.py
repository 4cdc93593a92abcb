"""What alarms make of known anomalies: found or not, how soon, and what else they report (chapter 09)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.alerts.combination import (
    Alarm,
    alarm_starts,
    collect,
    count_alerts,
    product_weeks,
)
from salesforecast_lib.decisions.alerts.detectors import Channels, Detector
from salesforecast_lib.decisions.alerts.grid import Grid
from salesforecast_lib.decisions.alerts.injection import STRENGTHS, Injection, inject, possible_kinds


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
    detectors: Sequence[Detector], grid: Grid, columns: np.ndarray, seed: int, plan: Injection | None = None
) -> list[Scenario]:
    """Scenarios of every possible kind and strength."""
    out = []
    for kind in possible_kinds(grid):
        for strength in STRENGTHS:
            injected = inject(grid, columns, kind, strength, seed, plan or Injection())
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
