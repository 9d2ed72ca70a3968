"""Logging in with a browser: the authorization code flow with PKCE, as the SDK has it.

The rule this file guards: the answer of the browser is heard on loopback only, and counts only if
it brings the word that this very login went out with.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from mcp import MCPError
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

from xml_pipeline.config import McpAuthConfig, McpServerConfig
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.session import Session
from xml_pipeline.mcp.stored import Login, end_of, login_file, write_login

PATIENCE = 600.0
"""Seconds that whoever logs in may take."""

PATH = "/callback"

LONGEST_HEAD = 16_384
"""Bytes of a request of the browser."""

_CLOSE = "You have logged in: this window can be closed."
_NOT_OURS = "This is not the login that is waited for."

Show = Callable[[str], None]
"""Shows somebody an address, to go there with a browser."""


async def log_in(
    name: str,
    config: McpServerConfig,
    folder: Path,
    show: Show,
    *,
    port: int = 0,
    scope: str = "",
) -> Path:
    """Have somebody log in to a server, and return where that is kept; ServerFailed where not.

    The browser's answer is awaited at a port of this machine, 0 for a free one. ``scope`` is asked
    for beside what the server and its configuration want.
    """
    if config.auth is None or config.auth.type != "authorization_code":
        raise ServerFailed(f"{name} does not say `auth: {{type: authorization_code}}`")
    async with _listening(port) as browser:
        kept = _Kept(config.auth, browser.address)
        provider = OAuthClientProvider(
            config.url or "",
            kept.metadata(),
            kept,
            redirect_handler=browser.sender(show, f"{config.auth.scope or ''} {scope}".split()),
            callback_handler=browser.answer,
            client_metadata_url=config.auth.client_metadata,
        )
        patient = config.model_copy(update={"connect_timeout": PATIENCE})
        session = await Session.opened(name, patient, folder, provider)
        try:
            await session.tools()  # Some ask nobody who they are before that.
        except MCPError as error:
            raise ServerFailed(f"{name} refuses: {error.message}") from None
        finally:
            await session.close()
    login = _login(provider, kept)
    if login is None:
        raise ServerFailed(f"{name} does not ask who comes: there is nothing to log in to")
    file = login_file(name, config, folder)
    write_login(file, login)
    return file


class _Kept:
    """What the SDK has us keep, in memory; written down once all is well."""

    def __init__(self, config: McpAuthConfig, address: str) -> None:
        self._config = config
        self._address = address
        self.tokens: OAuthToken | None = None
        self.client = self._known()

    def metadata(self) -> OAuthClientMetadata:
        """Return who we are, for a server that registers whoever comes."""
        return OAuthClientMetadata.model_validate(
            {
                "client_name": "xml-pipeline",
                "redirect_uris": [self._address],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
            }
        )

    async def get_tokens(self) -> OAuthToken | None:
        """Return what was granted."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep what was granted."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return who we are there, where it is known."""
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep who we are there; ServerFailed where that is not whom the file names."""
        if self._config.client_id is not None:
            words = f"it belongs to another authorization server than {self._config.issuer}"
            raise ServerFailed(words)
        self.client = client_info

    def _known(self) -> OAuthClientInformationFull | None:
        """Return whom the file names: known to its issuer, and to no other."""
        config = self._config
        if config.client_id is None:
            return None
        secret = config.client_secret.get_secret_value() if config.client_secret else None
        return OAuthClientInformationFull.model_validate(
            {
                "client_id": config.client_id,
                "client_secret": secret,
                "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
                "redirect_uris": [self._address],
                "issuer": (config.issuer or "").rstrip("/"),
            }
        )


def _login(provider: OAuthClientProvider, kept: _Kept) -> Login | None:
    """Return what the SDK has come to; None where it was asked for nothing."""
    tokens, client, context = kept.tokens, kept.client, provider.context
    if tokens is None or client is None:
        return None
    found = context.oauth_metadata
    revoke = found.revocation_endpoint if found is not None else None
    fallback = f"{context.get_authorization_base_url(context.server_url)}/token"
    return Login(
        tokens.access_token,
        end_of(tokens.expires_in),
        tokens.refresh_token or "",
        str(found.token_endpoint) if found is not None else fallback,
        client.client_id,
        client.client_secret or "",
        client.token_endpoint_auth_method or "none",
        context.get_resource_url(),
        str(revoke or ""),
    )


class _Browser:
    """Where a browser answers, what it has said, and the word that it is to bring."""

    def __init__(self) -> None:
        self.address = ""
        self._word = ""
        self._said: asyncio.Future[AuthorizationCodeResult] = _promise()

    def sender(self, show: Show, scopes: Sequence[str]) -> Callable[[str], Awaitable[None]]:
        """Return what sends somebody to an address, for these scopes too, and notes its word."""

        async def send(address: str) -> None:
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https"):
                raise ServerFailed("it would send us to what is no address of the web")
            query = dict(parse_qsl(parts.query))
            self._word, self._said = query.get("state", ""), _promise()
            wanted = dict.fromkeys((*query.get("scope", "").split(), *scopes))
            if scopes:
                query["scope"] = " ".join(wanted)
            show(parts._replace(query=urlencode(query)).geturl())

        return send

    async def answer(self) -> AuthorizationCodeResult:
        """Wait for the browser."""
        return await self._said

    def hear(self, target: str) -> str:
        """Take in what a browser asks for; return the words that it is answered."""
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        state = query.get("state", "")
        is_ours = self._word and secrets.compare_digest(state.encode(), self._word.encode())
        if parts.path != PATH or not is_ours or self._said.done():
            return _NOT_OURS
        if "code" in query:
            self._said.set_result(
                AuthorizationCodeResult(code=query["code"], state=state, iss=query.get("iss"))
            )
            return _CLOSE
        self._said.set_exception(ServerFailed("the login was refused"))
        return "The login was refused."


@asynccontextmanager
async def _listening(port: int) -> AsyncIterator[_Browser]:
    """Listen to browsers of this machine."""
    browser = _Browser()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            words = browser.hear(head.split(b" ", 2)[1].decode("latin-1"))
            writer.write(_page(words))
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError, OSError):
            return  # No browser of ours.
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(answer, "127.0.0.1", port, limit=LONGEST_HEAD)
    except OSError as error:
        raise ServerFailed(f"port {port} cannot be listened on: {error.strerror}") from None
    async with server:
        browser.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{PATH}"
        yield browser


def _promise() -> asyncio.Future[AuthorizationCodeResult]:
    return asyncio.get_running_loop().create_future()


def _page(words: str) -> bytes:
    status = "200 OK" if words == _CLOSE else "400 Bad Request"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close"
    return f"{head}\r\nContent-Length: {len(words.encode())}\r\n\r\n{words}".encode()
