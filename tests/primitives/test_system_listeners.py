"""What every organism has, as others see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.primitives.parts import Go
from xml_pipeline import primitives
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.names import SYSTEM_LISTENERS
from xml_pipeline.payload import codec_of
from xml_pipeline.testing import Probe, memory_organism, respond

REQUESTS = (
    ("system.blackboard", "BlackboardWrite"),
    ("system.blackboard", "BlackboardRead"),
    ("system.blackboard", "BlackboardList"),
    ("system.todo", "TodoUntil"),
    ("system.todo-complete", "TodoComplete"),
    ("system.sequence", "SequenceStart"),
    ("system.sequence.factory", "SequenceRequest"),
    ("system.buffer", "BufferStart"),
    ("system.squad", "SquadStart"),
    ("system.timer", "TimerStart"),
)


async def test_every_organism_has_the_listeners_that_a_file_may_name() -> None:
    async with memory_organism() as organism:
        assert sorted(each.name for each in organism.listeners) == sorted(SYSTEM_LISTENERS)


async def test_whatever_sends_on_behalf_of_others_acts_with_their_peers() -> None:
    async with memory_organism() as organism:
        assert {each.name for each in organism.listeners if each.acts_for_caller} == {
            "system.approval",
            "system.sequence",
            "system.sequence.factory",
            "system.buffer",
            "system.squad",
            "system.timer",
        }
        assert not any(each.peers for each in organism.listeners)


async def test_an_agent_is_told_how_to_ask_each_of_them_and_nothing_else() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        told.append(metadata.usage_instructions)
        return respond(payload)

    told = list[str]()
    agent = Probe("agent", Go, react, peers=tuple(dict.fromkeys(name for name, _ in REQUESTS)))
    async with memory_organism(agent) as organism:
        await organism.ask("agent", Go())
    [text] = told
    for name, tag in REQUESTS:
        cls = getattr(primitives, tag)
        assert f"{name}: " in text
        assert codec_of(cls).example_xml().decode() in text
        assert cls.__doc__.split(".")[0] in text
    assert text.count("Schema of <") == len(REQUESTS)


@pytest.mark.parametrize("name", [each for each in primitives.__all__ if each[0].isupper()])
def test_every_payload_survives_its_own_example(name: str) -> None:
    codec = codec_of(getattr(primitives, name))
    assert codec.to_xml(codec.from_xml(codec.example_xml()))
