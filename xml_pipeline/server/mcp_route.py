"""``/mcp``: the way to the tools, for which nothing is imported before somebody takes it."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem


class McpRoute:
    """Serves MCP clients, as soon as a listener is exposed to them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._endpoint: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if not any("mcp" in each.expose for each in self._desk.organism.listeners):
            raise Problem(404, "There is nothing here: no listener says `expose: mcp`.")
        self._desk.check_running()
        endpoint = self._endpoint or await self._first()
        await endpoint(scope, receive, send)

    async def _first(self) -> ASGIApp:
        """Import what serves clients: elsewhere, for that takes about a second."""
        module: Any = await asyncio.to_thread(import_module, "xml_pipeline.server.mcp.http")
        if self._endpoint is None:  # Nobody else was the first one meanwhile.
            self._endpoint = module.Endpoint(self._desk)
        return self._endpoint
