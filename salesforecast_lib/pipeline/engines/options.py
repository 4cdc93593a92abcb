"""The options of an engine on the command line."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated

import typer

from salesforecast_lib.production import distributed

EngineName = Annotated[str, typer.Option(help="local, processes of this machine, or dask, a cluster")]
Scheduler = Annotated[str, typer.Option(help="address of a running dask cluster; default: one of this machine")]
Workers = Annotated[int, typer.Option(help="processes of the engine; 0: as many as cores, two at most")]
Memory = Annotated[str, typer.Option(help="that each worker may take, such as 2GB; default: no limit")]


@dataclass(frozen=True)
class Asked:
    """The options of an engine, checked."""

    engine: str = "local"
    scheduler: str = ""
    workers: int = 0
    memory: str = ""

    @property
    def usual(self) -> bool:
        """Whether nothing was asked for: the command does as it does without these options."""
        return self == Asked()


def check_engine(engine: str = "local", scheduler: str = "", workers: int = 0, memory: str = "") -> Asked:
    """The options together; raises `distributed.EngineError` where they cannot be right."""
    distributed.check_engine(engine, scheduler, workers, memory)
    return Asked(engine, scheduler, workers, memory)


def open_engine(asked: Asked) -> distributed.Engine:
    """The engine of the options; see `distributed.open_engine`."""
    return distributed.open_engine(asked.engine, asked.scheduler, asked.workers, asked.memory)


def asked_for_jobs(engine: str, scheduler: str, jobs: int) -> Asked:
    """The options of a command that says with ``jobs`` how much it does at a time."""
    return check_engine(engine, scheduler, 0 if scheduler else jobs)


def open_for_jobs(asked: Asked) -> AbstractContextManager[distributed.Engine | None]:
    """The engine of a run's stages; None where they run as ever, in this process or in ``jobs`` of this machine."""
    return nullcontext() if asked.engine == "local" else open_engine(asked)
