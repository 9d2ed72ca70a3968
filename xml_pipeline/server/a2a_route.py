"""``/a2a`` and agent cards: the way to agents, for which nothing is imported before it is taken."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any, Literal

from starlette.types import Receive, Scope, Send

from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem


class A2aRoutes:
    """Serves A2A clients, as soon as a listener is exposed to them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._endpoint: Any = None
        self.card = _Part(self, "card")
        self.serve = _Part(self, "serve")

    async def begin(self) -> None:
        """Go on with what clients are owed from before a restart."""
        if self._desk.keeps and self._is_open:
            endpoint = await self.endpoint()
            await endpoint.recall()

    @property
    def _is_open(self) -> bool:
        return any("a2a" in each.expose for each in self._desk.organism.listeners)

    async def endpoint(self) -> Any:
        """Return what serves clients; Problem where nobody is exposed."""
        if not self._is_open:
            raise Problem(404, "There is nothing here: no listener says `expose: a2a`.")
        return self._endpoint or await self._first()

    async def _first(self) -> Any:
        """Import what serves clients: elsewhere, for that takes a third of a second."""
        try:
            module: Any = await asyncio.to_thread(import_module, "xml_pipeline.server.a2a.http")
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("xml_pipeline"):
                raise
            raise Problem(503, "This server lacks what A2A needs: the extra `a2a`.") from error
        if self._endpoint is None:  # Nobody else was the first one meanwhile.
            self._endpoint = module.Endpoint(self._desk)
        return self._endpoint


class _Part:
    """One of the two things that are served, as an ASGI application."""

    def __init__(self, routes: A2aRoutes, name: Literal["card", "serve"]) -> None:
        self._routes = routes
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        endpoint = await self._routes.endpoint()
        await getattr(endpoint, self._name)(scope, receive, send)
