"""Notes: of one listener, for one thread, from one call to the next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.errors import InvalidState
from xml_pipeline.events import Event, Events, MessageReceived
from xml_pipeline.organism import Organism
from xml_pipeline.registries.notes import Notes
from xml_pipeline.registries.threads import Threads
from xml_pipeline.testing import Probe, memory_organism, respond


@xmlify
@dataclass(frozen=True, slots=True)
class Go:
    """Begin."""

    times: int


@xmlify
@dataclass(frozen=True, slots=True)
class Count:
    """Count once more."""


@xmlify
@dataclass(frozen=True, slots=True)
class Counted:
    """How often it was counted."""

    text: str


def count(payload: Count, metadata: HandlerMetadata) -> HandlerResponse:
    """Count how often its requester has asked."""
    times = int(metadata.notes.get("times") or 0) + 1
    metadata.notes.put("times", str(times))
    return respond(Counted(str(times)))


def ask(payload: Go | Counted, metadata: HandlerMetadata) -> HandlerResponse:
    """Have it counted so often, one time after the other."""
    state = metadata.state
    if isinstance(payload, Go):
        state["left"], state["heard"] = payload.times, []
    else:
        state["heard"].append(payload.text)
    if not state["left"]:
        return respond(Counted(" ".join(state["heard"])))
    state["left"] -= 1
    return HandlerResponse(Count(), to="counter")


def counter() -> Probe:
    return Probe("counter", Count, count)


def asker(name: str = "asker") -> Probe:
    return Probe(name, (Go, Counted), ask, peers=("counter",))


async def test_what_is_noted_is_there_at_the_next_call_and_ends_with_the_requester() -> None:
    async with memory_organism(counter(), asker()) as organism:
        assert await organism.ask("asker", Go(3)) == Counted("1 2 3")
        assert await organism.ask("asker", Go(2)) == Counted("1 2")
        assert len(organism.kernel.notes) == 0


async def test_whoever_is_asked_from_outside_notes_for_that_call_only() -> None:
    async with memory_organism(counter()) as organism:
        assert await organism.ask("counter", Count()) == Counted("1")
        assert await organism.ask("counter", Count()) == Counted("1")
        assert len(organism.kernel.notes) == 0


async def test_after_a_restart_what_was_noted_is_still_there() -> None:
    backend = MemoryBackend()

    def put_off(payload: Count, metadata: HandlerMetadata) -> HandlerResponse:
        counted = count(payload, metadata)
        return counted if counted.payload == Counted("1") else HandlerResponse.defer(within=3600)

    slow = Probe("counter", Count, put_off)
    async with Organism([slow.listener, asker().listener], backend=backend) as organism:
        await organism.send("asker", Go(3))
        await slow.next()
        waiting = (await slow.next()).metadata.thread_id
        await organism.drain()
    async with Organism([counter().listener, asker().listener], backend=backend) as organism:
        answers: asyncio.Queue[Any] = asyncio.Queue()

        def hear(event: Event) -> None:
            if isinstance(event, MessageReceived) and event.from_id == "asker":
                answers.put_nowait(event.payload)

        organism.subscribe(hear)
        organism.answer(waiting, Counted("late"))
        while not isinstance(answer := await answers.get(), Counted):
            pass
    assert answer == Counted("1 late 3")


def notes(most: int = 100) -> tuple[Notes, Any]:
    threads = Threads(Events())
    return Notes(threads, most), threads.root("outside")


def test_nobody_else_sees_what_was_noted() -> None:
    kept, thread = notes()
    kept.put(thread, ("a", "x"), "1")
    assert kept.get(thread, ("a", "x")) == "1"
    assert kept.get(thread, ("b", "x")) == ""
    assert kept.get(thread, ("a", "y")) == ""


def test_an_empty_text_is_no_note() -> None:
    kept, thread = notes()
    kept.put(thread, ("a", "x"), "1")
    kept.put(thread, ("a", "x"), "")
    assert kept.get(thread, ("a", "x")) == ""
    assert len(kept) == 0


def test_too_much_is_refused_and_leaves_what_was_there() -> None:
    kept, thread = notes(10)
    kept.put(thread, ("a", "x"), "1")
    with pytest.raises(InvalidState, match="more than 10 bytes are noted for one thread"):
        kept.put(thread, ("b", "y"), "ü" * 5)
    assert kept.get(thread, ("a", "x")) == "1"


def test_what_is_noted_for_a_thread_that_has_ended_is_lost() -> None:
    threads = Threads(Events())
    kept, thread = Notes(threads), threads.root("outside")
    threads.close(thread, "completed")
    kept.put(thread, ("a", "x"), "1")
    assert len(kept) == 0
