"""Connections of slow clients are closed, so that they do not use up what others need."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 65_536  # bytes of a request's first line and headers


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a time in which the head of a request must have come, and a size that it may have.

    uvicorn counts the time between two requests only: a client that sends a letter of its first header each minute
    would keep its connection for ever. ``header_seconds`` is set by `guarded`.
    """

    header_seconds = 10.0
    _timer: asyncio.TimerHandle | None = None
    _head = 0  # bytes since a head began

    def data_received(self, data: bytes) -> None:
        """Bytes have come; a head that does not end is not kept in memory."""
        self._head += len(data)
        super().data_received(data)
        if self._timer is None:
            self._head = 0  # the head has ended
        elif self._head > MOST_HEAD:
            self._late()

    def connection_made(self, transport: Any) -> None:
        """A client is there: its first request has to come."""
        super().connection_made(transport)
        self._start()

    def on_message_begin(self) -> None:
        """A request begins: its head has to come."""
        super().on_message_begin()
        self._start()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._cancel()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """No new request in time; an answer that the client does not read is thrown away."""
        if self.transport.get_write_buffer_size() > 0:
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _start(self) -> None:
        self._cancel()
        self._timer = self.loop.call_later(self.header_seconds, self._late)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()


def guarded(header_seconds: float) -> type[PatientProtocol]:
    """The protocol with this time."""
    return type("GuardedProtocol", (PatientProtocol,), {"header_seconds": header_seconds})
