"""Whether a scheduler answers at an address."""

from __future__ import annotations

import socket
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
