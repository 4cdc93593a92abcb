"""How many processes a stage may use, said by the run, which knows what else is at work; and what they do with memory
that they have freed. No result depends on either."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PROCESSES = "SALESFORECAST_PROCESSES"
_TRIM, _TOP, _MAP = -1, -2, -3  # numbers of mallopt in glibc's malloc.h
_LARGE = 2**30


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


def keep_memory() -> None:
    """Let this process keep what it has freed for its next block, where the C library can.

    Large arrays are otherwise handed back to the system and fetched anew, page by page: a twelfth of the time of a
    block of forecasts. Nothing happens where the library is not glibc.
    """
    mallopt = _of_glibc("mallopt")
    for option, value in ((_MAP, _LARGE), (_TRIM, _LARGE), (_TOP, 2**26)):
        mallopt(option, value)


def give_back_memory() -> None:
    """Return what was freed to the machine: a process that does many tasks would keep the most that any one took."""
    gc.collect()
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    _of_glibc("malloc_trim")(0)


def _of_glibc(name: str) -> Callable[..., object]:
    try:
        found: Callable[..., object] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # musl, macOS, Windows: they decide by themselves

        def found(*_: int) -> None:
            return None

    return found
