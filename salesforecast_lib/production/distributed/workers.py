"""Tasks on the workers of a cluster of dask."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from distributed import Client, LocalCluster, WorkerPlugin
from distributed.scheduler import KilledWorker

from salesforecast_lib.production.distributed.engine import Engine, EngineError, Results, Tries, attempt, too_much
from salesforecast_lib.wording import counted

if TYPE_CHECKING:
    from distributed import Future, Worker

LOOK = 0.5  # seconds between two looks at the workers
AGAIN = 10.0  # seconds without as many workers as were begun, after which others are begun
ALONE = 60.0  # seconds without any worker, after which a call gives up
_RESTART = "worker-restart-memory"  # event of a worker that was ended because of its memory
_shared: dict[str, tuple[Any, ...]] = {}  # of a worker: what the tasks of a call are told


class DaskEngine(Engine):
    """Tasks on the workers of a cluster.

    Parameters
    ----------
    client : connected to the scheduler. ``cluster`` : is closed with the engine; None where it was there before.
    memory : bytes of a worker, for the reason of a failure.
    inside : it belongs to a stage that the cluster executes. The slot of such a stage is free while it waits, those of
        other stages are not: their notebooks are at work beside their workers.
    """

    def __init__(
        self, client: Client, cluster: LocalCluster | None = None, memory: int = 0, inside: bool = False
    ) -> None:
        self.client, self.cluster, self.memory, self.inside = client, cluster, memory, inside
        self._stages = dict[str, int]()
        self._threads, self.workers = dict[str, int](), 0
        self._busy, self._lock = list[str](), threading.Lock()
        self._seen = self._all_seen = time.monotonic()
        self._look()
        self.workers = max(sum(self._threads.values()), 1)
        self._deaths = 1 + int(client.run_on_scheduler(_allowed_failures))  # of one submission, before it is told

    def run_tasks(
        self,
        function: Callable[..., Any],
        tasks: Iterable[Any],
        names: Sequence[Sequence[str]] = (),
        shared: tuple[Any, ...] = (),
    ) -> Results:
        """See `Engine.run_tasks`; workers need the same library, and see the same files."""
        tries, call, coming = Tries(names), uuid4().hex if shared else "", iter(tasks)
        finished: SimpleQueue[Future] = SimpleQueue()
        running: dict[str, tuple[Future, int, str]] = {}  # by key: the task, and the worker that it was meant for
        waiting, failed_on, more = deque[int](), dict[int, str](), True
        self._seen = self._all_seen = time.monotonic()
        if shared:
            with suppress(OSError):  # a worker that dies meanwhile; those that begin later get it as well
                self.client.register_plugin(_Shared(call, shared), name=call)
        try:
            while more or tries.left:
                while waiting or more:
                    if more and not waiting:
                        waiting.extend(itertools.islice((tries.add(task) for task in coming), 1))
                        more = bool(waiting)
                        continue
                    address = self._take(failed_on.get(waiting[0], ""))
                    if not address:
                        break
                    place = waiting.popleft()
                    future = self._submit(address, call, function, tries.tasks[place])
                    running[str(future.key)] = future, place, address
                    future.add_done_callback(finished.put)
                if not tries.left:
                    break
                done = self._next(finished)
                if done is None:
                    continue
                _, place, address = running.pop(str(done.key))
                self._give(address)
                good, value, failed_on[place], times = self._outcome(done)
                if good:
                    tries.succeeded(place, value)
                elif tries.failed(place, value, times):
                    waiting.append(place)
        finally:
            for _, _, address in running.values():
                self._give(address)
            if self.client.status == "running":
                self.client.cancel([future for future, _, _ in running.values()], force=True)
                if shared:
                    with suppress(Exception):  # a worker that has just begun may not have it; it only takes memory
                        self.client.unregister_worker_plugin(call)
        return tries.results()

    def _take(self, failed_on: str) -> str:
        """Address of a worker that has a thread to spare, another one than ``failed_on`` if there is; else empty.

        One task a thread and no more, over all calls that are at work: what waits on a worker would be blamed with the
        task that kills it.
        """
        with self._lock:
            self._look()
            free = [address for address, threads in self._threads.items() for _ in range(threads)]
            for address in self._busy:
                if address in free:
                    free.remove(address)
            most = self.workers if self.cluster is not None else len(self._busy) + len(free)
            if self.inside:  # last of all the workers with stages: who kills one ends the stage as well
                most = max(sum(self._threads.values()) - sum(self._stages.values()) + 1, 1)
                free.sort(key=lambda each: self._stages.get(each, 0))
            if len(self._busy) >= most:
                free = []
            address = next((each for each in free if each != failed_on), free[0] if free else "")
            if address:
                self._busy.append(address)
            return address

    def _give(self, address: str) -> None:
        """Give a thread of a worker back."""
        with self._lock:
            self._busy.remove(address)

    def _look(self) -> None:
        """See which workers there are; raises EngineError where there has been none for long."""
        if self.client.status != "running":
            raise EngineError("--engine dask: the scheduler went away; begin it and run the command again")
        found = self.client.scheduler_info(n_workers=-1)["workers"]
        self._threads = {address: int(found[address]["nthreads"]) for address in sorted(found)}
        if self.inside:
            self._stages = dict(self.client.run_on_scheduler(_stages_at_work))
        now, there = time.monotonic(), sum(self._threads.values())
        if there >= self.workers:
            self._all_seen = now
        elif self.cluster is not None and now - self._all_seen > AGAIN:
            # one that was killed while it began is given up by its guard; what is too many stays idle
            self.cluster.scale(len(self.cluster.worker_spec) + self.workers - there)
            self._all_seen = now
        if there:
            self._seen = now
        elif now - self._seen > ALONE:
            raise EngineError(
                f"--engine dask: the scheduler has had no worker for {ALONE:g} seconds; begin one and run the command "
                "again"
            )

    def _submit(self, address: str, call: str, function: Callable[..., Any], task: Any) -> Future:
        key = f"{function.__name__}-{uuid4().hex}"
        where = {"workers": [address], "allow_other_workers": True}  # it may have died by now
        return self.client.submit(_work, call, function, task, key=key, pure=False, **where)

    def _next(self, finished: SimpleQueue[Future]) -> Future | None:
        """The next future that is done; None where it is time to look at the workers again."""
        try:
            return finished.get(timeout=LOOK)
        except Empty:
            return None

    def _outcome(self, future: Future) -> tuple[bool, Any, str, int]:
        """Whether a task went well, its value or the reason, the worker, and how many attempts this was."""
        try:
            good, value, worker = future.result()
            future.release()
            return good, value, worker, 1
        except KilledWorker as error:
            address = error.last_worker.address
            reason = too_much(self.memory) if address in self._over() else "its worker was killed"
            return False, reason, address, self._deaths
        except Exception as error:  # the task or its value cannot be pickled, the library is another one there
            return False, f"{type(error).__name__}: {error}", "", 1

    def _over(self) -> set[str]:
        """Workers that were ended because of their memory."""
        return {event["worker"] for _, event in self.client.get_events(_RESTART)}

    def close(self) -> None:
        """Let go of the cluster, and end it where it was begun here."""
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()

    def __repr__(self) -> str:
        return f"dask, {counted(self.workers, 'worker')}"


class _Shared(WorkerPlugin):  # type: ignore[misc]
    """What the tasks of a call share, on every worker for as long as the call lasts."""

    def __init__(self, call: str, shared: tuple[Any, ...]) -> None:
        self.call, self.told = call, shared

    def setup(self, worker: Worker) -> None:
        """Keep it for the tasks."""
        _shared[self.call] = self.told

    def teardown(self, worker: Worker) -> None:
        """Forget it."""
        _shared.pop(self.call, None)


def _allowed_failures(dask_scheduler: Any) -> int:
    return int(dask_scheduler.allowed_failures)


def _stages_at_work(dask_scheduler: Any) -> dict[str, int]:
    """Tasks that gave their slot back, by worker."""
    return {address: len(worker.long_running) for address, worker in dask_scheduler.workers.items()}


def _work(call: str, function: Callable[..., Any], task: Any) -> tuple[bool, Any, str]:
    """An attempt on a worker, and the worker's address."""
    from distributed import get_worker

    address = str(get_worker().address)
    if not call:
        return *attempt(function, task, ()), address
    for _ in range(100):  # a worker that has just begun may get a task before what is shared
        if call in _shared:
            return *attempt(function, task, _shared[call]), address
        time.sleep(0.1)
    return False, "what all tasks share did not arrive on the worker", address
