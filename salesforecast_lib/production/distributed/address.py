"""Whether a scheduler answers at an address, and its workers have this library."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from salesforecast_lib.production.distributed.engine import EngineError

ANSWER = 5.0  # seconds in which a scheduler has to answer


def check_answers(scheduler: str) -> None:
    """Raise where nobody listens at the address: a glance, which needs no library."""
    try:
        place = urlsplit(scheduler)
        socket.create_connection((place.hostname or "", place.port or 0), timeout=ANSWER).close()
    except (OSError, ValueError) as error:
        raise EngineError(no_answer(scheduler, str(error))) from None


def no_answer(scheduler: str, why: str) -> str:
    """That a scheduler does not answer, and what to do."""
    return (
        f"--scheduler {scheduler}: no scheduler answers there ({why}); begin one with: dask scheduler --host 127.0.0.1 "
        f"--port 8786, and: dask worker tcp://127.0.0.1:8786 --nthreads 1; or leave --scheduler out to use processes "
        "of this machine"
    )


def library_digest() -> str:
    """Changes with every source file of the library in this process."""
    folder, digest = Path(__file__).parents[2], hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()


def check_libraries(scheduler: str, found: Mapping[str, object]) -> None:
    """Raise where a worker has another library than this process: its numbers could be others.

    Parameters
    ----------
    found : by worker its `library_digest`, or whatever came of asking for it.
    """
    own = library_digest()
    odd = sorted(worker for worker, digest in found.items() if digest != own)
    if odd:
        others = f" and {len(odd) - 1} more" if odd[1:] else ""
        raise EngineError(
            f"--scheduler {scheduler}: worker {odd[0]}{others} has another salesforecast_lib than this command, or "
            "none; install the same there and begin its workers again"
        )
