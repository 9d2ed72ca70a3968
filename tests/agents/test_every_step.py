"""Every step that an agent can take is told of by something that really happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import pytest

from tests.agents.parts import Found, agent, calls, finder, script
from tests.agents.test_guarded import Picky, guarded
from tests.agents.test_telling import boss
from tests.approvals.parts import Person, rule
from xml_pipeline.agents.payloads import Task
from xml_pipeline.errors import Unanswered
from xml_pipeline.events import AgentEvent, AgentStep, Event
from xml_pipeline.llm.base import Request
from xml_pipeline.llm.cascade import Cascade, Gate, Tier
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.retry import Retry
from xml_pipeline.llm.scripted import ScriptedProvider
from xml_pipeline.organism import Organism
from xml_pipeline.testing import memory_organism, respond

pytestmark = pytest.mark.virtual_clock

Scenario = Callable[[], Awaitable[set[str]]]

LATER = {"sensor_event_processed", "story_updated"}
"""Steps of parts that are not there yet."""


def steps(organism: Organism) -> set[str]:
    """Return the steps that are told from now on, as they come."""
    seen: set[str] = set()

    def hear(event: Event) -> None:
        if isinstance(event, AgentEvent):
            seen.add(event.step)

    organism.subscribe(hear)
    return seen


async def asked(*listeners: Any, to: str = "ada") -> set[str]:
    """Return the steps of one question, however it ends."""
    async with memory_organism(*listeners) as organism:
        seen = steps(organism)
        with suppress(Unanswered):
            await organism.ask(to, Task("Look for a bomb."))
        await organism.drain()
    return seen


def look(number: int = 0) -> Any:
    """Return what a model says that wants a word looked up."""
    return calls(("finder", {"word": f"w{number}"}), text="I look.")


async def answering() -> set[str]:
    return await asked(agent(script(look(), "Done."), peers=("finder",)), finder())


async def failing() -> set[str]:
    return await asked(agent(script(refuse)))


def refuse(_: Request) -> Any:
    """Refuse, as a model does that is asked too often."""
    raise ProviderError("rate_limit", "slow down")


async def going_in_circles() -> set[str]:
    thinker = agent(script(look(), look(), look(), "Done."), peers=("finder",))
    return await asked(thinker, finder())


async def spending_too_much() -> set[str]:
    return await asked(agent(script(look(), "Done."), peers=("finder",), max_total_tokens=1))


async def talking_too_long() -> set[str]:
    def say(request: Request) -> Any:
        if not request.functions:
            return "A summary."
        if "A summary." in request.messages[0].text:
            return "Done."
        if len(request.messages) > 8:
            raise ProviderError("overflow", "prompt is too long")
        return look(len(request.messages))

    return await asked(agent(script(say), peers=("finder",)), finder())


async def summarizing() -> set[str]:
    def say(request: Request) -> Any:
        return look(len(request.messages)) if request.functions else "A summary."

    context = {"strategy": "summarize", "max_tokens": 300}
    long = finder(lambda _: respond(Found("word " * 100)))
    return await asked(agent(script(say), peers=("finder",), context=context), long)


async def pruning() -> set[str]:
    context = {"prune_results_over": 100, "keep_recent": 1}
    lines = (*map(look, range(4)), "Done.")
    long = finder(lambda _: respond(Found("word " * 100)))
    return await asked(agent(script(*lines), peers=("finder",), context=context), long)


async def delegating() -> set[str]:
    lead = boss(script("Never asked."), "ben", orchestration={"routing": "single"})
    return await asked(lead, agent(script("Done."), name="ben"), to="boss")


async def denying() -> set[str]:
    return await asked(guarded(script("Never."), Picky("bomb")), finder())


async def warning() -> set[str]:
    return await asked(guarded(script("Done."), Picky("bomb", "warn")), finder())


async def trying_again() -> set[str]:
    return await asked(agent(Retry(ScriptedProvider(refuse, "Done."))))


async def asking_a_better_model() -> set[str]:
    tiers = (Tier("small", script(refuse)), Tier("big", script("Done.")))
    return await asked(agent(Cascade(tiers, Gate())))


async def waiting_for_somebody() -> set[str]:
    thinker = agent(script(look(), "Done."), peers=("finder",))
    async with memory_organism(replace(thinker, permissions=(rule("ask"),)), finder()) as organism:
        seen, person = steps(organism), Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(organism.ask("ada", Task("Go.")))
            await person.decides("allow")
            await asking
        await organism.drain()
    return seen


TOLD: dict[AgentStep, Scenario] = {
    "run_started": answering,
    "turn_started": answering,
    "llm_response": answering,
    "tool_call_started": answering,
    "tool_call_completed": answering,
    "run_completed": answering,
    "run_failed": failing,
    "doom_loop_detected": going_in_circles,
    "budget_exceeded": spending_too_much,
    "auto_compaction_triggered": talking_too_long,
    "context_summarized": summarizing,
    "session_pruned": pruning,
    "task_routed": delegating,
    "sub_agents_dispatched": delegating,
    "sub_agent_completed": delegating,
    "guardrail_denied": denying,
    "guardrail_warned": warning,
    "retry_attempt": trying_again,
    "model_escalated": asking_a_better_model,
    "approval_requested": waiting_for_somebody,
    "approval_decision": waiting_for_somebody,
}


@pytest.mark.parametrize(("step", "scenario"), TOLD.items(), ids=TOLD)
async def test_a_step_is_told_when_it_is_taken(step: AgentStep, scenario: Scenario) -> None:
    assert step in await scenario()


def test_no_step_is_left_out_but_those_of_parts_that_are_not_there_yet() -> None:
    assert {*TOLD, *LATER} == {*get_args(AgentStep)}
