"""Serving the application on a socket, for as long as an organism runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn

from xml_pipeline.config.sections import ServerConfig
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.organism import Organism
from xml_pipeline.server.app import application
from xml_pipeline.server.bounds import Bounds
from xml_pipeline.server.connections import Connection, Socket

SEND_BUFFER = 128 * 1024
"""Bytes that the system may hold for one connection."""

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not bound to


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Return the address under which this machine reaches it."""
        host = _ANY.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@asynccontextmanager
async def serve(
    organism: Organism,
    config: ServerConfig,
    token: str,
    *,
    hosts: Iterable[str] = (),
    bounds: Bounds | None = None,
    attended: bool = True,
) -> AsyncIterator[Address]:
    """Serve an organism over HTTP while the context lasts; gives where.

    That is taken for somebody who can be asked for approvals.

    Port 0 takes a free one. No signal handler is installed. On leaving, nothing new is taken
    in, requests that wait are answered, streams end, and what is still open after
    ``bounds.close_within`` seconds is cut off. Unless it is ``attended``, nobody is taken to be
    there who could decide on what waits for approval.

    Raises XmlPipelineError where the address cannot be listened on.
    """
    bounds = bounds if bounds is not None else Bounds()
    with await _listen(config.bind, config.port) as listening:
        host, port = listening.getsockname()[:2]
        app = application(organism, token=token, hosts=(config.bind, *hosts), bounds=bounds)
        server = _Server(_settings(app, organism, bounds))
        serving = asyncio.create_task(server.serve([listening]), name="http server")
        try:
            with organism.approvals.attend() if attended else nullcontext():
                yield Address(host, port)
        finally:
            app.state.desk.close()
            server.leave()
            try:
                await serving
            finally:
                server.cut_off()


def _settings(app: object, organism: Organism, bounds: Bounds) -> uvicorn.Config:
    connection: Any = partial(
        Connection, most=bounds.connections, headers_within=bounds.headers_within
    )
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=connection,
        ws=Socket,
        ws_max_size=2 * organism.config.limits.message_bytes,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=bounds.close_within,
    )


async def _listen(bind: str, port: int) -> socket.socket:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            bind, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        listening = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise XmlPipelineError(f"cannot listen on {bind}:{port}: {error.strerror}") from None
    # Each connection inherits these. The system would keep megabytes for one that does not read,
    # and the second part of an answer until a client has acknowledged the first: 40 ms, on Linux.
    # asyncio sees to the latter only where a socket names its protocol, and this one does not.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to others, and does not wake ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Begin to stop."""
        self.should_exit = True
        self._leaving.set()

    def cut_off(self) -> None:
        """End the connections that would not end."""
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()

    async def main_loop(self) -> None:
        """Keep the Date header right until it is time to leave."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._leaving.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install nothing: whoever runs the organism decides what a signal means."""
        yield
