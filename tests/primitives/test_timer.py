"""Timers: a payload that arrives later, with its thread or not at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.primitives.parts import (
    Count,
    Go,
    Word,
    adder,
    asker,
    assert_nothing_is_left,
    broken,
    heard,
    silent,
    words,
)
from xml_pipeline.errors import HandlerFailed, NoReply, Undeliverable
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives import TimerError, TimerStart
from xml_pipeline.steps.seal import envelope_bytes
from xml_pipeline.testing import Probe, memory_organism

pytestmark = pytest.mark.virtual_clock

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_payload_comes_back_to_whoever_set_the_timer() -> None:
    agent = asker("system.timer", TimerStart(words("wake"), seconds=90))
    async with memory_organism(agent) as organism:
        assert await heard(agent, organism) == RawPayload("Word", words("wake").encode())
        assert now() == 90
        await assert_nothing_is_left(organism)
    assert agent.seen[1].metadata.from_id == "system.timer"
    assert agent.seen[1].metadata.thread_id == agent.seen[0].metadata.thread_id


async def test_naming_oneself_is_the_same_as_naming_nobody() -> None:
    agent = asker("system.timer", TimerStart(words("wake"), to="asker", seconds=1))
    async with memory_organism(agent) as organism:
        await heard(agent, organism)
    assert len({each.metadata.thread_id for each in agent.seen}) == 1


async def test_the_payload_goes_to_a_listener_and_its_answer_comes_back() -> None:
    worker = adder("a")
    async with memory_organism(worker) as organism:
        start = TimerStart(words("x"), to="a", seconds=2.5)
        assert await organism.ask("system.timer", start) == RawPayload("Word", words("xa").encode())
        assert now() == 2.5
        await assert_nothing_is_left(organism)


async def test_a_timer_of_no_seconds_goes_off_at_once() -> None:
    async with memory_organism() as organism:
        await organism.ask("system.timer", TimerStart(words("x"), seconds=0))
        assert now() == 0


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        (NOON + timedelta(minutes=1), 60),
        ((NOON + timedelta(minutes=1)).replace(tzinfo=None), 60),
        (NOON - timedelta(days=1), 0),
    ],
)
async def test_a_time_of_day_is_waited_for(at: datetime, seconds: int) -> None:
    with time_machine.travel(NOON, tick=False):
        async with memory_organism() as organism:
            await organism.ask("system.timer", TimerStart(words("x"), at=at))
            assert now() == seconds


@pytest.mark.parametrize("hours", [-1, 1])
async def test_setting_the_clock_on_the_wall_moves_no_timer(hours: int) -> None:
    with time_machine.travel(NOON, tick=False) as wall:
        async with memory_organism() as organism:
            asked = asyncio.ensure_future(
                organism.ask("system.timer", TimerStart(words("x"), seconds=60))
            )
            await asyncio.sleep(30)
            wall.shift(timedelta(hours=hours))
            await asked
            assert now() == 60


@pytest.mark.parametrize(
    ("start", "about"),
    [
        (TimerStart(words("x")), "say either"),
        (TimerStart(words("x"), seconds=1, at=NOON), "say either"),
        (TimerStart(words("x"), at=datetime.now(UTC) + timedelta(days=400)), "a year"),
        (TimerStart("x", seconds=1), "text outside"),
        (TimerStart(words("x", "y"), seconds=1), "one XML element"),
        (TimerStart(words("x"), to="nobody", seconds=1), "'nobody' cannot be addressed"),
        (TimerStart(words("x"), to="system.timer", seconds=1), "cannot be addressed"),
        (TimerStart(words("x"), to="n" * 500, seconds=1), "n" * 150),
        (Word("x"), "it begins with <TimerStart>"),
    ],
)
async def test_a_timer_that_cannot_be_set_says_why(start: object, about: str) -> None:
    async with memory_organism() as organism:
        error = await organism.ask("system.timer", start)
        assert now() == 0
        await assert_nothing_is_left(organism)
    assert isinstance(error, TimerError)
    assert about in error.error
    assert len(error.error) <= 200


async def test_a_timer_ends_with_its_thread() -> None:
    worker = adder("a")
    async with memory_organism(worker) as organism:
        thread = await organism.send("system.timer", TimerStart(words("x"), to="a", seconds=60))
        await organism.drain()
        assert len(organism.kernel.threads) == 1
        organism.kill(thread)
        await assert_nothing_is_left(organism)
        await asyncio.sleep(120)
    assert not worker.seen


async def test_a_timer_ends_with_the_thread_that_set_it() -> None:
    def react(payload: object, _: object) -> object:
        later = HandlerResponse(TimerStart(words("x"), to="a", seconds=60), to="system.timer")
        return (
            [later, HandlerResponse(Word("soon"), to="agent").after(30)]
            if isinstance(payload, Go)
            else HandlerResponse.respond(Word("bye"))
        )

    worker = adder("a")
    agent = Probe("agent", (Go, Word), react, peers=("system.timer", "a"))
    async with memory_organism(agent, worker) as organism:
        assert await organism.ask("agent", Go()) == Word("bye")
        assert now() == 30
        await assert_nothing_is_left(organism)
        await asyncio.sleep(120)
    assert not worker.seen


async def test_an_addressee_that_fails_fails_the_timer() -> None:
    async with memory_organism(broken("a"), silent("b"), Probe("c", Count)) as organism:
        for name, error in (("a", HandlerFailed), ("b", NoReply), ("c", Undeliverable)):
            start = TimerStart(words("x"), to=name, seconds=1)
            with pytest.raises(error):
                await organism.ask("system.timer", start)
            await assert_nothing_is_left(organism)


async def test_a_second_timer_on_one_thread_is_left_out() -> None:
    async with memory_organism() as organism:
        start = TimerStart(words("first"), seconds=10)
        asked = asyncio.ensure_future(organism.ask("system.timer", start))
        await asyncio.sleep(1)
        [thread] = organism.kernel.threads
        second = b"<TimerStart><payload>&lt;Second/></payload><seconds>1</seconds></TimerStart>"
        await organism.inject(envelope_bytes(second, "outside", "system.timer", thread.id))
        assert (await asked).xml == words("first").encode()
        await assert_nothing_is_left(organism)
