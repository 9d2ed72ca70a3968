"""What was decided for always: for whom, for which calls, and until it is forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.approvals.parts import Person, agent, rule, said, shell
from xml_pipeline.errors import UnknownRule
from xml_pipeline.organism import Organism
from xml_pipeline.testing import memory_organism

pytestmark = pytest.mark.virtual_clock

AGAINST = "Denied: somebody decided against this call of shell. again=False"
NOBODY = "Denied: shell needs somebody's approval, and nobody is there to give it. again=False"


async def decided(organism: Organism, decision: Any, command: str = "ls", **more: Any) -> str:
    """Give the agent a command, decide on it, and return what the agent says."""
    who = {key: more.pop(key) for key in ("sender", "tenant") if key in more}
    person = Person(organism)
    with organism.approvals.attend():
        asking = asyncio.ensure_future(said(organism, command, **who))
        await person.decides(decision, **more)
        return await asking


async def test_always_means_this_very_call_and_nobody_needs_to_be_there() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        assert await decided(organism, "always_allow") == "ran ls"
        assert await said(organism, "ls") == "ran ls"
        assert await said(organism, "ls -l") == NOBODY
        (learned,) = await organism.approvals.learned()
    assert (learned.tool, learned.action, learned.by) == ("shell", "allow", "ann")


async def test_once_is_not_always() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        assert await decided(organism, "allow") == "ran ls"
        assert await said(organism, "ls") == NOBODY
        assert await organism.approvals.learned() == []


async def test_always_may_mean_calls_with_the_same_argument_or_all_of_a_tool() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        assert await decided(organism, "always_deny", "rm", arguments=["command"]) == AGAINST
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.asked()
            with pytest.raises(ValueError, match="no argument 'comand'"):
                organism.approvals.decide(
                    approval.id, "always_allow", by="ann", arguments=["comand"]
                )
            organism.approvals.decide(approval.id, "always_allow", by="ann", arguments=[])
            assert await asking == "ran ls"
        assert await said(organism, "anything") == "ran anything"
        assert await said(organism, "rm") == AGAINST


async def test_what_was_learned_is_of_one_principal_and_tenant() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        await decided(organism, "always_allow", sender="ada", tenant="acme")
        assert await said(organism, "ls", sender="ada", tenant="acme") == "ran ls"
        for other in ({"sender": "bob", "tenant": "acme"}, {"sender": "ada"}):
            assert await said(organism, "ls", **other) == NOBODY


async def test_the_later_decision_about_the_same_calls_counts() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        with organism.approvals.attend():
            person = Person(organism)
            asking = [asyncio.ensure_future(said(organism, "ls")) for _ in range(2)]
            await person.decides("always_allow")
            await person.decides("always_deny")
            await asyncio.wait(asking)
        assert await said(organism, "ls") == AGAINST
        assert len(await organism.approvals.learned()) == 1


async def test_a_rule_of_the_file_that_denies_is_never_asked_or_overruled() -> None:
    tool = shell()
    rules = (rule("deny", command="rm*"), rule("ask"))
    async with memory_organism(tool, agent(*rules)) as organism:
        await decided(organism, "always_allow", arguments=[])
        assert await said(organism, "rm x") == (
            "Denied: this call of shell is not permitted. again=False"
        )
        assert await said(organism, "ls x") == "ran ls x"


async def test_what_is_forgotten_is_asked_about_again() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        await decided(organism, "always_allow")
        (learned,) = await organism.approvals.learned()
        await organism.approvals.forget(learned.id, by="ann")
        assert await organism.approvals.learned() == []
        assert await said(organism, "ls") == NOBODY
        with pytest.raises(UnknownRule):
            await organism.approvals.forget(learned.id, by="ann")


async def test_everybody_who_watches_hears_what_was_decided_and_by_whom() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        person = Person(organism)
        await decided(organism, "always_allow")
        await said(organism, "ls")
        await said(organism, "ps")
        await organism.drain()
        assert person.decisions == [(True, "ann"), (True, "learned"), (False, "nobody")]
