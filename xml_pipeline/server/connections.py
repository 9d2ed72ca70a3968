"""Connections with two things that uvicorn leaves out: impatience, and a way to end them."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from xml_pipeline.server.clients import ABORT


class Connection(H11Protocol):
    """An HTTP connection.

    One whose request does not come whole, up to its body, within ``headers_within`` seconds is
    ended. ``scope["state"]`` holds what ends it at once: a client that does not read cannot be
    said goodbye to. A WebSocket inherits that.
    """

    def __init__(self, *args: Any, headers_within: float, **more: Any) -> None:
        super().__init__(*args, **more)
        self._headers_within = headers_within
        self._impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        self.app_state = {**self.app_state, ABORT: transport.abort}
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Go on waiting only while what has come is not yet a request."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._impatience is None:
            self._impatience = self.loop.call_later(self._headers_within, self.transport.abort)

    def _stop(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None
