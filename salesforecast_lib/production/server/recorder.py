"""Observations come in: those that wait together share one commit, then the state moves on, then they are answered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from salesforecast_lib.production.server.ledger import Asked, Ledger, Taken
from salesforecast_lib.production.server.metrics import Metrics
from salesforecast_lib.production.server.problems import Problem
from salesforecast_lib.production.server.requests import ObserveRequest
from salesforecast_lib.production.server.snapshot import Snapshot

_COMMITTED_TOGETHER = 500  # requests in one transaction


@dataclass
class _Waiting:
    asked: Asked
    done: asyncio.Future[dict[str, int]]


class Recorder:
    """The queue before the disk.

    Parameters
    ----------
    limit : observations that may wait; beyond, they are refused with 429.
    current : the version whose state is moved.

    Attributes
    ----------
    moving : is held while the state moves: by an observation, or by another version that catches up.
    disk : the one thread that uses the ledger.
    """

    def __init__(self, ledger: Ledger, limit: int, metrics: Metrics, current: Callable[[], Snapshot]) -> None:
        self.ledger, self.limit, self.metrics, self.current = ledger, limit, metrics, current
        self.moving = asyncio.Lock()
        self.disk = ThreadPoolExecutor(1, "disk")
        self.waiting = 0  # observations
        self._queue: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def take(self, asked: ObserveRequest, body: bytes, snapshot: Snapshot) -> dict[str, Any]:
        """The answer of a request, once its observations are on the disk and the state has moved on.

        Raises
        ------
        Problem
            When a column is unknown, a period does not follow the last one, or too many wait.
        """
        count = len(asked.observations)
        for number, each in enumerate(asked.observations):
            wrong = next((name for name in each.told if name not in snapshot.model.told), None)
            if wrong is not None:
                expected = f"some of {', '.join(snapshot.model.told)}" if snapshot.model.told else "none"
                field = f"observations[{number}].told"
                raise Problem(422, f"{field}: no column {wrong[:60]!r}; expected {expected}", field)
        if self.waiting and self.waiting + count > self.limit:
            raise Problem(429, f"{self.waiting} observations wait for the disk; send them again later", retry_after=1)
        done: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(Asked(asked.observations, asked.key, hashlib.sha256(body).hexdigest()), done))
        self.waiting += count
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())
        return {"version": snapshot.version, **await done}

    async def _write(self) -> None:
        """Commit what waits, all together, and move the state on; then answer."""
        while self._queue:
            batch, self._queue = self._queue[:_COMMITTED_TOGETHER], self._queue[_COMMITTED_TOGETHER:]
            async with self.moving:
                results = await self._commit([each.asked for each in batch])
            for waiting, result in zip(batch, results, strict=True):
                self.waiting -= len(waiting.asked.observations)
                if waiting.done.done():
                    continue  # its client is gone; what it sent is stored
                if isinstance(result, Problem):
                    waiting.done.set_exception(result)
                else:
                    self.metrics.observed.inc(result.answer["accepted"])
                    waiting.done.set_result(result.answer)

    async def _commit(self, asked: list[Asked]) -> list[Taken | Problem]:
        snapshot, loop = self.current(), asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self.disk, self.ledger.commit, asked, snapshot.last, snapshot.after)
        except Exception as error:  # a full disk: nobody is told that it was taken
            self.metrics.lost_writes.inc()
            sentence = f"the observations were not stored ({type(error).__name__}); send them again later"
            return [Problem(503, sentence, retry_after=5)] * len(asked)
        try:
            snapshot.advance(each for taken in results if isinstance(taken, Taken) for each in taken.fresh)
        except Exception as error:
            sentence = (
                f"stored, but the state did not move on ({type(error).__name__}); the next model will have read it"
            )
            return [each if isinstance(each, Problem) else Problem(500, sentence) for each in results]
        return results

    async def close(self) -> None:
        """Write what waits, and close the store."""
        if self._writer is not None:
            await self._writer
        await asyncio.get_running_loop().run_in_executor(self.disk, self.ledger.close)
        self.disk.shutdown()
