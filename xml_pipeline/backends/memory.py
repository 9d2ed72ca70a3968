"""A backend that forgets everything with its process: for tests, and for those who want that."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf

from xml_pipeline.backends.base import Commit, DeadLetter, Entry, Mark, Past, PastConversation

log = logging.getLogger(__name__)

MOST_LETTERS = 10_000
"""Dead letters that are kept in memory; then the oldest go."""


@dataclass(slots=True)
class _Log:
    opened: float
    ended: float | None = None
    entries: list[Past] = field(default_factory=list)


class MemoryBackend:
    """Keeps logs, letters and marks in dictionaries.

    ``keep`` is for how many seconds a conversation that has ended can still be read: None for
    ever, 0 not at all.
    """

    def __init__(self, keep: float | None = None) -> None:
        self._keep = keep
        self._logs: dict[str, _Log] = {}
        self._letters: dict[str, DeadLetter] = {}
        self._marks: dict[tuple[str, str], tuple[bytes, float]] = {}
        self._ended: deque[tuple[float, str]] = deque()
        self._expiring: list[tuple[float, str, str]] = []

    async def open(self) -> None:
        """Nothing is needed."""

    async def close(self) -> None:
        """Nothing is held."""

    async def append(self, commit: Commit) -> None:
        """Write a commit."""
        for entry in commit.entries:
            self._write(entry, commit.at)
        for letter in commit.letters:
            self._lay_aside(letter)
        for id in commit.dropped:
            self._letters.pop(id, None)
        for kind, key, value, until in commit.marks:
            self._marks[kind, key] = (value, until)
            heappush(self._expiring, (until, kind, key))
        self._forget(commit.at)

    async def unfinished(self) -> AsyncIterator[PastConversation]:
        """Yield the conversations that have not ended."""
        for id, kept in tuple(self._logs.items()):
            if kept.ended is None:
                yield PastConversation(id, kept.opened, None, tuple(kept.entries))

    async def conversation(self, id: str) -> PastConversation | None:
        """Return the log of one conversation."""
        kept = self._logs.get(id)
        if kept is None:
            return None
        return PastConversation(id, kept.opened, kept.ended, tuple(kept.entries))

    async def conversations(self, most: int) -> list[PastConversation]:
        """Return summaries of the conversations."""
        latest = list(self._logs.items())[: -most - 1 : -1]
        return [PastConversation(id, kept.opened, kept.ended) for id, kept in latest]

    async def letters(self) -> list[DeadLetter]:
        """Return the dead letters."""
        return list(self._letters.values())

    async def letter(self, id: str) -> DeadLetter | None:
        """Return a dead letter."""
        return self._letters.get(id)

    async def marked(self, kind: str, key: str, now: float) -> bytes | None:
        """Return the value of a mark."""
        value, until = self._marks.get((kind, key), (None, 0.0))
        return value if until > now else None

    async def marks(self, kind: str, now: float) -> list[Mark]:
        """Return the marks of a kind."""
        return [
            Mark(kind, key, value, until)
            for (its_kind, key), (value, until) in self._marks.items()
            if its_kind == kind and until > now
        ]

    def _write(self, entry: Entry, at: float) -> None:
        kept = self._logs.setdefault(entry.conversation, _Log(at))
        kept.entries.append(Past(at, entry.records))
        if entry.ends:
            kept.ended = at
            self._ended.append((at, entry.conversation))

    def _lay_aside(self, letter: DeadLetter) -> None:
        self._letters[letter.id] = letter
        if len(self._letters) > MOST_LETTERS:
            oldest = next(iter(self._letters))
            log.error("dead letter %s is thrown away: there are %d", oldest, MOST_LETTERS)
            del self._letters[oldest]

    def _forget(self, now: float) -> None:
        """Drop what has ended too long ago, and marks that have expired."""
        if self._keep is not None:
            while self._ended and self._ended[0][0] <= now - self._keep:
                self._logs.pop(self._ended.popleft()[1], None)
        while self._expiring and self._expiring[0][0] <= now:
            _, *mark = heappop(self._expiring)
            _, until = self._marks.get((mark[0], mark[1]), (b"", inf))
            if until <= now:
                del self._marks[mark[0], mark[1]]
