"""Members fitted one after the other, or several at a time in processes or on a cluster (chapters 06b and 18)."""

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
from salesforecast_lib.spread import Spread, cluster, on_cluster

MOST_ROWS = 500_000  # of the feature table: every process has a copy of it
# begun first, so that none is waited for alone
_DEAREST = ("Networks", "AutoETS", "Boosting", "LightGBM", "LightGBMDirect")
_FAILURES = (ValueError, ArithmeticError, np.linalg.LinAlgError)

Fitted = tuple[pd.DataFrame, float]  # forecasts at all cutoffs, and seconds


_task: list[Task] = []  # of a process of the pool


def fitted_members(
    task: Task,
    names: Sequence[str],
    cutoffs: list[pd.Timestamp],
    shelf: Shelf,
    say: Callable[[str], None],
    spread: Spread | None = None,
) -> Iterator[tuple[str, Fitted | Exception]]:
    """Each member with its forecasts at the cutoffs, or with the error by which it failed, in the order of ``names``.

    Models of the last cutoff are left on the ``shelf``.

    Parameters
    ----------
    spread : does the fits side by side; None: on the cluster that executes the stage, else in as many processes as the
        stage may use, in both cases where the table is not too large for a copy each.
    """
    small = len(task.table.frame) <= MOST_ROWS
    if spread is not None:
        yield from _by_spread(task, names, cutoffs, shelf, spread)
        return
    if small and on_cluster() and len(_jobs(names, cutoffs)) > 1:
        with cluster() as there:
            fitted = list(_by_spread(task, names, cutoffs, shelf, there))
        yield from fitted
        return
    count = processes() if small else 1
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
    with ProcessPoolExecutor(count, get_context("spawn"), _remember, (task,)) as pool:
        for name, job in _jobs(names, cutoffs):
            begun.setdefault(name, []).append(pool.submit(_one, name, job, cutoffs[-1]))
        for name in names:
            try:
                parts = [job.result() for job in begun[name]]
            except _FAILURES as error:
                yield name, error
                continue
            yield name, _together(parts, shelf)


def _jobs(names: Sequence[str], cutoffs: list[pd.Timestamp]) -> list[tuple[str, list[pd.Timestamp]]]:
    """Members and the cutoffs that they forecast in one go, the dearest first."""
    order = sorted(names, key=lambda name: _DEAREST.index(name) if name in _DEAREST else len(_DEAREST))
    return [(name, job) for name in order for job in ([cutoffs] if name in AT_ALL else [[each] for each in cutoffs])]


def _together(parts: Sequence[tuple[pd.DataFrame, float, dict[str, Any]]], shelf: Shelf) -> Fitted:
    for _, _, models in parts:
        shelf.models.update(models)
    return pd.concat([table for table, _, _ in parts], ignore_index=True), sum(part[1] for part in parts)


def _by_spread(
    task: Task, names: Sequence[str], cutoffs: list[pd.Timestamp], shelf: Shelf, spread: Spread
) -> Iterator[tuple[str, Fitted | Exception]]:
    jobs = _jobs(names, cutoffs)
    done = spread(_job, [(*job, cutoffs[-1]) for job in jobs], [[name] for name, _ in jobs], (task,))
    lost: dict[int, Exception] = {failure.place: ValueError(failure.reason) for failure in done.failures}
    for name in names:
        parts = [lost.get(place, done.values[place]) for place, (member, _) in enumerate(jobs) if member == name]
        error = next((part for part in parts if isinstance(part, Exception)), None)
        yield name, error if error is not None else _together(parts, shelf)


def _job(job: tuple[str, list[pd.Timestamp], pd.Timestamp], task: Task) -> Any:
    """`_one` in whatever process; an error of the member is its result, for it would come again."""
    _remember(task)
    try:
        return _one(*job)
    except _FAILURES as error:
        return ValueError(str(error))


def _remember(task: Task) -> None:
    _task[:] = [task]


def _one(name: str, cutoffs: list[pd.Timestamp], last: pd.Timestamp) -> tuple[pd.DataFrame, float, dict[str, Any]]:
    shelf = Shelf()
    table, seconds = forecast_member(_task[0], name, cutoffs, shelf)
    return table, seconds, shelf.models if cutoffs[-1] == last else {}
