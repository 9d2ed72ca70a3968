"""Which nonces have been seen, so that no signed envelope counts twice.

The rule this file guards: a nonce is forgotten only when no clock could bring the envelope back
that carried it, and what may have been seen before the memory began counts as seen. Where there
is no room for more, the new one is refused.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

from xml_pipeline.backends import Mark, Shared
from xml_pipeline.errors import SignatureRefused
from xml_pipeline.journal import Journal

_KIND, _KIND_BEGAN = "nonce", "nonces since"
_FOR_EVER = 100 * 365 * 86_400.0

_BEYOND = 7_200.0
"""Seconds for which a nonce is written down after its end: by as much a clock may be set back."""

MOST = 100_000
"""Nonces remembered of each sender; with signatures that hold five minutes, 275 a second."""


class Signed(NamedTuple):
    """Who signed an envelope, with which nonce, and until when that means something."""

    sender: str
    nonce: str
    until: float


class NonceMemory(Protocol):
    """What remembers nonces."""

    @property
    def since(self) -> float:
        """The time, in seconds since 1970, before which it knows nothing."""

    def check(self, sender: str, nonce: str) -> None:
        """SignatureRefused where somebody else may have heard, or may yet hear, this nonce."""

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

    def check(self, sender: str, nonce: str) -> None:
        """Find nothing against it: nobody else hears anything."""

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


class SharedNonces(KeptNonces):
    """Nonces of a node among others: one that it has not claimed, it does not take.

    Who has claimed one, or has written it down, is known to all of them.
    """

    __slots__ = ("_claimed", "_clock", "_store")

    def __init__(self, journal: Journal, store: Shared, since: float) -> None:
        super().__init__(journal.mark, (), since)
        self._store = store
        self._clock = journal.clock
        self._claimed: dict[tuple[str, str], float] = {}

    @asynccontextmanager
    async def claimed(self, signed: Signed) -> AsyncIterator[None]:
        """Claim a nonce for what is taken in meanwhile; if that fails, others may have it.

        Raises BackendUnavailable. One that is another's already is remembered as seen.
        """
        named, now = signed[:2], self._clock()
        key = " ".join(named)
        if not await self._store.claim(_KIND, key, signed.until + _BEYOND, now):
            self.remember(*signed)
        self._expect(named, signed.until, now)
        taken_in = False
        try:
            yield
            taken_in = True
        finally:
            if not taken_in:
                self._claimed.pop(named, None)
                await self._store.disclaim(_KIND, key)

    def check(self, sender: str, nonce: str) -> None:
        """Refuse what has not been claimed."""
        if self._claimed.pop((sender, nonce), None) is None:
            raise SignatureRefused(f"whether another node hears the nonce {nonce} is not known")

    def _expect(self, named: tuple[str, str], until: float, now: float) -> None:
        """Await an envelope; what has never come, though it was taken in, is forgotten."""
        self._claimed[named] = until
        while (oldest := next(iter(self._claimed))) != named and self._claimed[oldest] < now:
            del self._claimed[oldest]


async def shared_nonces(journal: Journal, store: Shared) -> SharedNonces:
    """Return the nonces of one node of several, which know them since the first of them began."""
    return SharedNonces(journal, store, await _since(journal))


async def kept_nonces(journal: Journal) -> KeptNonces:
    """Return the nonces of a journal, which knows them since it began. BackendUnavailable."""
    since = await _since(journal)
    marks = await journal.backend.marks(_KIND, journal.clock())
    return KeptNonces(journal.mark, marks, since)


async def _since(journal: Journal) -> float:
    backend, now = journal.backend, journal.clock()
    began = await backend.marked(_KIND_BEGAN, "", now)
    if began is None:
        began = str(now).encode()
        journal.mark(Mark(_KIND_BEGAN, "", began, now + _FOR_EVER))
    return float(began)


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
