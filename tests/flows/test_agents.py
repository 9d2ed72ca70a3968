"""Whole organisms of agents: nested, killed, short of money, and gone on after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.agents.parts import Found, agent, calls, finder, script
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.errors import BudgetExhausted, HandlerFailed
from xml_pipeline.events import AgentEvent, Event, MessageReceived
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.llm.base import Completion, Hear, Message, Request, Text, Usage, unheard
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe, memory_organism, respond


async def test_ten_agents_delegate_to_each_other_and_what_it_took_adds_up_at_the_top() -> None:
    def chain(number: int) -> Any:
        if number == 9:
            return agent(script("The end."), name="a9")
        provider = script(calls((f"a{number + 1}", {"text": "Go on."})), f"{number} heard.")
        return agent(provider, name=f"a{number}", peers=(f"a{number + 1}",))

    async with memory_organism(*map(chain, range(10))) as organism:
        answer = await organism.ask("a0", Task("Go."))
    assert answer.text == "0 heard."
    assert (answer.spent.turns, answer.spent.tool_calls) == (19, 9)
    assert answer.spent.output_tokens >= 9 * 5


async def test_an_agent_that_is_killed_in_mid_call_does_nothing_more() -> None:
    never = asyncio.Event()

    async def hang(_: Any) -> None:
        await never.wait()

    provider, slow = script(calls(("finder", {"word": "ox"})), "Never."), finder(hang)
    async with memory_organism(agent(provider, peers=("finder",)), slow) as organism:
        asking = asyncio.create_task(organism.ask("ada", Task("Look.")))
        seen = await slow.next()
        organism.kill(seen.metadata.conversation_id)
        with pytest.raises(HandlerFailed):
            await asking
        await organism.drain()
        assert not list(organism.kernel.threads)
    assert len(provider.requests) == 1


class Gate:
    """A peer that owes its answer, so that whoever asks it waits at no cost."""

    def __init__(self) -> None:
        self.probe = Probe("finder", (Task,), self._owe, output=Found)

    def _owe(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.defer(within=3600)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_restart_goes_on_in_mid_conversation_and_asks_no_model_again(
    kind: str, tmp_path: Path
) -> None:
    memory = MemoryBackend()

    def backend() -> Any:
        return memory if kind == "memory" else SqliteBackend(tmp_path / "journal.db")

    provider = script(calls(("finder", {"text": "ox"}), text="I look."), "It is an ox.")

    def listeners(gate: Gate) -> list[Any]:
        return [agent(provider, peers=("finder",)), gate.probe.listener]

    gate = Gate()
    async with Organism(listeners(gate), backend=backend()) as organism:
        root = await organism.send("ada", Task("What is an ox?"))
        waiting = (await gate.probe.next()).metadata.thread_id
        await organism.drain()
    assert len(provider.requests) == 1
    async with Organism(listeners(Gate()), backend=backend()) as organism:
        answers: asyncio.Queue[Any] = asyncio.Queue()

        def hear(event: Event) -> None:
            if isinstance(event, MessageReceived) and isinstance(event.payload, Answer):
                answers.put_nowait(event)

        organism.subscribe(hear)
        organism.answer(waiting, Found("a beast"))
        answer = await answers.get()
        assert answer.conversation_id == root
        assert answer.payload.text == "It is an ox."
    assert len(provider.requests) == 2
    asked, called, told = provider.requests[1].messages
    assert (asked.text, called.text) == ("What is an ox?", "I look.")
    assert "a beast" in str(told.blocks)


class Paid:
    """A model that sets tokens aside before it speaks, as one that is metered does."""

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Take a hundred tokens."""
        assert request.spending is not None
        reservation = request.spending.reserve(100)
        self.asked += 1
        await asyncio.sleep(0)
        reservation.settle(100)
        return Completion(Message("assistant", (Text("Spent."),)), Usage(60, 40))

    async def aclose(self) -> None:
        """Close nothing."""


async def test_a_budget_is_never_exceeded_by_a_hundred_agents_that_spend_side_by_side() -> None:
    model = Paid()
    workers = [agent(model, name=f"w{n}") for n in range(100)]
    spread = script(calls(*((f"w{n}", {"text": "Spend."}) for n in range(100))), "Done.")
    boss = agent(spread, name="boss", peers=tuple(f"w{n}" for n in range(100)))
    limits = {"budget": {"tokens": 2_050}, "max_concurrent_handlers": 200}
    async with memory_organism(boss, *workers, **limits) as organism:
        await organism.ask("boss", Task("Spend it all."))
    assert model.asked == 20
    told = spread.requests[1].messages[-1].blocks
    assert sum(each.is_error for each in told) == 80  # type: ignore[union-attr]  # all are results


async def test_without_a_budget_left_an_agent_says_so() -> None:
    async with memory_organism(agent(Paid()), budget={"tokens": 50}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("ada", Task("Spend."))


async def test_every_step_of_a_run_is_told_with_agent_and_thread() -> None:
    seen: list[AgentEvent] = []
    provider = script(calls(("finder", {"word": "ox"}), text="Well."), "An ox.")
    found = finder(lambda _: respond(Found("beast")))
    async with memory_organism(agent(provider, peers=("finder",)), found) as organism:

        def hear(event: Event) -> None:
            if isinstance(event, AgentEvent):
                seen.append(event)

        organism.subscribe(hear)
        delivery = await organism.ask_for_delivery("ada", Task("Look."))
    assert [each.step for each in seen] == [
        "run_started",
        "turn_started",
        "llm_response",
        "tool_call_started",
        "tool_call_completed",
        "turn_started",
        "llm_response",
        "run_completed",
    ]
    assert {each.agent for each in seen} == {"ada"}
    assert {each.conversation_id for each in seen} == {delivery.conversation.id}
