"""The client side of the HTTP routes, for the commands that talk to a running organism."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

import httpx

from xml_pipeline.cli.exits import Failed, Misused, Unreachable, Unusable

XML, JSON = "application/xml", "application/json"
OVERLOADED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
PATIENCE = 5.0
"""Seconds to connect, and beyond what a request was asked to wait."""
MOST_ATTEMPTS = 30
"""Times that a message is offered to an organism which has too much to do."""

Fate = Literal["answered", "ended", "accepted", "fault", "unreadable", "refused"]
"""What became of a message: an answer, an end without one, neither so far; a fault; no message
at all; or not even let in."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: an envelope, a JSON request or, with ``to``, a bare XML payload."""

    content: bytes
    media: str = XML
    to: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, as far as was waited for.

    ``answer`` is its body, ``members`` that of every other response. ``code``, ``id`` and
    ``words`` are those of a fault.
    """

    fate: Fate
    answer: bytes = b""
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The code of the fault, where there is one."""
        return str(self.members.get("code", ""))

    @property
    def label(self) -> str:
        """What became of it, in words that can be counted."""
        return f"{self.fate}: {self.code}" if self.code else self.fate

    @property
    def failure(self) -> str:
        """What went wrong, and under which id the log has the details; empty if nothing did."""
        if self.fate in ("answered", "ended", "accepted"):
            return ""
        about = ", ".join(filter(None, (self.code, f"fault {self.id}" if self.id else "")))
        words = str(self.members.get("detail", self.fate))
        return f"{words} ({about})" if about else words

    @property
    def id(self) -> str:
        """The id of the message, or of its fault."""
        return str(self.members.get("id", ""))


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One server-sent event: its id, its type, and its data read as JSON."""

    id: str
    type: str
    data: Mapping[str, Any]


class Client:
    """Speaks to one running organism. Every method raises Unreachable where it is gone."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def show(self, path: str, **query: str | int) -> Any:
        """Return what a route shows."""
        return (await self._request("GET", path, params=query)).json()

    async def order(self, method: str, path: str, **query: str) -> Any:
        """Have a route do something; return what it says, None where it says nothing."""
        response = await self._request(method, path, params=query)
        return response.json() if response.content else None

    async def say(self, path: str, members: Mapping[str, object]) -> Any:
        """Tell a route something as JSON; return what it says."""
        return (await self._request("POST", path, json=members)).json()

    async def post(self, message: Message, *, wait: float = 0.0, accept: str = JSON) -> Outcome:
        """Send a message and wait so many seconds for its answer.

        An organism that has too much to do is asked again, when it says.
        """
        query = {"to": message.to} if message.to else {}
        if wait:
            query["wait"] = f"{wait:g}"
        for _ in range(MOST_ATTEMPTS):
            response = await self._send(
                "POST",
                "/v1/messages",
                params=query,
                content=message.content,
                headers={"Content-Type": message.media, "Accept": accept},
                timeout=httpx.Timeout(PATIENCE, read=PATIENCE + wait, pool=None),
            )
            if response.status_code not in OVERLOADED:
                break
            await asyncio.sleep(float(response.headers.get("Retry-After", "1")))
        return _outcome(response)

    @asynccontextmanager
    async def events(self, **query: str) -> AsyncIterator[AsyncIterator[ServerEvent]]:
        """Give what happens from now on, until the organism stops."""
        asked = self._http.stream(
            "GET", "/v1/events", params=query, timeout=httpx.Timeout(PATIENCE, read=None)
        )
        try:
            async with asked as response:
                if response.is_error:
                    await response.aread()
                    _check(response)
                yield _events(response.aiter_lines())
        except httpx.TransportError as error:
            raise self._gone(error) from None

    async def _request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        response = await self._send(method, path, **rest)
        _check(response)
        return response

    async def _send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **rest)
        except httpx.TransportError as error:
            raise self._gone(error) from None

    def _gone(self, error: httpx.TransportError) -> Unreachable:
        why = str(error) or type(error).__name__
        return Unreachable(f"{self._http.base_url} does not answer: {why}")


@asynccontextmanager
async def connected(
    url: str, token: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Client]:
    """Give a client of the organism at a URL, or behind a transport."""
    address = httpx.URL(url)
    async with httpx.AsyncClient(
        base_url=address,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(PATIENCE, read=60.0, pool=None),
        trust_env=address.host not in ("localhost", "127.0.0.1", "::1"),  # no proxy to ourselves
        verify=address.scheme == "https",
        transport=transport,
    ) as http:
        yield Client(http)


def path(*parts: str) -> str:
    """Return the path of a route; the parts may be any text."""
    return "/".join(("/v1", *(quote(part, safe="") for part in parts)))


def _check(response: httpx.Response) -> None:
    """Raise what a problem means for the command that met it."""
    if not response.is_error:
        return
    said = _problem(response)
    words = str(said.get("detail", f"{response.url}: {response.status_code}"))
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        raise Misused("the organism does not know this token: give another with --token")
    if problems := said.get("problems"):
        raise Unusable(tuple(map(str, problems)), words)
    if response.status_code in OVERLOADED:
        raise Unreachable(words)
    raise Failed(words)


def _problem(response: httpx.Response) -> dict[str, Any]:
    """Return a problem's members; something else in between may answer in other forms."""
    try:
        said = response.json()
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {}


def _outcome(response: httpx.Response) -> Outcome:
    status = response.status_code
    if status == HTTPStatus.OK:
        return Outcome("answered", response.content)
    if status == HTTPStatus.NO_CONTENT:
        return Outcome("ended")
    if status == HTTPStatus.ACCEPTED:
        return Outcome("accepted", members=_problem(response))
    said = _problem(response)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return Outcome("fault", members=said)
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        return Outcome("unreadable", members=said)
    if status in OVERLOADED:
        return Outcome("refused", members=said)
    _check(response)
    raise Failed(f"{response.url}: unexpected answer {status}")


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[ServerEvent]:
    """Read an event stream; of its fields, ``retry`` and comments mean nothing to us."""
    said: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            said[name] = f"{said[name]}\n{value}" if name == "data" and name in said else value
            continue
        if "data" in said:
            yield ServerEvent(said.get("id", ""), said.get("event", ""), json.loads(said["data"]))
        said = {}
