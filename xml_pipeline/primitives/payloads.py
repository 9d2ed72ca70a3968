"""The payloads of the system listeners; `Boot` is among those that only the pump sends.

XML travels inside them as text, so that it is opaque to their schemas: whoever it is meant
for validates it. ``error`` says in at most 200 characters what was wrong; a listener that
does not exist and one that may not be addressed read the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from xml_pipeline.payload import xmlify
from xml_pipeline.payload.raw import Json
from xml_pipeline.spent import Spent

MOST_SECONDS = 366 * 24 * 3600
"""The longest wait: a year."""

MOST_TEXT = 8_000_000
"""The longest XML text, in bytes of UTF-8: the parser takes no text of 10 MB."""

XmlText = Annotated[str, MaxLen(MOST_TEXT)]

ErrorText = Annotated[str, MaxLen(200)]

# ── Todos ───────────────────────────────────────────────────────────────────────────────


@xmlify
@dataclass(frozen=True, slots=True)
class TodoUntil:
    """Remind me when what I wait for seems to have come.

    It seems so when a message on my thread, or below it, has a payload whose name contains
    ``wait_for``, in any case, and comes from ``from_listener``, if that is given.
    """

    wait_for: str
    from_listener: str = ""
    description: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class TodoRegistered:
    """You will be reminded; close the todo with its ``id``."""

    id: str
    wait_for: str
    from_listener: str
    description: str


@xmlify
@dataclass(frozen=True, slots=True)
class TodoComplete:
    """The todo of this ``id`` is done."""

    id: str


@xmlify
@dataclass(frozen=True, slots=True)
class TodoClosed:
    """The todo is closed; ``was_raised`` says whether you had been reminded of it."""

    id: str
    was_raised: bool


# ── Sequences ───────────────────────────────────────────────────────────────────────────


@xmlify
@dataclass(frozen=True, slots=True)
class SequenceStart:
    """Run these steps one after another.

    ``steps`` are names of listeners, separated by commas. ``payload`` is one XML element, as
    text: the first step gets it, each further step gets what the one before it answered, as
    it is. ``return_to`` names a listener that gets the ``SequenceComplete`` instead of you;
    what it answers comes to you.
    """

    steps: str
    payload: XmlText
    return_to: str = ""
    sequence_id: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class SequenceRequest:
    """Run these steps one after another, if they fit together.

    As ``SequenceStart``; before anything runs, it is checked that each step accepts what the
    step before it is declared to answer with. What a step has not declared is not checked.
    """

    steps: str
    payload: XmlText
    return_to: str = ""
    sequence_id: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class SequenceComplete:
    """Every step has answered; ``final_result`` is the last answer, as XML text."""

    sequence_id: str
    final_result: XmlText
    step_count: int


@xmlify
@dataclass(frozen=True, slots=True)
class SequenceError:
    """The sequence has stopped at a step; ``step_index`` counts from 0."""

    sequence_id: str
    failed_step: str
    step_index: int
    error: ErrorText


# ── Buffers ─────────────────────────────────────────────────────────────────────────────


@xmlify
@dataclass(frozen=True, slots=True)
class BufferStart:
    """Give each item to the same listener, several at a time.

    ``items`` are XML elements, as text, one after another, such as one a line. With
    ``collect`` you get all results together; without, you only hear that the items are on
    their way, and they end at the latest with your own thread. ``concurrency`` is how many
    are worked on at a time. With ``timeout``, items not answered within so many seconds count
    as failed. ``return_to`` names a listener that gets the ``BufferComplete`` instead of you;
    what it answers comes to you.
    """

    target: str
    items: XmlText
    collect: bool = True
    return_to: str = ""
    buffer_id: str = ""
    concurrency: Annotated[int, Ge(1), Le(1000)] = 10
    timeout: Annotated[float, Gt(0), Le(MOST_SECONDS)] | None = None


@xmlify
@dataclass(frozen=True, slots=True)
class BufferComplete:
    """Every item has been answered or has failed.

    ``results`` is XML text: ``<results>`` with one ``<item index="0" success="true">`` for
    each item, in the order of the items, around the answer, or the reason of the failure.
    """

    buffer_id: str
    total: int
    successful: int
    results: XmlText


@xmlify
@dataclass(frozen=True, slots=True)
class BufferDispatched:
    """So many items are on their way; their answers are not collected."""

    buffer_id: str
    total: int


@xmlify
@dataclass(frozen=True, slots=True)
class BufferError:
    """The buffer cannot begin, or its result could not be handed over."""

    buffer_id: str
    error: ErrorText


# ── Squads ──────────────────────────────────────────────────────────────────────────────


@xmlify
@dataclass(frozen=True, slots=True)
class SquadMember:
    """A member of a squad, by its name, and what it gets: one XML element, as text."""

    name: str
    payload: XmlText


@xmlify
@dataclass(frozen=True, slots=True)
class SquadStart:
    """Give each of several listeners something to do, side by side.

    Meanwhile they share a blackboard that nobody else sees. No member may be named twice.
    """

    members: Annotated[tuple[SquadMember, ...], MinLen(2), MaxLen(1000)]


@xmlify
@dataclass(frozen=True, slots=True)
class SquadResult:
    """What a member came to: its answer, as XML text, or why there is none.

    ``spent`` is what it took, where that is known and the answer does not say so itself.
    """

    name: str
    success: bool
    result: XmlText
    spent: Spent | None = None


@xmlify
@dataclass(frozen=True, slots=True)
class SquadComplete:
    """Every member has answered or has failed; the results are in the order of the members."""

    results: tuple[SquadResult, ...]


@xmlify
@dataclass(frozen=True, slots=True)
class SquadError:
    """The squad cannot begin, or its results could not be handed over."""

    error: ErrorText


# ── Timers ──────────────────────────────────────────────────────────────────────────────


@xmlify
@dataclass(frozen=True, slots=True)
class TimerStart:
    """Deliver a payload later.

    ``payload`` is one XML element, as text; ``to`` the listener that gets it: you, if left
    out. Say either in how many ``seconds``, or ``at`` what time (UTC where it names no zone;
    at once where that is past). A timer ends with the thread that set it.
    """

    payload: XmlText
    to: str = ""
    seconds: Annotated[float, Ge(0), Le(MOST_SECONDS)] | None = None
    at: datetime | None = None


@xmlify
@dataclass(frozen=True, slots=True)
class TimerError:
    """The timer was not set."""

    error: ErrorText


# ── Blackboards ─────────────────────────────────────────────────────────────────────────

Key = Annotated[str, MinLen(1), MaxLen(200)]


@xmlify
@dataclass(frozen=True, slots=True)
class BlackboardWrite:
    """Write a JSON value on the blackboard, under a key, in place of what is there.

    Everybody who works at the same task can read it. ``outer`` is for those who open a
    blackboard for others: it writes on the one around that.
    """

    key: Key
    value: Json
    outer: bool = False


@xmlify
@dataclass(frozen=True, slots=True)
class BlackboardRead:
    """Read what is on the blackboard under a key."""

    key: Key


@xmlify
@dataclass(frozen=True, slots=True)
class BlackboardList:
    """List the keys on the blackboard."""


@xmlify
@dataclass(frozen=True, slots=True)
class BlackboardText:
    """What the blackboard says: a text as it is, any other value as JSON, keys one a line."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class BlackboardError:
    """It was not written."""

    error: ErrorText
