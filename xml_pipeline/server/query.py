"""What a route is asked beyond its path: every parameter is one that it knows.

A misspelt filter that is passed over shows too much, a misspelt ``wait`` waits for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from xml_pipeline.names import did_you_mean
from xml_pipeline.server.problems import Problem

_LONGEST = 100
"""Characters of a name that are said back."""


class KnownQuery:
    """Lets through what names no other query parameters than these."""

    def __init__(self, app: ASGIApp, known: Iterable[str]) -> None:
        self._app = app
        self._known = tuple(known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one request or WebSocket handshake."""
        problem = self._judge(QueryParams(scope["query_string"]))
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem.response()(scope, receive, send)

    def _judge(self, query: QueryParams) -> Problem | None:
        unknown = next((name for name in query if name not in self._known), None)
        if unknown is None:
            return None
        name = unknown[:_LONGEST]
        words = f'There is no query parameter "{name}" here'
        if hint := did_you_mean(name, self._known):
            return Problem(400, f"{words}: {hint}")
        if not self._known:
            return Problem(400, f"{words}, nor any other.")
        return Problem(400, f"{words}; there are: {', '.join(self._known)}.")
