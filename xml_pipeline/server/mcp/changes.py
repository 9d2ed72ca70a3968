"""Tells clients that what they know of us is not so any more.

On the newer wire whoever wants to know listens, on the older one all who are connected are told of
the lists, and of those resources that they have subscribed to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from mcp import MCPError, types
from mcp.server.connection import Connection
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.subscriptions import event_to_notification

from xml_pipeline.events import Event, ListenersChanged, ReloadEvent, ResourceChanged
from xml_pipeline.listener import Listener
from xml_pipeline.mcp.payloads import ListPrompts, ListResources
from xml_pipeline.payload import codec_of
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.mcp.behind import Behind
from xml_pipeline.server.mcp.exposed import is_exposed, tools
from xml_pipeline.server.mcp.lasting import Context, connection_of

MOST_RESOURCES = 1_000
"""Resources that one client may subscribe to on one connection."""

WATCH = "xml-pipeline watch"


class Changes:
    """What changes in an organism, for its MCP clients."""

    def __init__(self, desk: Desk, behind: Behind) -> None:
        self._desk = desk
        self._behind = behind
        self._bus = InMemorySubscriptionBus()
        self._streams = ListenHandler(self._bus, max_subscriptions=desk.bounds.streams)

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Tell of changes while the server lives."""
        news: asyncio.Queue[ServerEvent] = asyncio.Queue()
        anew: asyncio.Queue[frozenset[Listener]] = asyncio.Queue()
        shown = self._shown()

        def hear(event: Event) -> None:
            nonlocal shown
            if isinstance(event, ResourceChanged):
                news.put_nowait(ResourceUpdated(event.uri))
            elif isinstance(event, ReloadEvent | ListenersChanged):
                before, shown = shown, self._shown()
                for each in _lists(before ^ shown):
                    news.put_nowait(each)
                anew.put_nowait(shown - before)

        leave = self._desk.organism.subscribe(hear)
        tasks = (
            asyncio.create_task(self._tell(news), name="mcp changes"),
            asyncio.create_task(self._say_again(anew), name="mcp subscriptions"),
        )
        try:
            yield
        finally:
            leave()
            for each in tasks:
                each.cancel()
            self._streams.close()
            await asyncio.wait(tasks)

    async def listen(
        self, context: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Tell a client of the newer wire of what it wants to hear of, as long as it listens."""
        async with self._behind.wanting(params.notifications.resource_subscriptions or ()):
            return await self._streams(context, params)

    async def greet(self, context: Context, params: types.NotificationParams) -> None:
        """Remember a client that is connected, and may be told something at any time."""
        self._watch(context)

    async def subscribe(
        self, context: Context, params: types.SubscribeRequestParams
    ) -> types.EmptyResult:
        """Tell a client from now on when a resource changes."""
        watch = self._watch(context)
        if len(watch.uris) >= MOST_RESOURCES:
            words = f"A connection may subscribe to {MOST_RESOURCES} resources."
            raise MCPError(types.INVALID_PARAMS, words)
        await watch.add(params.uri)
        return types.EmptyResult()

    async def unsubscribe(
        self, context: Context, params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        """Do not tell it any more."""
        await self._watch(context).discard(params.uri)
        return types.EmptyResult()

    def _shown(self) -> frozenset[Listener]:
        return frozenset(filter(is_exposed, self._desk.organism.listeners))

    async def _tell(self, news: asyncio.Queue[ServerEvent]) -> None:
        while True:
            await self._bus.publish(await news.get())

    async def _say_again(self, anew: asyncio.Queue[frozenset[Listener]]) -> None:
        while True:
            await self._behind.say_again(await anew.get())

    def _watch(self, context: Context) -> _Watch:
        connection = connection_of(context)
        if WATCH not in connection.state:
            watch = connection.state[WATCH] = _Watch(connection, self._bus.subscribe, self._behind)
            connection.exit_stack.push_async_callback(watch.close)
        found: _Watch = connection.state[WATCH]
        return found


class _Watch:
    """One connection of the older wire: what it is to be told, each once however often it was."""

    def __init__(
        self,
        connection: Connection,
        subscribe: Callable[..., Callable[[], None]],
        behind: Behind,
    ) -> None:
        self.uris: set[str] = set()
        self._behind = behind
        self._connection = connection
        self._due: dict[ServerEvent, None] = {}
        self._news = asyncio.Event()
        self._leave = subscribe(self._hear)
        self._telling = asyncio.create_task(self._tell(), name="mcp changes for one client")

    async def add(self, uri: str) -> None:
        """Tell it when a resource changes."""
        if uri not in self.uris:
            self.uris.add(uri)
            await self._behind.want(uri)

    async def discard(self, uri: str) -> None:
        """Do not tell it any more."""
        if uri in self.uris:
            self.uris.remove(uri)
            await self._behind.leave(uri)

    async def close(self) -> None:
        """Tell it nothing more."""
        self._leave()
        self._telling.cancel()
        await asyncio.wait((self._telling,))
        for uri in tuple(self.uris):
            await self.discard(uri)

    def _hear(self, event: ServerEvent) -> None:
        if not isinstance(event, ResourceUpdated) or event.uri in self.uris:
            self._due[event] = None
            self._news.set()

    async def _tell(self) -> None:
        while await self._news.wait():
            self._news.clear()
            while self._due:
                event = next(iter(self._due))
                del self._due[event]
                said = event_to_notification(event, {}).model_dump(
                    by_alias=True, mode="json", exclude_none=True
                )
                await self._connection.notify(said["method"], said.get("params"))


def _lists(changed: Iterable[Listener]) -> set[ServerEvent]:
    """Return which lists are others now that listeners came, went or were replaced."""
    lists: set[ServerEvent] = set()
    for each in changed:
        if codec_of(ListPrompts).tag in each.codecs:
            lists.add(PromptsListChanged())
        if codec_of(ListResources).tag in each.codecs:
            lists.add(ResourcesListChanged())
        if tools([each]):
            lists.add(ToolsListChanged())
    return lists
