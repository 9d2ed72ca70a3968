"""Agents that ask each other for ever, ask for too much, or run out of messages: it ends."""

from __future__ import annotations

import pytest

from tests.agents.parts import Listening, agent, calls, finder, script
from tests.agents.test_agent import results
from xml_pipeline.agents.payloads import Task
from xml_pipeline.errors import BudgetExhausted
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.listener import Listener
from xml_pipeline.llm.base import Completion, Request
from xml_pipeline.testing import memory_organism


def asking(name: str, other: str) -> Listener:
    """Return an agent that asks another one whatever it is told, each time for something else."""

    def ask(request: Request) -> Completion:
        return calls((other, {"text": f"Go on: {len(request.messages)}."}))

    return agent(script(ask), name=name, peers=(other,))


async def test_agents_that_ask_each_other_for_ever_end_and_whoever_asked_is_told() -> None:
    faults: list[FaultEvent] = []
    async with memory_organism(asking("ada", "bob"), asking("bob", "ada")) as organism:

        def hear(event: Event) -> None:
            if isinstance(event, FaultEvent):
                faults.append(event)

        organism.subscribe(hear)
        with pytest.raises(BudgetExhausted):
            await organism.ask("ada", Task("Go."))
        assert not list(organism.kernel.threads)
    assert {each.code for each in faults} == {"budget"}


async def test_five_hundred_calls_of_one_turn_are_each_answered_once() -> None:
    words = [f"w{number}" for number in range(500)]
    wanted = calls(*(("finder", {"word": each}) for each in words))
    async with memory_organism(
        agent(provider := script(wanted, "Done."), peers=("finder",)), probe := finder()
    ) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Done."
    assert [each.word for each in probe.payloads] == words
    assert [each[1] for each in results(provider.requests[1])] == [
        f"{each} means something" for each in words
    ]


def team(provider: Listening) -> list[Listener]:
    return [agent(provider, peers=("finder",), max_turns=1_000), finder().listener]


@pytest.mark.parametrize("most", range(1, 40))
async def test_a_run_that_is_out_of_messages_in_mid_turn_ends_and_says_so(most: int) -> None:
    provider = script(
        lambda request: calls(
            *(("finder", {"word": f"{len(request.messages)}.{n}"}) for n in range(3)),
            ("nobody", {}),
        )
    )
    async with memory_organism(*team(provider), budget={"messages": most}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("ada", Task("Look."))
        assert not list(organism.kernel.threads)


@pytest.mark.parametrize("most", range(2, 30))
async def test_thinking_again_is_a_message_that_has_to_be_paid_for(most: int) -> None:
    provider = script(lambda request: calls(("nobody", {"turn": len(request.messages)})))
    async with memory_organism(*team(provider), budget={"messages": most}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("ada", Task("Look."))
        assert not list(organism.kernel.threads)
    assert len(provider.requests) <= most
