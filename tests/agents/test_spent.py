"""Whoever is told of a failure learns what it took, with everything below it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.agents.answers import Answers
from tests.agents.flow.parts import SPENT, flow, leader, step
from tests.agents.parts import Found, Look, agent, calls, finder, script
from tests.agents.test_squads import boss, gives
from tests.server.house import running
from xml_pipeline.agents.agent import Agent
from xml_pipeline.agents.flow.shape import Flow, Step
from xml_pipeline.agents.hooks import Hooks
from xml_pipeline.agents.payloads import Answer, Spent, Task
from xml_pipeline.errors import Denied, HandlerFailed, Timeout, Unanswered
from xml_pipeline.events import AgentEvent, Event
from xml_pipeline.guarding import Guardrail, Verdict
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.llm.base import Usage
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.payload import codec_of
from xml_pipeline.permission import Permission
from xml_pipeline.primitives import (
    BufferComplete,
    BufferStart,
    SequenceComplete,
    SequenceError,
    SequenceStart,
)
from xml_pipeline.testing import Probe, memory_organism

LOOKS = calls(("finder", {"word": "ox"}))
"""A turn of ten tokens in and five out."""


def gives_up(name: str, turns: int = 1, **keys: Any) -> Listener:
    """Return an agent that has no answer after so many turns."""
    lines = [calls(("finder", {"word": str(turn)})) for turn in range(turns)]
    return agent(script(*lines), name=name, peers=("finder",), max_turns=turns, **keys)


async def fails(*listeners: Any, ask: str = "ada") -> Spent:
    """Return what is told of a failure to somebody outside."""
    async with memory_organism(*listeners) as organism:
        with pytest.raises(Unanswered) as failed:
            await organism.ask(ask, Task("Go."))
    spent: Spent = failed.value.spent
    return spent


async def test_an_agent_that_ends_without_an_answer_says_what_its_turns_took() -> None:
    assert await fails(gives_up("ada", 3), finder()) == Spent(30, 15, 0.0, 3, 3)


async def test_what_a_model_took_that_failed_is_told_too() -> None:
    broken = ProviderError("server", "it is ill")
    broken.usage, broken.usd = Usage(7, 1), 0.25
    spent = await fails(agent(Answers((LOOKS, broken)), peers=("finder",)), finder())
    assert spent == Spent(17, 6, 0.25, 2, 1)


class Breaks(Guardrail):
    """Raises as soon as a model has spoken."""

    async def after_model(self, text: str) -> Verdict:
        raise RuntimeError("a bug")


async def test_what_was_taken_until_a_guardrail_broke_is_told() -> None:
    ada = agent(script(calls(("finder", {"word": "ox"}), text="Well.")), peers=("finder",))
    assert isinstance(ada.handler, Agent)
    object.__setattr__(ada.handler, "hooks", Hooks((("breaks", Breaks()),)))
    assert await fails(ada, finder()) == Spent(10, 5, 0.0, 1, 0)


async def test_an_agent_counts_what_those_took_that_failed_for_it() -> None:
    lead = script(calls(("ann", {"text": "Go."}), ("bob", {"text": "Go."})), "They failed.")
    team = (gives_up("ann", 2), gives_up("bob", 1), finder())
    async with memory_organism(agent(lead, peers=("ann", "bob")), *team) as organism:
        answer = await organism.ask("ada", Task("Lead."))
    assert (answer.spent.turns, answer.spent.tool_calls) == (2 + 3, 2 + 3)
    assert answer.spent.input_tokens >= 10 + 30


async def test_a_failure_that_nobody_listens_to_carries_its_account_through_to_the_top() -> None:
    """A plain listener between two agents hears of no fault: it fails with what it called."""

    async def forward(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(task, to="bob")

    plain = Listener("plain", Task, forward, description="Passes on.", peers=("bob",))
    lead = agent(script(calls(("plain", {"text": "Go."}))), peers=("plain",), max_turns=1)
    spent = await fails(lead, plain, gives_up("bob", 2), finder())
    assert spent == Spent(10 + 20, 5 + 10, 0.0, 1 + 2, 1 + 2)


def owes(name: str = "finder") -> Probe:
    """Return a listener that owes its answer, so that whoever asks it waits."""
    return Probe(name, Look, lambda *_: HandlerResponse.defer(within=60.0), output=Found)


async def killed(*listeners: Any, ask: str) -> Spent:
    """Return what is told of a conversation that is killed as soon as everybody waits in it."""
    async with memory_organism(*listeners) as organism:
        asking = asyncio.create_task(organism.ask(ask, Task("Go.")))
        await asyncio.sleep(0)
        await organism.drain()
        [root] = [each for each in organism.kernel.threads if each.callee == ask]
        organism.kill(root.conversation.id)
        with pytest.raises(HandlerFailed) as failed:
            await asking
    spent: Spent = failed.value.spent
    return spent


async def test_a_kill_tells_what_was_taken_everywhere_below() -> None:
    ada = agent(script(calls(("bob", {"text": "Go."}))), peers=("bob",))
    bob = agent(script(LOOKS), name="bob", peers=("finder",))
    assert await killed(ada, bob, owes(), ask="ada") == Spent(20, 10, 0.0, 2, 2)


async def test_the_members_of_a_squad_that_fail_say_what_it_took_them() -> None:
    lead = script(gives("form_squad", ("ann", "Go."), ("bob", "Go.")), "Half of it.")
    team = (gives_up("ann", 2), agent(script("Done."), name="bob"), finder())
    async with memory_organism(boss(lead, "ann", "bob"), *team) as organism:
        answer = await organism.ask("boss", Task("Lead."))
    assert (answer.spent.turns, answer.spent.tool_calls) == (2 + 2 + 1, 1 + 2)


async def test_a_squad_that_is_killed_tells_what_its_members_took() -> None:
    lead = script(gives("form_squad", ("ann", "Go."), ("bob", "Go."), ("cid", "Go.")))
    bob = agent(script(calls(("slow", {"word": "ox"}))), name="bob", peers=("slow",))
    cid = agent(script("Done."), name="cid")
    team = (gives_up("ann", 2), bob, cid, finder(), owes("slow"))
    spent = await killed(boss(lead, "ann", "bob", "cid"), *team, ask="boss")
    assert (spent.turns, spent.tool_calls) == (1 + 2 + 1 + 1, 1 + 2 + 1)


@pytest.mark.virtual_clock
async def test_whoever_waits_no_longer_learns_what_was_taken_for_nothing() -> None:
    ada = agent(script(LOOKS), peers=("finder",))
    async with memory_organism(ada, owes()) as organism:
        with pytest.raises(Timeout) as late:
            await organism.ask("ada", Task("Go."), timeout=5.0)
    assert late.value.spent == Spent(10, 5, 0.0, 1, 1)


@pytest.mark.virtual_clock
async def test_an_answer_that_is_waited_for_no_longer_is_paid_for_all_the_same() -> None:
    late = Spent(100, 10, 1.0, 1, 0)

    async def slow(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Answer("At last.", late)).after(15.0)

    bob = Listener("bob", Task, slow, description="Is slow.", output=Answer)
    ada = script(calls(("bob", {"text": "Go."})), LOOKS, "Done.")
    lead = agent(ada, peers=("bob", "finder"), tool_timeout=10.0)
    async with memory_organism(lead, bob, owes()) as organism:
        answer = await organism.ask("ada", Task("Lead."))
    assert answer.spent.usd == 1.0


async def test_a_flow_that_fails_tells_what_all_its_steps_took() -> None:
    row = flow("abc", "ab", "bc")
    spent = await fails(leader(row), step("a"), gives_up("b", 2), step("c"), finder(), ask="leader")
    assert spent == Spent(10 + 20, 2 + 10, 0.5, 1 + 2, 3 + 2)
    assert SPENT.usd == 0.5


async def test_a_failure_without_any_account_says_nothing_of_cost() -> None:
    async def refuse(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        raise Denied("not today")

    plain = Listener("ada", Task, refuse, description="Refuses.")
    async with memory_organism(plain) as organism:
        with pytest.raises(Unanswered, match="Denied: not today") as failed:
            await organism.ask("ada", Task("Go."))
    assert failed.value.spent is None


async def test_words_of_a_denial_that_xml_cannot_carry_are_told_as_far_as_it_can() -> None:
    async def refuse(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        raise Denied("not \x00 today")

    plain = Listener("plain", Task, refuse, description="Refuses.")
    lead = script(calls(("plain", {"text": "Go."})), "It was denied.")
    async with memory_organism(agent(lead, peers=("plain",)), plain) as organism:
        await organism.ask("ada", Task("Go."))
    assert "not \ufffd today" in str(lead.requests[1].messages[-1].blocks)


async def test_a_problem_over_http_has_it_too() -> None:
    body = {"to": "ada", "payload": {"Task": {"text": "Go."}}}
    async with running(gives_up("ada", 2), finder().listener) as visitor:
        answer = await visitor.http.post("/v1/messages?wait=10", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "handler")
    assert problem["spent"] == {
        "input_tokens": 20,
        "output_tokens": 10,
        "usd": 0.0,
        "turns": 2,
        "tool_calls": 2,
    }


async def test_whoever_watches_hears_that_a_run_has_failed_whatever_broke_it() -> None:
    told: list[AgentEvent] = []

    def hear(event: Event) -> None:
        if isinstance(event, AgentEvent) and event.step == "run_failed":
            told.append(event)

    ada = agent(script("Well."))
    object.__setattr__(ada.handler, "hooks", Hooks((("breaks", Breaks()),)))
    async with memory_organism(ada) as organism:
        organism.subscribe(hear)
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", Task("Go."))
    [failed] = told
    assert (failed.about["code"], failed.about["turns"]) == ("handler", 1)
    assert "a bug" not in failed.about["why"]


def answers_with_fields(name: str) -> Listener:
    """Return an agent that looks a word up, and has no words for what that took."""
    lines = (LOOKS, calls(("__respond__", {"text": "A beast."})))
    return agent(script(*lines), name=name, peers=("finder",), output=Found)


async def test_what_an_answer_with_fields_took_adds_up_though_it_does_not_say_so() -> None:
    lead = script(calls(("ann", {"text": "Go."})), "Done.")
    team = (answers_with_fields("ann"), finder())
    async with memory_organism(agent(lead, peers=("ann",)), *team) as organism:
        answer = await organism.ask("ada", Task("Lead."))
        told = await organism.ask_for_delivery("ann", Task("Go."))
    assert (answer.spent.turns, answer.spent.tool_calls) == (2 + 2, 1 + 2)
    assert (told.payload, told.spent) == (Found("A beast."), Spent(20, 10, 0.0, 2, 2))


async def test_so_it_does_of_members_of_a_squad() -> None:
    lead = script(gives("form_squad", ("ann", "Go."), ("bob", "Go.")), "Done.")
    team = (answers_with_fields("ann"), answers_with_fields("bob"), finder())
    async with memory_organism(boss(lead, "ann", "bob"), *team) as organism:
        answer = await organism.ask("boss", Task("Lead."))
    assert (answer.spent.turns, answer.spent.tool_calls) == (2 + 2 * 2, 1 + 2 * 2)


async def test_so_it_does_of_the_steps_of_a_flow_and_of_the_flow() -> None:
    steps = Flow((Step("a", "ann"),), ())
    row = leader(steps, output=(Found,))
    lead = script(calls(("leader", {"text": "Go."})), "Done.")
    team = (row, answers_with_fields("ann"), finder())
    async with memory_organism(agent(lead, peers=("leader",)), *team) as organism:
        answer = await organism.ask("ada", Task("Lead."))
    assert (answer.spent.turns, answer.spent.tool_calls) == (2 + 2, 1 + 2)


TWICE = Spent(40, 20, 0.0, 4, 4)
"""What two agents take that answer with fields."""


def hands_on(name: str) -> Probe:
    """Return what makes a task of what was found."""
    return Probe(name, Found, lambda found, _: HandlerResponse.respond(Task(found.text)))


def go() -> str:
    return codec_of(Task).to_xml(Task("Go.")).decode()


async def test_so_it_does_of_the_steps_of_a_sequence() -> None:
    team = (answers_with_fields("ann"), answers_with_fields("bob"), finder())
    async with memory_organism(hands_on("on"), *team) as organism:
        start = SequenceStart("ann,on,bob", go())
        done = await organism.ask_for_delivery("system.sequence", start)
    assert (done.payload.step_count, done.spent) == (3, TWICE)


async def test_so_it_does_of_a_sequence_that_a_step_has_ended() -> None:
    team = (answers_with_fields("ann"), gives_up("cy"), finder())
    async with memory_organism(hands_on("on"), *team) as organism:
        failed = await organism.ask_for_delivery(
            "system.sequence", SequenceStart("ann,on,cy", go())
        )
    assert isinstance(failed.payload, SequenceError)
    assert failed.spent == Spent(30, 15, 0.0, 3, 3)


async def test_so_it_does_of_the_items_of_a_buffer_whoever_files_the_results() -> None:
    files = Probe("files", BufferComplete, lambda *_: HandlerResponse.respond(Found("Filed.")))
    team = (answers_with_fields("ann"), answers_with_fields("bob"), finder())
    async with memory_organism(files, *team) as organism:
        at_once = await organism.ask_for_delivery("system.buffer", BufferStart("ann", go()))
        filed = await organism.ask_for_delivery(
            "system.buffer", BufferStart("bob", go(), return_to="files")
        )
    assert (at_once.payload.successful, at_once.spent) == (1, Spent(20, 10, 0.0, 2, 2))
    assert (filed.payload.tag, filed.spent) == ("Found", Spent(20, 10, 0.0, 2, 2))


async def test_the_whole_counts_where_the_answer_speaks_of_its_last_part_only() -> None:
    last = Spent(1, 1, 0.5, 1, 0)
    ends = Probe("ends", SequenceComplete, lambda *_: HandlerResponse.respond(Answer("So.", last)))
    async with memory_organism(ends, answers_with_fields("ann"), finder()) as organism:
        start = SequenceStart("ann", go(), return_to="ends")
        told = await organism.ask_for_delivery("system.sequence", start)
    assert codec_of(Answer).from_xml(told.payload.xml).spent == last
    assert told.spent == Spent(21, 11, 0.5, 3, 2)


@pytest.mark.virtual_clock
@pytest.mark.parametrize("primitive", ["system.sequence", "system.buffer"])
async def test_whoever_waits_for_a_primitive_no_longer_learns_what_was_taken(
    primitive: str,
) -> None:
    async def once(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        if task.text == "Wait.":
            return HandlerResponse.defer(within=60.0)
        return HandlerResponse.respond(Task("Wait."), Spent(10, 5, 0.0, 1, 0))

    ann = Listener("ann", Task, once, description="Waits.", output=Task)
    wait = codec_of(Task).to_xml(Task("Wait.")).decode()
    start: Any = SequenceStart("ann,ann", go())
    if primitive == "system.buffer":
        start = BufferStart("ann", go() + wait)
    async with memory_organism(ann) as organism:
        with pytest.raises(Timeout) as late:
            await organism.ask(primitive, start, timeout=5.0)
    assert late.value.spent == Spent(10, 5, 0.0, 1, 0)


async def test_so_it_does_where_somebody_had_to_allow_the_call() -> None:
    lead = script(calls(("ann", {"text": "Go."})), "Done.")
    asking = replace(agent(lead, peers=("ann",)), permissions=(Permission("ann", "ask"),))
    quiet = replace(answers_with_fields("ann"), permissions=(Permission("*", "allow"),))
    async with memory_organism(asking, quiet, finder()) as organism:
        with organism.approvals.attend():
            going = asyncio.create_task(organism.ask("ada", Task("Lead.")))
            await asyncio.sleep(0)
            await organism.drain()
            while waiting := organism.approvals.waiting():
                organism.approvals.decide(waiting[0].id, "allow", by="ann")
                await organism.drain()
            answer = await going
    assert (answer.spent.turns, answer.spent.tool_calls) == (2 + 2, 1 + 2)


async def test_over_http_an_answer_tells_what_it_took_where_its_payload_does_not() -> None:
    body = {"to": "ann", "payload": {"Task": {"text": "Go."}}}
    async with running(answers_with_fields("ann"), finder().listener) as visitor:
        answer = await visitor.http.post("/v1/messages?wait=10", json=body)
    said = answer.json()
    assert said["payload"] == {"text": "A beast."}
    assert (said["spent"]["turns"], said["spent"]["input_tokens"]) == (2, 20)
