"""Which engine does the work of a command: processes of this machine, or a cluster of dask (chapter 18).

- `EngineName`: The option of every command that takes an engine.
- `Scheduler`: Address of a running cluster.
- `Workers`: How many processes.
- `Memory`: What each of them may take.
- `Asked`: What the options say.
- `check_engine`: What the options say, or an error before anything is begun.
- `open_engine`: The engine, for a ``with``.
- `asked_for_jobs`: The same options of a command that counts in jobs.
- `open_for_jobs`: Its engine, or None where the stages run as ever.
"""

from salesforecast_lib.pipeline.engines.options import (
    Asked,
    EngineName,
    Memory,
    Scheduler,
    Workers,
    asked_for_jobs,
    check_engine,
    open_engine,
    open_for_jobs,
)

__all__ = [
    "Asked",
    "EngineName",
    "Memory",
    "Scheduler",
    "Workers",
    "asked_for_jobs",
    "check_engine",
    "open_engine",
    "open_for_jobs",
]
