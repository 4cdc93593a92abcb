"""What the server allows, in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ServerConfig:
    """Limits of the server; a request beyond one of them is refused with a sentence.

    Parameters
    ----------
    max_body : bytes of a request (413 beyond).
    max_series : series, ids or items of one request.
    max_history : periods of one history; only the last ``window`` of the model count.
    max_value : largest sales figure, stock or known-ahead value; above it a feed speaks other units.
    max_waiting : series that may wait for the model at one time (429 beyond).
    max_observations : observations that may wait for the disk at one time (429 beyond).
    max_connections : open connections (503 beyond).
    small, chunk : series up to which a batch is computed at once; above, in chunks beside the requests.
    header_seconds, body_seconds : in which a client must have sent the head, and the body, of a request.
    keep_alive_seconds : that an idle connection stays open, and that a client may take to read its answer.
    shutdown_seconds : that requests under way are given at shutdown.
    watch_seconds : between two looks at the registry's log.
    log_requests : one JSON line a request on standard error, without ids and values.
    """

    max_body: int = 4_000_000
    max_series: int = 2_000
    max_history: int = 1_500
    max_value: float = 1e9
    max_waiting: int = 10_000
    max_observations: int = 50_000
    max_connections: int = 500
    small: int = 64
    chunk: int = 128
    header_seconds: float = 10.0
    body_seconds: float = 15.0
    keep_alive_seconds: float = 15.0
    shutdown_seconds: float = 10.0
    watch_seconds: float = 0.5
    log_requests: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, bool) and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name}={value!r}: expected a finite number above zero")


def check_open(host: str, key: str, without_key: bool = False) -> None:
    """Refuse to listen beyond this computer without a key; raises ValueError that says what to do."""
    if host not in LOOPBACK and not key and not without_key:
        raise ValueError(
            f"--host {host}: others could read the shop's forecasts and write its sales; set a key "
            "(SALESFORECAST_API_KEY=… or --key-file FILE), or say --without-key"
        )
    if key and (len(key) < 16 or not key.isascii() or not key.isprintable() or " " in key):
        raise ValueError("the API key: expected at least 16 printable ASCII signs without blanks")
