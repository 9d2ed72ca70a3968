"""Resources of servers behind us that clients in front have subscribed to.

Each such server is told once, by a message to its listener, however many clients want to hear of a
resource; what it tells is a ``ResourceChanged``, as if a listener of ours had changed it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from mcp import MCPError

from xml_pipeline.listener import Listener
from xml_pipeline.mcp.payloads import SubscribeResource, UnsubscribeResource
from xml_pipeline.payload import codec_of
from xml_pipeline.server.mcp.exposed import is_exposed

Ask = Callable[[Listener, Any], Awaitable[Any]]


class Behind:
    """Has servers behind us tell of changes, as long as somebody in front wants to hear of them."""

    def __init__(self, listeners: Callable[[], Iterable[Listener]], ask: Ask) -> None:
        self._listeners = listeners
        self._ask = ask
        self._wanted: Counter[str] = Counter()

    async def want(self, uri: str) -> None:
        """Have changes of a resource told, until ``leave``; nobody may have it, or tell of it."""
        self._wanted[uri] += 1
        if self._wanted[uri] == 1:
            await self._say(SubscribeResource(uri), followers(self._listeners()))

    async def leave(self, uri: str) -> None:
        """Want to hear of it no more."""
        self._wanted[uri] -= 1
        if self._wanted[uri] <= 0:
            del self._wanted[uri]
            await self._say(UnsubscribeResource(uri), followers(self._listeners()))

    async def say_again(self, listeners: Iterable[Listener]) -> None:
        """Tell listeners that were made anew what is wanted."""
        new = followers(listeners)
        for uri in tuple(self._wanted) if new else ():
            await self._say(SubscribeResource(uri), new)

    @asynccontextmanager
    async def wanting(self, uris: Iterable[str]) -> AsyncIterator[None]:
        """Have changes of these told meanwhile."""
        wanted = set(uris)
        try:
            await asyncio.gather(*map(self.want, wanted))
            yield
        finally:
            await asyncio.gather(*map(self.leave, wanted))

    async def _say(self, payload: Any, listeners: list[Listener]) -> None:
        await asyncio.gather(*(self._one(each, payload) for each in listeners))

    async def _one(self, listener: Listener, payload: Any) -> None:
        with suppress(MCPError):  # It is not there, or not for long: then it changes nothing.
            await self._ask(listener, payload)


def followers(listeners: Iterable[Listener]) -> list[Listener]:
    """Return those who are exposed and can tell of changes elsewhere."""
    tag = codec_of(SubscribeResource).tag
    return [each for each in listeners if is_exposed(each) and tag in each.codecs]
