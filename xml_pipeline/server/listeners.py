"""Routes that show listeners, pause them, and read the organism's file again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xml_pipeline.errors import UnknownListener
from xml_pipeline.listener import Listener
from xml_pipeline.payload import Codec, RawPayload, codec_of
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem, by_all_nodes, no_listener
from xml_pipeline.server.rendering import event_members

log = logging.getLogger(__name__)


class Listeners:
    """Who there is in the organism."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request) -> Response:
        """Show every listener."""
        return JSONResponse(
            {"listeners": [self._members(x) for x in self._desk.organism.listeners]}
        )

    async def show(self, request: Request) -> Response:
        """Show one listener."""
        return JSONResponse(self._members(self._named(request)))

    async def schema(self, request: Request) -> Response:
        """Show what a listener accepts: as JSON all of it, as XML one schema.

        XML is what ``?payload=TAG`` asks for, and needs it where there are several.
        """
        codecs = self._named(request).codecs
        tag = request.query_params.get("payload")
        if tag is None and "xml" not in request.headers.get("accept", ""):
            return JSONResponse({"payloads": {key: _schemas(codecs[key]) for key in codecs}})
        codec = codecs.get(tag) if tag is not None else _only(codecs)
        if codec is None:
            raise Problem(404, "There is no such payload; `payload` names one that it accepts.")
        return Response(codec.xsd, media_type="application/xml")

    async def pause(self, request: Request) -> Response:
        """Let a listener start nothing new."""
        return await self._set_paused(request, paused=True)

    async def resume(self, request: Request) -> Response:
        """Let a paused listener go on."""
        return await self._set_paused(request, paused=False)

    async def reload(self, request: Request) -> Response:
        """Read the organism's file again."""
        organism = self._desk.organism
        if organism.reloader is None:
            raise Problem(409, "This organism came from no file.")
        log.info("%s asked for a reload", self._desk.sender)
        with by_all_nodes():
            said = event_members(await organism.reload(by=self._desk.sender))
        if not said["applied"]:
            problems = {"problems": said["problems"]}
            raise Problem(422, "The file has problems; nothing was changed.", more=problems)
        return JSONResponse(said)

    async def _set_paused(self, request: Request, *, paused: bool) -> Response:
        listener, organism = self._named(request), self._desk.organism
        order = organism.pause if paused else organism.resume
        with by_all_nodes():
            await order(listener.name, by=self._desk.sender)
        log.info(
            "%s: %s is %s", self._desk.sender, listener.name, "paused" if paused else "resumed"
        )
        return JSONResponse(self._members(listener))

    def _named(self, request: Request) -> Listener:
        name, listeners = request.path_params["name"], self._desk.organism.kernel.listeners
        try:
            return listeners.get(name)
        except UnknownListener:
            raise no_listener(name, listeners) from None

    def _members(self, listener: Listener) -> dict[str, Any]:
        lane = self._desk.organism.kernel.scheduler.lane(listener)
        return {
            "name": listener.name,
            "description": listener.description,
            "accepts": list(listener.codecs),
            "generic": listener.generic,
            "output": [codec_of(each).tag for each in listener.outputs if each is not RawPayload],
            "agent": listener.agent,
            "peers": list(listener.peers),
            "group": listener.group,
            "broadcast": listener.broadcast,
            "timeout": listener.timeout,
            "max_concurrent": lane.limit,
            "paused": lane.paused,
            "running": len(lane.running),
        }


def _only(codecs: Mapping[str, Codec[Any]]) -> Codec[Any] | None:
    return next(iter(codecs.values())) if len(codecs) == 1 else None


def _schemas(codec: Codec[Any]) -> dict[str, Any]:
    return {
        "xsd": codec.xsd.decode(),
        "json_schema": codec.json_schema(),
        "example": codec.example_xml().decode(),
        "example_json": codec.to_json(codec.example()),
    }
