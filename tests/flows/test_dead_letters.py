"""R5: what is given up is laid aside, loses nothing else, and can be sent once more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faults.ailing import Ailing
from tests.flows.payloads import Note, Number
from xml_pipeline.backends import Backend
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.errors import (
    BackendUnavailable,
    HandlerFailed,
    Rejected,
    Retryable,
    UnknownLetter,
    UnknownListener,
)
from xml_pipeline.events import FaultEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.testing import respond

pytestmark = pytest.mark.virtual_clock

GOOD, POISONOUS, DELIVERIES = 5_000, 50, 4
EVERY = (GOOD + POISONOUS) // POISONOUS


class Mill:
    """Doubles numbers, but for those that it cannot digest until it is ``well``."""

    def __init__(self) -> None:
        self.well = False
        self.attempts: Counter[int] = Counter()
        self.done: Counter[int] = Counter()
        self.listener = Listener(
            "mill", Number, self.grind, description="Doubles.", max_deliveries=DELIVERIES
        )

    async def grind(self, payload: Number, metadata: HandlerMetadata) -> HandlerResponse:
        self.attempts[payload.n] += 1
        if payload.n % EVERY == 0 and not self.well:
            raise Retryable(f"cannot digest {payload.n}")
        self.done[payload.n] += 1
        return respond(Number(2 * payload.n))


async def _ask_all(organism: Organism) -> int:
    """Ask for every number, a hundred at a time; return how many were answered."""
    answered = 0

    async def ask(numbers: Iterator[int]) -> None:
        nonlocal answered
        for n in numbers:
            with suppress(HandlerFailed):
                assert await organism.ask("mill", Number(n)) == Number(2 * n)
                answered += 1

    numbers = iter(range(GOOD + POISONOUS))
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(ask(numbers))
    return answered


@pytest.mark.no_cover
@pytest.mark.parametrize("backend", [None, MemoryBackend()], ids=["memory", "journal"])
async def test_fifty_that_always_fail_among_five_thousand(backend: Backend | None) -> None:
    mill = Mill()
    poisonous = {n for n in range(GOOD + POISONOUS) if n % EVERY == 0}
    async with Organism([mill.listener], backend=backend) as organism:
        assert await _ask_all(organism) == GOOD
        letters = await organism.dead_letters()
        assert len(letters) == len(poisonous) == POISONOUS
        assert {each.attempts for each in letters} == {DELIVERIES}
        assert {mill.attempts[n] for n in poisonous} == {DELIVERIES}
        assert all("cannot digest" in each.reason for each in letters)
        assert set(mill.done.values()) == {1}
        mill.well = True
        for each in letters:
            await organism.replay(each.id)
        await organism.drain()
        assert await organism.dead_letters() == []
    assert mill.done == Counter(range(GOOD + POISONOUS))


async def _one_letter(organism: Organism) -> str:
    with pytest.raises(HandlerFailed):
        await organism.ask("mill", Number(0))
    (letter,) = await organism.dead_letters()
    return letter.id


async def test_a_letter_that_fails_again_is_another_letter() -> None:
    async with Organism([Mill().listener]) as organism:
        first = await _one_letter(organism)
        events = organism.events()
        thread = await organism.replay(first)
        while not isinstance(await anext(events), FaultEvent):
            pass
        letters = await organism.dead_letters()
    assert [each.conversation_id for each in letters] == [thread]
    assert letters[0].id != first


async def test_a_letter_is_replayed_or_dropped_once() -> None:
    mill = Mill()
    async with Organism([mill.listener]) as organism:
        letter = await _one_letter(organism)
        mill.well = True
        both = await asyncio.gather(
            organism.replay(letter), organism.replay(letter), return_exceptions=True
        )
        await organism.drain()
        assert sorted(type(each).__name__ for each in both) == ["UnknownLetter", "str"]
        assert mill.done == {0: 1}
        mill.well = False
        await organism.drop(await _one_letter(organism))
        assert await organism.dead_letters() == []
        with pytest.raises(UnknownLetter):
            await organism.drop(letter)


async def test_a_letter_that_nobody_would_be_given_stays() -> None:
    async with Organism([Mill().listener]) as organism:
        letter = await _one_letter(organism)
        organism.unregister("mill")
        with pytest.raises(UnknownListener):
            await organism.replay(letter)
        organism.register(Listener("mill", Note, Mill().grind, description="Reads."))
        with pytest.raises(Rejected):
            await organism.replay(letter)
        assert [each.id for each in await organism.dead_letters()] == [letter]


async def test_a_letter_goes_in_the_commit_in_which_its_message_comes() -> None:
    memory = MemoryBackend()
    backend, mill = Ailing(memory), Mill()
    async with Organism([mill.listener], backend=backend) as organism:
        letter = await _one_letter(organism)
        backend.ill = mill.well = True
        with pytest.raises(BackendUnavailable):
            await organism.replay(letter)
        assert [each.id for each in await memory.letters()] == [letter]
        assert len(await memory.conversations(10)) == 1
        backend.ill = False
        await organism.kernel.journal.written()
        assert await memory.letters() == []
        assert len(await memory.conversations(10)) == 2
        await organism.drain()
    assert mill.done == {0: 1}
