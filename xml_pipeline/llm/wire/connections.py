"""Connections to one address, each lent to one call at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

IDLE = 30.0
"""Seconds after which a connection is not used again: servers hang up without a word."""


class Connections:
    """HTTP clients with one connection each.

    A client of httpx looks through all of its connections at each request. With a thousand calls
    at once that costs more than the calls, so here nobody looks: the one that came back last goes
    out first.
    """

    def __init__(self, make: Callable[[httpx.Limits], httpx.AsyncClient]) -> None:
        self._make = make
        self._limits = httpx.Limits(
            max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE
        )
        self._idle: deque[tuple[float, httpx.AsyncClient]] = deque()
        self._closed = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator[httpx.AsyncClient]:
        """Lend a client, a new one if all are out."""
        client = self._idle.pop()[1] if self._idle else self._make(self._limits)
        try:
            yield client
        finally:
            await self._take_back(client)

    async def aclose(self) -> None:
        """Close every connection; one that is out is closed when it comes back."""
        self._closed = True
        while self._idle:
            await self._idle.pop()[1].aclose()

    async def _take_back(self, client: httpx.AsyncClient) -> None:
        now = asyncio.get_running_loop().time()
        self._idle.append((now, client))
        while self._idle and (self._closed or self._idle[0][0] < now - IDLE):
            await self._idle.popleft()[1].aclose()
