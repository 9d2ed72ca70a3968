"""An MCP server that people log in to with a browser, and its authorization server."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.mcp.house import listening
from tests.mcp.toolbox import toolbox
from xml_pipeline.config import McpServerConfig
from xml_pipeline.mcp.login import log_in


@dataclass
class Portal:
    """Both of them at one address, and what they were asked.

    ``life`` are the seconds of a token; ``taken`` the tokens that the server takes at present, and
    ``needs`` the scope that none of them is good for. ``asked`` are the scopes of the logins. One
    that ``revokes`` takes tokens back, and notes what it was told. ``meanwhile`` is called whenever
    a token is granted.
    """

    url: str = ""
    life: int = 3600
    taken: set[str] = field(default_factory=set)
    forms: list[dict[str, str]] = field(default_factory=list)
    registered: list[dict[str, Any]] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    refresh: str = ""
    refuses: bool = False
    needs: str = ""
    asked: list[str] = field(default_factory=list)
    documents: bool = False
    revokes: bool = False
    revoked: list[dict[str, str]] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def config(self, **auth: Any) -> dict[str, Any]:
        """Return what an organism file says of the server."""
        return {"url": f"{self.url}/mcp", "auth": {"type": "authorization_code", **auth}}

    def app(self) -> Starlette:
        inner = toolbox().streamable_http_app()

        @asynccontextmanager
        async def life(app: Starlette) -> AsyncIterator[None]:
            async with inner.router.lifespan_context(inner):
                yield

        known = "/.well-known"
        routes = [
            Route(f"{known}/oauth-protected-resource{{rest:path}}", self.resource),
            Route(f"{known}/oauth-authorization-server", self.metadata),
            Route("/register", self.register, methods=["POST"]),
            Route("/authorize", self.authorize),
            Route("/granting", self.token, methods=["POST"]),
            Route("/revoking", self.revoke, methods=["POST"]),
            Mount("/", self.guard(inner)),
        ]
        return Starlette(routes=routes, lifespan=life)

    def guard(self, inner: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            given = Request(scope).headers.get("authorization", "").removeprefix("Bearer ")
            if given in self.taken and self.needs:
                why = f'Bearer error="insufficient_scope", scope="{self.needs}"'
                short = Response(status_code=403, headers={"WWW-Authenticate": why})
                await short(scope, receive, send)
                return
            if given in self.taken:
                await inner(scope, receive, send)
                return
            where = f'Bearer resource_metadata="{self.url}/.well-known/oauth-protected-resource"'
            refused = Response(status_code=401, headers={"WWW-Authenticate": where})
            await refused(scope, receive, send)

        return guarded

    async def resource(self, request: Request) -> Response:
        return JSONResponse({"resource": f"{self.url}/mcp", "authorization_servers": [self.url]})

    async def metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/granting",
                "registration_endpoint": f"{self.url}/register",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "client_id_metadata_document_supported": self.documents,
                **({"revocation_endpoint": f"{self.url}/revoking"} if self.revokes else {}),
            }
        )

    async def register(self, request: Request) -> Response:
        said = await request.json()
        self.registered.append(said)
        return JSONResponse({**said, "client_id": "registered"}, 201)

    async def authorize(self, request: Request) -> Response:
        """Let whoever comes in at once, as a browser that is logged in already sees it."""
        query = request.query_params
        self.asked.append(query.get("scope", ""))
        if self.refuses:
            said = {"error": "access_denied", "state": query["state"]}
        else:
            code = f"code-{len(self.codes)}"
            self.codes[code] = query["code_challenge"]
            said = {"code": code, "state": query["state"], "iss": self.url}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(said)}")

    async def token(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        self.forms.append({**form, "authorization": request.headers.get("authorization", "")})
        if not self._grants(form):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.meanwhile()
        number = len(self.forms)
        self.taken, self.refresh = {f"canary-token-{number}"}, f"canary-refresh-{number}"
        said = {"access_token": f"canary-token-{number}", "token_type": "Bearer"}
        return JSONResponse({**said, "expires_in": self.life, "refresh_token": self.refresh})

    async def revoke(self, request: Request) -> Response:
        """Take a token back, unless all is refused; an answer has no body (RFC 7009, 2.2)."""
        form = {key: str(value) for key, value in (await request.form()).items()}
        self.revoked.append({**form, "authorization": request.headers.get("authorization", "")})
        if self.refuses:
            return JSONResponse({"error": "invalid_client", "about": form["token"]}, 401)
        self.taken.discard(form["token"])
        return Response()

    def _grants(self, form: dict[str, str]) -> bool:
        if form["grant_type"] == "refresh_token":
            return form["refresh_token"] == self.refresh
        digest = sha256(form["code_verifier"].encode()).digest()
        proof = urlsafe_b64encode(digest).decode().rstrip("=")
        return self.codes.pop(form["code"], None) == proof


class Browser:
    """Somebody's browser: goes where it is sent, and follows whither that leads."""

    def __init__(self) -> None:
        self.visited: list[str] = []
        self.pages: list[str] = []
        self._going: set[asyncio.Task[None]] = set()

    def show(self, address: str) -> None:
        """Go to an address."""
        self._going.add(asyncio.create_task(self._go(address)))

    async def _go(self, address: str) -> None:
        self.visited.append(address)
        async with httpx2.AsyncClient(follow_redirects=True, timeout=60) as http:
            self.pages.append((await http.get(address)).text)


@asynccontextmanager
async def portal() -> AsyncIterator[Portal]:
    """Serve both."""
    found = Portal()
    async with listening(found.app()) as found.url:
        yield found


def server_of(place: Portal, **auth: Any) -> McpServerConfig:
    """Return the server as a file says it."""
    return McpServerConfig.model_validate(place.config(**auth))


async def entered(place: Portal, folder: Path, **auth: Any) -> Path:
    """Log in, and return where that is kept."""
    return await log_in("box", server_of(place, **auth), folder, Browser().show)
