"""What the processes of a large batch do with the memory that they have freed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

_TRIM, _TOP, _MAP = -1, -2, -3  # numbers of mallopt in glibc's malloc.h
_LARGE = 2**30


def keep_memory() -> None:
    """Let this process keep what it has freed for its next block, where the C library can.

    Large arrays are otherwise handed back to the system and fetched anew, page by page: a twelfth of a block's time.
    Nothing happens where the library is not glibc.
    """
    mallopt = _of_glibc("mallopt")
    for option, value in ((_MAP, _LARGE), (_TRIM, _LARGE), (_TOP, 2**26)):
        mallopt(option, value)


def give_back() -> None:
    """Hand freed memory of this process to the others, which need it now: half a gigabyte after 11 million rows."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    _of_glibc("malloc_trim")(0)


def _of_glibc(name: str) -> Callable[..., object]:
    try:
        found: Callable[..., object] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # musl, macOS, Windows

        def found(*_: int) -> None:
            return None

    return found
