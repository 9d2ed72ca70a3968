"""Nobody gains reach by asking a primitive to send."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.primitives.parts import (
    Go,
    Word,
    adder,
    asker,
    assert_nothing_is_left,
    heard,
    words,
    xml,
)
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.primitives import (
    BufferStart,
    SequenceComplete,
    SequenceError,
    SequenceRequest,
    SequenceStart,
    TimerStart,
)
from xml_pipeline.testing import Probe, memory_organism, respond

Wrap = Callable[[str, str], tuple[str, str]]
"""Turns an addressee and a payload into a primitive and the request that reaches it there."""

SEQUENCE = "system.sequence"
FACTORY = "system.sequence.factory"
BUFFER = "system.buffer"
TIMER = "system.timer"
ALL = (SEQUENCE, FACTORY, BUFFER, TIMER)
PAIRS = tuple(permutations(ALL, 2))
TARGETS = ("a", "b", "absent")

WRAPS: dict[str, Wrap] = {
    SEQUENCE: lambda to, payload: (SEQUENCE, xml(SequenceStart(to, payload))),
    FACTORY: lambda to, payload: (FACTORY, xml(SequenceRequest(to, payload))),
    BUFFER: lambda to, payload: (BUFFER, xml(BufferStart(to, payload))),
    TIMER: lambda to, payload: (TIMER, xml(TimerStart(payload, to, seconds=0))),
    "dispatch": lambda to, payload: (BUFFER, xml(BufferStart(to, payload, collect=False))),
    "return_to": lambda to, payload: (SEQUENCE, xml(SequenceStart("own", payload, to))),
}


class Agent:
    """Asks a primitive, maybe one within another, for what it may not do itself."""

    def __init__(self, target: str, wraps: tuple[str, ...], peers: frozenset[str]) -> None:
        self._to, self._text = target, words("x")
        for wrap in reversed(wraps):
            self._to, self._text = WRAPS[wrap](self._to, self._text)
        # A sequence that is to fail at its return_to alone has a step that is permitted.
        self.probe = asker(self._to, self._text.encode(), (*peers, "own"))


@settings(max_examples=60)
@given(
    target=st.sampled_from(TARGETS),
    wraps=st.lists(st.sampled_from(tuple(WRAPS)), min_size=1, max_size=4).map(tuple),
    peers=st.frozensets(st.sampled_from((*TARGETS, *ALL))),
)
async def test_a_message_arrives_through_primitives_only_if_every_name_on_its_way_is_a_peer(
    target: str, wraps: tuple[str, ...], peers: frozenset[str]
) -> None:
    agent = Agent(target, wraps, peers).probe
    targets = [
        Probe(name, (Word, SequenceComplete), lambda *_: respond(Word("y"))) for name in "ab"
    ]
    async with memory_organism(agent, adder("own"), *targets) as organism:
        await heard(agent, organism)
        await assert_nothing_is_left(organism)
    reached = {each.listener.name for each in targets if each.seen}
    way = {target, *(WRAPS[wrap]("", "")[0] for wrap in wraps)}
    assert reached <= {target}
    assert not reached or way <= peers


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
async def test_a_permitted_target_is_reached_through_two_primitives(outer: str, inner: str) -> None:
    target = adder("a")
    agent = Agent("a", (outer, inner), frozenset((outer, inner, "a"))).probe
    async with memory_organism(agent, target) as organism:
        await heard(agent, organism)
        await assert_nothing_is_left(organism)
    assert target.payloads == [Word("x")]


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
async def test_each_name_on_the_way_has_to_be_a_peer(outer: str, inner: str) -> None:
    way = frozenset((outer, inner, "a"))
    for missing in way:
        target, agent = adder("a"), Agent("a", (outer, inner), way - {missing}).probe
        async with memory_organism(agent, target) as organism:
            await heard(agent, organism)
            await assert_nothing_is_left(organism)
        assert not target.seen


@pytest.mark.parametrize("primitive", [SEQUENCE, FACTORY, BUFFER, TIMER])
async def test_absent_and_forbidden_read_the_same(primitive: str) -> None:
    said = []
    for target in ("forbid", "absent"):
        _, text = WRAPS[primitive](target, words("x"))
        agent = asker(primitive, text.encode(), peers=(primitive,))
        async with memory_organism(agent, adder("forbid")) as organism:
            error = await heard(agent, organism)
        said.append(error.error.replace(target, "it"))
    assert said[0] == said[1] == "'it' cannot be addressed: check whom you may address"


async def test_peers_that_are_taken_away_count_at_the_next_step() -> None:
    def revoke(word: Word, metadata: HandlerMetadata) -> HandlerResponse:
        organism.unregister("b")
        return respond(word)

    last = adder("b")
    agent = asker(SEQUENCE, SequenceStart("a,b", words("x")), (SEQUENCE, "a", "b"))
    async with memory_organism(agent, Probe("a", Word, revoke), last) as organism:
        error = await heard(agent, organism)
    assert isinstance(error, SequenceError)
    assert (error.failed_step, error.step_index) == ("b", 1)
    assert not last.seen


async def test_somebody_outside_reaches_no_part_of_the_system_through_a_primitive() -> None:
    async with memory_organism(adder("a")) as organism:
        inner = xml(SequenceRequest("a", words("x")))
        error: Any = await organism.ask(SEQUENCE, SequenceStart(FACTORY, inner))
        assert error.error == f"{FACTORY!r} cannot be addressed: check whom you may address"
        done = await organism.ask(SEQUENCE, SequenceStart("a", words("x")))
        assert done.final_result == words("xa")


async def test_a_step_may_be_the_requester_itself() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        match payload:
            case Go():
                return HandlerResponse(SequenceStart("agent,agent", words("x")), to=SEQUENCE)
            case Word(text):
                return respond(Word(f"{text}+"))
        return respond(payload)

    agent = Probe("agent", (Go, Word, SequenceComplete), react, peers=(SEQUENCE, "agent"))
    async with memory_organism(agent) as organism:
        done = await organism.ask("agent", Go())
        await assert_nothing_is_left(organism)
    assert done.final_result == words("x++")
    assert len({each.metadata.thread_id for each in agent.seen}) == 3
