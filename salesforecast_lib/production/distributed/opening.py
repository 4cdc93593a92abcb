"""From the options of a command to an engine."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec

from salesforecast_lib.production.distributed.address import check_answers
from salesforecast_lib.production.distributed.engine import Engine, EngineError, InPlace, memory_bytes

ENGINES = ("local", "dask")
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:\d{1,5}/?")


def check_engine(engine: str = "local", scheduler: str = "", workers: int = 0, memory: str = "") -> None:
    """Raise on options that cannot be right, before anything is imported or begun; also where no scheduler listens.

    Raises
    ------
    EngineError
        Naming the option, and what was expected.
    """
    if engine not in ENGINES:
        raise EngineError(f"--engine {engine!r}: expected {' or '.join(ENGINES)}")
    if scheduler and engine != "dask":
        raise EngineError(f"--scheduler {scheduler}: belongs to --engine dask; add that, or leave it out")
    if scheduler and not _ADDRESS.fullmatch(scheduler):
        raise EngineError(f"--scheduler {scheduler!r}: expected an address such as tcp://127.0.0.1:8786 or tls://…")
    if scheduler and (workers or memory):
        raise EngineError(
            f"--scheduler {scheduler}: its workers and their memory are said where they are begun "
            "(dask worker --memory-limit 2GB); leave --workers and --memory out"
        )
    if workers < 0:
        raise EngineError(f"--workers {workers}: expected at least 1; 0 takes as many as there are cores, two at most")
    try:
        memory_bytes(memory)
    except EngineError as error:
        raise EngineError(f"--{error}") from None
    if engine == "dask" and (find_spec("dask") is None or find_spec("distributed") is None):
        raise EngineError(
            "--engine dask: dask is not installed; pip install dask distributed (the versions in requirements.lock), "
            "or leave --engine out"
        )
    if scheduler:
        check_answers(scheduler)


def open_engine(engine: str = "local", scheduler: str = "", workers: int = 0, memory: str = "") -> Engine:
    """An engine, to be used in a ``with``.

    Parameters
    ----------
    engine : "local", processes of this machine (one worker without a limit: this process), or "dask".
    scheduler : address of a cluster that runs already; empty: a cluster of processes of this machine is begun, which
        listens on 127.0.0.1 only.
    workers : processes; 0 takes as many as there are cores, two at most.
    memory : that each may take, such as ``2GB``; empty: no limit.

    Raises
    ------
    EngineError
        When an option is wrong, dask is not installed, or nothing answers at the address.
    """
    check_engine(engine, scheduler, workers, memory)
    count, limit = workers or min(2, os.cpu_count() or 1), memory_bytes(memory)
    if engine == "dask":
        from salesforecast_lib.production.distributed.cluster import connected, local_cluster

        return connected(scheduler) if scheduler else local_cluster(count, limit)
    if count == 1 and not limit:
        return InPlace()
    from salesforecast_lib.production.distributed.local import Processes

    return Processes(count, limit)
