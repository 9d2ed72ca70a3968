"""The process dies between every pair of steps of agents at work: each turn is thought once."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from contextlib import suppress

import pytest

from tests.agents.test_sessions import more
from tests.faults.dying import Died, Dying
from tests.faults.thinking import House
from xml_pipeline.agents.payloads import Task
from xml_pipeline.agents.transcript import from_json
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.journal.reading import Story, read
from xml_pipeline.organism import Organism

pytestmark = pytest.mark.virtual_clock

LOOKS = Counter(("ape", "fail", "hush", "owe", "ox"))
ASKED = {"boss": 3, "ada": 4, "bob": 2, "cy": 1}
TURNS = Counter({f"{who} {turn}": 1 for who, turns in ASKED.items() for turn in range(turns)})
TURNS["cy 0"] = 2  # He is asked by ada too.


async def live(house: House, backend: Dying, *, begin: bool) -> None:
    """Let the house live until its work is done, or its process dies."""
    organism = Organism(house.listeners(), backend=backend)
    with suppress(Died, ExceptionGroup, XmlPipelineError):
        async with organism:
            if begin:
                await organism.send("boss", Task("Lead."))
            ended = asyncio.create_task(organism.ended())
            await asyncio.wait({ended}, timeout=2_000.0)
            ended.cancel()


async def story_of(backend: MemoryBackend) -> Story:
    """Return all that is known of the conversation."""
    (summary,) = await backend.conversations(10)
    past = await backend.conversation(summary.id)
    assert past is not None
    return read(past)


def turns_in(story: Story) -> Counter[str]:
    """Return which turns of models have been settled."""
    found: Counter[str] = Counter()
    for thread in story.threads.values():
        state = json.loads(thread.state.data or b"{}")
        said = [each.role for each in from_json(state.get("transcript", ""))].count("assistant")
        found.update(f"{thread.callee} {turn}" for turn in range(said))
    return found


def looks_in(story: Story) -> Counter[str]:
    """Return which calls have been settled."""
    done = [each for each in story.deliveries.values() if each.listener == "finder"]
    raw = b"".join(each.message.raw for each in done if each.settled)
    return Counter(each.decode() for each in re.findall(rb"<word>(\w+)</word>", raw))


async def check(backend: MemoryBackend) -> None:
    """See that one answer has left, the right one, and that nothing is open."""
    story = await story_of(backend)
    assert [b"Led." in each.raw for each in story.messages.values() if each.left] == [True]
    assert not [each.callee for each in story.threads.values() if each.open]
    assert [each async for each in backend.unfinished()] == []
    assert turns_in(story) == TURNS
    assert looks_in(story) == LOOKS


async def test_without_a_crash_each_turn_is_thought_and_each_call_is_done_once() -> None:
    house, backend = House(), MemoryBackend()
    await live(house, Dying(backend), begin=True)
    assert (house.turns, house.looks) == (TURNS, LOOKS)
    await check(backend)


async def commits() -> int:
    """Return how many commits the work takes."""
    dying = Dying(MemoryBackend())
    await live(House(), dying, begin=True)
    return dying.commits


@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "after"])
async def test_a_crash_in_any_one_commit_repeats_nothing_that_was_settled(written: bool) -> None:
    last = await commits()
    assert last > 20
    for at in range(1 if written else 2, last + 1):
        house, backend = House(), MemoryBackend()
        await live(house, Dying(backend, at, written=written), begin=True)
        story = await story_of(backend)
        house.turns, house.looks = turns_in(story), looks_in(story)
        await live(house, Dying(backend), begin=False)
        await check(backend)
        assert (house.turns, house.looks) == (TURNS, LOOKS), f"commit {at}"
        assert len(house.ids) == len(LOOKS), f"commit {at}"


def asked(story: Story) -> int:
    """Return how many requests have come in."""
    return [each.kind for each in story.messages.values()].count("inject")


async def converse(house: House, backend: MemoryBackend, dying: Dying) -> None:
    """Ask Ida, then ask for more on the same conversation, then let it expire."""
    organism = Organism(house.listeners(), backend=dying)
    with suppress(Died, ExceptionGroup, XmlPipelineError):
        async with organism:
            if not await backend.conversations(10):
                await organism.send("ida", Task("Hello.", session=True))
            await organism.drain()
            story = await story_of(backend)
            if asked(story) < 2:
                organism.accept(more("And then?", story.id, to="ida"), "outside")
            await asyncio.wait({ended := asyncio.create_task(organism.ended())}, timeout=5_000.0)
            ended.cancel()


@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "after"])
async def test_a_session_goes_on_after_a_crash_in_any_one_commit(written: bool) -> None:
    at, commits = 1, 1
    while at <= commits:
        house, backend = House(), MemoryBackend()
        await converse(house, backend, Dying(backend, at, written=written))
        known = await story_of(backend) if await backend.conversations(10) else Story("")
        house.turns, house.looks = turns_in(known), looks_in(known)
        await converse(house, backend, last := Dying(backend))
        story = await story_of(backend)
        left = [each.raw for each in story.messages.values() if each.left]
        assert [b"First." in left[0], b"Second." in left[-1], len(left)] == [True, True, 2], at
        assert house.turns == Counter(f"ida {turn}" for turn in range(4)), f"commit {at}"
        assert house.looks == Counter(("ox", "ape")), f"commit {at}"
        assert (story.root.open, story.faults) == (False, []), f"commit {at}"
        commits, at = max(commits, last.commits), at + 1
    assert at > 10


async def test_a_crash_in_every_third_commit_lets_agents_come_to_their_answer() -> None:
    house, backend = House(), MemoryBackend()
    await live(house, Dying(backend, 1, written=True), begin=True)
    for _ in range(500):
        await live(house, Dying(backend, 3), begin=False)
        if not [each async for each in backend.unfinished()]:
            break
    await check(backend)
    assert len(house.ids) == len(LOOKS)
