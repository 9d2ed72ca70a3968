"""A fault that a listener hears of, and passes on: one fault, from where it was to who asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.payloads import Result, Task
from xml_pipeline.errors import HandlerFailed, Undeliverable
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.system import SystemError
from xml_pipeline.testing import Probe, memory_organism


def passing_on(name: str, to: str) -> Probe:
    """Return a listener that asks somebody, and passes on the fault that comes of it."""

    def react(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, SystemError):
            return HandlerResponse.pass_on()
        return HandlerResponse(payload, to=to)

    return Probe(name, (Task, Result, SystemError), react, peers=(to,))


def fails(task: Task, metadata: HandlerMetadata) -> None:
    raise RuntimeError("the details that nobody is told")


async def test_a_fault_that_is_passed_on_stays_the_same_one() -> None:
    events: list[Event] = []
    first, second = passing_on("first", "second"), passing_on("second", "third")
    third = Probe("third", Task, fails)
    async with memory_organism(first, second, third) as organism:
        organism.subscribe(events.append)
        with pytest.raises(HandlerFailed) as failed:
            await organism.ask("first", Task("x"))
        await organism.drain()
        assert len(organism.kernel.threads) == 0
    assert [each.id for each in events if isinstance(each, FaultEvent)] == [failed.value.id]
    told = [each for each in (*first.payloads, *second.payloads) if isinstance(each, SystemError)]
    assert {each.id for each in told} == {failed.value.id}


async def test_the_code_of_a_fault_is_passed_on_as_well() -> None:
    async with memory_organism(passing_on("first", "nobody")) as organism:
        with pytest.raises(Undeliverable) as failed:
            await organism.ask("first", Task("x"))
    assert failed.value.code == "routing"


async def test_without_a_fault_there_is_nothing_to_pass_on() -> None:
    events: list[Event] = []
    liar = Probe("liar", Task, lambda task, metadata: HandlerResponse.pass_on())
    async with memory_organism(liar) as organism:
        organism.subscribe(events.append)
        with pytest.raises(HandlerFailed):
            await organism.ask("liar", Task("x"))
        await organism.drain()
        assert len(organism.kernel.threads) == 0
    [fault] = [each for each in events if isinstance(each, FaultEvent)]
    assert fault.detail == "liar was told of no fault to pass on"
