"""What a process of blocks does with the memory that it has."""

from __future__ import annotations

import ctypes

_TRIM, _TOP, _MAP = -1, -2, -3  # numbers of mallopt in glibc's malloc.h
_LARGE = 2**30


def keep_memory() -> None:
    """Let this process keep what it has freed for its next block, where the C library can.

    Large arrays are otherwise handed back to the system and fetched anew, page by page: a twelfth of a block's time.
    Nothing happens where the library is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # musl, macOS, Windows
        return
    for option, value in ((_MAP, _LARGE), (_TRIM, _LARGE), (_TOP, 2**26)):
        mallopt(option, value)
