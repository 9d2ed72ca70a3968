"""A backend that forgets everything with its process: for tests, and for those who want that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from xml_pipeline.backends.base import Commit, DeadLetter, Entry, Mark, Past, PastConversation


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

    async def open(self) -> None:
        """Nothing is needed."""

    async def close(self) -> None:
        """Nothing is held."""

    async def append(self, commit: Commit) -> None:
        """Write a commit."""
        for entry in commit.entries:
            self._write(entry, commit.at)
        self._letters.update((each.id, each) for each in commit.letters)
        for id in commit.dropped:
            self._letters.pop(id, None)
        for kind, key, value, until in commit.marks:
            self._marks[kind, key] = (value, until)
        self._forget(commit.at)

    async def unfinished(self) -> AsyncIterator[PastConversation]:
        """Yield the conversations that have not ended."""
        for id, log in tuple(self._logs.items()):
            if log.ended is None:
                yield PastConversation(id, log.opened, None, tuple(log.entries))

    async def conversation(self, id: str) -> PastConversation | None:
        """Return the log of one conversation."""
        log = self._logs.get(id)
        return PastConversation(id, log.opened, log.ended, tuple(log.entries)) if log else None

    async def conversations(self, most: int) -> list[PastConversation]:
        """Return summaries of the conversations."""
        latest = list(self._logs.items())[: -most - 1 : -1]
        return [PastConversation(id, log.opened, log.ended) for id, log in latest]

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
        log = self._logs.setdefault(entry.conversation, _Log(at))
        log.entries.append(Past(at, entry.records))
        log.ended = at if entry.ends else None

    def _forget(self, now: float) -> None:
        if self._keep is not None:
            horizon = now - self._keep
            for id, log in tuple(self._logs.items()):
                if log.ended is not None and log.ended <= horizon:
                    del self._logs[id]
        for mark, (_, until) in tuple(self._marks.items()):
            if until <= now:
                del self._marks[mark]
