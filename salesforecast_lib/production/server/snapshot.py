"""One version of the model with what it remembers: what answers until another version is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from salesforecast_lib.production.live import LiveModel, States, Windows
from salesforecast_lib.production.live.reasons import read_cards
from salesforecast_lib.production.server.problems import Problem
from salesforecast_lib.production.server.requests import Observation, Series

if TYPE_CHECKING:
    from collections.abc import Callable

Arrays = tuple[np.ndarray, np.ndarray]  # mean (n, horizon), quantiles (n, horizon, levels)
CHAMPION, LIVE = "champion", "live"


@dataclass(frozen=True)
class Table:
    """The champion's stored forecast: mean (products, horizon), quantiles (products, horizon, levels)."""

    place: dict[str, int]
    mean: np.ndarray
    quantiles: np.ndarray


class Snapshot:
    """A model version, the champion's table and the state of each product.

    Attributes
    ----------
    at : (products,) ``datetime64[D]``, last period of each; ``numbers`` (products, K), what is remembered.
    place : number of each product. ``cards`` : why the champion forecasts what it does, by product.
    """

    def __init__(
        self, version: str, model: LiveModel, table: Table | None, cards: Mapping[str, dict[str, Any]] | None = None
    ) -> None:
        self.version, self.model, self.table, self.cards = version, model, table, cards or {}
        state = model.state()
        self.ids: list[str] = [str(name) for name in state.ids]
        self.place = {name: number for number, name in enumerate(self.ids)}
        self.at = np.broadcast_to(state.at, len(self.ids)).astype("datetime64[D]")
        self.cutoff = np.datetime64(model.cutoff, "D")
        self.numbers = np.array(state.numbers)
        self.after = lru_cache(4096)(self._after)

    @classmethod
    def load(cls, version: str, folder: Path) -> Snapshot:
        """Read a model folder; raises ValueError or FileNotFoundError that names the file."""
        model = LiveModel.load(folder)
        return cls(version, model, read_table(folder / "champion.parquet", model), read_cards(folder))

    def last(self, name: str) -> date | None:
        """Last day that is known of a product; None where it is not one of the run."""
        number = self.place.get(name)
        return None if number is None else self.at[number].item()

    def _after(self, day: date) -> date | None:
        """The period after ``day``, None beyond the calendar."""
        days = self.model.known.calendar.days
        found = int(np.searchsorted(days, np.datetime64(day, "D"), side="right"))
        return days[found].item() if found < len(days) else None

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Numbers of products; raises `Problem` that names the first that is none."""
        from salesforecast_lib.production.server.ledger import unknown

        found = [self.place.get(name, -1) for name in ids]
        if -1 in found:
            wrong = found.index(-1)
            raise unknown(ids[wrong], f"ids[{wrong}]")
        return np.array(found)

    def advance(self, observations: Iterable[Observation]) -> int:
        """Move the state on by what was observed, a period of all products at a time; returns how many were read.

        What is not the next period of a product is left out: it was read before, or a period before it is missing.
        """
        waiting: dict[int, list[Observation]] = {}
        for each in observations:
            number = self.place.get(each.id)
            if number is not None:
                waiting.setdefault(number, []).append(each)
        read = 0
        while waiting:
            now: list[tuple[int, Observation]] = []
            for number in list(waiting):
                queue = waiting[number]
                last, expected = self.at[number].item(), self.after(self.at[number].item())
                while queue and queue[0].date <= last:
                    queue.pop(0)
                if queue and queue[0].date == expected:
                    now.append((number, queue.pop(0)))
                else:
                    queue.clear()
                if not queue:
                    del waiting[number]
            if now:
                self._step(np.array([number for number, _ in now]), [each for _, each in now])
                read += len(now)
        return read

    def _step(self, rows: np.ndarray, seen: Sequence[Observation]) -> None:
        before = self.states(rows)
        names = sorted({name for each in seen for name in each.told} & set(self.model.told))
        told = {name: np.array([each.told.get(name, np.nan) for each in seen]) for name in names}
        today = self.model.today(before.at, len(rows), told, list(before.ids))
        y, available = (np.array([getattr(each, name) for each in seen]) for name in ("y", "available"))
        moved = self.model.step(before, y, available, today)
        self.numbers[rows], self.at[rows] = moved.numbers, moved.at

    def states(self, rows: np.ndarray) -> States:
        """A copy of what is remembered of some products."""
        names = np.array([self.ids[row] for row in rows], dtype=object)
        return States(names, self.at[rows], self.numbers[rows])

    def from_states(self, states: States, told: Mapping[str, np.ndarray] | None = None) -> Arrays:
        """The live model's forecast; ``told`` (n, horizon) by column, NaN where nothing is told."""
        ahead = self.model.ahead(states.at, len(states.ids), told, list(states.ids))
        return self.model.decode(states, ahead)

    def from_histories(self, series: Sequence[Series]) -> Arrays:
        """The live model's forecast from histories that came with requests."""
        model, n = self.model, len(series)
        long = max(len(each.history) for each in series)
        if n > 1 and self._first(min(each.last_date for each in series), long) < 0:
            found = [self.from_histories([each]) for each in series]  # their common length would pass the calendar
            return np.concatenate([mean for mean, _ in found]), np.concatenate([parts for _, parts in found])
        available = np.ones((n, long))
        if all(len(each.history) == long for each in series):  # one conversion for all; null is not a number
            y = np.array([each.history for each in series], dtype="float64")
        else:
            y = np.full((n, long), np.nan)
            for row, each in enumerate(series):
                y[row, long - len(each.history) :] = np.array(each.history, dtype="float64")
        for row, each in enumerate(series):
            if each.available is not None:
                available[row, long - len(each.history) :] = each.available
        available[np.isnan(y)] = 0.0
        last = np.array([each.last_date for each in series], dtype="datetime64[D]")
        static = np.array(
            [[each.static.get(name, "") for name in model.static] for each in series], dtype=object
        ).reshape(n, len(model.static))
        names = [each.id or "" for each in series]
        ids = names if any(name in self.place for name in names) else None  # of others nothing is usual
        ahead = model.ahead(last, n, _told([each.ahead for each in series], model.horizon, False), ids, static)
        past = model.past(last, n, long, _told([each.past for each in series], long, True), ids, static)
        return model.forecast(Windows(last, y, available, past, ahead, static))

    def _first(self, last: date, long: int) -> int:
        """Number in the calendar of the first of ``long`` periods that end with ``last``; below 0 before it begins."""
        return int(np.searchsorted(self.model.known.calendar.days, np.datetime64(last, "D"))) + 1 - long

    def check_series(self, series: Sequence[Series], field: Callable[[int], str], longest: int) -> None:
        """Raise `Problem` where a column, a category, a length or a date is not one that the model can read."""
        model, begins = self.model, {}
        for number, each in enumerate(series):
            here = field(number)
            if len(each.history) > longest:
                raise Problem(
                    422,
                    f"{here}.history: {len(each.history)} periods, expected at most {longest}; the model reads the "
                    "last "
                    f"{model.window}",
                    f"{here}.history",
                )
            if all(value is None for value in each.history):
                raise Problem(422, f"{here}.history: no figure is known; expected at least one", f"{here}.history")
            for part, known in (("past", model.told), ("ahead", model.told), ("static", model.static)):
                wrong = next((name for name in getattr(each, part) if name not in known), None)
                if wrong is not None:
                    expected = f"some of {', '.join(known)}" if known else "none"
                    raise Problem(
                        422, f"{here}.{part}: no column {wrong[:60]!r}; expected {expected}", f"{here}.{part}"
                    )
            for name, values in each.ahead.items():
                if len(values) > model.horizon:
                    raise Problem(
                        422,
                        f"{here}.ahead.{name}: {len(values)} values, expected at most {model.horizon}, the horizon",
                        f"{here}.ahead.{name}",
                    )
            if each.last_date not in begins:
                self.check_date(each.last_date, f"{here}.last_date")
                begins[each.last_date] = self._first(each.last_date, 0)
            if begins[each.last_date] < len(each.history):
                begin = model.known.calendar.days[0]
                sentence = f"{here}.history: begins before {begin}, the first period that the model knows; send less"
                raise Problem(422, sentence, f"{here}.history")

    def check_date(self, day: date, field: str) -> None:
        """Raise `Problem` where a day is no period of the model's calendar, or too near to its end."""
        days = self.model.known.calendar.days
        found = int(np.searchsorted(days, np.datetime64(day, "D")))
        if found >= len(days) - self.model.horizon or days[found] != np.datetime64(day, "D"):
            last = days[-1 - self.model.horizon]
            raise Problem(
                422,
                f"{field}: {day} is no period that the model knows; expected the last day of one, until {last}",
                field,
            )


def _told(given: Sequence[Mapping[str, Sequence[float]]], long: int, at_the_end: bool) -> dict[str, np.ndarray]:
    """Values by column, (n, long), NaN where nothing is told."""
    table: dict[str, np.ndarray] = {}
    for row, columns in enumerate(given):
        for name, values in columns.items():
            place = table.setdefault(name, np.full((len(given), long), np.nan))
            if at_the_end:
                place[row, long - len(values) :] = values
            else:
                place[row, : len(values)] = values
    return table


def read_table(path: Path, model: LiveModel) -> Table | None:
    """The champion's forecasts at the model's cutoff, or None where the folder has none."""
    if not path.is_file():
        return None
    import pandas as pd

    from salesforecast_lib import quantile_columns

    frame: Any = pd.read_parquet(path)
    if "cutoff" in frame:
        frame = frame[frame["cutoff"] == model.cutoff]
    frame = frame.sort_values(["unique_id", "ds"], kind="stable")
    sizes = frame.groupby("unique_id", sort=True, observed=True).size()
    whole = sizes.index[sizes == model.horizon]
    frame = frame[frame["unique_id"].isin(whole)]
    shape = (len(whole), model.horizon)
    columns = list(quantile_columns(model.levels))
    missing = [name for name in ("mean", *columns) if name not in frame]
    if missing:
        raise ValueError(f"{path}: no column {missing[0]!r}; export the run again")
    return Table(
        {str(name): number for number, name in enumerate(whole)},
        frame["mean"].to_numpy("float64").reshape(shape),
        frame[columns].to_numpy("float64").reshape(*shape, len(columns)),
    )
