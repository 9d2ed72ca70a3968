"""Load from outside: many clients that send orders over HTTP, and write down what they were told.

It shares no code with what it loads. What became of each order goes into the client's own list:
``ok`` where it was acknowledged, ``refused`` where it was not taken, ``unknown`` where the
connection broke before an answer came, or the answer was that nobody knows. An unknown order may
have been taken, or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"

_NOT_TAKEN = b"so nothing is taken in"


class Target(Protocol):
    """Where to send to, which may change or go away at any time."""

    changed: asyncio.Event

    @property
    def address(self) -> Address | None: ...


class Address(Protocol):
    """An address and its token."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def token(self) -> str: ...


async def _at_once() -> None:
    """Wait for nothing."""


@dataclass
class Load:
    """Orders from 1 to ``orders``, sent by so many clients side by side, each order once.

    Each client waits for ``pace`` before it sends one. ``when_ok`` is called after every
    acknowledgement with the number of them so far, ``when_not`` after everything else.
    ``slowest`` is how long an order took that was answered at all. Somebody may say that it
    is ``enough``.
    """

    target: Target
    orders: int
    clients: int = 32
    when_ok: Callable[[int], None] = lambda number: None
    when_not: Callable[[], None] = lambda: None
    pace: Callable[[], Awaitable[None]] = _at_once
    outcomes: dict[int, str] = field(default_factory=dict)
    acknowledged: int = 0
    slowest: float = 0.0
    enough: bool = False

    async def run(self) -> None:
        """Send everything."""
        numbers = iter(range(1, self.orders + 1))
        async with asyncio.TaskGroup() as group:
            for _ in range(self.clients):
                group.create_task(self._client(numbers))

    async def _client(self, numbers: Iterator[int]) -> None:
        connection: _Connection | None = None
        for n in numbers:
            while connection is None:
                connection = await self._connect()
            await self.pace()
            began = perf_counter()
            self.outcomes[n] = outcome = await connection.order(n)
            if connection.answered:
                self.slowest = max(self.slowest, perf_counter() - began)
            if outcome == OK:
                self.acknowledged += 1
                self.when_ok(self.acknowledged)
            else:
                self.when_not()
            if self.enough:
                break
            if not connection.alive:
                connection = None
        if connection is not None:
            connection.close()

    async def _connect(self) -> _Connection | None:
        await self.target.changed.wait()
        address = self.target.address
        if address is None:
            await asyncio.sleep(0)
            return None
        try:
            streams = await asyncio.open_connection(address.host, address.port)
        except OSError:
            await asyncio.sleep(0)
            return None
        return _Connection(*streams, address)


class _Connection:
    """One connection, kept alive."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._head = (
            f"POST /v1/messages?to=desk HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n"
            f"Authorization: Bearer {address.token}\r\nContent-Type: application/xml\r\n"
        )
        self._body = b""
        self.alive = True
        self.answered = False

    async def order(self, n: int) -> str:
        """Send an order; return what became of it."""
        body = f"<Order><n>{n}</n></Order>"
        try:
            self._writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            await self._writer.drain()
            status = await self._status()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return UNKNOWN
        if not self.alive:
            self.close()
        if status in (200, 202):
            return OK
        return UNKNOWN if status == 503 and _NOT_TAKEN not in self._body else REFUSED

    def close(self) -> None:
        """Hang up."""
        self.alive = False
        self._writer.close()

    async def _status(self) -> int:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            if line == b"connection: close":
                self.alive = False
        self._body = await self._reader.readexactly(length)
        self.answered = True
        return int(head.split(b" ", 2)[1])
