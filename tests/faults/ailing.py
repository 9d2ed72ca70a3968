"""A backend that cannot be had for a while."""

from __future__ import annotations

import asyncio

from xml_pipeline.backends import Backend, Commit
from xml_pipeline.errors import BackendUnavailable


class Ailing:
    """Passes everything on to a backend; while it is ``ill`` nothing can be written.

    While it ``hangs`` an append does not even come to an end. ``failed`` is set by the first
    append that fails, and counts in ``failures``.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.ill = False
        self.failures = 0
        self.failed = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.open = backend.open
        self.close = backend.close
        self.unfinished = backend.unfinished
        self.conversation = backend.conversation
        self.conversations = backend.conversations
        self.letters = backend.letters
        self.letter = backend.letter
        self.marked = backend.marked
        self.marks = backend.marks

    async def append(self, commit: Commit) -> None:
        await self.goes_on.wait()
        if self.ill:
            self.failures += 1
            self.failed.set()
            raise BackendUnavailable("the disk is full")
        await self._backend.append(commit)

    async def cannot(self, *asked: object) -> None:
        """Read nothing either."""
        raise BackendUnavailable("it does not answer")
