"""Mixed-integer programmes without the solver's own words on standard output (chapters 08, 12 and 13)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scipy.optimize import OptimizeResult
from scipy.optimize import milp as scipy_milp


@contextmanager
def _no_standard_output() -> Iterator[None]:
    """Send what compiled code writes to file descriptor 1 to nowhere; Python's own output is flushed before."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def milp(*arguments: Any, **options: Any) -> OptimizeResult:
    """`scipy.optimize.milp`; HiGHS prints a line of its own debugging now and then, which would end in a notebook."""
    with _no_standard_output():
        return scipy_milp(*arguments, **options)
