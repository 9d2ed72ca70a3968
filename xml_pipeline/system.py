"""The payloads that only the pump may send, and the words they use.

An outside sender or a handler that sends one of these is refused: whoever receives it must
be able to believe it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen

from xml_pipeline.errors import FaultCode
from xml_pipeline.payload import xmlify
from xml_pipeline.spent import Spent

SYSTEM = "system"
"""The sender of whatever the pump itself says."""

APPROVAL = "system.approval"
"""Who has calls decided on by a person. Only the pump can address it."""


@xmlify
@dataclass(frozen=True, slots=True)
class Boot:
    """The organism has started."""

    organism_name: str
    timestamp: str
    listener_count: int


@xmlify
@dataclass(frozen=True, slots=True)
class SystemError:  # the field's fixed name for it; a payload, not an exception
    """Something you sent could not be handled.

    The same words for "there is no such listener" and "you may not address it". ``spent`` is
    what it took until then, where anybody kept account of it.
    """

    code: FaultCode
    message: str
    retry_allowed: bool
    id: str
    spent: Spent | None = None


@xmlify
@dataclass(frozen=True, slots=True)
class ThreadEnded:
    """Work you asked for has gone quiet without an answer: do not wait for it."""

    listener: str
    thread: str


@xmlify
@dataclass(frozen=True, slots=True)
class Huh:
    """The text you wrote could not be read as messages; here is its beginning."""

    error: str
    original_attempt: Annotated[bytes, MaxLen(4096)]


@xmlify
@dataclass(frozen=True, slots=True)
class ApprovalDecision:
    """Somebody has decided whether a call that waits for it may go on."""

    allowed: bool
    by: str
    reason: str = ""


SYSTEM_PAYLOADS: tuple[type, ...] = (Boot, SystemError, ThreadEnded, Huh, ApprovalDecision)

NEUTRAL_WORDS: Mapping[FaultCode, str] = {
    "routing": "This message could not be delivered. Check whom you may address, and try again.",
    "validation": "This message does not fit what its receiver accepts. Check it, and try again.",
    "timeout": "No answer came within the time allowed.",
    "budget": "This conversation has spent what it was allowed.",
    "handler": "The receiver could not handle this message.",
    "overload": "Too much is waiting. Try again later.",
    "internal": "This message could not be processed.",
}
"""What a sender is told. Everything else about a fault is in the log, under its id."""
