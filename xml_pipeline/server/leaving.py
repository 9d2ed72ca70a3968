"""Connections while the organism stops: whoever is answered then is told to come back elsewhere."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xml_pipeline.server.desk import Desk


class HangUpWhenLeaving:
    """Ends the connection after each answer once nothing is taken in any more.

    A client that keeps it would be refused again and again, until it is cut off in the middle of
    a request, and would not know what became of that.
    """

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if self._desk.leaving and message["type"] == "http.response.start":
                headers = [*message["headers"], (b"connection", b"close")]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, sending)
