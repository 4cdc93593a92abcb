"""A long memory for the rows of direct regression: what the series and its groups did, up to years ago (chapter 06).

`OriginRows` tells a model what the network is told: level, phase and the features of the day. The columns here add what
a network would have to remember: the last periods one by one, levels over up to a year, the spread of recent sales,
what happened a year ago around the target, and the same of the groups of the hierarchy and of the whole shop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.models.peers.coding import Whole
from salesforecast_lib.models.peers.origins import OriginRows

_SHARE = 0.1  # of the level: keeps logarithms and ratios of empty periods finite


class Sums:
    """Running sums of sales and of available periods, one line each for a row's ``group``, over the calendar."""

    def __init__(self, group: np.ndarray, day: np.ndarray, sales: np.ndarray, seen: np.ndarray) -> None:
        self.group, shape = group, (int(group.max()) + 1, int(day.max()) + 2)
        self.total, self.count = np.zeros(shape), np.zeros(shape)
        np.add.at(self.total, (group, day + 1), sales)
        np.add.at(self.count, (group, day + 1), seen)
        self.total, self.count = self.total.cumsum(1), self.count.cumsum(1)

    @classmethod
    def ready(cls, group: np.ndarray, total: np.ndarray, count: np.ndarray) -> Sums:
        """From running sums that were made before."""
        sums = cls.__new__(cls)
        sums.group, sums.total, sums.count = group, total, count
        return sums

    def counted(self, row: np.ndarray, last: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
        """Sales and available periods of the ``span`` days up to ``last``."""
        group, edge = self.group[row], self.total.shape[1] - 1
        begin, end = np.clip(last - span + 1, 0, edge), np.clip(last + 1, 0, edge)
        return self.total[group, end] - self.total[group, begin], self.count[group, end] - self.count[group, begin]

    def mean(self, row: np.ndarray, last: np.ndarray, span: int) -> np.ndarray:
        """Mean per available period of the ``span`` days up to ``last``; missing where there is none."""
        total, count = self.counted(row, last, span)
        some = count > 1e-9
        return np.where(some, total / np.where(some, count, 1.0), np.nan)


def several(codes: Mapping[str, np.ndarray], series: int) -> tuple[str, ...]:
    """Columns whose values are shared by several series each; ``codes`` (series,) by column."""
    return tuple(name for name, each in codes.items() if 1 < each.max() + 1 <= 0.7 * series)


class LongMemoryRows(OriginRows):
    """`OriginRows` with the columns of this module before the categories.

    Nothing observed after the cutoff is in ``y``, and every column looks at days up to the origin: where the horizon
    is so long that the days around the target a year ago come after the origin, those of two years ago are taken.
    """

    def __init__(self, *told: Any, **named: Any) -> None:
        super().__init__(*told, **named)
        self.year = {"D": 364, "W": 52, "M": 12}[self.kind]  # a day keeps its weekday
        self.quarter = self.year // 4
        self.spans = {"D": (1, 7, 15), "W": (1, 3), "M": (1,)}[self.kind]  # around the target a year ago
        self.recent = max(self.season, 8)  # periods told one by one
        whole = self.coding.whole if self.coding else None
        days = np.unique(self.ds) if whole is None else whole.days
        self.day = np.searchsorted(days, self.ds)
        sales = self.y * self.seen
        self.own = Sums(self.series, self.day, sales, self.seen)
        shared = {name: pd.factorize(each, sort=True)[0] for name, each in self.values.items()}  # (series,)
        self.few = self.coding.groups if self.coding else several(shared, len(self.names))
        if whole is None:
            groups = [np.zeros(len(self.y), dtype=int), *(shared[name][self.series] for name in self.few)]
            self.groups = [Sums(group, self.day, sales, self.seen) for group in groups]
        else:
            self.groups = [self._part(whole, name) for name in ("", *self.few)]
        origin, step = self.at(self.cutoff)
        told_first = len(self.numeric)
        added = sum(block.reshape(1, -1).shape[1] for block in self.shapes(origin[:1], step[:1])) - told_first
        self.numeric = [*self.numeric, *(f"memory_{k}" for k in range(added))]

    @property
    def meaning(self) -> list[str]:
        """What each ``memory_…`` column tells of, in their order: the "recent" sales, the "phase" of the season, the
        "year" before, the "trend" over a year, or the "group" and the whole shop."""
        own = ["recent"] * (self.recent + 5) + ["phase"] * (3 if self.season > 1 else 0) + ["recent"] * 6
        for span in self.spans:
            own += ["year"] * (2 if span > 1 or self.kind == "M" else 1)
        own += ["year", "recent", "year", "trend", "recent", "recent"]
        years = len({self.spans[0], self.spans[-1]})
        group = ["group"] * 3 + ["year"] * years + ["phase"] * (self.season > 1) + ["group"]
        return own + group * len(self.groups)

    def _part(self, whole: Whole, name: str) -> Sums:
        """The sums of all series, for the rows of some of them."""
        code = whole.codes[name]
        each = self.values[name].astype(str).map(code).to_numpy("int64") if name else np.zeros(len(self.names), int)
        return Sums.ready(each[self.series], whole.total[name], whole.count[name])

    def shapes(self, origin: np.ndarray, step: np.ndarray) -> Iterator[np.ndarray]:
        """The columns before the categories."""
        yield from super().shapes(origin, step)
        level, day = self.level[origin], self.day[origin]
        yield self._last(origin, self.recent) / level[:, None]
        for cycles in (2, 6, 13, 26, 52):
            yield self.own.mean(origin, day, cycles * self.season) / level
        back = -(-step // self.season) * self.season - step  # periods from the origin back to the target's phase
        if self.season > 1:
            for cycles in (3, 16, 40):
                value = self._last(origin, cycles, self.season, back)
                known = np.isfinite(value)
                yield (np.where(known, value, 0.0).sum(1) + level) / (known.sum(1) + 1) / level
        yield from self._spread(origin, level)
        yield from self._own_year_ago(origin, step, level)
        yield from self._own_size(origin, step, level)
        for sums in self.groups:
            yield from self._of_group(sums, origin, step, back)

    def year_ratio(self, origin: np.ndarray, step: np.ndarray) -> np.ndarray:
        """How much more than usual the series sold around the target a year ago: (pairs,), 1 where that is not known.

        The mean of the periods around the target a year ago over that of the window that ended a year before the
        origin, both shrunken to each other by a fifth of today's level and cut to [0.2, 5].
        """
        level, span = self.level[origin], self.spans[-1]
        then = self.day[origin] - self._years(step, span)
        sold = self.own.mean(origin, then + step + span // 2, span)
        total, count = self.own.counted(origin, then, self.window)
        usual = total / np.maximum(count, 1e-9)
        known = np.isfinite(sold) & (count >= self.window / 4)
        ratio = (np.nan_to_num(sold) + 0.2 * level) / np.maximum(usual + 0.2 * level, 1e-9 * level)
        return np.where(known, np.clip(ratio, 0.2, 5.0), 1.0)

    def _years(self, step: np.ndarray, span: int) -> np.ndarray:
        """Whole years back, in periods, so that ``span`` periods around the target end by the origin."""
        return self.year * np.maximum(1, -(-(step + span // 2) // self.year))

    def _last(self, origin: np.ndarray, count: int, every: int = 1, back: np.ndarray | int = 0) -> np.ndarray:
        """Sales of ``count`` periods, ``every`` rows apart, the last one ``back`` before the origin (pairs, count).

        Missing where not available and before the series began.
        """
        row = (origin - back)[:, None] - every * np.arange(count)
        start = self.start[origin][:, None]
        inside, row = row >= start, np.maximum(row, start)
        return np.where(inside & (self.seen[row] > 0), self.y[row], np.nan)

    def _spread(self, origin: np.ndarray, level: np.ndarray) -> Iterator[np.ndarray]:
        """Quantiles and standard deviation of the sales in the window."""
        sales = np.sort(self._last(origin, self.window), axis=1) / level[:, None]  # the missing ones last
        known = np.isfinite(sales).sum(1)
        for share in (0.1, 0.5, 0.75, 0.9, 1.0):
            place = np.rint(share * np.maximum(known - 1, 0)).astype(int)
            yield sales[np.arange(len(sales)), place]
        value, count = np.nan_to_num(sales), np.maximum(known, 1)
        average = value.sum(1) / count
        yield np.sqrt(np.maximum((value**2).sum(1) / count - average**2, 0.0))

    def _own_year_ago(self, origin: np.ndarray, step: np.ndarray, level: np.ndarray) -> Iterator[np.ndarray]:
        for span in self.spans:
            then = self.day[origin] - self._years(step, span)
            sold = self.own.mean(origin, then + step + span // 2, span)
            yield sold / level
            usual = self.own.mean(origin, then, self.window)
            if span > 1 or self.kind == "M":
                yield (sold + 0.2 * level) / (usual + 0.2 * level)
        yield np.log(np.maximum(usual + _SHARE * level, 1e-9 * level) / (1 + _SHARE) / level)

    def _own_size(self, origin: np.ndarray, step: np.ndarray, level: np.ndarray) -> Iterator[np.ndarray]:
        """Scale, year ratio, growth over the last year, and the means of a quarter and of a year."""
        yield np.log(self.scale[origin] / level)
        yield self.year_ratio(origin, step)
        day, least = self.day[origin], 1e-9 * level
        now, before = (self.own.mean(origin, day - back, self.year) for back in (0, self.year))
        yield np.log(np.maximum(now + _SHARE * level, least) / np.maximum(before + _SHARE * level, least))
        yield self.own.mean(origin, day, self.quarter) / level
        yield now / level

    def _of_group(self, sums: Sums, origin: np.ndarray, step: np.ndarray, back: np.ndarray) -> Iterator[np.ndarray]:
        """Trend, the year before and the phase of a group, relative to its level, and that level."""
        day, own = self.day[origin], self.level[origin]
        usual = sums.mean(origin, day, self.window)
        level = np.where(usual > 0, usual, np.nan)
        for cycles in (1, 2, 4) if self.season > 1 else (1, 3, 8):
            yield sums.mean(origin, day, cycles * self.season) / level
        for span in dict.fromkeys((self.spans[0], self.spans[-1])):
            then = day - self._years(step, span)
            before = sums.mean(origin, then, self.window)
            before = np.where((then >= self.window // 2) & (before > 0), before, np.nan)
            yield sums.mean(origin, then + step + span // 2, span) / before
        if self.season > 1:
            same = [sums.mean(origin, day - back - k * self.season, 1) for k in range(8)]
            known = np.isfinite(same)
            yield np.where(known, same, 0.0).sum(0) / np.maximum(known.sum(0), 1) / level
        yield np.log(np.maximum(np.nan_to_num(usual) + _SHARE * own, 1e-9 * own) / (1 + _SHARE) / own)
