"""The ways to one server: one for everybody, or one for each user that calls are made for.

The rule this file guards: whatever a connection sends or keeps is one user's. So it is known by
their token, and nobody else's call goes over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

from xml_pipeline.config import McpServerConfig
from xml_pipeline.mcp.connection import Connection
from xml_pipeline.mcp.entry import Entry
from xml_pipeline.mcp.exchange import OnBehalf, Whose
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.stored import Stored
from xml_pipeline.mcp.subscriptions import Subscriptions
from xml_pipeline.subject import Subject, subject_of

MOST = 256
"""Users who have a connection at one time."""

IDLE = 600.0
"""Seconds after which a user's connection is closed, if it is not used."""

Source = Callable[[str, str], Awaitable[str | None]]
"""Returns the token of a user, by tenant and principal."""


class ForWhom(Protocol):
    """For whom a call is made, as a handler is told."""

    @property
    def tenant(self) -> str: ...
    @property
    def principal(self) -> str: ...
    @property
    def subject(self) -> Subject | None: ...


Key = tuple[str, ...]
_EVERYBODY: Key = ()
_ALONE = "alone "  # No token has a space.


@dataclass(frozen=True, slots=True)
class _Silent:
    """Somebody for whom no token is kept: what they begin outlives the conversation."""

    tenant: str
    principal: str
    subject: Subject | None = None


@dataclass(slots=True)
class _Way:
    """A connection, how many calls go over it, and when the last one ended."""

    connection: Connection
    calls: int = 0
    used: float = 0.0


class Connections:
    """Lends a connection for each call; ``source`` knows tokens that no conversation brought."""

    def __init__(
        self, name: str, config: McpServerConfig, folder: Path, source: Source | None = None
    ) -> None:
        self._about = (name, config, folder)
        self._source = source
        self._ways: dict[Key, _Way] = {}
        self._is_retired = False
        self._subscriptions: Subscriptions[ForWhom] = Subscriptions(self.lent)

    @asynccontextmanager
    async def lent(self, metadata: ForWhom, *, alone: bool = False) -> AsyncIterator[Connection]:
        """Give the connection for a call; ServerFailed where its user has no token.

        A call that is to be ``alone`` is given one that no other goes over meanwhile.
        """
        key, whose = self._user(metadata)
        if alone:
            key = self._unused(key)
        way = self._ways.pop(key, None) or self._opened(whose)
        self._ways[key] = way  # The last used stands last.
        way.calls += 1
        try:
            await self._tidied()
            yield way.connection
        finally:
            way.calls -= 1
            way.used = asyncio.get_running_loop().time()
            if self._is_retired:
                await self._close_idle()

    async def follow(self, metadata: ForWhom, uri: str, changed: Callable[[], None]) -> None:
        """Have ``changed`` called when a resource changes, until ``unfollow``; or ServerFailed."""
        if self._is_retired:
            raise ServerFailed(f"{self._about[0]} was set otherwise just now", unsent=True)
        user = _Silent(metadata.tenant, metadata.principal)
        key, _ = self._user(user)
        await self._subscriptions.begin(key, user, uri, changed)

    async def unfollow(self, metadata: ForWhom, uri: str) -> None:
        """Have it called no more, once this is said as often."""
        key, _ = self._user(_Silent(metadata.tenant, metadata.principal))
        await self._subscriptions.end(key, uri)

    async def aclose(self) -> None:
        """End all of them."""
        await self._subscriptions.aclose()
        while self._ways:
            await self._ways.popitem()[1].connection.aclose()

    async def retire(self) -> None:
        """End each as soon as no call goes over it; nothing is followed any more."""
        self._is_retired = True
        await self._subscriptions.aclose()
        await self._close_idle()

    def _user(self, metadata: ForWhom) -> tuple[Key, Whose | None]:
        """Return whom a call is made for: whoever's token came, or whom the source knows."""
        name, config, _ = self._about
        if config.auth is None or config.auth.type != "token_exchange":
            return _EVERYBODY, None
        who, subject, source = (metadata.tenant, metadata.principal), metadata.subject, self._source
        if subject is not None:
            return (*who, subject.token), known(subject)
        if source is not None:
            return who, _looked_up(name, source, who)
        raise _nobody(name)

    def _unused(self, key: Key) -> Key:
        """Return the key of the first connection of a user that no call goes over."""
        keys = ((*key, f"{_ALONE}{number}") for number in count())
        return next(each for each in keys if each not in self._ways or not self._ways[each].calls)

    def _opened(self, whose: Whose | None) -> _Way:
        return _Way(Connection(*self._about, entry_of(*self._about, whose)))

    async def _close_idle(self) -> None:
        for key, way in list(self._ways.items()):
            if self._is_idle(key, way):
                del self._ways[key]
                await way.connection.aclose()

    def _is_idle(self, key: Key, way: _Way) -> bool:
        """Tell whether a connection is still there, and no call goes over it."""
        return self._ways.get(key) is way and not way.calls

    async def _tidied(self) -> None:
        """Close what nobody has used for long, and the longest unused where there are too many."""
        long_ago = asyncio.get_running_loop().time() - IDLE
        for key, way in list(self._ways.items()):
            is_old = key != _EVERYBODY and way.used < long_ago
            if self._is_idle(key, way) and (is_old or len(self._ways) > MOST):
                del self._ways[key]
                await way.connection.aclose()
        if len(self._ways) > MOST:
            raise ServerFailed(f"{self._about[0]} is called for too many users", unsent=True)


def entry_of(name: str, config: McpServerConfig, folder: Path, whose: Whose | None) -> Entry | None:
    """Return what gets into a server, as a user where that wants to know of one; None: as we are.

    ServerFailed where it does, and there is none.
    """
    match config.auth.type if config.auth is not None else None:
        case "token_exchange":
            if whose is None or config.auth is None:
                raise _nobody(name)
            return OnBehalf(name, config.auth, whose)
        case "authorization_code":
            return Stored(name, config, folder)
    return None


def known(subject: Subject) -> Whose:
    """Return whoever this is."""

    async def whose() -> Subject:
        return subject

    return whose


def _looked_up(name: str, source: Source, who: tuple[str, str]) -> Whose:
    async def whose() -> Subject:
        found = subject_of(await source(*who) or "")
        if found is None:
            raise _nobody(name)
        return found

    return whose


def _nobody(name: str) -> ServerFailed:
    return ServerFailed(
        f"{name} was not called: it wants a token of the user that this is for, and none was given"
    )
