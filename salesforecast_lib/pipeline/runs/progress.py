"""Plain lines on when a stage starts and ends, where the output is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


def _say(line: str) -> None:
    # a worker's sys.stdout is a buffer that the build engine keeps; this one is what the user reads
    print(line, file=sys.__stdout__, flush=True)


def notes(lines: Iterable[str]) -> None:
    """Print notes while the run goes on."""
    for line in lines:
        _say(f"note: {line}")


@contextmanager
def announced(stage: str, lines: bool = True) -> Iterator[None]:
    """Print a line when ``stage`` starts and one when it ends, with its seconds; nothing unless ``lines``.

    To be used around the work itself, in whichever process does it: a stage that is up to date says nothing.
    """
    if not lines:
        yield
        return
    began = time.monotonic()
    _say(f"{stage}: started")
    word = "failed"
    try:
        yield
        word = "done"
    finally:
        _say(f"{stage}: {word} after {time.monotonic() - began:.1f} s")


@contextmanager
def quiet_engine(quiet: bool = True) -> Iterator[None]:
    """Keep the build engine from printing its table and its own errors; they come back as reports."""
    import pytask

    before = pytask.console.quiet
    pytask.console.quiet = quiet or before
    try:
        yield
    finally:
        pytask.console.quiet = before
