"""Time and limits: what takes too long, is stopped, answers later, or has spent enough."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.flows.parts import boss, worker
from tests.flows.payloads import Note, Result, Task
from xml_pipeline.errors import (
    BudgetExhausted,
    Timeout,
    UnknownThread,
)
from xml_pipeline.events import Event, FaultEvent, ThreadEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.system import SystemError
from xml_pipeline.testing import Probe, memory_organism, respond


@pytest.mark.virtual_clock
async def test_a_handler_that_takes_too_long_is_stopped_and_its_caller_told() -> None:
    async def sleep(task: Task, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(3600)

    slow = Listener("slow", Task, sleep, description="Sleeps.", timeout=5)
    async with memory_organism(slow) as organism:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Timeout):
            await organism.ask("slow", Task("x"))
        assert asyncio.get_running_loop().time() - began == pytest.approx(5)


@pytest.mark.virtual_clock
async def test_a_handler_that_swallows_its_cancellation_keeps_nobody_waiting() -> None:
    gone = asyncio.Event()

    async def stubborn(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(10)
        gone.set()
        return respond(Result("too late"))

    deaf = Listener("deaf", Task, stubborn, description="Does not listen.", timeout=1)
    async with memory_organism(deaf) as organism:
        with pytest.raises(Timeout):
            await organism.ask("deaf", Task("x"))
        assert organism.kernel.scheduler.running == 0
        await gone.wait()


@pytest.mark.virtual_clock
async def test_who_stops_waiting_stops_the_work() -> None:
    async def sleep(task: Task, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(20)

    slow = Listener("slow", Task, sleep, description="Sleeps.")
    async with memory_organism(slow) as organism:
        told: list[Event] = []
        organism.subscribe(told.append)
        with pytest.raises(Timeout) as caught:
            await organism.ask("slow", Task("x"), timeout=2)
        await organism.drain()
        faults = [each for each in told if isinstance(each, FaultEvent)]
        assert [(each.code, each.id) for each in faults] == [("timeout", caught.value.id)]
        assert len(organism.kernel.threads) == 0
        asking = asyncio.create_task(organism.ask("slow", Task("x")))
        await asyncio.sleep(1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert len(organism.kernel.threads) == 0


async def test_a_deferred_answer_is_given_later_from_outside() -> None:
    person = Probe("person", Task, lambda *_: HandlerResponse.defer(within=60))
    async with memory_organism(boss("person"), person) as organism:
        asking = asyncio.create_task(organism.ask("boss", Task("approve?")))
        thread = (await person.next()).metadata.thread_id
        await organism.drain()
        organism.answer(thread, Result("yes"))
        assert await asking == Result("boss heard: yes")
        with pytest.raises(UnknownThread):
            organism.answer(thread, Result("yes again"))


@pytest.mark.virtual_clock
async def test_a_deferred_answer_that_does_not_come_is_a_timeout() -> None:
    person = Probe("person", Task, lambda *_: HandlerResponse.defer(within=60))
    async with memory_organism(boss("person"), person) as organism:
        with pytest.raises(Timeout):
            await organism.ask("boss", Task("approve?"))


@pytest.mark.virtual_clock
async def test_a_delayed_message_sets_out_when_its_time_has_come() -> None:
    def react(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(Note("now"), to="clock").after(3600)
        return respond(Result("rang"))

    async with memory_organism(Probe("clock", (Task, Note), react)) as organism:
        began = asyncio.get_running_loop().time()
        assert await organism.ask("clock", Task("x")) == Result("rang")
        assert asyncio.get_running_loop().time() - began == pytest.approx(3600)


@pytest.mark.virtual_clock
async def test_killing_a_thread_stops_everything_below_it_at_once() -> None:
    async def sleep(task: Task, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(20)

    slow = Listener("slow", Task, sleep, description="Sleeps.")
    statuses: dict[str, str] = {}

    def note(event: Event) -> None:
        if isinstance(event, ThreadEvent):
            statuses[event.thread_id] = event.status

    async with memory_organism(boss("slow"), slow) as organism:
        organism.subscribe(note)
        thread = await organism.send("boss", Task("x"))
        await asyncio.sleep(1)
        assert organism.kernel.scheduler.running == 1
        organism.kill(thread)
        assert organism.kernel.scheduler.running == 0
        assert len(organism.kernel.threads) == 0
        with pytest.raises(UnknownThread):
            organism.kill(thread)
        await organism.drain()
    assert set(statuses.values()) == {"killed"}
    assert len(statuses) == 2


async def test_the_hop_limit_ends_two_who_answer_each_other_for_ever() -> None:
    ping = Probe("ping", Task, lambda task, _: HandlerResponse(task, to="pong"), peers=("pong",))
    pong = Probe("pong", Task, lambda task, _: HandlerResponse(task, to="ping"), peers=("ping",))
    faults: list[Event] = []
    async with memory_organism(ping, pong, budget={"hops": 20}) as organism:
        organism.subscribe(lambda event: faults.append(event))
        with pytest.raises(BudgetExhausted):
            await organism.ask("ping", Task("x"))
        assert len(organism.kernel.threads) == 0
    assert len(ping.seen) + len(pong.seen) == 21
    assert sum(isinstance(event, FaultEvent) for event in faults) == 1


async def test_the_hop_limit_holds_for_those_who_try_again_after_every_error() -> None:
    def retry(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        other = "b" if metadata.own_name == "a" else "a"
        return HandlerResponse(Task("again"), to=other)

    both = [Probe(n, (Task, SystemError), retry, peers=("a", "b")) for n in ("a", "b")]
    async with memory_organism(*both, budget={"hops": 10}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("a", Task("x"))
        assert len(organism.kernel.threads) == 0
    assert len(both[0].seen) + len(both[1].seen) <= 2 * 11


async def test_the_message_budget_is_shared_by_the_whole_conversation() -> None:
    def fan(payload: Any, metadata: HandlerMetadata) -> Any:
        return [HandlerResponse(payload, to="fan"), HandlerResponse(payload, to="fan")]

    greedy = Probe("fan", Task, fan)
    async with memory_organism(greedy, budget={"messages": 100}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("fan", Task("x"))
    assert len(greedy.seen) <= 100


@pytest.mark.virtual_clock
async def test_a_conversation_ends_when_its_seconds_are_up() -> None:
    def again(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(payload, to="clock").after(1)

    async with memory_organism(Probe("clock", Task, again), budget={"seconds": 30}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("clock", Task("x"))
        assert len(organism.kernel.threads) == 0


async def test_a_paused_listener_keeps_what_waits_and_goes_on_where_it_was() -> None:
    digger = worker()
    async with memory_organism(digger, worker("other")) as organism:
        organism.pause("worker")
        asking = [asyncio.create_task(organism.ask("worker", Task(str(n)))) for n in range(5)]
        assert await organism.ask("other", Task("x")) == Result("other did x")
        assert digger.seen == []
        organism.resume("worker")
        assert [each.text for each in await asyncio.gather(*asking)] == [
            f"worker did {n}" for n in range(5)
        ]


async def test_a_busy_listener_does_not_delay_an_idle_one() -> None:
    gate = asyncio.Event()

    async def wait(task: Task, _: HandlerMetadata) -> HandlerResponse:
        await gate.wait()
        return respond(Result("at last"))

    busy = Listener("busy", Task, wait, description="Waits.", max_concurrent=1)
    async with memory_organism(busy, worker(), max_concurrent_handlers=2) as organism:
        asking = [asyncio.create_task(organism.ask("busy", Task(str(n)))) for n in range(10)]
        for n in range(10):
            assert await organism.ask("worker", Task(str(n)))
        gate.set()
        assert len(await asyncio.gather(*asking)) == 10


async def test_a_name_of_the_pump_is_refused() -> None:
    with pytest.raises(ValueError, match="the pump's own"):
        memory_organism(worker("system.mine"))


async def test_messages_to_and_fro_take_one_turn_of_the_event_loop_each() -> None:
    strokes, turned = 40, 0

    async def count() -> None:
        nonlocal turned
        while True:
            await asyncio.sleep(0)
            turned += 1

    def play(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(task, to="pong") if metadata.hops < strokes else respond(task)

    ping = Probe("ping", Task, play, peers=("pong",))
    pong = Probe("pong", Task, lambda task, _: respond(task))
    async with memory_organism(ping, pong) as organism:
        counting = asyncio.create_task(count())
        await organism.ask("ping", Task("x"))
        counting.cancel()
    assert turned <= strokes + 5
