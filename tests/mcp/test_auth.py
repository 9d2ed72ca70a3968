"""Getting into servers that want to know who comes."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.mcp.house import asked, organism
from tests.mcp.toolbox import toolbox
from xml_pipeline.config import McpAuthConfig, McpServerConfig
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.pinning import discover

HEADER = {"Authorization": "Bearer a-header"}


@dataclass
class Guarded:
    """An MCP server behind its authorization server, both at one address."""

    url: str = ""
    issuer: str = ""
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        inner = toolbox().streamable_http_app()

        @asynccontextmanager
        async def life(app: Starlette) -> AsyncIterator[None]:
            async with inner.router.lifespan_context(inner):
                yield

        known = "/.well-known"
        return Starlette(
            routes=[
                Route(f"{known}/oauth-protected-resource{{rest:path}}", self.resource),
                Route(f"{known}/oauth-authorization-server", self.metadata),
                Route("/token", self.token, methods=["POST"]),
                Mount("/", self.guard(inner)),
            ],
            lifespan=life,
        )

    def guard(self, inner: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            given = dict(scope["headers"]).get(b"authorization")
            if given in (b"Bearer granted", b"Bearer a-header"):
                await inner(scope, receive, send)
                return
            where = f'Bearer resource_metadata="{self.issuer}/.well-known/oauth-protected-resource"'
            refused = Response(status_code=401, headers={"WWW-Authenticate": where})
            await refused(scope, receive, send)

        return guarded

    async def resource(self, request: Request) -> Response:
        return JSONResponse({"resource": self.url, "authorization_servers": [self.issuer]})

    async def metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "response_types_supported": ["code"],
                "grant_types_supported": ["client_credentials"],
            }
        )

    async def token(self, request: Request) -> Response:
        self.asked.append(request.headers.get("authorization", ""))
        if self.asked[-1] != f"Basic {b64encode(b'organism:right').decode()}":
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse({"access_token": "granted", "token_type": "Bearer", "expires_in": 3600})


@asynccontextmanager
async def guarded() -> AsyncIterator[Guarded]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Guarded()
        found.issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
        found.url = f"{found.issuer}/mcp"
        config = uvicorn.Config(
            found.app(), log_config=None, ws="none", timeout_graceful_shutdown=0
        )
        running = uvicorn.Server(config)
        serving = asyncio.create_task(running.serve([listening]))
        try:
            yield found
        finally:
            running.should_exit = True
            await serving


def credentials(issuer: str, secret: str = "right") -> dict[str, Any]:
    return {"client_id": "organism", "client_secret": secret, "issuer": issuer}


async def test_a_header_is_sent_with_every_request(tmp_path: Path) -> None:
    async with guarded() as server:
        async with organism(tmp_path, box={"url": server.url, "headers": HEADER}) as running:
            assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"
        with pytest.raises(ServerFailed):
            await discover("box", McpServerConfig(url=server.url), tmp_path)
        assert server.asked == []


async def test_credentials_get_a_token_where_one_is_wanted(tmp_path: Path) -> None:
    async with guarded() as server:
        box = {"url": server.url, "auth": credentials(server.issuer)}
        async with organism(tmp_path, box=box) as running:
            assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"
        assert server.asked


async def test_wrong_credentials_get_nobody_in(tmp_path: Path) -> None:
    async with guarded() as server:
        wrong = McpServerConfig.model_validate(
            {"url": server.url, "auth": credentials(server.issuer, "wrong")}
        )
        with pytest.raises(ServerFailed, match="box cannot be reached"):
            await discover("box", wrong, tmp_path)


async def test_credentials_are_sent_to_no_other_authorization_server(tmp_path: Path) -> None:
    async with guarded() as server:
        led_astray = McpServerConfig.model_validate(
            {"url": server.url, "auth": credentials("https://login.example")}
        )
        with pytest.raises(ServerFailed, match="box cannot be reached"):
            await discover("box", led_astray, tmp_path)
        assert server.asked == []


def test_no_secret_is_in_what_a_configuration_shows() -> None:
    config = McpServerConfig.model_validate(
        {
            "url": "http://127.0.0.1/mcp",
            "headers": HEADER,
            "auth": credentials("https://login.example", "canary"),
        }
    )
    assert "canary" not in repr(config)
    assert "a-header" not in repr(config)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "client_id"),
        ({"type": "token_exchange", "client_id": "x", "client_secret": "y"}, "token_url"),
        ({"client_id": "x", "client_secret": "y", "issuer": "http://x", "audience": "z"}, "audie"),
        ({"type": "authorization_code", "client_id": "x"}, "issuer"),
        ({"type": "authorization_code", "client_secret": "x"}, "client_secret"),
    ],
    ids=["nothing", "no address", "of the other", "no issuer", "no client"],
)
def test_what_a_way_in_needs_and_what_it_has_no_use_for(said: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        McpAuthConfig.model_validate(said)
