"""What stands before the application: the key, the size and the time of a request, its count and its log line."""

from __future__ import annotations

import asyncio
import hmac
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salesforecast_lib.production.server.config import ServerConfig
from salesforecast_lib.production.server.metrics import Metrics
from salesforecast_lib.production.server.problems import Problem

OPEN = ("/health", "/ready", "/docs", "/openapi.json")  # without a key: they tell nothing of the shop
KNOWN = (*OPEN, "/", "/forecast", "/observe", "/replenish", "/whatif", "/model", "/metrics")


def log_line(event: str, **told: Any) -> None:
    """One JSON line on standard error; callers hand in no product, no figure and no text of a client."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **told}
    sys.stderr.write(json.dumps(line) + "\n")


class Gate:
    """The outermost part of the application.

    Parameters
    ----------
    key : that a client must send as ``X-API-Key`` or ``Authorization: Bearer``; "" for none.
    log : is called with what happened.
    """

    def __init__(
        self, app: ASGIApp, config: ServerConfig, metrics: Metrics, key: str = "", log: Callable[..., None] = log_line
    ) -> None:
        self.app, self.config, self.metrics, self.log = app, config, metrics, log
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status, size = time.perf_counter(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).extend(_SAFE)
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            self._admit(scope)
            body = await self._body(scope, receive)
            await self.app(scope, _replay(body, receive), counted)
        except Problem as problem:
            await _tell(problem, counted)
        except Exception as error:
            if status:
                raise  # part of the answer is sent: the server closes the connection
            self.log("error", kind=type(error).__name__, place=_place(error))
            await _tell(Problem(500, "the server has failed; its log names the place"), counted)
        finally:
            seconds = time.perf_counter() - begun
            route = scope["path"] if scope["path"] in KNOWN else "other"
            route = "/why" if scope["path"].startswith("/why/") else route  # whatever product
            self.metrics.request(route, status, seconds)
            if self.config.log_requests:
                self.log("request", route=route, status=status, ms=round(1000 * seconds, 2), bytes=size)

    def _admit(self, scope: Scope) -> None:
        if not self._key or scope["path"] in OPEN:
            return
        told = {name: value for name, value in scope["headers"] if name in (b"x-api-key", b"authorization")}
        given = told.get(b"x-api-key") or told.get(b"authorization", b"").removeprefix(b"Bearer ")
        if not hmac.compare_digest(given, self._key):
            raise Problem(401, "the key is missing or wrong; send the server's key as the header X-API-Key")

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body; raises `Problem` 413, 408 or 400."""
        limit = self.config.max_body
        too_long = Problem(413, f"the body has more than {limit} bytes; send fewer series at a time")
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if length.isdigit() and int(length) > limit:
            raise too_long
        message = await receive() if length != b"0" or _chunked(scope) else {"type": "http.request"}
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.config.body_seconds):
                while message["type"] == "http.request":
                    part: Any = message.get("body", b"")
                    parts.append(part)
                    size += len(part)
                    if size > limit:
                        raise too_long
                    if not message.get("more_body"):
                        return b"".join(parts)
                    message = await receive()
        except TimeoutError:
            raise Problem(408, f"the body did not come within {self.config.body_seconds:g} seconds") from None
        raise Problem(400, "the client went away before the whole body was there")


# The answer is no page, and nobody keeps it.
_SAFE = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


def _chunked(scope: Scope) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, and after it what comes from the client."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _tell(problem: Problem, send: Send) -> None:
    body = json.dumps(problem.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in problem.headers().items()]
    if problem.status in (400, 408, 413):
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _place(error: Exception) -> str:
    """Module and line where an error was raised; not its text, which may hold a customer's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"
