"""What follows from the date alone, ready to be looked up (chapter 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


@dataclass(frozen=True)
class Calendar:
    """Future columns that follow from the date, of consecutive periods.

    Parameters
    ----------
    columns : their names.
    days : (periods,) ``datetime64[D]``, stamps of the periods, rising.
    tables : (periods, columns) by the code of a country.
    usual : code that is taken where a series has none of them.
    """

    columns: tuple[str, ...]
    days: np.ndarray
    tables: dict[str, np.ndarray]
    usual: str

    @classmethod
    def read(cls, path: Path, columns: Sequence[str], usual: str) -> Calendar:
        """From a file of safetensors that holds ``days`` and a table for each country."""
        tables = load_file(path)
        return cls(tuple(columns), tables.pop("days").astype("datetime64[D]"), tables, usual)

    def place(self, days: np.ndarray) -> np.ndarray:
        """Numbers of the periods that bear the stamps ``days``.

        Raises
        ------
        ValueError
            When a day bears no period, or lies outside the calendar.
        """
        wanted = np.asarray(days).astype("datetime64[D]")
        found = np.searchsorted(self.days, wanted)
        wrong = (found == len(self.days)) | (self.days[np.minimum(found, len(self.days) - 1)] != wanted)
        if np.any(wrong):
            day = wanted[wrong].flat[0] if wanted.ndim else wanted
            raise ValueError(f"last_date={day}: expected the last day of a period between {self._span}")
        return found

    def rows(self, places: np.ndarray, countries: np.ndarray | None = None) -> np.ndarray:
        """Values (…, columns) of the periods numbered ``places`` (n, …), with ``countries`` (n,) where they differ.

        Raises
        ------
        ValueError
            When a period lies outside the calendar.
        """
        if places.size and (places.min() < 0 or places.max() >= len(self.days)):
            raise ValueError(
                f"last_date: a period that is needed lies outside the calendar, {self._span}; export again"
            )
        if countries is None or len(self.tables) == 1:
            return self.tables[self.usual][places]
        values = np.empty((*places.shape, len(self.columns)), dtype=self.tables[self.usual].dtype)
        codes = np.where(np.isin(countries, list(self.tables)), countries, self.usual)
        for code in np.unique(codes):
            values[codes == code] = self.tables[str(code)][places[codes == code]]
        return values

    @property
    def _span(self) -> str:
        return f"{self.days[0]} and {self.days[-1]}"
