"""Routes for machines that look after the server: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xml_pipeline.server.desk import Desk
from xml_pipeline.server.metrics import MEDIA_TYPE
from xml_pipeline.server.openapi import document
from xml_pipeline.server.problems import Problem


class Probes:
    """Says how the server is."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._openapi = document()

    async def alive(self, request: Request) -> Response:
        """Say whether messages move."""
        if not self._desk.organism.running:
            raise Problem(503, "The organism is not running.")
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Say whether a message would be taken in now."""
        if not self._desk.ready:
            raise Problem(503, "Nothing more is taken in at present.", retry_after=1.0)
        return JSONResponse({"status": "ready"})

    async def metrics(self, request: Request) -> Response:
        """Show the figures."""
        return Response(self._desk.metrics.exposition(), media_type=MEDIA_TYPE)

    async def openapi(self, request: Request) -> Response:
        """Show what routes there are."""
        return JSONResponse(self._openapi)
