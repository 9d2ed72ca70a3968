"""A sequence: the herald has an announcement shouted, and what was shouted framed.

``system.sequence`` runs the steps. It acts with the peers of whoever asked it, so the herald
must be allowed to address the shouter and the framer; they know nothing of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify
from xml_pipeline.payload import codec_of
from xml_pipeline.primitives import SequenceComplete, SequenceError, SequenceStart


@xmlify
@dataclass(frozen=True, slots=True)
class Announcement:
    """Something that all should hear of."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Words:
    """A text on its way: each step takes it in, and answers with what it has made of it."""

    text: str


async def announce(
    payload: Announcement | SequenceComplete | SequenceError, metadata: HandlerMetadata
) -> HandlerResponse:
    """Start the sequence; when it comes back, answer with its last result."""
    match payload:
        case Announcement(text):
            words = codec_of(Words).write(Words(text))
            return HandlerResponse(SequenceStart("shouter, framer", words), to="system.sequence")
        case SequenceComplete():
            result = codec_of(Words).from_xml(payload.final_result.encode())
            return HandlerResponse.respond(result)
        case SequenceError():
            return HandlerResponse.respond(Words(f"{payload.failed_step}: {payload.error}"))


async def shout(payload: Words, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer in capitals."""
    return HandlerResponse.respond(Words(payload.text.upper()))


async def frame(payload: Words, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer with the same text in a frame."""
    lines = payload.text.splitlines() or [""]
    width = max(map(len, lines))
    middle = "\n".join(f"│ {line:<{width}} │" for line in lines)
    edge = "─" * (width + 2)
    return HandlerResponse.respond(Words(f"\n┌{edge}┐\n{middle}\n└{edge}┘\n"))
