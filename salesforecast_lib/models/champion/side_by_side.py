"""Members fitted one after the other, or several at a time in processes of their own (chapter 06b)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.models.champion.members import AT_ALL, Task, forecast_member
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.processes import processes

MOST_ROWS = 500_000  # of the feature table: every process has a copy of it
_DEAREST = ("Networks", "Boosting", "LightGBM", "LightGBMDirect")  # begun first, so that none is waited for alone
_FAILURES = (ValueError, ArithmeticError, np.linalg.LinAlgError)

Fitted = tuple[pd.DataFrame, float]  # forecasts at all cutoffs, and seconds
_task: list[Task] = []  # of a process of the pool


def fitted_members(
    task: Task, names: Sequence[str], cutoffs: list[pd.Timestamp], shelf: Shelf, say: Callable[[str], None]
) -> Iterator[tuple[str, Fitted | Exception]]:
    """Each member with its forecasts at the cutoffs, or with the error by which it failed, in the order of ``names``.

    Models of the last cutoff are left on the ``shelf``.
    """
    count = processes() if len(task.table.frame) <= MOST_ROWS else 1
    if count > 1:
        yield from _by_processes(task, names, cutoffs, shelf, count)
        return
    for name in names:
        say(f"{name} at {len(cutoffs)} cutoffs")
        try:
            yield name, forecast_member(task, name, cutoffs, shelf)
        except _FAILURES as error:
            yield name, error


def _by_processes(
    task: Task, names: Sequence[str], cutoffs: list[pd.Timestamp], shelf: Shelf, count: int
) -> Iterator[tuple[str, Fitted | Exception]]:
    """A member that is fitted anew at each cutoff is as many jobs; only the last of them leaves its models."""
    begun: dict[str, list[Future[tuple[pd.DataFrame, float, dict[str, Any]]]]] = {}
    order = sorted(names, key=lambda name: _DEAREST.index(name) if name in _DEAREST else len(_DEAREST))
    with ProcessPoolExecutor(count, get_context("spawn"), _remember, (task,)) as pool:
        for name in order:
            jobs = [cutoffs] if name in AT_ALL else [[cutoff] for cutoff in cutoffs]
            begun[name] = [pool.submit(_one, name, job, cutoffs[-1]) for job in jobs]
        for name in names:
            try:
                parts = [job.result() for job in begun[name]]
            except _FAILURES as error:
                yield name, error
                continue
            for _, _, models in parts:
                shelf.models.update(models)
            yield name, (pd.concat([table for table, _, _ in parts], ignore_index=True), sum(part[1] for part in parts))


def _remember(task: Task) -> None:
    _task[:] = [task]


def _one(name: str, cutoffs: list[pd.Timestamp], last: pd.Timestamp) -> tuple[pd.DataFrame, float, dict[str, Any]]:
    shelf = Shelf()
    table, seconds = forecast_member(_task[0], name, cutoffs, shelf)
    return table, seconds, shelf.models if cutoffs[-1] == last else {}
