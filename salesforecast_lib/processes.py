"""How many processes a stage may use: said by the run, which knows what else is at work; no result depends on it."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PROCESSES = "SALESFORECAST_PROCESSES"


def processes() -> int:
    """Processes that may work at a time, as the environment says; else one.

    Raises
    ------
    ValueError
        When it says no number of processes.
    """
    said = os.environ.get(PROCESSES, "1")
    if not said.isdigit() or int(said) < 1:
        raise ValueError(f"{PROCESSES}={said!r}: expected a number of processes, at least 1")
    return int(said)


@contextmanager
def allowed(count: int) -> Iterator[None]:
    """Stages that are begun inside may use ``count`` processes; what the user's environment says goes first."""
    if PROCESSES in os.environ:
        yield
        return
    os.environ[PROCESSES] = str(count)
    try:
        yield
    finally:
        del os.environ[PROCESSES]


def give_back_memory() -> None:
    """Return what was freed to the machine: a process that does many tasks would keep the most that any one took."""
    gc.collect()
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):  # another C library: it decides by itself
            return
