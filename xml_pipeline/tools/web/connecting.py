"""Connects to what a name stands for, once all its addresses were judged.

The rule this file guards: a name is resolved once for a connection, and what is connected to is an
address that was judged: whoever answers otherwise the next time is not asked.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from httpcore import (
    AnyIOBackend,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
)

from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.web.addresses import Network, may_be_reached

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a name; OSError where there are none."""

SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Resolve a name as this machine does, numbers in all their forms included."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedNetwork(AsyncNetworkBackend):
    """Connects to addresses of the internet, and to those of some networks beside it."""

    def __init__(self, networks: Sequence[Network], resolve: Resolve = system_resolve) -> None:
        self._networks = networks
        self._resolve = resolve
        self._backend = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first address that answers; ToolFailed where one may not be reached."""
        error: Exception = ConnectError(f"{host} has no address")
        for address in await self.addresses(host, port):
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (ConnectError, ConnectTimeout) as failed:
                error = failed
        raise error

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a name, all of which may be reached."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise ToolFailed(f"there is no host {host:.100}") from None
        if not all(may_be_reached(each, self._networks) for each in found):
            raise ToolFailed(f"{host:.100} is not on the internet, and may not be reached")
        return found
