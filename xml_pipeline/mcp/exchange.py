"""Getting in as the user that a call is made for: tokens are exchanged (RFC 8693).

The rule this file guards: a call is made with the token that was granted for its own user, or not
at all. Nothing stands in for one that is missing, and none is in what is logged, told or raised.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from pydantic import SecretStr

from xml_pipeline.config import McpAuthConfig
from xml_pipeline.mcp.entry import Entry
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.granting import GrantRefused, basic, posted
from xml_pipeline.subject import Subject

log = logging.getLogger(__name__)

USUAL_LIFE, LONGEST_LIFE, MARGIN = 300.0, 3600.0, 30.0
"""Seconds that a token is used: what is assumed, the most, and how long before its end not."""

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
KIND = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"

_TYPE = re.compile(r"[A-Za-z0-9._\-]{1,64}")

Whose = Callable[[], Awaitable[Subject]]
"""Says whose token is exchanged; ServerFailed where there is none."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A token as it is sent, and until when, by the monotonic clock."""

    header: str = field(repr=False)
    until: float


class OnBehalf(Entry):
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

    def doubt(self, sent: str) -> None:
        """Have the token exchanged anew, if it is that one."""
        if self._granted is not None and self._granted.header == sent:
            self._granted = None


async def exchanged(server: str, config: McpAuthConfig, subject: Subject) -> Granted:
    """Have the token of a user exchanged for one that a server takes; ServerFailed where not."""
    secret, actor = _secret(config.client_secret), _secret(config.actor_token)
    who = {"Authorization": basic(config.client_id or "", secret)}
    try:
        said = await posted(config.token_url or "", _form(config, subject), who)
        return _granted(said, config)
    except GrantRefused as error:
        log.warning("%s: no token is exchanged: %s", server, error.scrubbed(secret, actor))
        raise _failed(server, _why(error), unsent=error.passes) from None
    except (ValueError, LookupError, TypeError) as error:
        why = error.args[0] if isinstance(error, _NotGranted) else "it gives no token"
        log.warning("%s: no token is exchanged: %s", server, why)
        raise _failed(server, "what its authorization server gives is of no use") from None


def _form(config: McpAuthConfig, subject: Subject) -> dict[str, str]:
    """Return the question, as RFC 8693 section 2.1 has it."""
    actor = _secret(config.actor_token)
    return {
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


def _why(refused: GrantRefused) -> str:
    if not refused.status:
        if refused.passes:
            return "its authorization server cannot be reached"
        return "what its authorization server gives is of no use"
    about = " ".join(filter(None, (str(refused.status), refused.reason())))
    return f"its authorization server gives none ({about})"


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


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""


def _failed(server: str, why: str, *, unsent: bool = False) -> ServerFailed:
    words = f"{server} was not called: it wants a token of the user that this is for, and {why}"
    return ServerFailed(words, unsent=unsent)
