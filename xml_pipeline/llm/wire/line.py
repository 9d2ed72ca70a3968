"""Bytes to and from one peer, over TCP or TLS."""

from __future__ import annotations

import asyncio
from ssl import SSLContext
from typing import Any

MOST_UNREAD = 256 * 1024
"""Bytes that may wait here to be read: the peer is held back then."""

_NEXT_ADDRESS = 0.25
"""Seconds after which another address of a host is tried beside the first (RFC 8305)."""


class Line(asyncio.Protocol):
    """One connection, closed at first. What comes waits here until its one reader reads it."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._unread = bytearray()
        self._reader: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._error: Exception | None = None
        self._over = True
        self._gone = asyncio.Event()
        self._gone.set()

    @classmethod
    async def open(cls, host: str, port: int, trust: SSLContext | None) -> Line:
        """Connect, in TLS where somebody is to be trusted. Raises OSError."""
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(
            cls, host, port, ssl=trust, happy_eyeballs_delay=_NEXT_ADDRESS
        )
        return line

    @property
    def is_quiet(self) -> bool:
        """Tell whether it is open, and nothing has come that nobody asked for."""
        return not (self._over or self._unread)

    async def write(self, data: bytes) -> None:
        """Send, and wait while the peer takes no more. Raises OSError."""
        self._check()
        self._transport.write(data)
        await self._writable.wait()
        self._check()

    async def read(self) -> bytes:
        """Return what has come, as soon as there is anything; b"" at the end. Raises OSError."""
        if not self._unread and not self._over:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        data = bytes(self._unread)
        if not data:
            self._check()
        elif len(data) > MOST_UNREAD:
            self._transport.resume_reading()
        self._unread.clear()
        return data

    def close(self) -> None:
        """Hang up, without a word."""
        self._over = True
        if not self._gone.is_set():
            self._transport.abort()

    async def gone(self) -> None:
        """Wait until the event loop has let go of it."""
        await self._gone.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # ── told by the event loop ──────────────────────────────────────────────────────────────

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._over = False
        self._gone.clear()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) > MOST_UNREAD:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._over = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._over, self._error = True, error
        self._writable.set()
        self._gone.set()
        self._wake()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
