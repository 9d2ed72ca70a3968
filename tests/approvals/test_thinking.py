"""Agents that a model thinks for: what they call is judged like any message; they hear why not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.agents.parts import Listening, agent, calls, finder, script
from tests.approvals.parts import Person, rule
from xml_pipeline.agents.payloads import Task
from xml_pipeline.listener import Listener
from xml_pipeline.llm.base import ToolResult
from xml_pipeline.permission import Permission
from xml_pipeline.testing import memory_organism

pytestmark = pytest.mark.virtual_clock


def ruled(provider: Listening, *permissions: Permission, **about: Any) -> Listener:
    """Return an agent that this provider thinks for, with rules."""
    return replace(agent(provider, peers=("finder",), **about), permissions=permissions)


def results(provider: Listening) -> list[str]:
    """Return what the model was told of its calls."""
    blocks = provider.requests[-1].messages[-1].blocks
    return [each.content for each in blocks if isinstance(each, ToolResult)]


async def test_a_misspelt_name_is_mended_before_the_rules_look_at_it() -> None:
    provider, tool = script(calls(("findr", {"word": "ox"})), "So be it."), finder()
    ada = ruled(provider, rule("deny", "finder"), rule("allow"))
    async with memory_organism(ada, tool) as organism:
        assert (await organism.ask("ada", Task("Go."))).text == "So be it."
    assert tool.payloads == []
    assert results(provider)[0].startswith("Denied: this call of finder is not permitted. (")


async def test_of_several_calls_each_is_judged_and_decided_by_itself() -> None:
    words = ("ape", "bat", "cat", "dog")
    provider = script(calls(*(("finder", {"word": each}) for each in words)), "Done.")
    rules = rule("allow", word="ape"), rule("deny", word="bat"), rule("ask")
    tool = finder()
    async with memory_organism(ruled(provider, *rules), tool) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(organism.ask("ada", Task("Go.")))
            first, second = await person.asked(), await person.asked()
            assert ["cat" in first.payload, "dog" in second.payload] == [True, True]
            organism.approvals.decide(second.id, "deny", by="ann", reason="no dogs")
            organism.approvals.decide(first.id, "allow", by="ann")
            assert (await asking).text == "Done."
    assert [each.word for each in tool.payloads] == ["ape", "cat"]
    ape, bat, cat, dog = results(provider)
    assert [ape, cat] == ["ape means something", "cat means something"]
    assert bat.startswith("Denied: this call of finder is not permitted.")
    assert dog.startswith("Denied: no dogs (")


async def test_an_agent_below_inherits_what_holds_for_the_one_above() -> None:
    below = agent(script(calls(("finder", {"word": "ox"})), "Well."), name="bob", peers=("finder",))
    above = script(calls(("bob", {"text": "Look."})), "Done.")
    ada = replace(
        agent(above, peers=("bob",)), permissions=(rule("allow", "bob"), rule("deny", "finder"))
    )
    tool = finder()
    async with memory_organism(ada, below, tool) as organism:
        assert (await organism.ask("ada", Task("Go."))).text == "Done."
    assert tool.payloads == []
    assert results(above) == ["Well."]


async def test_rules_of_the_organism_hold_for_every_agent() -> None:
    provider, tool = script(calls(("finder", {"word": "ox"})), "Done."), finder()
    rules = [{"tool": "finder", "arguments": {"word": "o*"}, "action": "deny"}]
    async with memory_organism(
        agent(provider, peers=("finder",)), tool, permissions=rules
    ) as organism:
        await organism.ask("ada", Task("Go."))
    assert tool.payloads == []
