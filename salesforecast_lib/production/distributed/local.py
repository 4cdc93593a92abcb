"""Tasks in this process, or in several of this machine."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from salesforecast_lib.production.distributed.engine import Engine, Results, Tries, attempt, too_much

LOOK = 0.1  # seconds between two looks at the memory of the processes
MOST = 0.95  # of the memory that a process may take, from which on it is ended; as a worker of dask
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}  # of a process
_shared: dict[int, tuple[Any, ...]] = {}  # of a process: what the tasks of the present call are told


class Processes(Engine):
    """So many processes, each in a pool of its own: where one dies it is known which task was at work in it.

    Parameters
    ----------
    workers : processes. ``memory`` : bytes that each may take; 0 sets no limit.
    """

    def __init__(self, workers: int, memory: int = 0) -> None:
        self.workers, self.memory, self._calls = workers, memory, 0
        self._pools = [_Slot() for _ in range(workers)]

    def run_tasks(
        self,
        function: Callable[..., Any],
        tasks: Iterable[Any],
        names: Sequence[Sequence[str]] = (),
        shared: tuple[Any, ...] = (),
    ) -> Results:
        """See `Engine.run_tasks`."""
        tries, coming = Tries(names), iter(tasks)
        waiting, free, more = deque[int](), list(self._pools), True
        running: dict[Future[Any], tuple[_Slot, int]] = {}
        self._calls += 1
        try:
            while more or tries.left:
                while free and (waiting or more):
                    more = more and _take(coming, tries, waiting)
                    if waiting:
                        slot, place = free.pop(), waiting.popleft()
                        running[slot.begin(self._calls, function, tries.tasks[place], shared)] = slot, place
                if more and not waiting:  # one ahead, so that no process waits for what a task needs
                    more = _take(coming, tries, waiting)
                done, _ = wait(running, LOOK if self.memory else None, FIRST_COMPLETED)
                for future in done:
                    slot, place = running.pop(future)
                    good, value = slot.outcome(future, self.memory)
                    free.append(slot)
                    if good:
                        tries.succeeded(place, value)
                    elif tries.failed(place, value):
                        waiting.append(place)
                for slot, _ in running.values():
                    slot.look(self.memory)
        except BaseException:
            self.close(wait=False)  # what still runs is not worth its time any more
            raise
        return tries.results()

    def warm(self, function: Callable[[], None]) -> None:
        """See `Engine.warm`."""
        for slot in self._pools:
            slot.warm(function)

    def close(self, wait: bool = True) -> None:
        """End the processes."""
        for slot in self._pools:
            slot.end(wait)


def _take(coming: Iterator[Any], tries: Tries, waiting: deque[int]) -> bool:
    """Let the next task wait for a process; whether there was one."""
    for task in coming:
        waiting.append(tries.add(task))
        return True
    return False


class _Slot:
    """One process, begun when it is needed and again where it died."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._pid, self._call, self._over = 0, 0, False
        self._warm: Future[None] | None = None

    def warm(self, function: Callable[[], None]) -> None:
        """Begin the process, with a call that nobody waits for."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"))
            with one_thread():
                self._warm = self._pool.submit(function)

    def begin(self, call: int, function: Callable[..., Any], task: Any, shared: tuple[Any, ...]) -> Future[Any]:
        """Begin a task; what is shared is sent first where the process does not have it yet."""
        if self._warm is not None and self._warm.done() and isinstance(self._warm.exception(), BrokenProcessPool):
            self.end()
        self._warm = None
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"))
            self._call, self._pid, self._over = 0, 0, False
        with one_thread():
            if self._call != call:
                self._pool.submit(_remember, call, shared).add_done_callback(self._begun)
                self._call = call
            return self._pool.submit(_work, call, function, task)

    def _begun(self, future: Future[int]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._pid = future.result()

    def outcome(self, future: Future[Any], memory: int) -> tuple[bool, Any]:
        """Whether a task went well, and its value or the reason."""
        try:
            good, value = future.result()
            return bool(good), value
        except BrokenProcessPool:
            reason = too_much(memory) if self._over else "its worker was killed"
            self.end()
            return False, reason
        except Exception as error:  # the task or its value cannot be pickled
            self.end()  # what was shared may not have arrived either
            return False, f"{type(error).__name__}: {error}"

    def look(self, memory: int) -> None:
        """End the process where it takes more than it may."""
        if not memory or not self._pid:
            return
        import psutil

        try:
            process = psutil.Process(self._pid)
            if process.memory_info().rss > MOST * memory:
                self._over = True
                process.kill()
        except psutil.NoSuchProcess:
            pass

    def end(self, wait: bool = True) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=True)
        self._pool = None


def _remember(call: int, shared: tuple[Any, ...]) -> int:
    _shared.clear()
    _shared[call] = shared
    return os.getpid()


def _work(call: int, function: Callable[..., Any], task: Any) -> tuple[bool, Any]:
    if call not in _shared:
        return False, "what all tasks share did not arrive in the process: it cannot be pickled"
    return attempt(function, task, _shared[call])


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes that begin inside use one thread each: as many processes as cores are at work already."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
