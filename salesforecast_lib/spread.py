"""What a stage does side by side, on the workers of the cluster that executes it (chapter 18).

A run on a cluster tells the process of each notebook, and nobody else, where the cluster's scheduler is. The library
finds it here, as it finds the number of processes, and no chapter names it. No result depends on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any, Protocol

SCHEDULER = "SALESFORECAST_SCHEDULER"
_CLUSTER = "salesforecast_lib.production.distributed.cluster"  # by name: it stands above all who use this module
_told: ContextVar[str] = ContextVar("scheduler", default="")


class Done(Protocol):
    """What tasks that were done side by side gave: values in their order, and those that failed for good."""

    @property
    def values(self) -> list[Any]:
        """One a task, None where it failed."""

    @property
    def failures(self) -> tuple[Any, ...]:
        """Each with the ``place`` of its task and a ``reason``."""

    def whole(self) -> list[Any]:
        """All values; raises ValueError, naming what a task was about and the reason, where one is missing."""


# calls a function with each of the tasks and what they share; names say what each is about (an engine's `run_tasks`)
Spread = Callable[[Callable[..., Any], Sequence[Any], Sequence[Sequence[str]], tuple[Any, ...]], Done]


@contextmanager
def executed_by(scheduler: str) -> Iterator[None]:
    """Notebooks that this thread executes inside are told the address of the scheduler, such as tcp://127.0.0.1:8786."""
    before = _told.set(scheduler)
    try:
        yield
    finally:
        _told.reset(before)


def told_to_kernel() -> list[str]:
    """Arguments by which a kernel that is begun now knows the scheduler; none outside a cluster."""
    if not _told.get():
        return []
    return [f"--IPKernelApp.exec_lines=import os; os.environ[{SCHEDULER!r}] = {_told.get()!r}"]


def on_cluster() -> bool:
    """Whether this process belongs to a stage that a cluster executes."""
    return bool(os.environ.get(SCHEDULER))


@contextmanager
def cluster() -> Iterator[Spread]:
    """Hands tasks to the workers of the cluster that executes this stage, until the ``with`` ends.

    Raises
    ------
    ValueError
        When the scheduler does not answer.
    """
    with import_module(_CLUSTER).connected_inside(os.environ[SCHEDULER]) as engine:
        yield engine.run_tasks


def side_by_side(
    function: Callable[..., Any],
    tasks: Sequence[Any],
    names: Sequence[Sequence[str]] = (),
    shared: tuple[Any, ...] = (),
) -> list[Any]:
    """``function(task, *shared)`` of each task in their order: on the cluster of this stage, else one after the other.

    Parameters
    ----------
    function : of a module. ``names`` : what each task is about, for the report of one that fails.

    Raises
    ------
    ValueError
        When a task failed three times on the cluster; whatever ``function`` raises, without a cluster.
    """
    if not on_cluster() or len(tasks) < 2:
        return [function(task, *shared) for task in tasks]
    with cluster() as spread:
        return spread(function, tasks, names, shared).whole()
