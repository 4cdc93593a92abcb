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

import hashlib
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from salesforecast_lib.wording import counted, first_names

ANSWER = 5.0  # seconds in which a scheduler has to answer
ATTEMPTS = 3  # of a task, before it is reported


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


# The scheduler of a cluster -------------------------------------------------------------------------------------------


def check_answers(scheduler: str) -> None:
    """Raise where nobody listens at the address: a glance, which needs no library."""
    try:
        place = urlsplit(scheduler)
        socket.create_connection((place.hostname or "", place.port or 0), timeout=ANSWER).close()
    except (OSError, ValueError) as error:
        raise EngineError(no_answer(scheduler, str(error))) from None


def no_answer(scheduler: str, why: str) -> str:
    """That a scheduler does not answer, and what to do."""
    return (
        f"--scheduler {scheduler}: no scheduler answers there ({why}); begin one with: dask scheduler --host 127.0.0.1 "
        f"--port 8786, and: dask worker tcp://127.0.0.1:8786 --nthreads 1; or leave --scheduler out to use processes "
        "of this machine"
    )


def library_digest() -> str:
    """Changes with every source file of the library in this process."""
    folder, digest = Path(__file__).parents[2], hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()


def check_libraries(scheduler: str, found: Mapping[str, object]) -> None:
    """Raise where a worker has another library than this process: its numbers could be others.

    Parameters
    ----------
    found : by worker its `library_digest`, or whatever came of asking for it.
    """
    own = library_digest()
    odd = sorted(worker for worker, digest in found.items() if digest != own)
    if odd:
        others = f" and {len(odd) - 1} more" if odd[1:] else ""
        raise EngineError(
            f"--scheduler {scheduler}: worker {odd[0]}{others} has another salesforecast_lib than this command, or "
            "none; install the same there and begin its workers again"
        )
