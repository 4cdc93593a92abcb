"""What is known of a period: the calendar, what the shop tells, and what is usual (chapter 14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from salesforecast_lib.production.live.calendar import Calendar


@dataclass(frozen=True)
class Known:
    """The future columns of a model and where their values come from.

    Parameters
    ----------
    future : names of the columns, in the network's order.
    told : those that a shop may tell.
    usual : (phases, told) usual value of all series, by weekday for days, else one phase.
    own : (series, phases, told) usual value of the run's series.
    planned : (series, horizon, told) what the run was told of the horizon after ``cutoff``; NaN where nothing.
    place : number of each of the run's series.
    """

    calendar: Calendar
    future: tuple[str, ...]
    told: tuple[str, ...]
    usual: np.ndarray
    own: np.ndarray
    planned: np.ndarray
    place: dict[str, int]
    cutoff: np.datetime64

    def values(
        self,
        last: np.ndarray,
        n: int,
        offsets: np.ndarray,
        told: Mapping[str, np.ndarray],
        ids: Sequence[str] | None,
        countries: np.ndarray | None,
    ) -> np.ndarray:
        """Raw values (n, offsets, future) of the periods that many after ``last``, one date or (n,).

        Where all series have the same values they share one row of memory, which cannot be written to.
        """
        unknown = sorted(set(told) - set(self.told))
        if unknown:
            raise ValueError(f"told: column {unknown[0]!r} is none that a shop may tell; expected some of {self.told}")
        last = np.broadcast_to(np.asarray(last, dtype="datetime64[D]"), (n,))
        alike = n > 0 and bool((last == last[0]).all()) and (countries is None or len(self.calendar.tables) == 1)
        first = self.calendar.place(last[:1] if alike else last)
        places = first[:, None] + offsets  # (n or 1, offsets)
        calendar = self.calendar.rows(places, None if alike else countries)
        days = self.calendar.days[places]
        values = np.empty((*places.shape, len(self.future)))
        for name in self.future:
            if name not in self.told:
                values[:, :, self.future.index(name)] = calendar[:, :, self.calendar.columns.index(name)]
        own = bool(self.told) and (ids is not None or bool(told))  # else nothing tells one series from another
        usual = self._usual(days, n if own else len(places), offsets, ids)
        if own:
            values = np.repeat(values, n // len(places), axis=0)  # each series has a row of its own
        for k, name in enumerate(self.told):
            values[:, :, self.future.index(name)] = self._told(name, told, usual[:, :, k])
        return np.broadcast_to(values, (n, len(offsets), len(self.future)))

    def _usual(self, days: np.ndarray, n: int, offsets: np.ndarray, ids: Sequence[str] | None) -> np.ndarray:
        """Usual values, (n, offsets, told)."""
        phases = len(self.usual)
        phase = (days.astype("int64") + 3) % 7 if phases > 1 else np.zeros(days.shape, dtype="int64")
        phase = np.broadcast_to(phase, (n, len(offsets)))
        usual = self.usual[phase].astype("float64")
        if ids is None:
            return usual
        rows = np.array([self.place.get(name, -1) for name in ids])
        known = np.flatnonzero(rows >= 0)
        own = self.own[rows[known, None], phase[known]]
        usual[known] = np.where(np.isnan(own), usual[known], own)
        days = np.broadcast_to(days, (n, len(offsets)))
        begin = int(self.calendar.place(np.array([self.cutoff]))[0])
        step = np.searchsorted(self.calendar.days, days) - begin - 1  # of the run's own horizon
        inside = (step >= 0) & (step < self.planned.shape[1]) & (rows >= 0)[:, None]
        where = np.nonzero(inside)
        planned = self.planned[rows[where[0]], step[where]]
        usual[where] = np.where(np.isnan(planned), usual[where], planned)
        return usual

    def _told(self, name: str, told: Mapping[str, np.ndarray], usual: np.ndarray) -> np.ndarray:
        if name not in told:
            return usual
        given = np.asarray(told[name], dtype="float64")
        if given.shape != usual.shape:
            raise ValueError(f"told[{name!r}]: shape {given.shape}, expected {usual.shape}")
        return np.where(np.isnan(given), usual, given)
