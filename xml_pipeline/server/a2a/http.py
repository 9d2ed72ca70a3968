"""A2A over HTTP, behind the same gate as all else: cards, JSON-RPC in both dialects, HTTP+JSON."""

from __future__ import annotations

import asyncio
import logging

from a2a.server.context import ServerCallContext
from a2a.server.routes import (
    DefaultServerCallContextBuilder,
    create_jsonrpc_routes,
    create_rest_routes,
)
from a2a.utils.constants import VERSION_HEADER
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from xml_pipeline.errors import BackendUnavailable
from xml_pipeline.server.a2a.agents import Agents
from xml_pipeline.server.a2a.book import Book
from xml_pipeline.server.a2a.cards import ROOT, SPOKEN, card_of_all, card_of_one, card_response
from xml_pipeline.server.a2a.handler import HEADERS, Agent
from xml_pipeline.server.a2a.older import refusal
from xml_pipeline.server.a2a.push import Push
from xml_pipeline.server.body import body_of
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem

log = logging.getLogger(__name__)


class Contexts(DefaultServerCallContextBuilder):
    """Hands on the headers of a request as they came, each as often as it did."""

    def build(self, request: Request) -> ServerCallContext:
        """Return what is known of a request."""
        context = super().build(request)
        context.state[HEADERS] = request.headers
        return context


class Endpoint:
    """Serves clients from its first request on until the desk closes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._push = Push(desk.organism.config.a2a.push_networks, desk.bounds)
        self._book = Book(desk, self._push.attend)
        self._agents = Agents(desk.organism)
        self._routers: dict[str, Router] = {}
        self._older = desk.organism.config.a2a.older
        self._spoken = SPOKEN if self._older else SPOKEN[:1]
        self._life = asyncio.create_task(self._live(), name="a2a")

    async def _live(self) -> None:
        """Let all go who wait, and send nothing more, as soon as the desk closes."""
        await self._desk.closing.wait()
        self._book.close()
        self._push.close()

    async def recall(self) -> None:
        """Go on with telling those who were told of tasks before a restart."""
        try:
            await self._book.recall()
        except BackendUnavailable as error:
            log.warning("nobody is told of tasks that go on: %s", error)

    async def card(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Show the card of one agent, or of the organism."""
        request = Request(scope, receive)
        config = self._desk.organism.config
        base = (config.a2a.public_url or str(request.base_url)).rstrip("/")
        name, default = scope["path_params"].get("name"), self._agents.default
        if default is None or (name and name not in self._agents.all()):
            raise Problem(404, "There is no such agent.")
        if name:
            card = card_of_one(self._agents.all()[name], base, self._spoken)
        else:
            agents = tuple(self._agents.all().values())
            card = card_of_all(config.organism.name, default, agents, base, self._spoken)
        await card_response(card, request)(scope, receive, send)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a client of one agent, or of the organism."""
        self._desk.check_running()
        name = scope["path_params"].get("name", "")
        if name and name not in self._agents.all():
            raise Problem(404, "There is no such agent.")
        body = await body_of(Request(scope, receive), self._desk)
        path = scope["path"].removesuffix("/")
        if self._older and path in (ROOT, f"{ROOT}/{name}") and (said := refusal(body)):
            await said(scope, receive, send)
            return
        inner = dict(scope, path=path, path_params={}, headers=_headers(scope))
        await self._router(name)(inner, _again(body, receive), send)

    def _router(self, name: str) -> Router:
        """Return the SDK's routes for one agent, which call us."""
        if name not in self._routers:
            agent = Agent(name, self._agents, self._book, self._push)
            here = f"{ROOT}/{name}" if name else ROOT
            contexts = Contexts()
            routes = create_jsonrpc_routes(agent, here, contexts, enable_v0_3_compat=self._older)
            if name:
                rest = create_rest_routes(agent, contexts, path_prefix=here)
                routes += [each for each in rest if isinstance(each, Route)]  # No tenants in paths.
            self._routers[name] = Router(routes, redirect_slashes=False)
        return self._routers[name]


def _headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request, with the version that it names in its address instead."""
    version = QueryParams(scope["query_string"]).get(VERSION_HEADER)
    if version is None or VERSION_HEADER.lower() in Headers(scope=scope):
        return list(scope["headers"])
    return [
        *scope["headers"],
        (VERSION_HEADER.lower().encode(), version.encode("latin-1", "replace")),
    ]


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and then what else comes."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
