"""What the server does with a checked request: forecast, observe, replenish, compare, and take another model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salesforecast_lib.production.server.answers import forecast_answer, model_answer, whatif_answer
from salesforecast_lib.production.server.batching import Batcher
from salesforecast_lib.production.server.config import ServerConfig
from salesforecast_lib.production.server.ledger import Ledger, unknown
from salesforecast_lib.production.server.metrics import Metrics
from salesforecast_lib.production.server.problems import Problem
from salesforecast_lib.production.server.recorder import Recorder
from salesforecast_lib.production.server.requests import (
    ForecastRequest,
    Item,
    ObserveRequest,
    ReplenishRequest,
    Series,
    WhatIfRequest,
)
from salesforecast_lib.production.server.snapshot import CHAMPION, LIVE, Arrays, Snapshot
from salesforecast_lib.production.server.source import Source

Replenish = Callable[..., list[dict[str, Any]]]
Load = Callable[[str, Path], Snapshot]
LOOKS = 20  # at the log, before a version that could not be read is tried again


class Service:
    """The server without HTTP.

    Parameters
    ----------
    source : says the newest version that is not among those it is given, and its folder.
    store : file of the observations.
    replenish : from names, mean, quantiles, levels, season and items to orders (`pipeline.serving.orders`).
    """

    def __init__(
        self, source: Source, store: Path, replenish: Replenish | None, config: ServerConfig, load: Load = Snapshot.load
    ) -> None:
        self.source, self.config, self.replenisher, self.load = source, config, replenish, load
        self.metrics = Metrics()
        self.batcher = Batcher(config.small, config.chunk, config.max_waiting, self.metrics.batch)
        self.ledger = Ledger(store)
        self.recorder = Recorder(self.ledger, config.max_observations, self.metrics, lambda: self.snapshot)
        self.current: Snapshot | None = None
        self.stopping = False
        self.trouble = ""  # why the newest version is not taken
        self._unfit: dict[str, tuple[str, float]] = {}  # why a version could not be read, and until when that holds
        self._read = 0  # number of the last observation that the current state has read

    @property
    def snapshot(self) -> Snapshot:
        """The version that answers; raises `Problem` 503 where there is none."""
        if self.current is None:
            raise Problem(503, f"no model yet{f': {self.trouble}' if self.trouble else ''}; try again", retry_after=1)
        return self.current

    # ------------------------------------------------------------------ models

    async def take_newest(self) -> bool:
        """Take the newest version that can be read, with all that was observed after its cutoff; True when it is new.

        Requests under way keep the version that they began with. A version that cannot be read, whatever is wrong with
        it, is passed over and told: the one before it answers.
        """
        loop = asyncio.get_running_loop()
        while True:
            self._unfit = {name: each for name, each in self._unfit.items() if each[1] > time.monotonic()}
            try:
                version, folder = await loop.run_in_executor(self.recorder.disk, self.source, tuple(self._unfit))
            except (ValueError, OSError) as error:
                self.trouble = self._passed_over() or str(error)
                return False
            if self.current is not None and self.current.version == version:
                self.trouble = self._passed_over()
                return False
            try:
                await self._take(version, folder)
            except Exception as error:
                self.metrics.failed_swaps.inc()
                known = isinstance(error, ValueError | OSError)
                why = str(error) if known else f"{folder}: cannot be read ({type(error).__name__}: {error})"
                self._unfit[version] = (why, time.monotonic() + LOOKS * self.config.watch_seconds)
                continue
            self.trouble = self._passed_over()
            return True

    async def _take(self, version: str, folder: Path) -> None:
        """Read a version, let it catch up, and answer with it from then on."""
        loop, disk = asyncio.get_running_loop(), self.recorder.disk
        fresh = await loop.run_in_executor(disk, self.load, version, folder)
        cutoff = fresh.cutoff.item()
        past, read = await loop.run_in_executor(disk, self.ledger.since, 0, cutoff)
        await loop.run_in_executor(disk, fresh.advance, past)
        async with self.recorder.moving:  # what came in meanwhile
            late, read = await loop.run_in_executor(disk, self.ledger.since, read, cutoff)
            await loop.run_in_executor(disk, fresh.advance, late)
            self.current, self._read = fresh, read
        self.metrics.model(version)

    def _passed_over(self) -> str:
        return "; ".join(f"{name} is passed over: {why}" for name, (why, _) in self._unfit.items())

    async def watch(self, told: Callable[[str, dict[str, Any]], None]) -> None:
        """Look for another version again and again; ``told`` is called with what happened."""
        while True:
            await asyncio.sleep(self.config.watch_seconds)
            before = self.trouble
            if await self.take_newest():
                told("model", {"version": self.snapshot.version})
            if self.trouble and self.trouble != before:
                told("model_refused", {"reason": self.trouble})

    async def close(self) -> None:
        """Write what waits and close the store."""
        self.stopping = True
        await self.recorder.close()
        self.batcher.close()

    # ---------------------------------------------------------------- requests

    async def forecast(self, asked: ForecastRequest) -> dict[str, Any]:
        """Answer ``POST /forecast``."""
        snapshot = self.snapshot
        horizon = snapshot.model.horizon if asked.horizon is None else asked.horizon
        if horizon > snapshot.model.horizon:
            raise Problem(422, f"horizon: {horizon}, expected at most {snapshot.model.horizon}", "horizon")
        if asked.series is not None:
            self._many(len(asked.series), "series")
            snapshot.check_series(asked.series, lambda k: f"series[{k}]", self.config.max_history)
            found = await self.batcher.histories(snapshot, asked.series)
            lasts = [each.last_date for each in asked.series]
            names = [each.id for each in asked.series]
            return forecast_answer(snapshot, names, lasts, [LIVE] * len(names), found, horizon, asked.why)
        ids = asked.ids or []
        self._many(len(ids), "ids")
        rows = snapshot.rows(ids)
        lasts = [day.item() for day in snapshot.at[rows]]
        found, models = await self._by_id(snapshot, ids, rows, asked.model)
        return forecast_answer(snapshot, list(ids), lasts, models, found, horizon, asked.why)

    async def _by_id(
        self, snapshot: Snapshot, ids: Sequence[str], rows: np.ndarray, model: str
    ) -> tuple[Arrays, list[str]]:
        """Forecasts of products of the run, and which model made each."""
        table, n = snapshot.table, len(ids)
        places = np.array([-1 if table is None else table.place.get(name, -1) for name in ids])
        unseen = snapshot.at[rows] == snapshot.cutoff
        by_champion = (places >= 0) & unseen & (model != LIVE)
        if model == CHAMPION and not by_champion.all():
            wrong = int(np.flatnonzero(~by_champion)[0])
            why = "was observed after the champion's cutoff" if places[wrong] >= 0 else "has no champion's forecast"
            raise Problem(409, f"ids[{wrong}]: {why}; ask for model auto or live", f"ids[{wrong}]")
        models = [CHAMPION if each else LIVE for each in by_champion]
        if table is not None and by_champion.all():
            return (table.mean[places], table.quantiles[places]), models
        live = np.flatnonzero(~by_champion)
        mean, quantiles = await self.batcher.states(snapshot, rows[live])
        if len(live) == n or table is None:
            return (mean, quantiles), models
        means = np.empty((n, mean.shape[1]))
        parts = np.empty((n, *quantiles.shape[1:]))
        means[live], parts[live] = mean, quantiles
        means[by_champion], parts[by_champion] = (each[places[by_champion]] for each in (table.mean, table.quantiles))
        return (means, parts), models

    async def replenish(self, asked: ReplenishRequest) -> dict[str, Any]:
        """Answer ``POST /replenish``."""
        if self.replenisher is None:
            raise Problem(501, "this server was started without a rule for orders")
        snapshot, items = self.snapshot, asked.items
        self._many(len(items), "items")
        ids = [k for k, each in enumerate(items) if each.id is not None]
        own = [k for k, each in enumerate(items) if each.series is not None]
        for k in ids:
            if items[k].id not in snapshot.place:
                raise unknown(items[k].id or "", f"items[{k}].id")
        series: list[Series] = [each.series for each in items if each.series is not None]
        snapshot.check_series(series, lambda k: f"items[{own[k]}].series", self.config.max_history)
        shape = (len(items), snapshot.model.horizon)
        mean, quantiles = np.empty(shape), np.empty((*shape, len(snapshot.model.levels)))
        models = [LIVE] * len(items)
        if ids:
            names = [items[k].id or "" for k in ids]
            (mean[ids], quantiles[ids]), said = await self._by_id(snapshot, names, snapshot.rows(names), "auto")
            models = [dict(zip(ids, said, strict=True)).get(k, LIVE) for k in range(len(items))]
        if own:
            mean[own], quantiles[own] = await self.batcher.histories(snapshot, series)
        names = [_name(each, k) for k, each in enumerate(items)]
        replenisher, levels, season = self.replenisher, snapshot.model.levels, snapshot.model.season
        orders = await asyncio.get_running_loop().run_in_executor(
            None, lambda: replenisher(names, mean, quantiles, levels, season, items, models)
        )
        return {"version": snapshot.version, "orders": orders}

    async def whatif(self, asked: WhatIfRequest) -> dict[str, Any]:
        """Answer ``POST /whatif``: both forecasts by the live model, which knows what is told ahead."""
        snapshot = self.snapshot
        self._many(len(asked.ids), "ids")
        rows, model, n = snapshot.rows(asked.ids), snapshot.model, len(asked.ids)
        told = {}
        for name, values in asked.changes.items():
            if name not in model.told:
                expected = f"some of {', '.join(model.told)}" if model.told else "none: this model knows nothing ahead"
                raise Problem(422, f"changes: no column {name[:60]!r}; expected {expected}", "changes")
            given = np.full(model.horizon, np.nan)
            if isinstance(values, list):
                if len(values) > model.horizon:
                    sentence = f"changes.{name}: {len(values)} values, expected at most {model.horizon}, the horizon"
                    raise Problem(422, sentence, f"changes.{name}")
                given[: len(values)] = values
            else:
                given[:] = values
            told[name] = np.tile(given, (n, 1))
        states = snapshot.states(rows)

        def both() -> tuple[Arrays, Arrays]:
            return snapshot.from_states(states), snapshot.from_states(states, told)

        loop = asyncio.get_running_loop()
        before, after = both() if n <= self.config.small else await loop.run_in_executor(None, both)
        return whatif_answer(snapshot, asked.ids, [day.item() for day in states.at], before[0], after[0])

    async def observe(self, asked: ObserveRequest, body: bytes) -> dict[str, Any]:
        """Answer ``POST /observe`` once the observations are on the disk and the state has moved on."""
        self._many(len(asked.observations), "observations")
        return await self.recorder.take(asked, body, self.snapshot)

    def model(self) -> dict[str, Any]:
        """Answer ``GET /model``."""
        return {**model_answer(self.snapshot), "passed_over": self.trouble}

    def _many(self, count: int, field: str) -> None:
        if count > self.config.max_series:
            raise Problem(
                422,
                f"{field}: {count} of them, expected at most {self.config.max_series}; send several requests",
                field,
            )


def _name(item: Item, number: int) -> str:
    if item.id is not None:
        return item.id
    own = item.series.id if item.series is not None else None
    return own or f"items[{number}]"
