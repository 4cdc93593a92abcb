"""Which series and which period an order line belongs to, as numbers (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.availability import place_names


@dataclass(frozen=True)
class SeriesCodes:
    """Which series each line belongs to.

    Parameters
    ----------
    code : (lines,), number of the series in the order of their first lines; -1 where a line has no level.
    names : (levels,), values of the level. Without places a series is a level.
    place : (lines,), number of the place of each line; None without places.
    places : (places,), their names.
    pairs : (series,), ``level * len(places) + place``; None without places.
    """

    code: np.ndarray
    names: pd.Index
    place: np.ndarray | None = None
    places: pd.Index | None = None
    pairs: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names if self.pairs is None else self.pairs)

    def ids(self, chosen: np.ndarray) -> np.ndarray:
        """``unique_id`` of the ``chosen`` series, as texts."""
        if self.pairs is None or self.places is None:
            return np.asarray(self.names.astype(str), dtype=object)[chosen]
        count = len(self.places)
        pairs = self.pairs[chosen]
        texts = [f"{self.names[pair // count]} @ {self.places[pair % count]}" for pair in pairs]
        return np.array(texts, dtype=object)

    def place_of(self, chosen: np.ndarray) -> np.ndarray:
        """Number of the place of the ``chosen`` series; 0 without places."""
        if self.pairs is None or self.places is None:
            return np.zeros(len(chosen), dtype="int64")
        return self.pairs[chosen] % len(self.places)


@dataclass(frozen=True)
class Periods:
    """The calendar of a panel, and of each line the ``number`` of its period and whether that one is ``complete``."""

    calendar: pd.DatetimeIndex
    number: np.ndarray
    complete: np.ndarray

    def __len__(self) -> int:
        return len(self.calendar)


def code_lines(lines: pd.DataFrame, level: str, by_location: bool = False) -> SeriesCodes:
    """Find the series of each line: its ``level``, or its level and place.

    Raises
    ------
    ValueError
        When no line has a level.
    """
    code, names = pd.factorize(lines[level])
    if not len(names):
        raise ValueError(f"no order line has a {level}: expected at least one; name another level=")
    if not by_location:
        return SeriesCodes(code, names)
    place, places = pd.factorize(place_names(lines))
    pair, pairs = pd.factorize(code * np.int64(len(places)) + place)
    nameless = code < 0
    if nameless.any():  # their pairs are negative: take them out and keep the order of the others
        kept = np.flatnonzero(pairs >= 0)
        new = np.full(len(pairs), -1)
        new[kept] = np.arange(len(kept))
        pair, pairs = new[pair], pairs[kept]
    return SeriesCodes(pair, names, place, pd.Index(places), pairs)
