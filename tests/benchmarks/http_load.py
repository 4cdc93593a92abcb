"""A client that costs little: prepared requests over kept connections, closed or open loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np


def post(path: str, body: bytes) -> bytes:
    """A prepared request."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@dataclass
class Seen:
    """What a load has seen: seconds of each answer, and answers that were no success."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    wall: float = 0.0

    def summary(self) -> dict[str, float]:
        """Requests a second, and the times of the answers in milliseconds."""
        times = 1000 * np.array(self.seconds)
        p50, p99 = np.quantile(times, [0.5, 0.99])
        return {
            "requests": len(times),
            "failed": self.failed,
            "per_second": round(len(times) / self.wall, 1),
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "max_ms": round(float(times.max()), 2),
        }


class Connection:
    """One kept connection."""

    def __init__(self, url: str) -> None:
        self.parts = urlsplit(url)
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body; raises OSError or EOFError when the server is gone."""
        if self.writer is None or self.writer.is_closing():
            self.reader, self.writer = await asyncio.open_connection(
                self.parts.hostname, self.parts.port, limit=1 << 24
            )
        assert self.reader is not None
        try:
            self.writer.write(request)
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return int(head[9:12]), await self.reader.readexactly(length)
        except (OSError, EOFError):
            self.close()
            raise

    def close(self) -> None:
        """Close it."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None


async def closed_loop(url: str, requests: Sequence[bytes], connections: int, total: int) -> Seen:
    """Each connection sends the next request when it has its answer."""
    seen, left = Seen(), iter(range(total))

    async def one() -> None:
        connection = Connection(url)
        for number in left:
            begun = time.perf_counter()
            status, _ = await connection.ask(requests[number % len(requests)])
            seen.seconds.append(time.perf_counter() - begun)
            seen.failed += status != 200
        connection.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    seen.wall = time.perf_counter() - begun
    return seen


async def open_loop(url: str, requests: Sequence[bytes], rate: float, seconds: float, most: int = 400) -> Seen:
    """Requests come at their times whatever the server does; an answer's time counts from when it was due."""
    seen, free = Seen(), [Connection(url) for _ in range(most)]
    loop, tasks = asyncio.get_running_loop(), []

    async def one(due: float, request: bytes) -> None:
        connection = free.pop()
        status, _ = await connection.ask(request)
        seen.seconds.append(loop.time() - due)
        seen.failed += status != 200
        free.append(connection)

    def due_times() -> Iterator[float]:
        begun = loop.time() + 0.05
        gaps = np.random.default_rng(0).exponential(1 / rate, int(rate * seconds))
        yield from begun + np.cumsum(gaps)  # as customers come: at random

    begun = time.perf_counter()
    for number, due in enumerate(due_times()):
        wait = due - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(loop.create_task(one(due, requests[number % len(requests)])))
    await asyncio.gather(*tasks)
    seen.wall = time.perf_counter() - begun
    return seen
