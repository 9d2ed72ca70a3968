"""One session with an MCP server, in a task of its own, from the first word to the last.

The SDK wants a session to be left by the task that entered it; callers come and go.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from httpx2 import Auth
from mcp import Client, MCPError, types
from mcp.client.subscriptions import SubscriptionLost

from xml_pipeline.config import McpServerConfig
from xml_pipeline.events import LogLevel
from xml_pipeline.mcp.definitions import MOST_TOOLS, Definition, definition_of, digests
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.hearing import Hearing, Meanwhile
from xml_pipeline.mcp.oauth import entry
from xml_pipeline.mcp.questions import Answering
from xml_pipeline.mcp.transport import address, program, watched

log = logging.getLogger(__name__)

FRESH = 300.0
"""Seconds for which what a server said of its tools is relied upon, if it says nothing else."""

MOST_PAGES = 1_000
"""Pages of one list."""

LEAST: LogLevel = "debug"
"""From which level on we want to hear of servers that are passed on: whoever calls them chooses."""

US = types.Implementation(name="xml-pipeline", version="0.1.0")

_MODES = {"auto": "auto", "2025-11-25": "legacy", "2026-07-28": "auto"}


class Session:
    """A server that is connected to, and what it says that it has."""

    def __init__(
        self, name: str, config: McpServerConfig, folder: Path, auth: Auth | None = None
    ) -> None:
        self._about = (name, config, folder)
        self._auth = auth
        self._answering = Answering(config, folder)
        self._hearing = Hearing(says_whose=config.url is not None)
        self._leave = asyncio.Event()
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live(), name=f"mcp server {name}")
        self._tools: Mapping[str, str] = {}
        self._followed: dict[str, Callable[[], None]] = {}
        self._fresh_until = 0.0
        self._listing = asyncio.Lock()
        self.is_over = self.is_forgotten = False

    @classmethod
    async def opened(
        cls, name: str, config: McpServerConfig, folder: Path, auth: Auth | None = None
    ) -> Session:
        """Connect, as ``auth`` or as we ourselves; ServerFailed where that fails, or takes long."""
        session = cls(name, config, folder, auth)
        try:
            await asyncio.wait(
                (session._task, session._ready),
                timeout=config.connect_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            if not session._ready.done():
                await session.close()
        if session._ready.done() and not session._ready.cancelled():
            return session
        raise ServerFailed(f"{name} cannot be reached: {session.why()}", unsent=True)

    @property
    def client(self) -> Client:
        """Return the SDK's own client."""
        return self._ready.result()

    @contextmanager
    def during(self, meanwhile: Meanwhile) -> Iterator[None]:
        """Have heard what the server says and asks meanwhile."""
        begun = self._hearing.begin(meanwhile.say)
        if meanwhile.ask is not None:
            self._answering.ask = meanwhile.ask
        try:
            yield
        finally:
            self._hearing.end(meanwhile.say, begun)
            if meanwhile.ask is not None:
                self._answering.ask = None

    def why(self) -> str:
        """Return what the session ended of, in words."""
        if not self._task.done() or self._task.cancelled():
            return "it does not answer in time"
        return _innermost(self._task.exception()) if self._task.exception() else "it has ended"

    async def close(self) -> None:
        """End the session; a program is given a moment to end, and then killed."""
        self.is_over = True
        self._leave.set()
        if not self._ready.done():  # It may hang anywhere.
            self._task.cancel()
        await asyncio.wait((self._task,))
        self._ready.cancel()
        if not self._task.cancelled() and self._task.exception() is not None:
            log.debug("%s: %s", self._about[0], self.why())

    async def digest(self, tool: str) -> str | None:
        """Return which definition a tool has at present; None where there is no such tool."""
        async with self._listing:
            if time.monotonic() >= self._fresh_until:
                await self.tools()
        return self._tools.get(tool)

    async def tools(self) -> tuple[Definition, ...]:
        """Ask for all tools; ServerFailed where there is no end of them."""
        found: list[Definition] = []
        self._fresh_until = time.monotonic() + FRESH
        if self.client.server_capabilities.tools is None:
            return ()
        async for page in self._pages(self.client.session.list_tools):
            said = (each.model_dump(mode="json", by_alias=True) for each in page.tools)
            found += map(definition_of, said)
            if len(found) > MOST_TOOLS:
                raise ServerFailed(f"it has more than {MOST_TOOLS} tools")
            if page.ttl_ms:
                self._fresh_until = time.monotonic() + min(FRESH, page.ttl_ms / 1000)
        self._tools = digests(found)
        return tuple(found)

    async def follow(
        self, uri: str, changed: Callable[[], None], ready: Callable[[], None]
    ) -> None:
        """Call ``changed`` whenever a resource changes, until the session is over.

        ``ready`` is called once the server has taken that; ServerFailed where it tells nobody.
        """
        able = self.client.server_capabilities.resources
        if able is None or not able.subscribe:
            raise ServerFailed("it tells nobody of changes")
        if self.client.session.discover_result is None:
            await self._subscribe(uri, changed, ready)
            return
        with suppress(SubscriptionLost):
            async with self.client.listen(resource_subscriptions=(uri,)) as changes:
                if uri not in (changes.honored.resource_subscriptions or ()):
                    raise ServerFailed("it tells nobody of changes")
                ready()
                async for _ in changes:
                    changed()

    async def _subscribe(
        self, uri: str, changed: Callable[[], None], ready: Callable[[], None]
    ) -> None:
        wire, nothing = self.client.session, types.EmptyResult
        self._followed[uri] = changed
        try:
            about = types.SubscribeRequestParams(uri=uri)
            await wire.send_request(types.SubscribeRequest(params=about), nothing)
            ready()
            await self._leave.wait()
        finally:
            del self._followed[uri]
            if not self.is_over:
                gone = types.UnsubscribeRequestParams(uri=uri)
                with suppress(MCPError):
                    await wire.send_request(types.UnsubscribeRequest(params=gone), nothing)

    async def _pages(self, ask: Any) -> AsyncIterator[Any]:
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await ask(params=types.PaginatedRequestParams(cursor=cursor))
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return
        raise ServerFailed(f"its list has more than {MOST_PAGES} pages")

    async def _live(self) -> None:
        name, config, folder = self._about
        auth = self._auth or entry(config)
        opened = (
            program(name, config, folder) if config.command else address(config, auth, self._forget)
        )
        way = watched(opened, self._end)
        async with Client(
            way,
            mode=_MODES[config.protocol],
            client_info=US,
            cache=None,
            message_handler=self._heard,
            logging_callback=self._hearing.heard,
            log_level=LEAST if config.expose else None,
            **self._answering.callbacks(),
        ) as client:
            if config.protocol == "2026-07-28" and client.session.discover_result is None:
                raise ServerFailed(f"it speaks {client.protocol_version} only", unsent=True)
            if config.expose:
                await _have_all_said(client)
            self._ready.set_result(client)
            await self._listen(client)
            await self._leave.wait()

    async def _listen(self, client: Client) -> None:
        """Hear of changes on the wire that tells of them only where it is asked to."""
        tools = client.server_capabilities.tools
        if client.session.discover_result is None or tools is None or not tools.list_changed:
            return
        leaving = asyncio.create_task(self._leave.wait())
        hearing = asyncio.create_task(self._hear_changes(client))
        await asyncio.wait((leaving, hearing), return_when=asyncio.FIRST_COMPLETED)
        for each in (leaving, hearing):
            each.cancel()
        await asyncio.wait((leaving, hearing))

    async def _hear_changes(self, client: Client) -> None:
        try:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._fresh_until = 0.0
        except (SubscriptionLost, MCPError):
            self._fresh_until = 0.0

    def _end(self) -> None:
        self.is_over = True
        self._leave.set()

    def _forget(self) -> None:
        self.is_over = self.is_forgotten = True

    async def _heard(self, message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._fresh_until = 0.0
        elif isinstance(message, types.ResourceUpdatedNotification):
            changed = self._followed.get(str(message.params.uri))
            if changed is not None:
                changed()


async def _have_all_said(client: Client) -> None:
    """Have a server of the older wire say all that it has to say, whoever then wants to hear it."""
    wire = client.session
    if wire.discover_result is None and client.server_capabilities.logging is not None:
        level = types.SetLevelRequestParams(level=LEAST)
        await wire.send_request(types.SetLevelRequest(params=level), types.EmptyResult)


def _innermost(error: BaseException | None) -> str:
    """Return the words of an error, or of the first one in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{error}" or type(error).__name__
