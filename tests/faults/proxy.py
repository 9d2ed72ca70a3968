"""A network that fails: a proxy that delays, cuts in the middle of a frame, or loses one way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Literal

Way = Literal["there", "back"]


class Proxy:
    """Passes connections on to a port; what it does to them is changed while it runs.

    ``cut`` ends every connection in the middle of the next piece that passes in a direction.
    ``drops`` is a direction in which everything is lost. ``delayed`` holds each piece for a
    while, a seeded number of turns of the event loop.
    """

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._random = Random(seed)
        self._cutting: Way | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.drops: Way | None = None
        self.delayed = False
        self.port = 0
        self.cuts = 0
        self.has_cut: Callable[[], None] = lambda: None
        self.has_connected: Callable[[], None] = lambda: None

    def cut(self, way: Way) -> None:
        """End every connection as soon as a piece has half passed in this direction."""
        self._cutting = way

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        try:
            there = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, there[1]}
        self.has_connected()
        for way, source, target in (("there", reader, there[1]), ("back", there[0], writer)):
            passing = asyncio.create_task(self._pass(way, source, target))
            self._passing.add(passing)
            passing.add_done_callback(self._passing.discard)

    async def stop(self) -> None:
        """End every connection, and wait until that is done."""
        self._end()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass(
        self, way: str, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        try:
            while piece := await source.read(65_536):
                if self.delayed:
                    for _ in range(self._random.randrange(200)):
                        await asyncio.sleep(0)
                if self._cutting == way:
                    target.write(piece[: len(piece) // 2])
                    await target.drain()
                    self._cutting = None
                    self.cuts += 1
                    self._end()
                    self.has_cut()
                elif self.drops != way:
                    target.write(piece)
                    await target.drain()
        except OSError:
            pass
        finally:
            target.close()
            self._writers.discard(target)

    def _end(self) -> None:
        for writer in tuple(self._writers):
            writer.close()


@asynccontextmanager
async def proxy_to(port: int, seed: int) -> AsyncIterator[Proxy]:
    """Run a proxy to a port of this machine."""
    proxy = Proxy(port, seed)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
        await server.wait_closed()
