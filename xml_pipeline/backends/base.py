"""What a backend does: it appends, in atomic steps, to the logs of conversations.

The rule this seam guards: after ``append`` has returned, all of that commit is there, whatever
is killed next; when it raises, or the process dies in it, all of it is there or none.

A module of this room is a backend that configuration can name: ``configured(config, file)``
makes it, where ``file`` is the place for a file, if there is one.

A node works on a conversation in memory; a backend never hears of threads, messages or
attempts, only of the lines that say how they changed, and reads them only to hand them back.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable
from zlib import crc32

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """What happened in one conversation since it was last written about.

    ``opens`` is set with the first entry of a conversation, ``ends`` with its last.
    """

    conversation: str
    records: bytes
    opens: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up, with all that is needed to look at it or try it again.

    ``message_id`` is what its handler was told it is; ``attempts`` how often it was handed
    over; ``payload`` the envelope, as bytes; ``at`` seconds since 1970.
    """

    id: str
    message_id: str
    conversation_id: str
    listener: str
    sender: str
    tenant: str
    attempts: int
    reason: str
    payload: bytes
    at: float


class Mark(NamedTuple):
    """Something to be found again under a key of its kind, until it expires.

    Idempotency keys and nonces are marks. ``until`` is in seconds since 1970.
    """

    kind: str
    key: str
    value: bytes
    until: float


class Commit(NamedTuple):
    """One atomic step: all of this, or nothing.

    ``number`` counts the commits of one journal, ``at`` is in seconds since 1970. ``dropped``
    are the ids of dead letters that are wanted no longer.
    """

    number: int
    at: float
    entries: Sequence[Entry]
    letters: Sequence[DeadLetter] = ()
    marks: Sequence[Mark] = ()
    dropped: Sequence[str] = ()


class Past(NamedTuple):
    """One entry as it was written, and when, in seconds since 1970."""

    at: float
    records: bytes


@dataclass(frozen=True, slots=True)
class PastConversation:
    """The log of a conversation. ``ended`` is None while it goes on; both in seconds since 1970.

    A summary has no entries.
    """

    id: str
    opened: float
    ended: float | None
    entries: tuple[Past, ...] = ()


class Backend(Protocol):
    """The verbs.

    Every one may raise BackendUnavailable: then nothing is known of what became of it, and
    the same may be tried again. An append that is tried again, and had been written the
    first time, is written once.
    """

    async def open(self) -> None:
        """Connect. BackendUnavailable also where somebody else holds the store."""

    async def close(self) -> None:
        """Let go of the store."""

    async def append(self, commit: Commit) -> None:
        """Write a commit."""

    def unfinished(self) -> AsyncIterator[PastConversation]:
        """Yield the conversations that have not ended, the oldest first, with all entries."""

    async def conversation(self, id: str) -> PastConversation | None:
        """Return the log of one conversation, None where there is none."""

    async def conversations(self, most: int) -> list[PastConversation]:
        """Return summaries of the conversations, the latest first."""

    async def letters(self) -> list[DeadLetter]:
        """Return the dead letters, the oldest first."""

    async def letter(self, id: str) -> DeadLetter | None:
        """Return a dead letter, None where there is none of that id."""

    async def marked(self, kind: str, key: str, now: float) -> bytes | None:
        """Return the value of a mark that has not expired, None where there is none."""

    async def marks(self, kind: str, now: float) -> list[Mark]:
        """Return the marks of a kind that have not expired."""


SHARDS = 64
"""Into how many parts the conversations are divided where several nodes share them."""

_ENDINGS = {f"{number:02x}": number % SHARDS for number in range(256)}


def shard_of(id: str) -> int:
    """Return the shard of a conversation or thread: the same on every node, and for ever.

    The last two digits of an id say it, so that an id can be made for a shard; what is no
    such id has one all the same.
    """
    shard = _ENDINGS.get(id[-2:])
    return crc32(id.encode()) % SHARDS if shard is None else shard


def endings_of(shard: int) -> list[str]:
    """Return the two last digits that an id of a shard may have."""
    return [ending for ending, its in _ENDINGS.items() if its == shard]


class View(NamedTuple):
    """What a node sees of all: what each living one says of itself, and who holds which shard.

    A shard is missing where nobody holds it; its holder need not live any more.
    """

    living: Mapping[str, Mapping[str, object]]
    holders: Mapping[int, str]


@runtime_checkable
class Shared(Backend, Protocol):
    """A backend that several nodes share: each writes in the shards that it holds, no other.

    ``node`` is the id of this one. ``append`` raises TakenOver, and writes nothing, where a
    shard in it is somebody else's. ``lifetime`` is for how many seconds a node that is silent
    is taken to live.
    """

    node: str
    lifetime: float

    async def join(self) -> None:
        """Connect, as a node that holds nothing yet. Takes the place of ``open``."""

    async def look(self, about: Mapping[str, object]) -> View:
        """Say that this node lives, and what of it others may know; see what the others say."""

    async def take(self, shards: Collection[int]) -> set[int]:
        """Take those of these shards that nobody who lives holds; return which."""

    async def give(self, shards: Collection[int]) -> None:
        """Let go of shards."""

    def begin_anew(self) -> str:
        """Be another node from now on, which holds nothing; return the id of the old one.

        Not while something is being appended.
        """

    async def bury(self, node: str) -> None:
        """Let go of all that a node holds, and of the node itself."""

    async def claim(self, kind: str, key: str, until: float, now: float) -> bool:
        """Be the one node that may write a mark of a kind and key, until then.

        False where that is written already, or another node that lives has claimed it.
        """

    async def disclaim(self, kind: str, key: str) -> None:
        """Let another node have what this one has claimed."""

    def unfinished_in(self, shards: Collection[int]) -> AsyncIterator[PastConversation]:
        """Yield the conversations of some shards that have not ended, the oldest first."""


def seconds_kept(retention: float | Literal["keep", "prune"]) -> float | None:
    """Return for how many seconds what has ended is kept: None for ever, 0 not at all."""
    if retention == "keep":
        return None
    return 0.0 if retention == "prune" else retention * 86_400


_PAYLOAD = 8
"""Which field of a dead letter is bytes."""


def as_json(letter: DeadLetter) -> str:
    """Write a dead letter for a store that keeps it as one value."""
    fields = list(astuple(letter))
    fields[_PAYLOAD] = letter.payload.decode("latin-1")
    return json.dumps(fields)


def from_json(said: bytes | str) -> DeadLetter | None:
    """Read a dead letter; None, loudly, where somebody else has written something there."""
    try:
        fields = json.loads(said)
        fields[_PAYLOAD] = fields[_PAYLOAD].encode("latin-1")
        return DeadLetter(*fields)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        log.error("what stands among the dead letters is none: %.100r", said)
        return None
