"""How long a reply is waited for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self

CONNECT = 10.0
SILENCE = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for a connection, the first byte, the next one, and the whole reply.

    ``first`` and ``between`` hold for streams. Any other reply comes all at once, when it is
    ready, so it has ``total`` for its first byte.
    """

    connect: float
    first: float
    between: float
    total: float

    @classmethod
    def within(cls, total: float) -> Self:
        """Return a patience for replies that may take ``total`` seconds.

        A model may think for long before it speaks, so whoever grants it more time grants it more
        silence too.
        """
        silence = min(total, max(SILENCE, total / 2))
        return cls(min(CONNECT, total), silence, silence, total)


class Watch:
    """Ends a call that is silent for too long, or takes too long."""

    def __init__(self, patience: Patience, clock: asyncio.Timeout, *, streamed: bool) -> None:
        self._patience = patience
        self._first = patience.first if streamed else patience.total
        self._clock = clock
        self._end = asyncio.get_running_loop().time() + patience.total
        self.verdict = ""

    def begin(self) -> None:
        """Wait for the first byte."""
        self._expect(self._first, "no answer came")

    def heard(self) -> None:
        """Wait for the next byte, now that one has come."""
        self._expect(self._patience.between, "nothing more came")

    def _expect(self, seconds: float, otherwise: str) -> None:
        when = asyncio.get_running_loop().time() + seconds
        if when < self._end:
            self.verdict = f"{otherwise} for {seconds:g} seconds"
        else:
            self.verdict = f"the answer took longer than {self._patience.total:g} seconds"
        self._clock.reschedule(min(when, self._end))
