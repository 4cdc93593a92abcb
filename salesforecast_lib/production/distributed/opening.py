"""From the options of a command to an engine."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec

from salesforecast_lib.production.distributed.engine import Engine, EngineError, InPlace, check_answers
from salesforecast_lib.production.distributed.local import Processes

ENGINES = ("local", "dask")
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
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
    return Processes(count, limit)


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
