"""Resources of one server that somebody wants to hear of, each followed by a task of its own.

The rule this file guards: what is followed is followed once for each user, however many want to
hear of it, and goes on being followed when a connection was lost, until as many want it no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from xml_pipeline.mcp.connection import Connection
from xml_pipeline.mcp.failing import ServerFailed

log = logging.getLogger(__name__)

MOST = 1_000
"""Resources of one server that are followed at one time."""

AGAIN = 1.0
"""Seconds after which one is followed again whose connection was lost."""

User = TypeVar("User")


@dataclass(slots=True)
class _Followed:
    """A resource that ``wanted`` want to hear of; ``begun`` once its server has taken that."""

    task: asyncio.Task[None]
    begun: asyncio.Future[None]
    wanted: int = 0


class Subscriptions(Generic[User]):
    """Follows resources over the connections that are lent for a user."""

    def __init__(self, lent: Callable[[User], AbstractAsyncContextManager[Connection]]) -> None:
        self._lent = lent
        self._followed: dict[tuple[object, str], _Followed] = {}

    async def begin(self, key: object, user: User, uri: str, changed: Callable[[], None]) -> None:
        """Have ``changed`` called from now on whenever a resource changes, or may have.

        ``key`` is the user's. ServerFailed where the server tells nobody.
        """
        known = self._followed.get((key, uri))
        if known is None:
            if len(self._followed) >= MOST:
                raise ServerFailed(f"{MOST} resources are followed already")
            begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            following = self._follow(user, uri, changed, begun)
            # Nothing of the message by which it begins is kept beyond that.
            task = asyncio.create_task(following, name=f"changes of {uri}", context=Context())
            known = self._followed[key, uri] = _Followed(task, begun)
        known.wanted += 1
        is_followed = False
        try:
            ends = (known.task, known.begun)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if known.task.cancelled():
                raise ServerFailed("nothing is followed there any more", unsent=True)
            if known.task.done():
                known.task.result()
            is_followed = True
        finally:
            if not is_followed:
                await self.end(key, uri)

    async def end(self, key: object, uri: str) -> None:
        """Want to hear no more of a resource; nothing happens where nobody did."""
        known = self._followed.get((key, uri))
        if known is None:
            return
        known.wanted -= 1
        if known.wanted <= 0:
            del self._followed[key, uri]
            await _stopped(known.task)

    async def aclose(self) -> None:
        """Follow nothing any more."""
        while self._followed:
            await _stopped(self._followed.popitem()[1].task)

    async def _follow(
        self,
        user: User,
        uri: str,
        changed: Callable[[], None],
        begun: asyncio.Future[None],
    ) -> None:
        def ready() -> None:
            if begun.done():
                changed()  # Nobody knows what has happened meanwhile.
            else:
                begun.set_result(None)

        while True:
            try:
                async with self._lent(user) as connection:
                    await connection.follow(uri, changed, ready)
            except ServerFailed as error:
                if not begun.done():
                    raise
                log.warning("%s is not followed at present: %s", uri, error)
            await asyncio.sleep(AGAIN)


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))
