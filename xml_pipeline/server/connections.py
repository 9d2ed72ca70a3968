"""Connections with what uvicorn leaves out: impatience, a way to end them, one answer each."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from xml_pipeline.server.clients import ABORT


class Connection(H11Protocol):
    """An HTTP connection; one more than ``most`` is ended as it comes.

    One whose request does not come whole, up to its body, within ``headers_within`` seconds is
    ended. ``scope["state"]`` holds what ends it at once: a client that does not read cannot be
    said goodbye to. A WebSocket inherits that.
    """

    def __init__(self, *args: Any, most: int, headers_within: float, **more: Any) -> None:
        super().__init__(*args, **more)
        self._most = most
        self._headers_within = headers_within
        self._impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        self.app_state = {**self.app_state, ABORT: transport.abort}
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > self._most:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Go on waiting only while what has come is not yet a request."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._stop()

    def send_400_response(self, msg: str) -> None:
        """Answer for bytes that are no request, unless an answer to one is under way.

        What comes amiss within a body finds the application at work: it must not answer too.
        """
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._impatience is None:
            self._impatience = self.loop.call_later(self._headers_within, self.transport.abort)

    def _stop(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket, or what was to become one: a handshake that is denied is an end like others."""

    async def send(self, message: Any) -> None:
        """Send what the application says; uvicorn takes a whole denial for a missing answer."""
        await super().send(message)
        denied = message["type"] == "websocket.http.response.body"
        if denied and not message.get("more_body", False):
            self.handshake_complete = True
