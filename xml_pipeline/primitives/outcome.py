"""What became of a message that a primitive has sent, and what that has taken."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import Codec, RawPayload, codec_of
from xml_pipeline.primitives.payloads import BufferError, SequenceError, SquadError
from xml_pipeline.spent import Spent, spent_in, total
from xml_pipeline.system import SystemError, ThreadEnded

log = logging.getLogger(__name__)

_ERRORS: Mapping[str, type[BufferError | SequenceError | SquadError]] = MappingProxyType(
    {each.__name__: each for each in (BufferError, SequenceError, SquadError)}
)
_LONGEST_ERROR = 200
_SPENT: Codec[Spent] = codec_of(Spent)


def failure(payload: object) -> str | None:
    """Return why there is no answer, None where the payload is one.

    A primitive that reports an error has failed, as a step or an item of another.
    """
    if isinstance(payload, SystemError):
        return f"{payload.message} ({payload.id})"
    if isinstance(payload, ThreadEnded):
        return f"{payload.listener} ended without an answer"
    if isinstance(payload, RawPayload) and (kind := _ERRORS.get(payload.tag)):
        try:
            return codec_of(kind).from_xml(payload.xml).error
        except InvalidPayload:
            return None  # An element of somebody else, by the same name.
    return None


def clipped(words: str) -> str:
    """Return the words, cut to what an ``error`` may hold."""
    return words if len(words) <= _LONGEST_ERROR else f"{words[: _LONGEST_ERROR - 1]}…"


def leave_out(payload: object, metadata: HandlerMetadata) -> None:
    """Log a message that nothing on this thread waits for; it changes nothing."""
    log.warning(
        "%s left out a %s from %s on thread %s: it waits for no such thing",
        metadata.own_name,
        payload.tag if isinstance(payload, RawPayload) else type(payload).__name__,
        metadata.from_id,
        metadata.thread_id,
    )


def taken(payload: Any, metadata: HandlerMetadata) -> Spent | None:
    """Return what an answer has taken, with everything below it, None where nobody kept account."""
    if isinstance(payload, SystemError):
        return payload.spent
    return metadata.spent or spent_in(payload.to_xml().decode())


def add_up(payload: Any, metadata: HandlerMetadata) -> None:
    """Add what an answer has taken to what the state says was taken before."""
    took = taken(payload, metadata)
    if took is not None:
        before = added_up(metadata.state)
        whole = took if before is None else total((before, took))
        metadata.state["spent"] = _SPENT.to_xml(whole).decode()


def added_up(state: Mapping[str, Any]) -> Spent | None:
    """Return what a state says was taken, None where it says nothing."""
    return _SPENT.from_xml(state["spent"].encode()) if "spent" in state else None
