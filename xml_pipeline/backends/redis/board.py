"""The board of jobs in Redis: what its two sides say, and what they hear.

The rule this file guards: whatever goes wrong on the way may have cost an order or a note. So
whoever meets BackendUnavailable here begins anew, under another name, and nobody waits for what
was said to the old one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any, get_args
from uuid import uuid4

from xml_pipeline.backends.redis.board_scripts import (
    BEAT,
    END,
    LEAVE,
    POST,
    SAY,
    TELL,
    TEND,
    WITHDRAW,
)
from xml_pipeline.backends.redis.line import PATIENCE, Line, Word
from xml_pipeline.backends.redis.scripts import Script
from xml_pipeline.board import Note, NoteKind, Order, OrderKind, Tended
from xml_pipeline.errors import BackendUnavailable

LIFETIME = 3.0
"""Seconds after which who says nothing is taken to be dead."""

_WAITS = 5
_AT_ONCE = "100"


class _Party:
    """One of those at the board: says things on one line, and listens on another."""

    def __init__(self, url: str, prefix: str, lifetime: float) -> None:
        self.name = uuid4().hex
        self._prefix = prefix
        self._lifetime = str(int(1_000 * lifetime))
        self._saying = Line(url)
        self._hearing = Line(url, patience=_WAITS + PATIENCE)

    async def _run(self, script: Script, *words: Word) -> Any:
        return await self._saying.run(script, self._prefix, self.name, *words)

    async def _hear(self, key: str) -> list[bytes]:
        """Wait for the first element of a list, and take what else there is."""
        key = f"{self._prefix}work:{key}:{self.name}"
        first, others = await self._hearing.say_all(
            (("BLPOP", key, str(_WAITS)), ("LPOP", key, _AT_ONCE))
        )
        return [*(first or ())[1:], *(others or ())]

    async def _hang_up(self) -> None:
        await self._saying.close()
        await self._hearing.close()


class RedisBoard(_Party):
    """The side of an organism; its name is that of a node."""

    def __init__(self, url: str, prefix: str = "xp:", lifetime: float = LIFETIME) -> None:
        super().__init__(url, prefix, lifetime)

    def renew(self) -> None:
        """Go on under another name."""
        self.name = uuid4().hex

    async def tend(self) -> Tended:
        """Say that the node lives."""
        places, lost, untaken = await self._run(TEND, self._lifetime)
        return Tended(int(places), _texts(lost), _texts(untaken))

    async def post(self, jobs: Iterable[tuple[str, bytes]]) -> None:
        """Post jobs."""
        await self._run(POST, *(word for job in jobs for word in job))

    async def withdraw(self, numbers: Iterable[str]) -> None:
        """Take jobs back."""
        await self._run(WITHDRAW, *numbers)

    async def tell(self, number: str, body: bytes) -> None:
        """Answer a handler."""
        await self._run(TELL, number, body)

    async def notes(self) -> Sequence[Note]:
        """Wait for notes; what is none is left out."""
        said = [each.split(b" ", 2) for each in await self._hear("notes")]
        return [
            Note(self.name, _text(row[1]), kind, row[2])
            for row in said
            if len(row) == 3 and (kind := _NOTES.get(row[0])) is not None
        ]

    async def close(self) -> None:
        """Take everything back; where Redis is away, it is forgotten there in a while."""
        with suppress(BackendUnavailable):
            await self._run(END)
        await self._hang_up()


class RedisSeat(_Party):
    """The side of a worker with so many processes."""

    def __init__(self, url: str, prefix: str, processes: int, lifetime: float = LIFETIME) -> None:
        super().__init__(url, prefix, lifetime)
        self._processes = str(processes)

    async def sit(self) -> None:
        """Begin anew, under another name."""
        self.name = uuid4().hex
        await self._run(BEAT, self._lifetime, self._processes, "1")

    async def beat(self, nodes: Collection[str]) -> Collection[str]:
        """Say that the worker lives."""
        return _texts(_alive(await self._run(BEAT, self._lifetime, self._processes, "0", *nodes)))

    async def say(self, notes: Iterable[Note], freed: int) -> Sequence[Order]:
        """Say what has happened."""
        words = (word for each in notes for word in each)
        return _orders(_alive(await self._run(SAY, str(freed), *words)))

    async def orders(self) -> Sequence[Order]:
        """Wait for orders; what is none is left out."""
        return _orders(await self._hear("told"))

    async def rest(self) -> None:
        """Take no further job."""
        await self._run(LEAVE, "0")

    async def leave(self) -> None:
        """Go, and hang up."""
        with suppress(BackendUnavailable):  # Then the others see it in a few seconds.
            await self._run(LEAVE, "1")
        await self._hang_up()


def _alive(said: Any) -> Any:
    if said is None:
        raise BackendUnavailable("Redis: this worker has said nothing for too long")
    return said


def _orders(said: Iterable[bytes]) -> list[Order]:
    rows = [each.split(b" ", 3) for each in said]
    return [
        Order(_text(row[1]), _text(row[2]), kind, row[3])
        for row in rows
        if len(row) == 4 and (kind := _ORDERS.get(row[0])) is not None
    ]


def _text(said: bytes) -> str:
    return said.decode(errors="replace")


def _texts(said: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(map(_text, said))


_NOTES: dict[bytes, NoteKind] = {each.encode(): each for each in get_args(NoteKind)}
_ORDERS: dict[bytes, OrderKind] = {each.encode(): each for each in get_args(OrderKind)}
