"""An MCP server that wants to know for which user it is called, and who exchanges tokens for it."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.mcp.house import listening
from xml_pipeline import HandlerMetadata, HandlerResponse
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.mcp.payloads import McpResult

SECRET = "canary-secret-of-the-organism"  # one to look for in all that is told
ACTOR = "canary-token-of-the-organism"


def token_of(person: str, number: int = 0) -> str:
    """Return a token that speaks for a person; another number is another token of theirs."""
    said = {"iss": "https://login.example", "sub": person, "number": number}
    return f"{_part({'alg': 'none'})}.{_part(said)}.canary"


def _part(said: Mapping[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


@dataclass
class Exchange:
    """Both of them, and what they were asked.

    ``answers`` are given to the next exchanges in place of a token. ``sent`` are the users of the
    requests that the server took, ``strangers`` the sessions that a second user has come with.
    """

    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    knocked: list[str] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=lambda: {"expires_in": 3600})
    granted: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)

    def config(self, wire: str = "auto", **auth: Any) -> dict[str, Any]:
        """Return what an organism file says of the server."""
        known = {"client_id": "organism", "client_secret": SECRET}
        where = {"type": "token_exchange", "token_url": f"{self.url}/token"}
        return {"url": f"{self.url}/mcp", "protocol": wire, "auth": {**where, **known, **auth}}

    def users(self) -> list[str]:
        """Return for whom tokens were asked for, in order."""
        return [person_of(each["subject_token"]) for each in self.asked]

    async def token(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        self.asked.append({**form, "authorization": request.headers.get("authorization", "")})
        if self.answers:
            return self.answers.pop(0)
        token = f"granted-{len(self.asked)}"
        self.granted[f"Bearer {token}"] = person_of(form["subject_token"])
        said = {"access_token": token, "token_type": "bearer", **self.extra}
        return JSONResponse(said)

    def guard(self, inner: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope)
            given = request.headers.get("authorization", "")
            self.knocked.append(given)
            if given not in self.granted:
                await Response(status_code=401)(scope, receive, send)
                return
            session = request.headers.get("mcp-session-id")
            if (
                session
                and self.sessions.setdefault(session, self.granted[given]) != (self.granted[given])
            ):
                self.strangers.append(session)
            await inner(scope, receive, send)

        return guarded

    def server(self) -> MCPServer:
        server = MCPServer("mailbox")

        @server.tool()
        async def whoami(ctx: Context) -> str:
            """Tell for whom this was called."""
            await asyncio.sleep(0)
            return self.granted[(ctx.headers or {})["authorization"]]

        return server


async def twice(payload: Task | McpResult, metadata: HandlerMetadata) -> HandlerResponse:
    """Ask who is called for, and ask again."""
    if isinstance(payload, McpResult):
        said = [*metadata.state.get("said", []), payload.text]
        metadata.state["said"] = said
        if len(said) == 2:
            return HandlerResponse.respond(Answer(" ".join(said)))
    (codec,) = metadata.peers[0].listener.codecs.values()
    return HandlerResponse(codec.from_json({}), to="box.whoami")


async def source(tenant: str, principal: str) -> str | None:
    """Return the token of the only user that this knows."""
    return token_of("ada") if (tenant, principal) == ("acme", "ada") else None


def person_of(token: str) -> str:
    """Return for whom a token speaks."""
    part = token.split(".")[1]
    said: dict[str, str] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return said["sub"]


@asynccontextmanager
async def exchange() -> AsyncIterator[Exchange]:
    """Serve both at one address."""
    found = Exchange()
    inner = found.server().streamable_http_app()

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        async with inner.router.lifespan_context(inner):
            yield

    routes = [
        Route("/token", found.token, methods=["POST"]),
        Mount("/", found.guard(inner)),
    ]
    async with listening(Starlette(routes=routes, lifespan=life)) as found.url:
        yield found
