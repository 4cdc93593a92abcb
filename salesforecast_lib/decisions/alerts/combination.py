"""From channels of evidence to alarms at a budget of false ones, in the same way for every detector (chapter 09)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from salesforecast_lib.decisions.alerts.detectors import Channels, Detector
from salesforecast_lib.decisions.alerts.grid import Grid


@dataclass(frozen=True)
class Tail:
    """How rare a value of a channel is: counted in the body, a Pareto tail beyond (Hill, 1975)."""

    body: np.ndarray  # sorted calibration values below the tail
    start: float
    share: float  # of values in the tail
    slope: float  # mean log excess over the start

    def rarity(self, values: np.ndarray) -> np.ndarray:
        """-log10 of the share of ordinary values at least as large; 0 where there is no evidence."""
        safe = np.nan_to_num(values, nan=-1.0, posinf=1e9)
        above = 1 - np.searchsorted(self.body, safe, side="left") / max(len(self.body), 1) * (1 - self.share)
        excess = np.log1p(np.maximum(safe, 0)) - np.log1p(self.start)
        tail = -np.log10(self.share) + np.maximum(excess, 0) / self.slope / np.log(10)
        return np.where(np.isfinite(values), np.where(excess > 0, tail, -np.log10(np.maximum(above, 1e-12))), 0.0)


def fit_tail(values: np.ndarray, share: float = 0.01) -> Tail:
    """Tail of a channel from ordinary periods; of fewer than about a hundred values it is a guess.

    Periods in which a crowd is strange, such as a holiday, are no ordinary ones: where more than a twentieth of the
    products (at least five) lie beyond the start of the tail, the period is left out, if three quarters remain.
    """
    known = np.isfinite(values)
    if values.ndim == 2 and known.any():
        strange = (np.where(known, values, -np.inf) > np.quantile(values[known], 1 - share)).sum(0)
        kept = strange < max(5, 0.05 * len(values))
        if kept.mean() >= 0.75:
            values, known = values[:, kept], known[:, kept]
    ordered = np.sort(values[known])
    if len(ordered) < 2:
        return Tail(np.zeros(0), 0.0, 1.0, 1.0)
    count = min(max(5, int(share * len(ordered))), len(ordered) - 1)
    start = max(float(ordered[-count - 1]), 0.0)
    excess = np.log1p(np.maximum(ordered[-count:], 0.0)) - np.log1p(start)
    return Tail(ordered[:-count], start, count / len(ordered), max(float(excess.mean()), 0.02))


def alarm_starts(alarms: np.ndarray, quiet: int) -> np.ndarray:
    """First period of each alert: alarmed, with no alarm in the ``quiet`` periods before; (n, T)."""
    before = np.zeros_like(alarms)
    for lag in range(1, quiet + 2):
        before[:, lag:] |= alarms[:, :-lag]
    return alarms & ~before


def count_alerts(alarms: np.ndarray, quiet: int) -> int:
    """Number of alerts: consecutive alarms of a product are one, and so are those of a crowd in one period.

    A crowd are products, at least five and a twentieth of all, whose alerts begin together: one cause is one alert.
    """
    together = alarm_starts(alarms, quiet).sum(0)
    crowd = max(5, int(np.ceil(0.05 * len(alarms))))
    return int(np.where(together >= crowd, 1, together).sum())


def threshold_for(scores: np.ndarray, quiet: int, allowed: float) -> float:
    """Lowest threshold at which no more than ``allowed`` alerts are raised, nor at any higher one."""
    levels = np.unique(np.quantile(scores, 1 - np.geomspace(0.5 / scores.size, 0.2, 120)))[::-1]
    best = float(scores.max()) + 1e-6
    for level in levels:
        if count_alerts(scores > level, quiet) > allowed:
            break
        best = float(level)
    return best


def collect(detectors: Sequence[Detector], grid: Grid, columns: np.ndarray) -> Channels:
    """Evidence of all detectors; those that share a channel compute the same."""
    found: Channels = {}
    for detector in detectors:
        found |= detector.channels(grid, columns)
    return found


@dataclass(frozen=True)
class Alarm:
    """Channels made comparable by how rare their values are in ordinary periods, and one threshold.

    Parameters
    ----------
    budget : false alerts per 1,000 product-weeks that the calibration periods may hold. All of them count as ordinary,
        so real anomalies in them make the alarm deafer.
    weights : how the budget is shared out between the channels; equal without.
    """

    name: str
    tails: dict[str, Tail]
    threshold: float
    budget: float
    weights: dict[str, float]

    def rarity(self, found: Channels) -> np.ndarray:
        """Weighted rarity of each channel, in the order of ``tails``; (channels, n, columns)."""
        return np.stack([tail.rarity(found[name]) + self._bonus(name) for name, tail in self.tails.items()])

    def _bonus(self, name: str) -> float:
        return float(np.log10(max(self.weights[name] * len(self.tails), 1e-6)))

    def score(self, found: Channels) -> np.ndarray:
        """Rarity of the strangest channel; (n, columns). An alarm is a score above ``threshold``."""
        return self.rarity(found).max(0)


def calibrate(
    name: str,
    channels: Sequence[str],
    found: Channels,
    grid: Grid,
    columns: np.ndarray,
    budget: float,
    weights: dict[str, float] | None = None,
) -> Alarm:
    """Learn each channel's tail, and the threshold that keeps to the budget, from ordinary periods.

    Channels that the data do not have (no price, say) are left out.

    Raises
    ------
    ValueError
        When the budget is not positive, or none of the channels is there.
    """
    if not budget > 0:
        raise ValueError(f"budget={budget}: expected false alerts per 1,000 product-weeks, above zero")
    names = [channel for channel in channels if channel in found]
    if not names:
        raise ValueError(f"{name}: none of the channels {list(channels)} is in the evidence {list(found)}")
    share = dict.fromkeys(names, 1 / len(names)) if weights is None else {n: weights[n] for n in names}
    alarm = Alarm(name, {n: fit_tail(found[n]) for n in names}, np.inf, budget, share)
    allowed = budget / 1000 * product_weeks(grid, columns)
    return replace(alarm, threshold=threshold_for(alarm.score(found), grid.quiet, allowed))


def product_weeks(grid: Grid, columns: np.ndarray) -> float:
    """Weeks on sale, over all products."""
    return float(np.isfinite(grid.sales[:, columns]).sum() * grid.weeks)


class Rehearsal(Protocol):
    """Evidence with injected anomalies, and the mask (n, columns) of where they are."""

    @property
    def found(self) -> Channels:
        """Evidence by channel."""
        ...

    def inside(self) -> np.ndarray:
        """Injected periods."""
        ...


def share_out(
    alarm: Alarm,
    ordinary: Channels,
    trials: Sequence[Rehearsal],
    quiet: int,
    allowed: float,
    rounds: int = 3,
) -> Alarm:
    """Move the budget to where it finds most, by trial injections into the calibration periods.

    One channel after the other gets twice or a quarter of its weight; the change is kept when the mean share of events
    found, over the trials, rises at the same number of alerts in ordinary periods.

    Parameters
    ----------
    trials : scenarios with injected anomalies in the same columns.
    """
    plain = np.stack([tail.rarity(ordinary[name]) for name, tail in alarm.tails.items()])
    peaks = [_peaks(alarm, one.found, one.inside()) for one in trials]  # (channels, events) each
    names = list(alarm.tails)

    def value(weights: np.ndarray) -> tuple[float, float]:
        bonus = np.log10(weights / weights.sum() * len(weights))
        threshold = threshold_for((plain + bonus[:, None, None]).max(0), quiet, allowed)
        return float(np.mean([((top + bonus[:, None]).max(0) > threshold).mean() for top in peaks])), threshold

    weights = np.ones(len(names))
    best, threshold = value(weights)
    for _ in range(rounds):
        before = best
        for place in range(len(names)):
            for factor in (2.0, 0.25):
                changed = weights.copy()
                changed[place] *= factor
                found, limit = value(changed)
                if found > best + 1e-4:
                    weights, best, threshold = changed, found, limit
        if best == before:
            break
    share = weights / weights.sum()
    return replace(alarm, threshold=threshold, weights=dict(zip(names, share.tolist(), strict=True)))


def _peaks(alarm: Alarm, found: Channels, inside: np.ndarray) -> np.ndarray:
    """Highest rarity of each channel within the injected periods of each product hit; (channels, events)."""
    hit = inside.any(1)
    rarity = np.stack([tail.rarity(found[name][hit]) for name, tail in alarm.tails.items()])
    return np.where(inside[hit], rarity, 0.0).max(-1)
