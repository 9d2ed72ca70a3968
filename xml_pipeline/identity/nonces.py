"""Which nonces have been seen, so that no signed envelope counts twice.

The rule this file guards: a nonce is forgotten only when no clock could bring the envelope back
that carried it, and what may have been seen before the memory began counts as seen. Where there
is no room for more, the new one is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Protocol

from xml_pipeline.backends import Mark
from xml_pipeline.errors import SignatureRefused
from xml_pipeline.journal import Journal

_KIND, _KIND_BEGAN = "nonce", "nonces since"
_FOR_EVER = 100 * 365 * 86_400.0

_BEYOND = 7_200.0
"""Seconds for which a nonce is written down after its end: by as much a clock may be set back."""

MOST = 100_000
"""Nonces remembered of each sender; with signatures that hold five minutes, 275 a second."""


class NonceMemory(Protocol):
    """What remembers nonces."""

    @property
    def since(self) -> float:
        """The time, in seconds since 1970, before which it knows nothing."""

    def note(self, sender: str, nonce: str, until: float, now: float) -> None:
        """Note a nonce that means something until then; SignatureRefused where it may not be."""


class Nonces:
    """The nonces of each sender, kept in memory until their envelopes have long expired.

    What one process has seen the next one does not know: ``since`` is when this one began.
    """

    __slots__ = ("_most", "_senders", "since")

    def __init__(self, most: int = MOST, since: float | None = None) -> None:
        self._most = most
        self._senders: dict[str, _Seen] = {}
        self.since = time.time() if since is None else since

    def note(self, sender: str, nonce: str, until: float, now: float) -> None:
        """Note a nonce that means something until then.

        Raises SignatureRefused where it was seen before, or may have been; and where as many as
        there may be are still to be remembered.
        """
        seen = self._senders.setdefault(sender, _Seen())
        seen.forget(now)
        if nonce in seen.nonces:
            raise SignatureRefused(f"the nonce {nonce} was seen before")
        if until <= seen.horizon:
            raise SignatureRefused("of a time that is forgotten already")
        if len(seen.nonces) >= self._most:
            raise SignatureRefused(f"{sender} has used {self._most} nonces")
        seen.add(nonce, until)

    def remember(self, sender: str, nonce: str, until: float) -> None:
        """Take in a nonce that was noted by somebody else."""
        self._senders.setdefault(sender, _Seen()).add(nonce, until)


class KeptNonces(Nonces):
    """Nonces that are written down as marks, so that the next process knows them too.

    ``marks`` are those of the processes before.
    """

    __slots__ = ("_mark",)

    def __init__(self, mark: Callable[[Mark], None], marks: Iterable[Mark], since: float) -> None:
        super().__init__(since=since)
        self._mark = mark
        for each in marks:
            sender, _, nonce = each.key.rpartition(" ")
            self.remember(sender, nonce, float(each.value))

    def note(self, sender: str, nonce: str, until: float, now: float) -> None:
        """Note a nonce, here and in the journal; SignatureRefused where it may not be."""
        super().note(sender, nonce, until, now)
        value = str(until).encode()
        self._mark(Mark(_KIND, f"{sender} {nonce}", value, until + _BEYOND))


async def kept_nonces(journal: Journal) -> KeptNonces:
    """Return the nonces of a journal, which knows them since it began. BackendUnavailable."""
    backend, now = journal.backend, journal.clock()
    began = await backend.marked(_KIND_BEGAN, "", now)
    if began is None:
        began = str(now).encode()
        journal.mark(Mark(_KIND_BEGAN, "", began, now + _FOR_EVER))
    return KeptNonces(journal.mark, await backend.marks(_KIND, now), float(began))


class _Seen:
    """What one sender has used.

    ``horizon`` is the latest end of what was forgotten. If the clock is set back, envelopes
    from before it could come again, and nobody would know.
    """

    __slots__ = ("ends", "horizon", "nonces")

    def __init__(self) -> None:
        self.nonces: set[str] = set()
        self.ends: list[tuple[float, str]] = []
        self.horizon = 0.0

    def add(self, nonce: str, until: float) -> None:
        """Remember one."""
        self.nonces.add(nonce)
        heappush(self.ends, (until, nonce))

    def forget(self, now: float) -> None:
        """Forget what has ended."""
        while self.ends and self.ends[0][0] < now:
            self.horizon, nonce = heappop(self.ends)
            self.nonces.discard(nonce)
