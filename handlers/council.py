"""A fan-out with gather: one question goes to three advisers, and one advice comes back.

Nobody waits inside a handler. Each opinion is one more call of ``consult`` on the same thread,
and what it must remember between two of them is in ``metadata.state``.
"""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline import HandlerMetadata, HandlerResponse, SystemError, xmlify

ADVISERS = ("optimist", "pessimist", "pedant")


@xmlify
@dataclass(frozen=True, slots=True)
class Question:
    """Something on somebody's mind."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Opinion:
    """What one adviser thinks."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Advice:
    """What all advisers think, a line each."""

    text: str


async def consult(
    payload: Question | Opinion | SystemError, metadata: HandlerMetadata
) -> HandlerResponse | list[HandlerResponse] | None:
    """Ask all advisers at once; answer when the last has spoken, or could not.

    ``key`` comes back with each reply, and with the ``SystemError`` about a failed one.
    """
    if isinstance(payload, Question):
        return [HandlerResponse(payload, to=name, key=name) for name in ADVISERS]
    heard = metadata.state
    said = payload.text if isinstance(payload, Opinion) else "(has nothing to say)"
    heard[str(metadata.in_reply_to)] = said
    if len(heard) < len(ADVISERS):
        return None
    lines = (f"{name}: {heard[name]}" for name in ADVISERS)
    return HandlerResponse.respond(Advice("\n".join(lines)))


async def hope(payload: Question, metadata: HandlerMetadata) -> HandlerResponse:
    """Be all for it."""
    return HandlerResponse.respond(Opinion("By all means! And the sooner the better."))


async def fear(payload: Question, metadata: HandlerMetadata) -> HandlerResponse:
    """Be against it."""
    return HandlerResponse.respond(Opinion("You can try. I shall say that I told you so."))


async def correct(payload: Question, metadata: HandlerMetadata) -> HandlerResponse:
    """Find something else to say."""
    words = len(payload.text.split())
    mark = "" if payload.text.rstrip().endswith("?") else ", and no question mark"
    return HandlerResponse.respond(Opinion(f"Your question has {words} words{mark}."))
