"""Getting in as the user that a call is made for: tokens are exchanged (RFC 8693).

The rule this file guards: a call is made with the token that was granted for its own user, or not
at all. Nothing stands in for one that is missing, and none is in what is logged, told or raised.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import SecretStr

from xml_pipeline.config import McpAuthConfig
from xml_pipeline.mcp.session import ServerFailed
from xml_pipeline.mcp.transport import printable
from xml_pipeline.subject import Subject

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds for one exchange, from first to last."""

USUAL_LIFE, LONGEST_LIFE, MARGIN = 300.0, 3600.0, 30.0
"""Seconds that a token is used: what is assumed, the most, and how long before its end not."""

LONGEST_ANSWER = 65_536
"""Bytes of an answer that are read."""

LONGEST_WORDS = 512
"""Characters of a refusal that are logged."""

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
KIND = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"

_SHAPELESS = re.compile(r"[A-Za-z0-9._~+/%=\-]{32,}")
_CODE = re.compile(r"[a-z_]{1,64}")
_TYPE = re.compile(r"[A-Za-z0-9._\-]{1,64}")

Whose = Callable[[], Awaitable[Subject]]
"""Says whose token is exchanged; ServerFailed where there is none."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A token as it is sent, and until when, by the monotonic clock."""

    header: str = field(repr=False)
    until: float


class OnBehalf(httpx2.Auth):
    """Adds to each request the token that is granted for one user, and has it renewed."""

    def __init__(self, server: str, config: McpAuthConfig, whose: Whose) -> None:
        self._server = server
        self._config = config
        self._whose = whose
        self._granted: Granted | None = None
        self._asking = asyncio.Lock()

    async def ready(self) -> str:
        """Return what to send, fresh enough; ServerFailed where nothing is granted."""
        async with self._asking:
            if self._granted is None or self._granted.until <= monotonic():
                self._granted = None
                subject = await self._whose()
                self._granted = await exchanged(self._server, self._config, subject)
            return self._granted.header

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send a request with the token; once more with another, where that is not taken."""
        sent = request.headers["Authorization"] = await self.ready()
        response = yield request
        if response.status_code != httpx2.codes.UNAUTHORIZED:
            return
        if self._granted is not None and self._granted.header == sent:
            self._granted = None
        try:
            request.headers["Authorization"] = await self.ready()
        except ServerFailed:
            return  # The refusal stands, and closes no connection.
        yield request


async def exchanged(server: str, config: McpAuthConfig, subject: Subject) -> Granted:
    """Have the token of a user exchanged for one that a server takes; ServerFailed where not."""
    try:
        async with asyncio.timeout(PATIENCE):
            status, body = await _asked(config, subject)
    except (TimeoutError, httpx2.HTTPError) as error:
        log.warning("%s: no token is exchanged: %s", server, type(error).__name__)
        raise _failed(server, "its authorization server cannot be reached", unsent=True) from None
    if status != httpx2.codes.OK:
        log.warning("%s: no token is exchanged: %d %s", server, status, _scrubbed(body, config))
        words = f"its authorization server gives none ({status}{_code(body)})"
        busy = status >= httpx2.codes.INTERNAL_SERVER_ERROR
        raise _failed(server, words, unsent=busy or status == httpx2.codes.TOO_MANY_REQUESTS)
    try:
        return _granted(json.loads(body), config)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        why = error.args[0] if isinstance(error, _NotGranted) else "it gives no token"
        log.warning("%s: no token is exchanged: %s", server, why)
        raise _failed(server, "what its authorization server gives is of no use") from None


async def _asked(config: McpAuthConfig, subject: Subject) -> tuple[int, bytes]:
    """Put the question, and return the status and as much of the answer as is read."""
    headers = {"Authorization": _basic(config), "Accept": "application/json"}
    found = bytearray()
    async with (
        httpx2.AsyncClient(timeout=PATIENCE) as client,
        client.stream(
            "POST", config.token_url or "", data=_form(config, subject), headers=headers
        ) as response,
    ):
        async for part in response.aiter_bytes():
            found += part
            if len(found) > LONGEST_ANSWER:
                break
    return response.status_code, bytes(found[:LONGEST_ANSWER])


def _form(config: McpAuthConfig, subject: Subject) -> dict[str, str]:
    """Return the question, as RFC 8693 section 2.1 has it."""
    actor = _secret(config.actor_token)
    form = {
        "grant_type": EXCHANGE,
        "subject_token": subject.token,
        "subject_token_type": KIND,
        "requested_token_type": KIND,
        "actor_token": actor,
        "actor_token_type": KIND if actor else "",
        "audience": config.audience or "",
        "resource": config.resource or "",
        "scope": config.scope or "",
    }
    return {key: value for key, value in form.items() if value}


class _NotGranted(ValueError):
    """Something was granted, but not what was asked for; the words are for the log."""


def _granted(said: Mapping[str, Any], config: McpAuthConfig) -> Granted:
    """Return the token in an answer."""
    token, kind = said["access_token"], said["token_type"]
    if said.get("issued_token_type", KIND) not in (KIND, JWT) or kind == "N_A":
        raise _NotGranted("it is no access token")
    if not _TYPE.fullmatch(kind):
        raise _NotGranted("its type is none")
    Subject(token)  # A token that a header can carry.
    beyond = set(str(said.get("scope") or "").split()) - set((config.scope or "").split())
    if config.scope and beyond:
        raise _NotGranted("it is good for more than was asked for")
    kind = "Bearer" if kind.lower() == "bearer" else kind
    return Granted(f"{kind} {token}", monotonic() + _life(said.get("expires_in")))


def _life(said: Any) -> float:
    """Return the seconds for which a token is used; 0: for this request only."""
    is_number = isinstance(said, int | float) and not isinstance(said, bool) and said > 0
    return max(0.0, min(said if is_number else USUAL_LIFE, LONGEST_LIFE) - MARGIN)


def _basic(config: McpAuthConfig) -> str:
    """Return who we are, as RFC 6749 section 2.3.1 has it."""
    pair = (config.client_id or "", _secret(config.client_secret))
    plain = ":".join(quote(each, safe="") for each in pair)
    return f"Basic {b64encode(plain.encode()).decode()}"


def _scrubbed(body: bytes, config: McpAuthConfig) -> str:
    """Return the words of a refusal without anything in them that may be a secret, and cut."""
    text = body.decode(errors="replace")
    for each in _spellings((_secret(config.client_secret), _secret(config.actor_token))):
        text = text.replace(each, "***")
    return printable(_SHAPELESS.sub("***", text))[:LONGEST_WORDS]


def _spellings(secrets: Iterable[str]) -> Iterable[str]:
    return (each for secret in secrets if secret for each in (secret, quote(secret, safe="")))


def _code(body: bytes) -> str:
    """Return the error code of a refusal, where it has one."""
    try:
        code = json.loads(body)["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return f" {code}" if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""


def _failed(server: str, why: str, *, unsent: bool = False) -> ServerFailed:
    words = f"{server} was not called: it wants a token of the user that this is for, and {why}"
    return ServerFailed(words, unsent=unsent)
