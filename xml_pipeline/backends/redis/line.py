"""One connection to Redis, over which one command is said after another.

The rule this file guards: nothing is said twice unless whoever says it wants that, and nobody
waits longer than ``PATIENCE``. What goes wrong is BackendUnavailable, whatever it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from redis import exceptions
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from xml_pipeline.backends.redis.scripts import Script
from xml_pipeline.errors import BackendUnavailable, ConfigError

PATIENCE = 2.0
"""Seconds for a command, with whatever it takes to connect."""

Word = bytes | str


class Line:
    """Says commands and returns what Redis answers; connects when that is needed.

    A connection on which anything went wrong is not used again: nobody could tell which
    answer belongs to what. ``insists`` means that what is said may be said once more where
    the connection turns out to have gone meanwhile.
    """

    def __init__(self, url: str, *, insists: bool = False, patience: float = PATIENCE) -> None:
        self._connection = _connection(url)
        self._insists = insists
        self._patience = patience
        self._turn = asyncio.Lock()

    async def say(self, *command: Word) -> Any:
        """Say one command and return the answer, as bytes, numbers and lists."""
        return (await self.say_all((command,)))[0]

    async def say_all(self, commands: Iterable[tuple[Word, ...]]) -> list[Any]:
        """Say some commands in one go and return the answers."""
        try:
            async with asyncio.timeout(self._patience), self._turn:
                return await self._insist(tuple(commands))
        except (RedisError, OSError, EOFError) as error:
            raise BackendUnavailable(f"Redis: {str(error) or type(error).__name__}") from error

    async def run(self, script: Script, *words: Word) -> Any:
        """Run a script, which Redis may or may not know already."""
        try:
            return await self.say("EVALSHA", script.sha, "0", *words)
        except BackendUnavailable as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return await self.say("EVAL", script.text, "0", *words)

    async def close(self) -> None:
        """Hang up."""
        await self._connection.disconnect(nowait=True)

    async def _insist(self, commands: tuple[tuple[Word, ...], ...]) -> list[Any]:
        is_old = self._connection.is_connected
        try:
            return await self._say(commands)
        except exceptions.ConnectionError:
            if not (self._insists and is_old):
                raise
        return await self._say(commands)

    async def _say(self, commands: tuple[tuple[Word, ...], ...]) -> list[Any]:
        connection, answered = self._connection, False
        try:
            if not connection.is_connected:
                await connection.connect()  # type: ignore[no-untyped-call]
            packed = b"".join(map(_packed, commands))
            await connection.send_packed_command(packed, check_health=False)
            answers = [await connection.read_response() for _ in commands]
            answered = True
            return answers
        finally:
            if not answered:
                await connection.disconnect(nowait=True)


def _packed(command: tuple[Word, ...]) -> bytes:
    """Write a command as it is sent: in a third of the time that the client's own way takes."""
    parts = [b"*%d\r\n" % len(command)]
    for word in command:
        if isinstance(word, str):
            word = word.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)


def _connection(url: str) -> AbstractConnection:
    try:
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=None,  # The patience of a line is for all of what is said.
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, RedisError) as error:
        raise ConfigError((f"`backend.redis_url` cannot be used: {error}",)) from None
    return connection
