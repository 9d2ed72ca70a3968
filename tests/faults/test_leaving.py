"""An organism is left in the middle of something, or its disk was slow: nobody is told wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.faults.ailing import Ailing
from tests.flows.payloads import Result, Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.journal.reading import Story, read
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload
from xml_pipeline.system import SystemError
from xml_pipeline.testing import Probe, respond

pytestmark = pytest.mark.virtual_clock


async def _story(store: MemoryBackend) -> Story:
    (summary,) = await store.conversations(2)
    past = await store.conversation(summary.id)
    assert past is not None
    return read(past)


async def _answers(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
    return respond(Result(f"attempt {metadata.attempt}"))


def _quick(**words: Any) -> Listener:
    return Listener("quick", Task, _answers, description="Answers at once.", **words)


async def test_what_was_accepted_while_it_was_left_is_acknowledged() -> None:
    store = MemoryBackend()
    async with Organism([_quick()], backend=store) as organism:
        sending = asyncio.create_task(organism.send("quick", Task("go")))
        await asyncio.sleep(0)
    assert await sending == (await _story(store)).id
    async with Organism([_quick()], backend=store) as organism:
        await organism.drain()
    assert not (await _story(store)).root.open


async def test_what_had_not_begun_when_it_was_left_has_not_been_tried() -> None:
    store = MemoryBackend()
    backend = Ailing(store)
    organism = Organism([_quick(max_deliveries=1)], backend=backend)
    await organism.__aenter__()
    await organism.drain()
    backend.goes_on.clear()
    asking = asyncio.create_task(organism.send("quick", Task("go")))
    await asyncio.sleep(0.1)
    leaving = asyncio.create_task(organism.__aexit__(None, None, None))
    await asyncio.sleep(0.1)
    backend.goes_on.set()
    await asyncio.wait({leaving, asking})
    (standing,) = (await _story(store)).standing()
    assert standing.attempts == 0
    async with Organism([_quick(max_deliveries=1)], backend=store) as organism:
        await organism.drain()
    (answer,) = (each for each in (await _story(store)).messages.values() if each.left)
    assert b"attempt 1" in answer.raw


async def test_the_time_that_a_disk_takes_is_not_taken_from_a_handler() -> None:
    async def works(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(0.5)
        return await _answers(payload, metadata)

    backend = Ailing(MemoryBackend())
    quick = Listener("quick", Task, works, description="Takes a while.", timeout=1.0)
    async with Organism([quick], backend=backend) as organism:
        backend.goes_on.clear()
        asking = asyncio.create_task(organism.ask("quick", Task("go")))
        await asyncio.sleep(30.0)
        backend.goes_on.set()
        assert await asking == Result("attempt 1")


async def test_what_was_owed_when_it_was_left_does_not_fail_afterwards() -> None:
    async def defers(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.defer(within=5.0)

    closed: list[str] = []

    class Hook:
        async def on_intent(self, *said: object) -> object:
            return said

        async def on_dispatched(self, entry: object) -> None: ...
        async def on_acknowledged(self, entry: object) -> None: ...
        async def on_failed(self, entry: object, error: str) -> None: ...
        async def on_thread_complete(self, thread_id: str) -> None:
            closed.append(thread_id)

    late = Listener("late", Task, defers, description="Answers later.")
    config = OrganismConfig.model_validate({"budget": {"seconds": 8}})
    async with Organism([late], backend=MemoryBackend(), config=config) as organism:
        organism.hooks.append(Hook())
        await organism.send("late", Task("go"))
        await organism.drain()
    await asyncio.sleep(60.0)
    assert closed == []


async def test_a_raw_payload_that_sets_out_later_does_so_after_a_restart_too() -> None:
    raw = RawPayload("Task", Task("later").to_xml())  # type: ignore[attr-defined]

    async def begins(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(raw, to="probe").after(5.0)

    store, probe = MemoryBackend(), Probe("probe", Task)
    first = Listener("first", Task, begins, description="Begins.", peers=("probe",))
    async with Organism([first, probe.listener], backend=store) as organism:
        await organism.send("first", Task("go"))
        await organism.drain()
    async with Organism([first, probe.listener], backend=store) as organism:
        await asyncio.sleep(10.0)
        await organism.drain()
    assert probe.payloads == [Task("later")]


async def test_what_is_spent_after_the_time_was_up_is_written_down() -> None:
    spent = asyncio.Event()

    async def stubborn(payload: Task, metadata: HandlerMetadata) -> HandlerResponse | None:
        reserved = metadata.budget.reserve(100)
        try:
            await asyncio.sleep(10.0)
        except asyncio.CancelledError:
            await asyncio.sleep(5.0)
            reserved.settle(70)
            spent.set()
        return None

    async def host(payload: Any, metadata: HandlerMetadata) -> Any:
        if not metadata.in_reply_to:
            return [HandlerResponse(Task("go"), to="stubborn"), HandlerResponse.defer(within=99.0)]
        return None

    store = MemoryBackend()
    listeners = [
        Listener("host", (Task, SystemError), host, description="d", peers=("stubborn",)),
        Listener("stubborn", Task, stubborn, description="d", timeout=1.0),
    ]
    async with Organism(listeners, backend=store) as organism:
        await organism.send("host", Task("go"))
        await spent.wait()
        await organism.drain()
    story = await _story(store)
    assert story.spent is not None
    assert story.spent.tokens == 70
