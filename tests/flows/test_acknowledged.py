"""An answer given at once, while the work below it goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.flows.payloads import Note, Result, Task
from xml_pipeline.errors import NoReply
from xml_pipeline.events import Event, ThreadEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import codec_of
from xml_pipeline.steps.seal import envelope_bytes
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, memory_organism, respond


class Gate:
    """A worker that waits until it is let go on."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.probe = Probe("worker", Task, self._work)

    async def _work(self, task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        await self.opened.wait()
        return respond(Result(task.text))


def broker(then: Any = None) -> Probe:
    """Acknowledge a task, hand it on, and do ``then`` with what comes back."""

    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return [
                HandlerResponse.acknowledge(Note("soon")),
                HandlerResponse(payload, to="worker"),
            ]
        return then

    return Probe("broker", (Task, Result), react, peers=("worker",))


def boss(heard: tuple[type, ...] = (Note, SystemError, ThreadEnded)) -> Probe:
    """Send a task to the broker, and wait for what it says."""

    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        return HandlerResponse(payload, to="broker") if isinstance(payload, Task) else None

    return Probe("boss", (Task, *heard), react, peers=("broker",))


async def test_an_acknowledgement_comes_at_once_and_the_work_goes_on() -> None:
    gate = Gate()
    async with memory_organism(broker(), gate.probe) as organism:
        assert await organism.ask("broker", Task("dig")) == Note("soon")
        await gate.probe.next()
        gate.opened.set()
        await organism.drain()
        assert len(organism.kernel.threads) == 0


async def test_whoever_has_its_answer_hears_no_second_one() -> None:
    gate, chief = Gate(), boss()
    async with memory_organism(chief, broker(respond(Note("done"))), gate.probe) as organism:
        asked = asyncio.ensure_future(organism.ask("boss", Task("dig")))
        gate.opened.set()
        with pytest.raises(NoReply):
            await asked
        assert len(organism.kernel.threads) == 0
    assert chief.payloads == [Task("dig"), Note("soon")]


async def test_the_requester_does_not_end_before_the_acknowledged_work() -> None:
    gate, chief = Gate(), boss()
    ended = list[str]()

    def note(event: Event) -> None:
        if isinstance(event, ThreadEvent) and event.status == "completed":
            ended.append(event.callee)

    async with memory_organism(chief, broker(), gate.probe) as organism:
        organism.subscribe(note)
        asked = asyncio.ensure_future(organism.ask("boss", Task("dig")))
        await gate.probe.next()
        assert not asked.done()
        gate.opened.set()
        with pytest.raises(NoReply):
            await asked
    assert ended == ["worker", "broker", "boss"]


async def test_a_failure_after_the_answer_is_not_told_to_whoever_has_it() -> None:
    async def fail(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        raise RuntimeError("broken")

    chief = boss()
    async with memory_organism(chief, broker(), Probe("worker", Task, fail)) as organism:
        with pytest.raises(NoReply):
            await organism.ask("boss", Task("dig"))
        assert len(organism.kernel.threads) == 0
    assert chief.payloads == [Task("dig"), Note("soon")]


async def test_a_second_acknowledgement_is_dropped() -> None:
    twice = Probe("twice", Task, lambda *_: [HandlerResponse.acknowledge(Note("a"))] * 2)
    async with memory_organism(twice) as organism:
        assert await organism.ask("twice", Task("dig")) == Note("a")
        await organism.drain()
        assert len(organism.kernel.threads) == 0


async def test_acknowledged_work_ends_with_the_thread_of_whoever_asked() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to="broker")
        return respond(Result("good night"))

    chief, gate = Probe("boss", (Task, Note), react, peers=("broker",)), Gate()
    async with memory_organism(chief, broker(), gate.probe) as organism:
        assert await organism.ask("boss", Task("dig")) == Result("good night")
        await organism.drain()
        assert len(organism.kernel.threads) == 0
    assert not gate.opened.is_set()


async def test_a_further_question_in_an_acknowledged_conversation_is_answered_too() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Note):
            return respond(Result("bye"))
        return [HandlerResponse.acknowledge(Note("soon")), HandlerResponse(payload, to="worker")]

    gate, clerk = Gate(), Probe("clerk", (Task, Note), react, peers=("worker",))
    async with memory_organism(clerk, gate.probe) as organism:
        asked = asyncio.ensure_future(organism.ask("clerk", Task("dig")))
        await gate.probe.next()
        assert await asked == Note("soon")
        [root] = (each for each in organism.kernel.threads if each.parent is None)
        further = envelope_bytes(codec_of(Note).to_xml(Note("well?")), "outside", "clerk", root.id)
        await organism.inject(further)
        answer = organism.waiter(root)
        assert (await answer).payload == Result("bye")
        assert len(organism.kernel.threads) == 0
