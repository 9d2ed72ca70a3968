"""The application: the table of routes, and what answers each."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from xml_pipeline.errors import AuditFailed
from xml_pipeline.names import PRINCIPAL
from xml_pipeline.organism import Organism
from xml_pipeline.server.a2a_operations import A2A_CARDS, A2A_OPERATIONS, A2A_WITH_SLASH
from xml_pipeline.server.a2a_route import A2aRoutes
from xml_pipeline.server.approvals import Approvals
from xml_pipeline.server.bounds import Bounds
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.gate import Gate
from xml_pipeline.server.leaving import HangUpWhenLeaving
from xml_pipeline.server.letters import DeadLetters
from xml_pipeline.server.listeners import Listeners
from xml_pipeline.server.mcp_route import McpRoute
from xml_pipeline.server.messages import Messages
from xml_pipeline.server.nodes import NodesRoute
from xml_pipeline.server.operation import Operation
from xml_pipeline.server.operations import OPERATIONS
from xml_pipeline.server.probes import Probes
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.query import KnownQuery
from xml_pipeline.server.questions import Questions
from xml_pipeline.server.sse import EventRoute
from xml_pipeline.server.threads import Threads
from xml_pipeline.server.unread import HangUpOnUnread
from xml_pipeline.server.ws import SocketRoute

log = logging.getLogger(__name__)

SENDER = "http:operator"
"""Who comes with the token; a name that no listener can have."""


def application(
    organism: Organism,
    *,
    token: str,
    sender: str = SENDER,
    hosts: Iterable[str] = (),
    bounds: Bounds | None = None,
) -> Starlette:
    """Return the ASGI application over an organism.

    Whoever has the ``token`` is ``sender``, and an operator: sees every thread, and may kill,
    pause and reload. ``hosts`` are names by which this server may be addressed, besides
    ``localhost`` and addresses. The application listens to the organism from now on until its
    lifespan ends, or ``state.desk.close()`` is called. Whether anybody is there to be asked for
    approvals is for whoever serves it to say.

    Raises ValueError for an empty token or a sender that is no name.
    """
    if not token:
        raise ValueError("the server needs a token")
    if not PRINCIPAL.fullmatch(sender):
        raise ValueError(f"{sender!r} is no sender's name: {PRINCIPAL.pattern}")
    desk = Desk(organism, sender, bounds if bounds is not None else Bounds())
    closed = () if organism.config.a2a.open_cards else A2A_CARDS
    open_paths = [each.path for each in OPERATIONS if each.open and each not in closed]
    a2a = A2aRoutes(desk)
    app = Starlette(
        routes=_routes(desk, a2a),
        middleware=[
            Middleware(HangUpOnUnread),
            Middleware(HangUpWhenLeaving, desk),
            Middleware(Gate, token, hosts, open_paths),
        ],
        exception_handlers={
            Problem: _problem,
            HTTPException: _not_here,
            AuditFailed: _not_written_down,
            Exception: _unexpected,
        },
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False
    app.state.desk, app.state.a2a = desk, a2a
    return app


def _routes(desk: Desk, a2a: A2aRoutes) -> list[BaseRoute]:
    messages, threads, listeners = Messages(desk), Threads(desk), Listeners(desk)
    letters = DeadLetters(desk)
    mcp = McpRoute(desk)
    events, sockets, probes = EventRoute(desk), SocketRoute(desk), Probes(desk)
    endpoints: dict[str, Any] = {
        "post_message": messages.post,
        "list_threads": threads.list,
        "show_thread": threads.show,
        "thread_messages": threads.messages,
        "thread_log": threads.log,
        "kill_thread": threads.kill,
        "kill_threads": threads.kill_all,
        "list_letters": letters.list,
        "show_letter": letters.show,
        "drop_letter": letters.drop,
        "replay_letter": letters.replay,
        "list_nodes": NodesRoute(desk).list,
        "list_listeners": listeners.list,
        "show_listener": listeners.show,
        "listener_schema": listeners.schema,
        "pause_listener": listeners.pause,
        "resume_listener": listeners.resume,
        "reload": listeners.reload,
        "events": events.get,
        "websocket": sockets.open,
        "mcp_post": mcp,
        "mcp_get": mcp,
        "mcp_delete": mcp,
        "healthz": probes.alive,
        "readyz": probes.ready,
        "metrics": probes.metrics,
        "openapi": probes.openapi,
    }
    endpoints |= _asked_of_people(desk)
    endpoints |= {each.name: a2a.serve for each in A2A_OPERATIONS}
    endpoints |= {each.name: a2a.card for each in A2A_CARDS}
    return [_route(each, endpoints[each.name]) for each in (*OPERATIONS, *A2A_WITH_SLASH)]


def _asked_of_people(desk: Desk) -> dict[str, Any]:
    approvals, questions = Approvals(desk), Questions(desk)
    return {
        "list_approvals": approvals.list,
        "decide": approvals.decide,
        "list_learned": approvals.learned,
        "forget_learned": approvals.forget,
        "list_questions": questions.list,
        "answer": questions.answer,
    }


def _route(operation: Operation, endpoint: Any) -> BaseRoute:
    known = [each.name for each in operation.parameters if each.where == "query"]
    strict = [Middleware(KnownQuery, known)]
    if 101 in operation.answers:
        return WebSocketRoute(operation.path, endpoint, middleware=strict)
    return Route(operation.path, endpoint, methods=[operation.method], middleware=strict)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    beginning = asyncio.create_task(app.state.a2a.begin(), name="a2a begins")
    yield
    beginning.cancel()
    app.state.desk.close()


async def _problem(request: Request, error: Any) -> Response:
    response: Response = error.response()
    return response


async def _not_written_down(request: Request, error: Any) -> Response:
    """Answer for an order that was not carried out because the audit log cannot be written."""
    words = "It could not be written into the audit log, so it was not done."
    return Problem(503, words, code="internal").response()


async def _not_here(request: Request, error: Any) -> Response:
    """Answer for a path or method that is not there."""
    words = "There is nothing here." if error.status_code == 404 else "That is not done here."
    return Problem(error.status_code, words).response(error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer for an error that nobody foresaw; its traceback is in the log."""
    id = secrets.token_hex(8)
    log.error("fault %s: %s %s failed", id, request.method, request.url.path, exc_info=error)
    return Problem(500, "This request could not be handled.", code="internal", id=id).response()
