"""The inbox: messages ready to be read, and the outer door where what waits is bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Generator
from types import coroutine
from typing import Protocol

from xml_pipeline.errors import Overloaded, ShareExhausted
from xml_pipeline.fairness import FairQueue
from xml_pipeline.journal import Journal
from xml_pipeline.message import Wire
from xml_pipeline.thread import Conversation

_AT_ONCE = 32
"""How many come in at once: until they have, nobody knows how large their messages are."""

_SOON = 4
"""Batches within which it is soon the turn of whatever waits."""


@coroutine
def next_turn() -> Generator[None]:
    """Give the event loop a turn: ``sleep(0)``, without what else that can do."""
    yield


class Inbox:
    """Wires in turn of their conversations, handed out in batches as soon as there are any.

    ``put`` never waits: a handler's output must not, else the loop could deadlock. ``poked``
    tells that somebody wants another batch to travel, even an empty one; whoever takes care of
    what has come to pass until then may clear it.
    """

    __slots__ = ("_batch", "_queue", "_sleeper", "journal", "poked", "size", "stopped")

    def __init__(self, batch: int, depth_first: bool = False) -> None:
        self._queue: FairQueue[Wire] = FairQueue(depth_first)
        self._batch = batch
        self._sleeper: asyncio.Future[None] | None = None
        self.journal: Journal | None = None
        self.poked = False
        self.size = 0
        self.stopped = False

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, wire: Wire) -> None:
        """Append a wire to its conversation's line."""
        if self.journal is not None:
            self.journal.sent(wire)
        self._queue.put(wire.conversation, wire)
        self.size += len(wire.raw)
        if self._sleeper is not None:
            self.poke()

    def restore(self, wire: Wire) -> None:
        """Append a wire that has been written down before."""
        self._queue.put(wire.conversation, wire)
        self.size += len(wire.raw)

    def poke(self) -> None:
        """Let an empty batch travel, for whoever waits further down for a free slot."""
        sleeper = self._sleeper
        if sleeper is None:
            self.poked = True
        elif not sleeper.done():
            sleeper.set_result(None)

    @property
    def parties(self) -> Collection[str]:
        """Return those who began what waits here."""
        return self._queue.parties

    @property
    def waiting(self) -> Collection[Conversation]:
        """Return the conversations that have something waiting here."""
        return self._queue.conversations

    @property
    def has_batch(self) -> bool:
        """Tell whether as much waits as travels at once."""
        return len(self._queue) >= self._batch

    @property
    def about_to_go_on(self) -> Collection[Conversation]:
        """Return the conversations whose turn is soon: those that wait here, if they are few."""
        queue = self._queue
        return queue.conversations if len(queue) <= _SOON * self._batch else ()

    def conversations(self, party: str) -> int:
        """Return how many conversations of a party wait here."""
        return self._queue.waiting(party)

    def clear(self) -> list[Wire]:
        """Empty the inbox and return what was in it."""
        self.size = 0
        return self._queue.remove(lambda _: True)

    def stop(self) -> None:
        """End the stream after what is under way."""
        self.stopped = True
        self.poke()

    async def batches(self, between: Callable[[], None]) -> AsyncIterator[list[Wire]]:
        """Yield what is ready, at most a batch at a time; an empty one after a poke.

        The only place where the pump waits. ``between`` is called after each batch. Then the
        event loop gets a turn, so that handlers can run: what they say in it is read without
        anybody being woken. Only if the inbox is still empty then, the pump sleeps.
        """
        loop = asyncio.get_running_loop()
        queue = self._queue
        while not self.stopped:
            ready = []
            for _ in range(min(self._batch, len(queue))):
                wire = queue.take()
                self.size -= len(wire.raw)
                ready.append(wire)
            yield ready
            between()
            await next_turn()
            if not (queue or self.poked or self.stopped):
                self._sleeper = loop.create_future()
                await self._sleeper
                self._sleeper = None
            self.poked = False


class Waiting(Protocol):
    """What waits inside, as the outer door has to know it."""

    def messages(self) -> int: ...
    def bytes(self) -> int: ...
    def parties(self) -> Collection[str]: ...
    def conversations(self, party: str) -> int: ...


class OuterDoor:
    """Bounds what waits to be handled, for those outside only.

    Those who find the door full either wait in line or are refused with Overloaded. Where it is
    half full, those who have more than their equal share waiting are refused, and a last tenth is
    kept for newcomers, so that nobody's flood keeps others out.
    """

    __slots__ = ("_entering", "_line", "_waiting", "is_shut", "max_bytes", "max_messages")

    def __init__(self, waiting: Waiting, max_messages: int, max_bytes: int) -> None:
        self._waiting = waiting
        self._line: deque[asyncio.Future[None]] = deque()
        self._entering = 0
        self.is_shut = False
        self.max_messages = max_messages
        self.max_bytes = max_bytes

    @property
    def line(self) -> int:
        """Return how many stand in line."""
        return len(self._line)

    @property
    def full(self) -> bool:
        """Tell whether nothing more may come in at present."""
        messages = self._waiting.messages() + self._entering
        return messages >= self.max_messages or self._waiting.bytes() >= self.max_bytes

    def shut(self) -> None:
        """Let nothing more in: the organism is to come to its end."""
        self.is_shut = True
        self.max_messages = 0

    def check(self, party: str) -> None:
        """Raise Overloaded where the door is full, ShareExhausted where it is for this party."""
        waiting = self._waiting
        messages, size = waiting.messages(), waiting.bytes()
        if self.full:
            raise Overloaded(f"{messages} messages ({size} bytes) are waiting")
        if 2 * messages < self.max_messages and 2 * size < self.max_bytes:
            return
        among = len({*waiting.parties(), party})
        if 10 * messages >= 9 * self.max_messages or 10 * size >= 9 * self.max_bytes:
            among += 1  # The last tenth is for whoever comes next.
        mine = waiting.conversations(party)
        if mine * among >= self.max_messages:
            raise ShareExhausted(f"{mine} conversations of yours are waiting, of {messages}")

    async def enter(self) -> None:
        """Wait until there is room, in order of arrival."""
        if not self._line and not self.full:
            return
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            await place
        finally:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._entering -= 1
                # Who comes in puts its message at once, or has none: look again after that.
                asyncio.get_running_loop().call_soon(self.open)

    def open(self) -> None:
        """Let those in line in, as far as there is room now."""
        while self._line and self._entering < _AT_ONCE and not self.full:
            place = self._line.popleft()
            if not place.done():
                self._entering += 1
                place.set_result(None)

    def close(self, error: Exception) -> None:
        """Turn away everybody in line, with this error."""
        while self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_exception(error)
