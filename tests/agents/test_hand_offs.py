"""Somebody else answers in an agent's place: guardrails and the form of the answer still hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.agents.parts import Found, agent, calls, script
from tests.agents.test_agent import results
from tests.agents.test_unruly import Judgement
from xml_pipeline.agents.agent import Agent
from xml_pipeline.agents.hooks import Hooks
from xml_pipeline.agents.orchestrator import Orchestrator
from xml_pipeline.agents.payloads import Task
from xml_pipeline.config import AgentKeys
from xml_pipeline.guarding import ALLOWED, Called, Guardrail, Outcome, Verdict
from xml_pipeline.listener import Listener
from xml_pipeline.payload import xmlify
from xml_pipeline.testing import Probe, memory_organism, respond

OVER_TO_BOB = calls(("hand_off_to_bob", {"text": "Do it."}))


@dataclass
class Strict(Guardrail):
    """Refuses results with one word in it, and takes another one out."""

    async def after_tool(self, called: Called, outcome: Outcome) -> tuple[Outcome, Verdict]:
        if "bomb" in outcome.text:
            return outcome, Verdict("deny", "no bombs")
        return replace(outcome, text=outcome.text.replace("secret", "[gone]")), ALLOWED


def leader(provider: Any, kind: type[Agent] = Agent, **about: Any) -> Listener:
    keys = AgentKeys.model_validate({"handoff": ("bob",), "orchestration": {"routing": "single"}})
    handler = kind(provider, "scripted:test", keys, hooks=Hooks((("strict", Strict()),)), **about)
    plain = agent(provider, peers=("bob",))
    return Listener("ada", plain.accepts, handler, description="Leads.", peers=("bob",))


@pytest.mark.parametrize(
    ("said", "answer"), [("a secret", "a [gone]"), ("a bomb", "Not that."), ("fine", "fine")]
)
async def test_guardrails_look_at_an_answer_that_is_given_in_an_agents_place(
    said: str, answer: str
) -> None:
    provider = script(OVER_TO_BOB, "Not that.")
    async with memory_organism(leader(provider), agent(script(said), name="bob")) as organism:
        assert (await organism.ask("ada", Task("Do it."))).text == answer


@pytest.mark.parametrize(
    ("said", "answer"), [("a secret", "a [gone]"), ("a bomb", "I did it."), ("fine", "fine")]
)
async def test_guardrails_look_at_what_becomes_of_a_task_that_is_given_away(
    said: str, answer: str
) -> None:
    boss, bob = leader(script("I did it."), Orchestrator), agent(script(said), name="bob")
    async with memory_organism(boss, bob) as organism:
        assert (await organism.ask("ada", Task("Do it."))).text == answer


def judge(payload: object) -> Probe:
    return Probe("bob", Task, lambda task, _: respond(payload), output=type(payload))


class Elsewhere:
    """Where a word means something else."""

    @xmlify
    @dataclass(frozen=True, slots=True)
    class Judgement:
        """Something else of the same name."""

        verdict: int


@pytest.mark.parametrize("given", [Elsewhere.Judgement(7), Found("something"), Judgement("secret")])
async def test_what_is_no_such_answer_is_a_result_that_the_model_is_told(given: object) -> None:
    mine = calls(("__respond__", {"word": "mine"}))
    provider = script(OVER_TO_BOB, mine)
    boss = leader(provider, output=Judgement)
    async with memory_organism(boss, judge(given)) as organism:
        assert await organism.ask("ada", Task("Do it.")) == Judgement("mine")
    assert len(results(provider.requests[1])) == 1


async def test_an_answer_with_fields_is_taken_over_as_it_is() -> None:
    boss = leader(script(OVER_TO_BOB), output=Judgement)
    async with memory_organism(boss, judge(Judgement("his"))) as organism:
        assert await organism.ask("ada", Task("Do it.")) == Judgement("his")
