"""What agents are told and what they answer, unless their listener names other payloads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, MaxLen

from xml_pipeline.payload import xmlify
from xml_pipeline.spent import Spent as Spent

Words = Annotated[str, MaxLen(1_000_000)]


@xmlify
@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture, a sound, or a text that belongs to a task."""

    media_type: str
    data: Annotated[bytes, MaxLen(750_000)]


@xmlify
@dataclass(frozen=True, slots=True)
class Task:
    """Something to do or to answer, in words.

    ``session`` says that more may follow on the same conversation: then the agent keeps it open
    after its answer, for a while.
    """

    text: Words
    attachments: tuple[Attachment, ...] = ()
    session: bool = False


@xmlify
@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent came to, in words, and what that took."""

    text: Words
    spent: Spent | None = None


@xmlify
@dataclass(frozen=True, slots=True)
class Remember:
    """Something to keep beyond a conversation.

    ``importance`` counts up to ten; ``strength`` is how fresh the memory is at first.
    """

    content: str
    category: Literal["fact", "observation", "preference", "procedure"] = "fact"
    tags: tuple[str, ...] = ()
    importance: Annotated[int, Ge(1), Le(10)] = 5
    strength: Annotated[float, Ge(0.0), Le(1.0)] = 1.0


@xmlify
@dataclass(frozen=True, slots=True)
class Think:
    """A message of an agent to itself: it is its turn again, of this run."""

    run: Annotated[int, Ge(0)]
    turn: Annotated[int, Ge(0)]


@xmlify
@dataclass(frozen=True, slots=True)
class TimeUp:
    """A message of an agent to itself: this run, one turn's calls, or the wait for more is over."""

    of: Literal["run", "calls", "session"]
    run: Annotated[int, Ge(0)]
    turn: Annotated[int, Ge(0)]
