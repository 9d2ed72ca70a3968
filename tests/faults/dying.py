"""A process that dies in the middle of a commit, without a process."""

from __future__ import annotations

from xml_pipeline.backends import Backend, Commit


class Died(Exception):
    """The process is gone."""


class Dying:
    """Passes everything on to a backend, until the process dies in a certain commit.

    ``at`` is the number of that commit, counted from 1; ``written`` tells whether the commit is
    still written. ``commits`` counts those that were.
    """

    def __init__(self, backend: Backend, at: int = 0, *, written: bool = False) -> None:
        self._backend = backend
        self._at = at
        self._written = written
        self.commits = 0
        self.unfinished = backend.unfinished
        self.conversation = backend.conversation
        self.conversations = backend.conversations
        self.letters = backend.letters
        self.letter = backend.letter
        self.marked = backend.marked
        self.marks = backend.marks

    async def open(self) -> None:
        await self._backend.open()

    async def close(self) -> None:
        await self._backend.close()

    async def append(self, commit: Commit) -> None:
        dies = self.commits + 1 == self._at
        if dies and not self._written:
            raise Died
        await self._backend.append(commit)
        self.commits += 1
        if dies:
            raise Died
