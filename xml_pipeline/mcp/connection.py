"""The way to one MCP server: connected when it is first needed, and again when it was lost.

The rule this file guards: a tool is called only if the server still describes it as was approved,
and called twice only where that is known to do no harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mcp import Client, MCPError, types
from pydantic import ValidationError

from xml_pipeline.config import McpServerConfig
from xml_pipeline.mcp.definitions import Definition
from xml_pipeline.mcp.entry import Entry
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.hearing import Meanwhile
from xml_pipeline.mcp.session import Session

log = logging.getLogger(__name__)

Found = TypeVar("Found")


class Connection:
    """One server, shared by all listeners that stand for its parts; with an ``entry`` into it."""

    def __init__(
        self, name: str, config: McpServerConfig, folder: Path, entry: Entry | None = None
    ) -> None:
        self.name = name
        self._entry = entry
        self._config = config
        self._folder = folder
        self._session: Session | None = None
        self._opening = asyncio.Lock()

    async def call(
        self,
        tool: Definition,
        arguments: Mapping[str, Any],
        meanwhile: Meanwhile,
    ) -> types.CallToolResult:
        """Call a tool; ServerFailed says why there is no answer.

        A server does not say of which call it asks something ``meanwhile``, so a call that may be
        asked is alone on its connection.
        """
        session = await self._connected()
        await self._check(session, tool)

        async def call(client: Client) -> types.CallToolResult:
            return await client.call_tool(
                tool.name, dict(arguments), progress_callback=meanwhile.progress
            )

        with session.during(meanwhile):
            return await self._asked(session, call, tool.is_repeatable)

    async def ask(
        self, question: Callable[[Client], Awaitable[Found]], meanwhile: Meanwhile
    ) -> Found:
        """Ask for something that changes nothing; all else is as with ``call``."""
        session = await self._connected()
        with session.during(meanwhile):
            return await self._asked(session, question, is_repeatable=True)

    async def follow(
        self, uri: str, changed: Callable[[], None], ready: Callable[[], None]
    ) -> None:
        """Call ``changed`` whenever a resource changes; return when the connection is lost.

        ``ready`` is called once the server has taken that; ServerFailed where it does not.
        """
        session = await self._connected()
        await self._asked(session, lambda _: session.follow(uri, changed, ready), True)

    async def aclose(self) -> None:
        """End the connection."""
        async with self._opening:
            if self._session is not None:
                await self._session.close()
                self._session = None

    async def _connected(self) -> Session:
        if self._entry is not None:
            await self._entry.ready()
        async with self._opening:
            if self._session is not None and self._session.is_over:
                await self._session.close()
                log.warning("the connection to %s was lost: %s", self.name, self._session.why())
                self._session = None
            if self._session is None:
                about = (self.name, self._config, self._folder)
                self._session = await Session.opened(*about, self._entry)
        return self._session

    async def _check(self, session: Session, tool: Definition) -> None:
        """Refuse a tool that is not as it was when it was approved."""
        present = await self._asked(session, lambda _: session.digest(tool.name), True)
        if present == tool.digest:
            return
        what = "is gone" if present is None else "is described otherwise than was approved"
        log.warning("%s: the tool %s %s", self.name, tool.name, what)
        raise ServerFailed(
            f'The tool "{tool.name}" of {self.name} {what}, so it was not called. An operator can'
            " look at the change, and approve it, with `xml-pipeline mcp pin`."
        )

    async def _asked(
        self,
        session: Session,
        question: Callable[[Client], Awaitable[Found]],
        is_repeatable: bool,
    ) -> Found:
        try:
            return await question(session.client)
        except MCPError as error:
            if session.is_forgotten:
                raise ServerFailed(f"{self.name} has forgotten us", unsent=True) from None
            if error.code == types.CONNECTION_CLOSED:
                session.is_over = True
                words = f"the connection to {self.name} broke; it may have done it, or not"
                raise ServerFailed(words, unsent=is_repeatable) from None
            complaint = self._entry.complaint() if self._entry is not None else ""
            raise ServerFailed(f"{self.name} refuses: {complaint or error.message}") from None
        except ValidationError:
            raise ServerFailed(f"{self.name} gave an answer that is none") from None
        except RuntimeError as error:  # What the SDK says of an answer that breaks its schema.
            raise ServerFailed(str(error)) from None
