"""Ways to an MCP server: a program and its standard streams, or streamable HTTP.

The rule this file guards: a program is started from the operator's file only, without a shell, and
sees none of our environment but what the file gives it; what it says on its standard error is a
stranger's words, and goes into the log as such.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import httpx2
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage

from xml_pipeline.config import McpServerConfig
from xml_pipeline.payload.text import printable

log = logging.getLogger(__name__)

LONGEST_LINE = 2_000
"""Characters of a line on standard error that are logged; a longer one is cut in several."""

SILENCE = 300.0
"""Seconds for which the stream of an answer over HTTP may be silent."""

SESSION = "mcp-session-id"
"""The header that says which session a request belongs to."""

NOT_FOUND = 404

Heard = SessionMessage | Exception


class Watched:
    """The messages of a server; ``ended`` is called when no more will come."""

    def __init__(self, stream: Any, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._ended = ended

    @property
    def last_context(self) -> Any:
        """Return the context in which the last message was sent, where there is one."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Heard:
        """Return the next message."""
        message: Heard = await self._stream.receive()
        return message

    async def aclose(self) -> None:
        """Hear no more."""
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Heard:
        try:
            message: Heard = await anext(self._stream)
        except StopAsyncIteration:
            self._ended()
            raise
        return message

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


@asynccontextmanager
async def watched(
    opened: AbstractAsyncContextManager[tuple[Any, Any]], ended: Callable[[], None]
) -> AsyncIterator[tuple[Watched, Any]]:
    """Open a way to a server; gives what comes and what goes.

    ``ended`` is called when nothing more will come.
    """
    async with opened as (coming, going):
        yield Watched(coming, ended), going


@asynccontextmanager
async def program(
    name: str, config: McpServerConfig, folder: Path
) -> AsyncIterator[tuple[Any, Any]]:
    """Start a program, and speak with it over its standard streams."""
    parameters = StdioServerParameters(
        command=config.command or "",
        args=list(config.args),
        env={key: value.get_secret_value() for key, value in config.env.items()},
        cwd=folder / config.cwd if config.cwd else folder,
    )
    async with _logged(name) as errors, stdio_client(parameters, errors) as streams:
        yield streams


@asynccontextmanager
async def address(
    config: McpServerConfig, auth: httpx2.Auth | None, forgotten: Callable[[], None]
) -> AsyncIterator[tuple[Any, Any]]:
    """Speak with a server over streamable HTTP.

    ``forgotten`` is called when it says that it knows of no such session: it has done nothing of
    what it was asked then.
    """

    async def look(response: httpx2.Response) -> None:
        if response.status_code == NOT_FOUND and SESSION in response.request.headers:
            forgotten()

    headers = {key: value.get_secret_value() for key, value in config.headers.items()}
    patience = httpx2.Timeout(config.connect_timeout, read=SILENCE)
    async with (
        httpx2.AsyncClient(
            headers=headers,
            timeout=patience,
            auth=auth,
            event_hooks={"response": [look]},
        ) as client,
        streamable_http_client(config.url or "", http_client=client) as streams,
    ):
        yield streams


@asynccontextmanager
async def _logged(name: str) -> AsyncIterator[TextIO]:
    """Give a file whose lines go into the log."""
    out, into = os.pipe()
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    source = os.fdopen(out, "rb", buffering=0)
    opened, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, source)
    reading = asyncio.create_task(_log(name, reader), name=f"standard error of {name}")
    try:
        with os.fdopen(into, "w", encoding="utf-8") as errors:
            yield errors
    finally:
        opened.close()
        reading.cancel()
        await asyncio.wait((reading,))


async def _log(name: str, reader: asyncio.StreamReader) -> None:
    while line := await _line(reader):
        log.info("%s says: %s", name, printable(line.decode(errors="replace").rstrip()))


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError:
        return await reader.read(LONGEST_LINE)
