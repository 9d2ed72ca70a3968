"""Context: what has been said to a listener on one thread, one slot for each message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.flows.payloads import Note, Number, Result, Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.registries.context import Context
from xml_pipeline.testing import Probe, memory_organism, respond


def counting(number: Any, metadata: HandlerMetadata) -> HandlerResponse:
    if isinstance(number, Result):
        return respond(number)
    if number.n < 4:
        return HandlerResponse(Number(number.n + 1), to="counter")
    return HandlerResponse(Task("x"), to="worker")


async def contexts(**config: Any) -> list[list[tuple[str, Any]]]:
    """Return what the counter's context held at each of its calls: sender and payload."""
    seen: list[list[tuple[str, Any]]] = []

    def note(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        seen.append([(each.sender, each.payload) for each in metadata.context])
        return counting(payload, metadata)

    counter = Probe("counter", (Number, Result), note, peers=("worker",))
    worker = Probe("worker", Task, lambda *_: respond(Result("")))
    async with memory_organism(counter, worker, **config) as organism:
        await organism.ask("counter", Number(0))
    return seen


async def test_every_message_is_remembered_once_the_present_one_last() -> None:
    seen = await contexts()
    whole = [
        ("outside", Number(0)),
        *(("counter", Number(n)) for n in range(1, 5)),
        ("worker", Result("")),
    ]
    assert seen == [whole[: length + 1] for length in range(6)]


async def test_beyond_its_limit_nothing_more_is_remembered_and_that_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = await contexts(limits={"context_slots": 3})
    assert [len(each) for each in seen] == [1, 2, 3, 3, 3, 3]
    assert caplog.text.count("its context is full at 3 slots") == 1


async def test_its_limit_holds_for_what_was_said_before_a_restart_too() -> None:
    def note(number: Any, _: HandlerMetadata) -> HandlerResponse:
        if number.n < 4:
            return HandlerResponse(Number(number.n + 1), to="counter")
        return HandlerResponse.defer(within=1_000)

    store = MemoryBackend()
    counter = Probe("counter", Number, note).listener
    async with Organism([counter], backend=store) as organism:
        await organism.send("counter", Number(0))
        await organism.drain()
    config = OrganismConfig.model_validate({"limits": {"context_slots": 3}})
    async with Organism([counter], backend=store, config=config) as organism:
        (thread,) = (each for each in organism.kernel.threads if each.callee == "counter")
        assert [each.payload for each in thread.slots or ()] == [Number(n) for n in range(3)]


async def test_a_context_is_a_sequence_that_cannot_be_changed() -> None:
    views: list[Sequence[Any]] = []

    def note(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        view = metadata.context
        assert isinstance(view, Context)
        views.append(view[:])
        assert view[0] is view[-len(view)]
        assert list(view) == list(view[0:])
        assert [each.payload for each in view.of_type(Number)] == [
            each.payload for each in view if isinstance(each.payload, Number)
        ]
        assert view.of_type(Note) == ()
        assert [each.payload for each in view.sent_by("counter")] == [
            Number(n) for n in range(1, len(view))
        ]
        with pytest.raises(TypeError):
            view[0] = None  # type: ignore[index]  # that is the point
        with pytest.raises(AttributeError):
            view[0].payload = None
        return (
            HandlerResponse(Number(payload.n + 1), to="counter")
            if payload.n < 3
            else respond(Result(""))
        )

    async with memory_organism(Probe("counter", Number, note)) as organism:
        assert await organism.ask("counter", Number(0)) == Result("")
    assert [len(each) for each in views] == [1, 2, 3, 4]


def test_the_context_of_a_thread_that_was_told_nothing_is_empty() -> None:
    assert list(Context(None)) == []
    with pytest.raises(IndexError):
        Context(None)[0]
