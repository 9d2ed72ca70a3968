"""MCP over streamable HTTP, behind the same gate as all else."""

from __future__ import annotations

import asyncio

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from xml_pipeline.server.desk import Desk
from xml_pipeline.server.mcp.serving import Clients


class Endpoint:
    """Serves clients from its first request on until the desk closes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._manager = StreamableHTTPSessionManager(
            Clients(desk).server(),
            max_request_body_size=desk.organism.config.limits.message_bytes,
            max_sessions=desk.bounds.streams,
        )
        self._begun = asyncio.Event()
        self._life = asyncio.create_task(self._live(), name="mcp sessions")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._begun.wait()
        self._desk.check_running()
        await self._manager.handle_request(scope, receive, send)

    async def _live(self) -> None:
        async with self._manager.run():
            self._begun.set()
            await self._desk.closing.wait()
