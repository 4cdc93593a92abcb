"""A model folder that answers: from raw histories, or from the carried state (chapter 14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from safetensors.numpy import load_file

from salesforecast_lib.files import read_json, resolve
from salesforecast_lib.models.windows.level import LARGEST
from salesforecast_lib.production.live.calendar import Calendar
from salesforecast_lib.production.live.categories import Categories
from salesforecast_lib.production.live.folder import read_model_file
from salesforecast_lib.production.live.known import Known
from salesforecast_lib.production.live.sessions import in_parts, open_session
from salesforecast_lib.production.live.states import Layout, Remembered, States
from salesforecast_lib.production.live.windows import Windows, covariates, prepare, season_phases


class LiveModel:
    """The live network of a model folder, read with `load`; nothing in it is changed by a call.

    Attributes
    ----------
    info : ``model.json``.
    horizon, window, season, freq, levels : of the forecast; ``season`` is the cycle whose phases are told apart.
    future : names of the columns known ahead; ``told`` those of them that a shop may tell.
    static : names of the categories.
    ids, cutoff : the run's series that live at its last period, and that period.
    categories : (ids, static) their categories, as text.
    countries : codes of the countries whose calendars are known.
    """

    def __init__(self, folder: Path, info: dict[str, Any], threads: int = 1) -> None:
        live = info["live"]
        self.folder, self.info = folder, info
        self.horizon, self.window, self.season = int(info["horizon"]), int(info["window"]), int(info["season"])
        self.freq, self.levels = str(info["freq"]), tuple(info["levels"])
        self.future, self.told = tuple(live["future"]), tuple(live["told"])
        self.words = Categories({name: dict(codes) for name, codes in live["static"]}, live["first_levels"])
        self.static = tuple(self.words.codes)
        self.unit, self.reads = float(live["unit"]), int(live["reads"])
        self.cutoff = pd.Timestamp(info["cutoff"])
        self.layout = Layout(int(live["carried"]), self.window, len(self.static))
        self.encoded = slice(*live["encoded"])  # the encoder's state within what it carries
        series = read_json(folder / "series.json")
        self.ids: tuple[str, ...] = tuple(series["ids"])
        self.categories = np.array(series["static"], dtype=object).reshape(len(self.ids), len(self.static))
        self.place = {name: number for number, name in enumerate(self.ids)}
        stored = load_file(folder / "state.safetensors")
        self._numbers = stored["numbers"]
        calendar = Calendar.read(folder / "calendar.safetensors", live["calendar"], live["usual_country"])
        self.countries = tuple(calendar.tables)
        self.known = Known(
            calendar, self.future, self.told, stored["usual"], stored["own"], stored["planned"], self.place,
            np.datetime64(self.cutoff, "D"),
        )  # fmt: skip
        self._country = self.static.index(live["country"]) if live["country"] else None
        self._network, self._step, self._decode = (
            open_session(folder / f"{name}.onnx", threads) for name in ("network", "step", "decode")
        )

    @classmethod
    def load(cls, folder: str | Path, threads: int = 1) -> LiveModel:
        """Read a model folder; every file is compared with its checksum first.

        Raises
        ------
        FileNotFoundError, ValueError
            Naming the file that is missing, was changed, or has another format.
        """
        target = resolve(folder)
        return cls(target, read_model_file(target), threads)

    def reading(self, network: Path, threads: int = 1) -> LiveModel:
        """The same model with another graph for windows, to compare the two."""
        other = copy(self)
        other._network = open_session(network, threads)
        return other

    def ahead(
        self,
        last_date: Any,
        n: int,
        told: Mapping[str, np.ndarray] | None = None,
        ids: Sequence[str] | None = None,
        static: np.ndarray | None = None,
    ) -> np.ndarray:
        """Raw future columns of the horizon after ``last_date``, one date or (n,): (n, horizon, future).

        Parameters
        ----------
        told : (n, horizon) by column; NaN, and columns that are not there, take what is usual.
        ids : (n,) names; series of the run get what is usual for them, and within the run's own horizon its plan.
        static : (n, S) categories; the country among them chooses the calendar.

        Raises
        ------
        ValueError
            When a date is no period of the calendar, or a column cannot be told or has another shape.
        """
        offsets = np.arange(1, self.horizon + 1)
        return self.known.values(last_date, n, offsets, told or {}, ids, self._countries(static, ids))

    def today(
        self,
        at: Any,
        n: int,
        told: Mapping[str, np.ndarray] | None = None,
        ids: Sequence[str] | None = None,
        static: np.ndarray | None = None,
    ) -> np.ndarray:
        """Raw future columns of the period after ``at``, for `step`: (n, future); ``told`` has (n,) by column."""
        given = {name: np.asarray(values, dtype="float64")[:, None] for name, values in (told or {}).items()}
        return self.known.values(at, n, np.array([1]), given, ids, self._countries(static, ids))[:, 0]

    def past(
        self,
        last_date: Any,
        n: int,
        periods: int,
        told: Mapping[str, np.ndarray] | None = None,
        ids: Sequence[str] | None = None,
        static: np.ndarray | None = None,
    ) -> np.ndarray:
        """Raw future columns of the ``periods`` that end with ``last_date``: (n, periods, future); as `ahead`."""
        offsets = np.arange(1 - periods, 1)
        return self.known.values(last_date, n, offsets, told or {}, ids, self._countries(static, ids))

    def forecast(self, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
        """Mean (n, horizon) and quantiles (n, horizon, levels) in units of sales; zero where ``open`` is 0 ahead.

        A series without any history is taken for one period at the usual level of its category.
        """
        self._check(windows.ahead, windows.static, len(windows))
        y, available = windows.y.astype("float64"), windows.available.astype("float64")
        past = windows.past
        if past is None:
            past = self.past(windows.last_date, len(y), y.shape[1], static=windows.static)
        elif past.shape != (*y.shape, len(self.future)):
            raise ValueError(f"past: shape {past.shape}, expected {(*y.shape, len(self.future))}")
        new = np.flatnonzero(np.isnan(y).all(1))
        if len(new):
            y, available, past = y.copy(), available.copy(), past.copy()
            y[new, -1], available[new, -1], past[new, -1] = self.words.first_level(windows.static[new]), 1.0, 0.0
        feeds, scale = self.read(replace(windows, y=y, available=available, past=past))
        return self._answer(self._network, feeds, scale, windows.ahead)

    def read(self, windows: Windows) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """What the network is given for windows whose past is known, and the scale (n, 1) of each series."""
        assert windows.past is not None
        told = self.window, self.season, self.unit, self.reads
        ready = prepare(windows.y, windows.available, windows.past, *told)
        feeds = self._feeds(self.words.codes_of(windows.static), ready.scale, ready.phases, windows.ahead)
        return feeds | {"history": ready.history, "length": ready.length}, ready.scale

    def state(self) -> States:
        """The run's series at the cutoff."""
        return States(np.array(self.ids, dtype=object), np.array(self.cutoff, dtype="datetime64[D]"), self._numbers)

    def begin(self, ids: Sequence[str], last_date: Any, static: np.ndarray) -> States:
        """States of series without any history yet, after ``last_date``, the period before their first one."""
        numbers = np.zeros((len(ids), self.layout.size))
        if self.static:
            numbers[:, -len(self.static) :] = self.words.codes_of(static)
        return States(np.array(ids, dtype=object), np.array(last_date, dtype="datetime64[D]"), numbers)

    def step(self, states: States, y: np.ndarray, available: np.ndarray, today: np.ndarray) -> States:
        """The states one period later.

        Parameters
        ----------
        y, available : (n,) sales and availability of that period.
        today : (n, future) raw values, as `today` makes them.
        """
        y, available = (np.asarray(values, dtype="float64") for values in (y, available))
        shapes = {"y": (y, (len(states),)), "available": (available, (len(states),))}
        for name, (values, shape) in (shapes | {"today": (today, (len(states), len(self.future)))}).items():
            if values.shape != shape:
                raise ValueError(f"{name}: shape {values.shape}, expected {shape}")
        y, available = np.nan_to_num(y, nan=0.0), np.where(np.isnan(available), 1.0, available)
        at = self.known.calendar.days[self._next(states.at)]
        after = self.layout.parts(states.numbers).observed(y, available)
        scale = after.scale(self.unit)[:, 0]
        inputs = np.empty((len(y), 4 + len(self.future)), dtype="float32")
        inputs[:, 0] = (y / scale).clip(-LARGEST, LARGEST)
        inputs[:, 1], inputs[:, 2], inputs[:, 3] = 1.0, available, np.log(scale / self.unit)
        inputs[:, 4:] = covariates(today)
        feeds = {"inputs": inputs, "carried": after.carried.astype("float32")}
        (carried,) = self._step.run(None, feeds) if len(y) else (after.carried,)
        moved = Remembered(carried.astype("float64"), after.y, after.available, after.level, after.static)
        return States(states.ids, at, moved.joined())

    def decode(self, states: States, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Forecast from the carried state; as `forecast`."""
        known = self.layout.parts(states.numbers)
        self._check(ahead, known.static, len(states))
        scale = known.scale(self.unit)
        begun = np.ones_like(known.y, dtype=bool)  # periods before a series began are not available
        phases = season_phases(known.y, known.available, begun, scale, self.window, self.season)
        feeds = self._feeds(known.static.astype("int64"), scale, phases, ahead)
        feeds["state"] = known.carried[:, self.encoded].astype("float32")
        return self._answer(self._decode, feeds, scale, ahead)

    def _next(self, at: np.ndarray) -> np.ndarray:
        after = self.known.calendar.place(at) + 1
        if len(after) and after.max() >= len(self.known.calendar.days):
            raise ValueError(f"at={at.max()}: the calendar of this model ends there; export the run again")
        return after

    def _countries(self, static: np.ndarray | None, ids: Sequence[str] | None) -> np.ndarray | None:
        if self._country is None or len(self.countries) == 1:
            return None
        if static is not None:
            return static[:, self._country].astype(str)
        if ids is None:
            return None
        unknown = self.known.calendar.usual
        rows = [self.place.get(name, -1) for name in ids]
        return np.array([str(self.categories[row, self._country]) if row >= 0 else unknown for row in rows])

    def _check(self, ahead: np.ndarray, static: np.ndarray, n: int) -> None:
        if ahead.shape != (n, self.horizon, len(self.future)):
            raise ValueError(f"ahead: shape {ahead.shape}, expected {(n, self.horizon, len(self.future))}")
        if static.shape != (n, len(self.static)):
            raise ValueError(f"static: shape {static.shape}, expected {(n, len(self.static))}: {self.static}")

    def _feeds(
        self, codes: np.ndarray, scale: np.ndarray, phases: np.ndarray, ahead: np.ndarray
    ) -> dict[str, np.ndarray]:
        return {
            "static": codes,
            "scale": scale.astype("float32"),
            "phases": phases.astype("float32"),
            "future": np.ascontiguousarray(covariates(ahead)),
        }

    def _answer(
        self, session: onnxruntime.InferenceSession, feeds: dict[str, np.ndarray], scale: np.ndarray, ahead: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and quantiles in units, a number of series at a time."""
        mean, quantiles = in_parts(session, feeds, self.horizon, len(self.levels))
        mean, quantiles = mean * scale, quantiles * scale[:, :, None]
        if "open" in self.future:
            closed = ahead[:, :, self.future.index("open")] <= 0
            mean[closed], quantiles[closed] = 0.0, 0.0
        return mean, quantiles
