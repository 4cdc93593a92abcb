"""Tasks side by side: in processes of this machine, or on a cluster, with the same promises (chapter 18).

A task is a call of one function with one small value: a number, a path. Large data lie in files that all processes
read, or are handed in once as ``shared``, which every process gets when it begins.

- Results come in the order of the tasks, whatever was finished first.
- A task that fails is tried again, three times in all, on another worker where there is one; then it is reported with
  its series and the reason, and everything else is delivered.
- A process that is killed takes its own task with it and no other one; the task is tried again in a new process.
- A process that takes more memory than it may is ended; its task has failed once.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from salesforecast_lib.wording import counted, first_names

ATTEMPTS = 3  # of a task, before it is reported
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}  # of a process
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class EngineError(ValueError):
    """The engine cannot work at all, or a caller needs every task and one of them failed."""


@dataclass(frozen=True)
class Failure:
    """A task that failed as often as it may.

    Parameters
    ----------
    place : of the task among all. ``names`` : series that it was about.
    reason : of the last attempt, in a sentence. ``attempts`` : how often it was tried.
    """

    place: int
    names: tuple[str, ...]
    reason: str
    attempts: int = ATTEMPTS

    @property
    def sentence(self) -> str:
        """What failed and why, for a report."""
        about = first_names(list(self.names)) if self.names else f"task {self.place}"
        return f"{about}: failed {counted(self.attempts, 'time')}; {self.reason}"


@dataclass(frozen=True)
class Results:
    """``values`` in the order of the tasks, None where one failed; ``failures`` in the same order."""

    values: list[Any]
    failures: tuple[Failure, ...] = ()

    @property
    def delivered(self) -> list[Any]:
        """Values of the tasks that did not fail, in their order."""
        failed = {failure.place for failure in self.failures}
        return [value for place, value in enumerate(self.values) if place not in failed]

    def whole(self) -> list[Any]:
        """All values; raises EngineError, naming series and reason, when one is missing."""
        if self.failures:
            more = len(self.failures) - 1
            others = f" (and {counted(more, 'more task')})" if more else ""
            raise EngineError(f"{self.failures[0].sentence}{others}")
        return self.values


class Engine(ABC):
    """Something that runs tasks side by side; use it in a ``with``, which ends its processes."""

    workers: int  # that work at a time, when it was opened

    @abstractmethod
    def run_tasks(
        self,
        function: Callable[..., Any],
        tasks: Iterable[Any],
        names: Sequence[Sequence[str]] = (),
        shared: tuple[Any, ...] = (),
    ) -> Results:
        """Call ``function(task, *shared)`` for each task.

        Parameters
        ----------
        function : of a module, so that another process can import it; what it gives must be picklable.
        tasks : small and picklable. They are taken one after the other while earlier ones are at work, so that a
            generator may write the file that a task reads.
        names : the series that each task is about, for reports; empty: none.
        shared : the same for all tasks, brought to each process once.

        Raises
        ------
        EngineError
            When the engine itself cannot go on. A task that fails does not raise: it is in `Results.failures`.
        """

    def warm(self, function: Callable[[], None]) -> None:
        """Begin the workers now, each with a call of ``function``: imports, which its first task would wait for.

        What the function returns or raises is forgotten; an engine whose workers are there already does nothing.
        """
        return None

    def close(self) -> None:  # noqa: B027  (an engine without processes has nothing to end)
        """End the processes of this engine."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tries:
    """What became of each task so far: the rule of three attempts, the same for all engines."""

    def __init__(self, names: Sequence[Sequence[str]]) -> None:
        self._names = [tuple(map(str, each)) for each in names]
        self.tasks: list[Any] = []
        self.values: list[Any] = []
        self.left, self._tried, self._failed = 0, list[int](), dict[int, Failure]()

    def add(self, task: Any) -> int:
        """Take in a task; its place among all."""
        if self._names and len(self.tasks) >= len(self._names):
            raise EngineError(f"names: {len(self._names)} lists for more tasks; give one list of series a task")
        self.tasks.append(task)
        self.values.append(None)
        self._tried.append(0)
        self.left += 1
        return len(self.tasks) - 1

    def succeeded(self, place: int, value: Any) -> None:
        """Keep the value of a task."""
        self.values[place] = value
        self.left -= 1

    def failed(self, place: int, reason: str, times: int = 1) -> bool:
        """Count a failed attempt; whether the task is to be tried again."""
        self._tried[place] += times
        if self._tried[place] < ATTEMPTS:
            return True
        names = self._names[place] if self._names else ()
        self._failed[place] = Failure(place, names, reason, self._tried[place])
        self.left -= 1
        return False

    def results(self) -> Results:
        """Values and failures, in the order of the tasks."""
        return Results(self.values, tuple(self._failed[place] for place in sorted(self._failed)))


class InPlace(Engine):
    """One task after the other in this process; a task that kills the process ends all."""

    workers = 1

    def run_tasks(
        self,
        function: Callable[..., Any],
        tasks: Iterable[Any],
        names: Sequence[Sequence[str]] = (),
        shared: tuple[Any, ...] = (),
    ) -> Results:
        """See `Engine.run_tasks`."""
        tries = Tries(names)
        for task in tasks:
            place = tries.add(task)
            while True:
                good, value = attempt(function, task, shared)
                if good:
                    tries.succeeded(place, value)
                    break
                if not tries.failed(place, value):
                    break
        return tries.results()


def attempt(function: Callable[..., Any], task: Any, shared: tuple[Any, ...]) -> tuple[bool, Any]:
    """Whether the call went well, and its value or the reason why not, as text: not every error can be pickled."""
    try:
        return True, function(task, *shared)
    except Exception as error:  # whatever it is, the other tasks are to be delivered
        return False, f"{type(error).__name__}: {error}"


def too_much(limit: int) -> str:
    """The reason of a task whose process was ended because of its memory, of ``limit`` bytes."""
    return f"it took more than the {limit / 1e9:g} GB of memory of a worker: give workers more, or make tasks smaller"


def memory_bytes(text: str) -> int:
    """Bytes of a text such as ``2GB`` or ``500 MB``; 0 of an empty one, which stands for no limit.

    Raises
    ------
    EngineError
        When it is no amount of memory.
    """
    given = text.strip().upper()
    number = given.rstrip("KMGIB ").strip()
    unit = given[len(number) :].strip()
    try:
        amount = float(number) * _UNITS[unit] if given else 0.0
    except (ValueError, KeyError):
        amount = -1.0
    if given and not 50e6 <= amount < 1e15:  # Python alone takes so much
        raise EngineError(f"memory {text!r}: expected an amount of at least 50MB, such as 2GB or 500MB")
    return int(amount)


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
