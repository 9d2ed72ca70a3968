"""The feed: the last events, numbered, from which all who watch are served.

The rule this file guards: memory is bounded by one ring, however many watch and however slowly.
A reader is only a place in that ring. One whose place has left it is cut off; it may come back
and name the last event it has seen.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from xml_pipeline.events import (
    AgentEvent,
    AgentState,
    AgentText,
    BudgetEvent,
    Event,
    FaultEvent,
    ListenersChanged,
    MessageReceived,
    MessageSent,
    ReloadEvent,
    ResourceChanged,
    ThreadEvent,
    ToolLog,
    ToolProgress,
)
from xml_pipeline.redaction import Redact, Redaction
from xml_pipeline.server.rendering import event_members

EVENT_TYPES: dict[str, type[Event]] = {
    each.__name__: each
    for each in (
        MessageSent,
        MessageReceived,
        AgentState,
        ThreadEvent,
        FaultEvent,
        BudgetEvent,
        ReloadEvent,
        ListenersChanged,
        AgentEvent,
        AgentText,
        ToolProgress,
        ToolLog,
        ResourceChanged,
    )
}

_THREADS = ("thread_id", "conversation_id")
_LISTENERS = ("agent", "from_id", "to_id", "listener", "caller", "callee")
_CHECK_EVERY = 64
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events a reader wants; an empty field wants all.

    ``thread`` is the id of a thread or a whole conversation, ``listener`` the name of anybody
    who takes part, ``types`` the names of event classes.
    """

    thread: str = ""
    listener: str = ""
    types: frozenset[str] = frozenset()

    def wants(self, event: Event) -> bool:
        """Tell whether an event is one of those."""
        return (
            (not self.types or type(event).__name__ in self.types)
            and (not self.thread or self.thread in _values(event, _THREADS))
            and (not self.listener or self.listener in _values(event, _LISTENERS))
        )


class Entry:
    """One event in the ring; its text is made, and redacted, when the first reader wants it."""

    __slots__ = ("_redact", "_text", "event", "number", "size")

    def __init__(self, number: int, event: Event, size: int, redact: Redact) -> None:
        self._redact = redact
        self.number = number
        self.event = event
        self.size = size
        self._text: str | None = None

    @property
    def type(self) -> str:
        """Return the name of the event's class."""
        return type(self.event).__name__

    @property
    def text(self) -> str:
        """Return the event as JSON text, in one line."""
        if self._text is None:
            self._text = self._redact(json.dumps(event_members(self.event)))
        return self._text


class Reader:
    """A place in the ring. ``after`` is the number of the last event that was read.

    ``missed`` tells that events in between were not there any more; whoever has said so resets
    it. ``cut`` is called when the place has left the ring.
    """

    __slots__ = ("_feed", "_filter", "after", "cut", "missed")

    def __init__(
        self, feed: Feed, wanted: Filter, after: int, missed: bool, cut: Callable[[], None]
    ) -> None:
        self._feed = feed
        self._filter = wanted
        self.after = after
        self.missed = missed
        self.cut = cut

    @property
    def behind(self) -> bool:
        """Tell whether there are events it has not looked at."""
        return self.after < self._feed.last

    def take(self) -> list[Entry]:
        """Return what there is to read by now, a few hundred events at most."""
        taken = []
        self.missed = self.missed or self.after < self._feed.first - 1
        for entry in self._feed.entries_after(self.after):
            self.after = entry.number
            if self._filter.wants(entry.event):
                taken.append(entry)
                if len(taken) == _AT_ONCE:
                    break
        return taken


class Feed:
    """The ring of the last events and those who read from it.

    An event's id names this run of the server too, so that an id of an earlier run is known
    to be one. Events count in bytes by the messages they carry. ``redact`` takes secrets out of
    what is read.
    """

    def __init__(
        self,
        events: int,
        event_bytes: int,
        redact: Redact = Redaction().redact,  # noqa: B008  # it is frozen
    ) -> None:
        self._redact = redact
        self._most = events
        self._most_bytes = event_bytes
        self._run = secrets.token_hex(4)
        self._ring: dict[int, Entry] = {}
        self._bytes = 0
        self._readers: dict[Reader, None] = {}
        self._news: asyncio.Future[None] | None = None
        self.first = 1
        self.last = 0

    def __len__(self) -> int:
        """Return how many read from it."""
        return len(self._readers)

    def add(self, event: Event) -> None:
        """Append an event, and let go of the oldest beyond the bounds."""
        self.last += 1
        size = _size_of(event)
        self._ring[self.last] = Entry(self.last, event, size, self._redact)
        self._bytes += size
        while len(self._ring) > self._most or (self._bytes > self._most_bytes and self._ring):
            self._bytes -= self._ring.pop(self.first).size
            self.first += 1
        if not self.last % _CHECK_EVERY:
            self._cut_the_slow()
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def read(
        self, wanted: Filter, last_id: str = "", cut: Callable[[], None] = lambda: None
    ) -> Reader:
        """Begin to read: after the event of that id, or from now on where none is given."""
        number = self._number(last_id) if last_id else self.last
        known = number is not None and number >= self.first - 1
        after = number if number is not None and known else self.first - 1
        reader = Reader(self, wanted, after, not known, cut)
        self._readers[reader] = None
        return reader

    def leave(self, reader: Reader) -> None:
        """End a reader; one that has left already is let be."""
        self._readers.pop(reader, None)

    def entries_after(self, number: int) -> Iterator[Entry]:
        """Yield the events in the ring after a number."""
        for each in range(max(number + 1, self.first), self.last + 1):
            yield self._ring[each]

    def id_of(self, entry: Entry) -> str:
        """Return the id of an event."""
        return f"{self._run}-{entry.number}"

    def news(self) -> asyncio.Future[None]:
        """Return a future, shared by all, that is done when the next event has come."""
        if self._news is None or self._news.done():
            self._news = asyncio.get_running_loop().create_future()
        return self._news

    def _number(self, last_id: str) -> int | None:
        """Return the number in an id of this run, None for any other text."""
        run, _, digits = last_id.partition("-")
        if run != self._run or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
            return None
        number = int(digits)
        return number if number <= self.last else None

    def _cut_the_slow(self) -> None:
        for reader in [each for each in self._readers if each.after < self.first - 1]:
            self.leave(reader)
            reader.cut()


def _size_of(event: Event) -> int:
    """Return for how many bytes an event counts: those of the message that it carries."""
    if isinstance(event, AgentEvent):
        return len(str(event.about.get("payload", "")))
    return event.size if isinstance(event, MessageSent) else 0


def _values(event: Event, names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(getattr(event, name, None) for name in names)
