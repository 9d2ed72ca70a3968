"""What is said to agents elsewhere, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MaxLen

from xml_pipeline.payload import ABSENT, xmlify
from xml_pipeline.payload.raw import Absent, Json

LONGEST_ID = 1_000
"""Characters by which an agent may call a task or a conversation."""

LONGEST_TEXT = 4_000_000
"""Characters of a text."""

Words = Annotated[str, MaxLen(LONGEST_TEXT)]
Id = Annotated[str, MaxLen(LONGEST_ID)]
Url = Annotated[str, MaxLen(4_096)]


@xmlify
@dataclass(frozen=True, slots=True)
class A2aFile:
    """A file: what is in it, or where it is. Nothing is fetched from there."""

    name: str = ""
    media_type: str = ""
    data: bytes | None = None
    url: Url = ""


@xmlify
@dataclass(frozen=True, slots=True)
class A2aMessage:
    """Words to an agent elsewhere, and data and files that go with them.

    They go on with what you have said to it before, and answer what it has asked. Only whoever
    means something else says so: ``context`` is a conversation and ``task`` a question, both as
    the agent has named them.
    """

    text: Words
    data: Json | Absent = ABSENT
    files: tuple[A2aFile, ...] = ()
    context: Id = ""
    task: Id = ""


@xmlify
@dataclass(frozen=True, slots=True)
class A2aAnswer:
    """What an agent elsewhere answers, or what it asks before it goes on.

    ``text`` is all that can be read, with a word in brackets for each file; ``data`` is a list of
    what it gives for programs. It is asked for more where ``state`` says so: the next message
    with this ``context`` and ``task`` is the answer to that.
    """

    state: Literal["completed", "input-required", "auth-required"]
    text: Words = ""
    data: Json | Absent = ABSENT
    files: tuple[A2aFile, ...] = ()
    context: Id = ""
    task: Id = ""
