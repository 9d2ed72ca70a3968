"""What listeners that are shown over A2A may take and answer, beside payloads of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import MaxLen

from xml_pipeline.payload import xmlify
from xml_pipeline.payload.raw import Json

Words = Annotated[str, MaxLen(1_000_000)]


@xmlify
@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A message of a client as it came, for a listener that wants more of it than the words.

    ``parts`` and ``metadata`` are as A2A 1.0 has them in JSON.
    """

    id: Annotated[str, MaxLen(255)]
    text: Words
    parts: Json
    metadata: Json = field(default_factory=dict)


@xmlify
@dataclass(frozen=True, slots=True)
class Said:
    """Something said in reply that is no result of work.

    A client has a message and no task, unless this belongs to a task all the same.
    """

    text: Words
    of_task: bool = False


@xmlify
@dataclass(frozen=True, slots=True)
class Declined:
    """The listener will not do what it was asked, and why: a client's task is rejected."""

    reason: Words
