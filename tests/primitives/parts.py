"""Payloads, listeners and claims that the tests of the primitives share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload, codec_of, xmlify
from xml_pipeline.primitives import (
    BufferComplete,
    BufferDispatched,
    BufferError,
    SequenceComplete,
    SequenceError,
    SquadComplete,
    SquadError,
    TimerError,
    TodoClosed,
    TodoRegistered,
)
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, respond

ANSWERS = (
    BufferComplete,
    BufferDispatched,
    BufferError,
    SequenceComplete,
    SequenceError,
    SquadComplete,
    SquadError,
    TimerError,
    TodoClosed,
    TodoRegistered,
    SystemError,
    ThreadEnded,
)

TEXTS = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn")) | st.sampled_from("\t\n\r"), max_size=40
)
"""Any text that XML can carry."""


@xmlify
@dataclass(frozen=True, slots=True)
class Word:
    """A word."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Count:
    """A number."""

    n: int


@xmlify
@dataclass(frozen=True, slots=True)
class Go:
    """Begin."""


def xml(*payloads: object) -> str:
    """Return payloads as XML text, one a line."""
    return "\n".join(codec_of(type(each)).to_xml(each).decode() for each in payloads)


def words(*texts: str) -> str:
    """Return words as XML text, one a line."""
    return xml(*map(Word, texts))


def adder(name: str, **options: Any) -> Probe:
    """Return a listener that answers a word with its own name added."""
    return Probe(name, Word, lambda word, _: respond(Word(f"{word.text}{name}")), **options)


def silent(name: str) -> Probe:
    """Return a listener that says nothing."""
    return Probe(name, Word)


def broken(name: str) -> Probe:
    """Return a listener that raises."""

    def react(word: Word, metadata: HandlerMetadata) -> None:
        raise RuntimeError("the details that nobody is told")

    return Probe(name, Word, react)


def asker(primitive: str, request: object, peers: tuple[str, ...] = ("*",)) -> Probe:
    """Return a listener that asks a primitive once, and says what it heard as a word."""

    def react(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Go):
            return HandlerResponse(request, to=primitive)
        return respond(Word(type(payload).__name__))

    return Probe("asker", (Go, RawPayload, *ANSWERS), react, peers=peers)


async def heard(probe: Probe, organism: Organism) -> Any:
    """Let an asker ask, and return what it heard."""
    await organism.ask(probe.listener.name, Go())
    return probe.payloads[-1]


async def assert_nothing_is_left(organism: Organism) -> None:
    """Claim that no thread is open and no todo is kept."""
    await organism.drain()
    assert len(organism.kernel.threads) == 0
    assert len(organism.kernel.todos) == 0
