"""The units in which boosting looks at a series: levels, levels in last year's season, and changes (chapter 06)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.peers.memory import LongMemoryRows


@dataclass(frozen=True)
class Units:
    """What a model forecasts: ``(y - shift) / unit``, rows weighted by ``weight``; all (pairs,)."""

    shift: np.ndarray
    unit: np.ndarray
    weight: np.ndarray


def _in_levels(rows: LongMemoryRows, origin: np.ndarray, step: np.ndarray) -> Units:
    level, scale = rows.level[origin], rows.scale[origin]
    return Units(np.zeros(len(origin)), level, np.sqrt(level / scale))


def _in_seasons(rows: LongMemoryRows, origin: np.ndarray, step: np.ndarray) -> Units:
    unit = rows.level[origin] * np.sqrt(rows.year_ratio(origin, step))  # last year is trusted half-way
    return Units(np.zeros(len(origin)), unit, np.sqrt(unit / rows.scale[origin]))


def _in_changes(rows: LongMemoryRows, origin: np.ndarray, step: np.ndarray) -> Units:
    return Units(rows.level[origin], rows.scale[origin], np.ones(len(origin)))


@dataclass(frozen=True)
class Kind:
    """A model's units, and its window: the long one of the level or the short one, by kind of frequency."""

    units: Callable[[LongMemoryRows, np.ndarray, np.ndarray], Units]
    long: tuple[str, ...] = ("D", "W", "M")


KINDS: dict[str, Kind] = {
    "level": Kind(_in_levels),
    "short level": Kind(_in_levels, ()),
    "season": Kind(_in_seasons),
    "change": Kind(_in_changes, ("D", "M")),
}
_WINDOWS = {"D": (112, 28), "W": (26, 8), "M": (12, 4)}  # periods of the long window, and the least


def window_of(kind: str, freq: str, periods: int) -> int:
    """Periods of history that give a series' level: half of a short history at most, the short window half of that."""
    frequency = check_freq(freq).kind
    most, least = _WINDOWS[frequency]
    long = int(np.clip(periods // 2, least, most))
    return long if frequency in KINDS[kind].long else max(least // 2, long // 2)
