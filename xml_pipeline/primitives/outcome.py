"""What became of a message that a primitive has sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.primitives.payloads import BufferError, SequenceError, SquadError
from xml_pipeline.system import SystemError, ThreadEnded

log = logging.getLogger(__name__)

_ERRORS: Mapping[str, type[BufferError | SequenceError | SquadError]] = MappingProxyType(
    {each.__name__: each for each in (BufferError, SequenceError, SquadError)}
)
_LONGEST_ERROR = 200


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
