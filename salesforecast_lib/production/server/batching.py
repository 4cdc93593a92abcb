"""Requests that are there at the same time are computed together, without waiting for others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from salesforecast_lib.production.live import States
from salesforecast_lib.production.server.problems import Problem
from salesforecast_lib.production.server.requests import Series
from salesforecast_lib.production.server.snapshot import Arrays, Snapshot


@dataclass
class Work:
    """Part of a request that waits for the model: either histories, or remembered states."""

    snapshot: Snapshot
    series: Sequence[Series] | None
    states: States | None
    done: asyncio.Future[Arrays]

    @property
    def size(self) -> int:
        """Series in it."""
        return len(self.series) if self.series is not None else len(self.states.ids)  # type: ignore[union-attr]


class Batcher:
    """The queue before the model. Small requests are computed together as soon as the loop has read them; large ones
    are cut into chunks, which a thread computes while small ones go before.

    Parameters
    ----------
    small, chunk, limit : of `ServerConfig`: ``small``, ``chunk``, ``max_waiting``.
    seen : is told the number of series of each batch.
    """

    def __init__(self, small: int, chunk: int, limit: int, seen: Callable[[int], Any]) -> None:
        self.small, self.chunk, self.limit, self.seen = small, chunk, limit, seen
        self.waiting = 0
        self._quick: list[Work] = []
        self._long: deque[Work] = deque()
        self._planned = False
        self._busy = False
        self._thread = ThreadPoolExecutor(1, "model")

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def histories(self, snapshot: Snapshot, series: Sequence[Series]) -> Arrays:
        """The live forecast of histories; raises `Problem` 429 when too many wait."""
        self._room(len(series))
        loop = asyncio.get_running_loop()
        size = len(series) if len(series) <= self.small else self.chunk
        parts = [Work(snapshot, series[k : k + size], None, loop.create_future()) for k in range(0, len(series), size)]
        return await self._all(parts)

    async def states(self, snapshot: Snapshot, rows: np.ndarray) -> Arrays:
        """The live forecast from what is remembered now of the products ``rows``."""
        self._room(len(rows))
        loop = asyncio.get_running_loop()
        size = len(rows) if len(rows) <= self.small else self.chunk
        cut = [snapshot.states(rows[k : k + size]) for k in range(0, len(rows), size)]
        return await self._all([Work(snapshot, None, each, loop.create_future()) for each in cut])

    def _room(self, size: int) -> None:
        if self.waiting + size > self.limit and self.waiting > 0:
            raise Problem(429, f"{self.waiting} series wait already; send fewer at a time, or later", retry_after=1)

    async def _all(self, parts: list[Work]) -> Arrays:
        size = sum(part.size for part in parts)
        self.waiting += size
        try:
            (self._quick.extend if len(parts) == 1 and size <= self.small else self._long.extend)(parts)
            self._plan()
            found = [await part.done for part in parts]
        except BaseException:
            for part in parts:
                part.done.cancel()
            raise
        finally:
            self.waiting -= size
        if len(found) == 1:
            return found[0]
        return np.concatenate([mean for mean, _ in found]), np.concatenate([quantiles for _, quantiles in found])

    def _plan(self) -> None:
        loop = asyncio.get_running_loop()
        if self._quick and not self._planned:
            self._planned = True
            loop.call_soon(self._drain)
        if self._long and not self._busy:
            self._busy = True
            task = loop.create_task(self._work_off())
            task.add_done_callback(lambda _: None)
            self._task = task  # a task without a reference may be collected

    def _drain(self) -> None:
        """Compute all small requests that the loop has read by now."""
        self._planned = False
        while self._quick:
            batch, size = [self._quick.pop(0)], 0
            first = batch[0]
            size = first.size
            rest: list[Work] = []
            for each in self._quick:
                same = each.snapshot is first.snapshot and (each.series is None) == (first.series is None)
                if same and size + each.size <= self.chunk:
                    batch.append(each)
                    size += each.size
                else:
                    rest.append(each)
            self._quick = rest
            found = _attempt(batch)
            if isinstance(found, Exception) and len(batch) > 1:  # one wrong request must not fail the others
                for work in batch:
                    _settle([work], _attempt([work]), self.seen)
            else:
                _settle(batch, found, self.seen)

    async def _work_off(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._long:
                work = self._long.popleft()
                if not work.done.done():
                    _settle([work], await loop.run_in_executor(self._thread, _attempt, [work]), self.seen)
        finally:
            self._busy = False


def _attempt(batch: list[Work]) -> Arrays | Exception:
    """Forecast of works of one kind and snapshot, one after the other in the rows; an error is handed back."""
    snapshot = batch[0].snapshot
    try:
        if batch[0].series is not None:
            return snapshot.from_histories([each for work in batch for each in work.series or ()])
        states = [work.states for work in batch if work.states is not None]
        joined = states[0] if len(states) == 1 else States(
            *(np.concatenate([getattr(each, name) for each in states]) for name in ("ids", "at", "numbers"))
        )  # fmt: skip
        return snapshot.from_states(joined)
    except Exception as error:  # whatever it is, those that wait must be told
        return error


def _settle(batch: list[Work], found: Arrays | Exception, seen: Callable[[int], Any]) -> None:
    seen(sum(work.size for work in batch))
    begin = 0
    for work in batch:
        end = begin + work.size
        if not work.done.done():
            if isinstance(found, Exception):
                work.done.set_exception(found)
            else:
                work.done.set_result((found[0][begin:end], found[1][begin:end]))
        begin = end
