"""The gate: nobody gets past it without the token, nor by way of a browser that was tricked.

The rule this file guards: a request is judged here before a route sees any of it. A page of
another site that a browser shows cannot know the token; the checks of ``Host`` and ``Origin``
keep it from even trying (DNS rebinding), for it must use a name, and only ours are accepted.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from xml_pipeline.server.problems import Problem

_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.\-]+))(?::[0-9]{1,5})?")
_ORIGIN = re.compile(r"https?://(.+)")


class Gate:
    """Lets through what carries the token and is addressed to us.

    ``open_paths`` need no token; ``{…}`` in one of them is any one part. ``names`` are the host
    names that are ours, besides ``localhost``; an address that is written as a number is always
    accepted, for nobody can make it mean another machine.
    """

    def __init__(
        self, app: ASGIApp, token: str, names: Iterable[str], open_paths: Iterable[str]
    ) -> None:
        self._app = app
        self._token = token.encode()
        self._names = frozenset(("localhost", *(name.lower() for name in names)))
        self._is_open = re.compile("|".join(map(_pattern, open_paths))).fullmatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one request or WebSocket handshake."""
        problem = self._judge(scope) if scope["type"] in ("http", "websocket") else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem.response()(scope, receive, send)

    def _judge(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return Problem(403, "This server does not answer to that name.")
        if any(not self._is_ours_as_origin(origin) for origin in origins):
            return Problem(403, "Pages of other sites may not speak to this server.")
        if self._is_open(scope["path"]) is None and not self._has_token(headers):
            return Problem(401, "Send the token: Authorization: Bearer …")
        return None

    def _has_token(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(" ")
        matches = hmac.compare_digest(token.strip().encode("latin-1"), self._token)
        return scheme.lower() == "bearer" and matches

    def _is_ours(self, authority: str) -> bool:
        parts = _AUTHORITY.fullmatch(authority)
        if parts is None:
            return False
        name = (parts[1] or parts[2]).lower().rstrip(".")
        return name in self._names or _is_number(name)

    def _is_ours_as_origin(self, origin: str) -> bool:
        parts = _ORIGIN.fullmatch(origin)
        return parts is not None and self._is_ours(parts[1])


def _pattern(path: str) -> str:
    """Return the pattern of the paths that one with ``{…}`` in it stands for."""
    return "[^/]+".join(map(re.escape, re.split(r"\{\w+\}", path)))


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
