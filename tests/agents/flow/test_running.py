"""Flows on whole organisms: what is asked of whom, and what comes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.agents.flow.parts import SPENT, broken, flow, leader, silent, step, steps, way
from tests.primitives.parts import assert_nothing_is_left
from xml_pipeline.agents.flow.shape import Flow, Step
from xml_pipeline.agents.payloads import Answer, Spent, Task
from xml_pipeline.errors import HandlerFailed, Timeout
from xml_pipeline.events import AgentEvent, Event, FaultEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe, memory_organism


async def answer_of(organism: Organism, text: str = "") -> str:
    answer = await organism.ask("leader", Task(text))
    await assert_nothing_is_left(organism)
    return str(answer.text)


async def test_each_step_of_a_row_is_asked_what_the_one_before_it_has_answered() -> None:
    row = flow("abc", "ab", "bc")
    async with memory_organism(leader(row), *map(step, "abc")) as organism:
        assert await answer_of(organism, "x") == "xabc"


async def test_answers_that_meet_are_put_together_under_the_names_of_their_steps() -> None:
    diamond = flow("abcd", "ab", "ac", "bd", "cd")
    async with memory_organism(leader(diamond), *map(step, "abcd")) as organism:
        assert await answer_of(organism) == "## b\n\nab\n\n## c\n\nacd"


async def test_the_answers_that_lead_nowhere_are_the_answer() -> None:
    fork = flow("abc", "ab", "ac")
    async with memory_organism(leader(fork), *map(step, "abc")) as organism:
        assert await answer_of(organism) == "## b\n\nab\n\n## c\n\nac"


async def test_a_way_that_is_not_taken_leads_to_steps_that_are_not_asked() -> None:
    ways = (way("ab", "x"), way("ac", "y"), way("bd"), way("cd"))
    shape, probes = Flow(steps("abcd", first="d"), ways), [*map(step, "abcd")]
    async with memory_organism(leader(shape), *probes) as organism:
        assert await answer_of(organism, "x") == "xabd"
        assert await answer_of(organism, "y") == "yacd"
        assert await answer_of(organism, "z") == "za"
    assert [len(each.seen) for each in probes] == [3, 1, 1, 2]


async def test_a_step_that_waits_for_all_is_not_asked_where_one_way_is_not_taken() -> None:
    ways = (way("ab", "x"), way("bd"), way("ad"))
    strict, lenient = Flow(steps("abd"), ways), Flow((*steps("ab"), Step("d", "d", "some")), ways)
    async with memory_organism(leader(strict), *map(step, "abd")) as organism:
        assert await answer_of(organism, "x") == "## a\n\nxa\n\n## b\n\nxabd"
        assert await answer_of(organism, "y") == "ya"
    async with memory_organism(leader(lenient), *map(step, "abd")) as organism:
        assert await answer_of(organism, "y") == "yad"


async def test_a_step_that_takes_what_comes_first_waits_for_no_latecomer() -> None:
    async def never(task: Task, metadata: HandlerMetadata) -> None:
        await asyncio.Event().wait()

    late = Probe("b", Task, never, output=Answer)
    race = flow("abc", "ac", "bc", first="c")
    async with memory_organism(leader(race), step("a"), late, step("c")) as organism:
        assert await answer_of(organism, "x") == "xac"


async def test_a_way_back_is_taken_until_it_need_not_be_and_not_too_often() -> None:
    back = Flow(steps("abc"), (way("ab"), way("bc", "aaa"), way("ba", at_most=4)))
    once = Flow(steps("ab"), (way("ab"), way("ba", at_most=1)))
    async with memory_organism(leader(back), *map(step, "abc")) as organism:
        assert await answer_of(organism) == "ababababab"
    async with memory_organism(leader(once), *map(step, "ab")) as organism:
        assert await answer_of(organism) == "abab"


async def test_what_comes_after_a_way_back_is_given_once_more_what_came_from_elsewhere() -> None:
    shape = Flow(steps("abcd"), (way("ac"), way("bc"), way("cd"), way("da", at_most=1)))
    async with memory_organism(leader(shape), *map(step, "abcd")) as organism:
        said = await answer_of(organism)
    first = "## a\n\na\n\n## b\n\nbcd"
    assert said == f"## a\n\n{first}a\n\n## b\n\nbcd"


async def test_what_the_steps_have_spent_is_added_up() -> None:
    fork = flow("abc", "ab", "ac")
    async with memory_organism(leader(fork), *map(step, "abc")) as organism:
        answer = await organism.ask("leader", Task("x"))
    assert answer.spent == Spent(30, 6, 1.5, 3, 9)


async def test_a_long_flow_is_no_deep_one() -> None:
    loop = Flow(steps("a"), (way("aa", at_most=99),))
    async with memory_organism(leader(loop), step("a", lambda text: "x")) as organism:
        assert await answer_of(organism) == "x"


async def test_the_fault_of_a_step_is_that_of_the_flow_and_stops_the_others() -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def long(task: Task, metadata: HandlerMetadata) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def fails(task: Task, metadata: HandlerMetadata) -> None:
        await started.wait()
        raise RuntimeError("the details that nobody is told")

    events: list[Event] = []
    probes = [Probe("a", Task, long, output=Answer), Probe("b", Task, fails, output=Answer)]
    async with memory_organism(leader(flow("ab")), *probes) as organism:
        organism.subscribe(events.append)
        with pytest.raises(HandlerFailed) as failed:
            await organism.ask("leader", Task("x"))
        await stopped.wait()
        await assert_nothing_is_left(organism)
    faults = [each for each in events if isinstance(each, FaultEvent)]
    assert [each.id for each in faults] == [failed.value.id]
    assert failed.value.code == "handler"


async def told(organism: Organism, *, fails: bool) -> list[tuple[str, Any]]:
    events: list[Event] = []
    organism.subscribe(events.append)
    if fails:
        with pytest.raises(HandlerFailed):
            await organism.ask("leader", Task("x"))
    else:
        await organism.ask("leader", Task("x"))
    await organism.drain()
    return [(each.step, each.about) for each in events if isinstance(each, AgentEvent)]


SUM = {each: getattr(SPENT, each) for each in SPENT.__slots__}


@pytest.mark.parametrize("bad", [broken, silent])
async def test_a_flow_that_fails_tells_what_it_has_spent(bad: Any) -> None:
    row = flow("ab", "ab")
    async with memory_organism(leader(row), step("a"), bad("b")) as organism:
        events = await told(organism, fails=True)
    assert events[-1] == ("run_failed", {"at": "b", "code": "handler", "spent": SUM})


async def test_a_flow_tells_what_becomes_of_it() -> None:
    async with memory_organism(leader(flow("a")), step("a")) as organism:
        events = await told(organism, fails=False)
    assert events == [
        ("run_started", {"kind": "graph", "steps": ["a"]}),
        ("sub_agents_dispatched", {"agents": ["a"], "at": "a"}),
        ("sub_agent_completed", {"agent": "a", "success": True}),
        ("run_completed", {"kind": "graph", "spent": SUM}),
    ]


async def test_a_flow_may_be_a_step_of_another() -> None:
    inner = replace(leader(flow("bc", "bc")), name="inner")
    outer = Flow((Step("a", "a"), Step("x", "inner")), (way("ax"),))
    async with memory_organism(leader(outer), inner, *map(step, "abc")) as organism:
        answer = await organism.ask("leader", Task("x"))
    assert answer == Answer("xabc", Spent(30, 6, 1.5, 3, 9))


async def test_what_a_flow_does_not_begin_with_is_refused() -> None:
    async with memory_organism(leader(flow("a")), step("a")) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("leader", Answer("x"))
        await assert_nothing_is_left(organism)


async def test_a_second_answer_to_the_same_question_changes_nothing() -> None:
    def twice(task: Task, metadata: HandlerMetadata) -> Any:
        return [
            HandlerResponse.acknowledge(Answer("first")),
            HandlerResponse.respond(Answer("second")),
        ]

    talkative = Probe("a", Task, twice, output=Answer)
    async with memory_organism(leader(flow("ab", "ab")), talkative, step("b")) as organism:
        assert await answer_of(organism) == "firstb"


async def test_a_step_whose_time_is_up_fails_the_flow_with_a_timeout() -> None:
    async def never(task: Task, metadata: HandlerMetadata) -> None:
        await asyncio.Event().wait()

    slow = Probe("a", Task, never, output=Answer, timeout=0.01)
    async with memory_organism(leader(flow("a")), slow) as organism:
        with pytest.raises(Timeout):
            await organism.ask("leader", Task("x"))
        await assert_nothing_is_left(organism)
