"""Runs that grow long: what is too much for a model is summarized, cut, or ended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.agents.parts import Found, agent, calls, finder, script
from tests.agents.test_agent import results
from xml_pipeline.agents.payloads import Task
from xml_pipeline.errors import BudgetExhausted, HandlerFailed, Timeout
from xml_pipeline.events import AgentEvent, Event
from xml_pipeline.llm.base import Completion, Message, Request, said
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe, memory_organism, respond


def look(number: int) -> Any:
    return calls(("finder", {"word": f"w{number}"}))


def watched(organism: Organism) -> list[AgentEvent]:
    seen: list[AgentEvent] = []

    def hear(event: Event) -> None:
        if isinstance(event, AgentEvent):
            seen.append(event)

    organism.subscribe(hear)
    return seen


async def test_what_is_too_long_for_the_model_is_summarized_once_and_asked_again() -> None:
    overflowed: list[int] = []

    def say(request: Request) -> Any:
        if request.system.startswith("Summarize") or not request.functions:
            return "They looked up four words."
        turns = len(request.messages)
        if turns > 8:
            overflowed.append(turns)
            raise ProviderError("overflow", "prompt is too long")
        if "They looked up four words." in request.messages[0].text:
            return "Done."
        return look(turns)

    provider = script(say)
    async with memory_organism(agent(provider, peers=("finder",)), finder()) as organism:
        seen = watched(organism)
        answer = await organism.ask("ada", Task("Look."))
    assert answer.text == "Done."
    assert overflowed == [9]
    assert [each.step for each in seen].count("auto_compaction_triggered") == 1
    final = provider.requests[-1].messages
    assert final[0].text.startswith("Look.")
    assert len(final) == 5
    assert answer.spent is not None


async def test_compaction_that_does_not_help_is_not_repeated() -> None:
    def say(request: Request) -> Any:
        if not request.functions:
            return "A summary."
        if len(request.messages) >= 5:
            raise ProviderError("overflow", "prompt is too long")
        return look(len(request.messages))

    provider = script(say)
    async with memory_organism(agent(provider, peers=("finder",)), finder()) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", Task("Look."))


async def test_the_same_calls_again_and_again_are_not_executed() -> None:
    provider = script(*(calls(("finder", {"word": "ox"})) for _ in range(3)), "I give up.")
    async with memory_organism(agent(provider, peers=("finder",)), found := finder()) as organism:
        seen = watched(organism)
        await organism.ask("ada", Task("Look."))
    assert len(found.seen) == 2
    assert results(provider.requests[3])[0][2]
    assert "doom_loop_detected" in [each.step for each in seen]


async def test_long_results_are_cut_for_the_model() -> None:
    provider = script(look(1), "Done.")
    long = finder(lambda _: respond(Found("é" * 100)))
    thinker = agent(provider, peers=("finder",), max_tool_output_bytes=51)
    async with memory_organism(thinker, long) as organism:
        await organism.ask("ada", Task("Look."))
    [(_, content, _)] = results(provider.requests[1])
    assert content == "é" * 25 + "\n\n[truncated: 150 bytes omitted]"


async def test_a_call_that_takes_too_long_is_an_error_and_its_late_answer_is_dropped() -> None:
    done = asyncio.Event()

    async def slow(_: Any) -> Any:
        await done.wait()
        return respond(Found("at last"))

    provider = script(calls(("finder", {"word": "ox"})), "It took too long.")
    thinker = agent(provider, peers=("finder",), tool_timeout=0.05)
    async with memory_organism(thinker, finder(slow)) as organism:
        answer = await organism.ask("ada", Task("Look."))
        done.set()
    assert answer.text == "It took too long."
    [(_, content, is_error)] = results(provider.requests[1])
    assert (content, is_error) == ("Tool execution timed out after 0.05s", True)


async def test_a_run_that_takes_too_long_ends_with_a_timeout() -> None:
    waiting = asyncio.Event()

    async def slow(_: Any) -> Any:
        await waiting.wait()

    provider = script(calls(("finder", {"word": "ox"})), "Never.")
    thinker = agent(provider, peers=("finder",), run_timeout=0.05)
    async with memory_organism(thinker, finder(slow)) as organism:
        seen = watched(organism)
        with pytest.raises(Timeout):
            await organism.ask("ada", Task("Look."))
    [failed] = [each for each in seen if each.step == "run_failed"]
    assert failed.about["turns"] == 1
    assert failed.about["input_tokens"] == 10


async def test_a_run_that_takes_more_tokens_than_it_may_ends() -> None:
    thinker = agent(script(look(1), "x"), peers=("finder",), max_total_tokens=14)
    async with memory_organism(thinker, finder()) as organism:
        seen = watched(organism)
        with pytest.raises(BudgetExhausted):
            await organism.ask("ada", Task("Look."))
    steps = [each.step for each in seen]
    assert steps[-2:] == ["budget_exceeded", "run_failed"]


async def test_what_the_caller_adds_meanwhile_is_told_with_the_results() -> None:
    going = asyncio.Event()

    async def slow(_: Any) -> Any:
        await going.wait()
        return respond(Found("found"))

    provider = script(calls(("finder", {"word": "ox"})), "Both.")
    async with memory_organism(agent(provider, peers=("finder",)), probe := finder(slow)) as o:
        asking = asyncio.create_task(o.ask_for_delivery("ada", Task("Look.")))
        seen = await probe.next()
        envelope = (
            b'<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>outside</from>'
            b"<to>ada</to><thread>%b</thread></meta>"
            b'<Task xmlns=""><text>And hurry.</text></Task></message>'
        ) % seen.metadata.conversation_id.encode()
        more = o.waiter(o.accept(envelope, "outside"))
        going.set()
        first, second = await asyncio.gather(asking, more)
    assert first.payload == second.payload
    assert provider.requests[1].messages[-1].text == "And hurry."


def long_answers(length: int = 30_000) -> Probe:
    return finder(lambda _: respond(Found("y" * length)))


async def test_many_long_results_of_one_turn_share_what_can_be_remembered() -> None:
    provider = script(calls(*(("finder", {"word": f"w{n}"}) for n in range(100))), "Done.")
    async with memory_organism(agent(provider, peers=("finder",)), long_answers()) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Done."
    told = results(provider.requests[1])
    share = (1 << 20) // 4 // 100
    assert {each[1] for each in told} == {
        "y" * share + f"\n\n[truncated: {30_000 - share} bytes omitted]"
    }


async def test_what_fills_half_of_what_can_be_remembered_is_summarized() -> None:
    looked = iter(range(60))

    def say(request: Request) -> Any:
        if not request.functions:
            return "They looked up words."
        number = next(looked, None)
        return "Done." if number is None else look(number)

    thinker = agent(provider := script(say), peers=("finder",), max_turns=100)
    async with memory_organism(thinker, long_answers()) as organism:
        seen = watched(organism)
        assert (await organism.ask("ada", Task("Look."))).text == "Done."
    assert "context_summarized" in [each.step for each in seen]
    assert "They looked up words." in provider.requests[-1].messages[0].text


async def test_a_run_that_can_not_be_remembered_ends_and_says_why() -> None:
    long = said("assistant", "x" * (1 << 20))
    provider = script(Completion(Message("assistant", (*long.blocks, *look(1).message.blocks))))
    async with memory_organism(agent(provider, peers=("finder",)), finder()) as organism:
        seen = watched(organism)
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", Task("Look."))
        assert not list(organism.kernel.threads)
    [failed] = [each for each in seen if each.step == "run_failed"]
    assert "limits.state_bytes" in failed.about["why"]
