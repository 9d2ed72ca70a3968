"""What was found out is told to a memory before a summary takes its place, each thing once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from tests.agents.parts import Found, agent, calls, finder, script
from tests.faults.dying import Died, Dying
from xml_pipeline.agents.payloads import Remember, Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import ContextConfig
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.journal.reading import read
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.llm.base import Request
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.organism import Organism
from xml_pipeline.payload import codec_of
from xml_pipeline.testing import Probe, memory_organism, respond
from xml_pipeline.tool_error import ToolError

WORDS = ("short", "long", "huge", "wrong", "e1", "e2")
ANSWERS = {"short": "y" * 49, "long": "y" * 50, "huge": "ü" * 400}
REMEMBERED = [Remember(text, "fact", ("auto-flush",), 3, 0.8) for text in ("y" * 50, "ü" * 250)]


def look_up(look: Any) -> HandlerResponse:
    if look.word == "wrong":
        return respond(ToolError("No such word: " + "z" * 60))
    return respond(Found(ANSWERS.get(look.word, "?")))


def say(request: Request) -> Any:
    """Look all words up, one a turn; by then it is too much, unless there is a summary."""
    if not request.functions:
        return "They looked up words."
    known = "They looked up words." in request.messages[0].text
    turn = len(request.messages) // 2
    if known:
        return "Done."
    if turn == len(WORDS):
        raise ProviderError("overflow", "prompt is too long")
    return calls(("finder", {"word": WORDS[turn]}))


def forgetful(**keys: Any) -> Listener:
    """Return an agent that tells ``memory`` what it is about to forget."""
    context = ContextConfig(flush_to="memory", **keys)
    return agent(script(say), peers=("finder", "memory"), context=context, max_turns=20)


async def test_results_that_are_long_enough_and_no_errors_are_told_before_they_vanish() -> None:
    memory = Probe("memory", Remember, lambda *_: None)
    async with memory_organism(forgetful(), finder(look_up), memory) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Done."
        await organism.drain()
    assert memory.payloads == REMEMBERED


async def test_who_names_no_memory_tells_nobody() -> None:
    memory = Probe("memory", Remember, lambda *_: None)
    quiet = agent(script(say), peers=("finder", "memory"), max_turns=20)
    async with memory_organism(quiet, finder(look_up), memory) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Done."
    assert memory.payloads == []


async def test_a_memory_that_takes_its_time_keeps_nobody_waiting_and_loses_nothing() -> None:
    answered, kept = asyncio.Event(), list[Remember]()

    async def keep(payload: Remember, metadata: HandlerMetadata) -> HandlerResponse:
        await answered.wait()
        kept.append(payload)
        return respond(Found("Kept."))

    memory = Listener("memory", Remember, keep, description="Keeps.", output=Found)
    async with memory_organism(forgetful(), finder(look_up), memory) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Done."
        assert kept == []
        answered.set()
        await organism.drain()
        assert not list(organism.kernel.threads)
    assert sorted(kept, key=str) == sorted(REMEMBERED, key=str)  # Side by side.


async def test_a_memory_that_fails_is_no_concern_of_the_agent() -> None:
    def forget(*_: Any) -> Any:
        raise RuntimeError("a bug")

    memory = Probe("memory", Remember, forget)
    async with memory_organism(forgetful(), finder(look_up), memory) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Done."
        await organism.drain()
        assert not list(organism.kernel.threads)


async def live(backend: Dying, *, begin: bool) -> None:
    """Run an agent until its work is over, or its process dies."""
    memory = Probe("memory", Remember, lambda *_: None)
    listeners = [forgetful(), finder(look_up).listener, memory.listener]
    with suppress(Died, ExceptionGroup, XmlPipelineError):
        async with Organism(listeners, backend=backend) as organism:
            if begin:
                await organism.send("ada", Task("Look."))
            ended = asyncio.create_task(organism.ended())
            drained = asyncio.create_task(organism.drain())
            await asyncio.wait({ended, drained}, return_when="FIRST_COMPLETED")
            ended.cancel()
            drained.cancel()


async def told(backend: MemoryBackend) -> list[Remember]:
    """Return what the journal says that the memory was told."""
    (summary,) = await backend.conversations(10)
    past = await backend.conversation(summary.id)
    assert past is not None
    story = read(past)
    codec = codec_of(Remember)
    there = [each for each in story.deliveries.values() if each.listener == "memory"]
    assert all(each.settled for each in there)
    raw = [each.message.raw for each in there]
    cut = [b"<Remember" + each.partition(b"<Remember")[2] for each in raw]
    return [codec.from_xml(each.partition(b"</Remember>")[0] + b"</Remember>") for each in cut]


@pytest.mark.virtual_clock
@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "after"])
async def test_after_a_crash_in_any_one_commit_each_thing_was_told_once(written: bool) -> None:
    untouched = MemoryBackend()
    whole = Dying(untouched)
    await live(whole, begin=True)
    assert await told(untouched) == REMEMBERED
    for at in range(2, whole.commits + 1):
        backend = MemoryBackend()
        await live(Dying(backend, at, written=written), begin=True)
        await live(Dying(backend), begin=False)
        assert await told(backend) == REMEMBERED, f"commit {at}"
