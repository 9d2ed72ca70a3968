"""Who runs next: in order on each thread, fair between conversations, bounded everywhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.flows.payloads import Number, Result, Task
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.message import Addressed, Delivery, Envelope, Wire
from xml_pipeline.schedule import Scheduler
from xml_pipeline.testing import Probe, memory_organism, respond
from xml_pipeline.thread import Conversation, Thread


async def nothing(payload: Any, metadata: HandlerMetadata) -> None: ...


def listener(name: str, **options: Any) -> Listener:
    return Listener(name, Task, nothing, description="Does nothing.", **options)


class Desk:
    """A scheduler, and deliveries made for it by hand."""

    def __init__(self, most: int = 20, per_agent: int = 5, depth_first: bool = False) -> None:
        self.now = 0.0
        self.scheduler = Scheduler(most, per_agent, lambda: self.now, depth_first)
        self.made = 0

    def delivery(self, to: Listener, thread: Thread | None = None) -> Delivery:
        self.made += 1
        if thread is None:
            home = Conversation(self.made, f"c{self.made}", "outside", "")
            thread = Thread(f"t{self.made}", home, None, "outside", to.name, 1)
        wire = Wire(b"12345", "sealed", "send", "a", thread.conversation, thread, self.made)
        envelope = Envelope(wire, to.name, thread.id, "Task", Any, ())  # type: ignore[arg-type]
        return Delivery(Addressed(envelope, to, thread, None), Task(str(self.made)))

    def close(self, delivery: Delivery) -> None:
        """Close the thread of a delivery, as its registry would."""
        delivery.thread.open = False
        self.scheduler.forget(delivery.thread)

    @property
    def waits(self) -> tuple[int, int]:
        return self.scheduler.waiting, self.scheduler.waiting_bytes


# ── One thread, one listener, one organism ──────────────────────────────────────────────


def test_a_thread_holds_one_running_delivery_and_the_others_wait_in_order() -> None:
    desk, worker = Desk(), listener("worker")
    first = desk.delivery(worker)
    second, third = (desk.delivery(worker, first.thread) for _ in range(2))
    assert desk.scheduler.admit([first, second, third]) == [first]
    assert desk.waits == (2, 10)
    assert desk.scheduler.finish(first)
    assert desk.scheduler.admit([]) == [second]
    assert desk.scheduler.finish(second)
    assert desk.scheduler.admit([]) == [third]
    assert desk.waits == (0, 0)


def test_what_arrives_later_does_not_overtake_what_waits_on_its_thread() -> None:
    desk, worker = Desk(most=1), listener("worker")
    busy, first = desk.delivery(worker), desk.delivery(worker)
    later = desk.delivery(worker, first.thread)
    assert desk.scheduler.admit([busy, first]) == [busy]
    desk.scheduler.finish(busy)
    assert desk.scheduler.admit([later]) == [first]


def test_the_organism_runs_no_more_than_it_may() -> None:
    desk, worker = Desk(most=3), listener("worker")
    many = [desk.delivery(worker) for _ in range(10)]
    running = desk.scheduler.admit(many)
    handled = []
    while running:
        assert desk.scheduler.running == len(running) <= 3
        done = running.pop(0)
        handled.append(done)
        desk.scheduler.finish(done)
        running += desk.scheduler.admit([])
    assert handled == many


@pytest.mark.parametrize(
    ("options", "limit"),
    [({}, None), ({"agent": True}, 5), ({"agent": True, "max_concurrent": 2}, 2)],
)
def test_a_listener_runs_no_more_than_it_may(options: dict[str, Any], limit: int | None) -> None:
    desk, worker = Desk(), listener("worker", **options)
    started = desk.scheduler.admit([desk.delivery(worker) for _ in range(10)])
    assert len(started) == (limit or 10)


def test_a_delivery_is_finished_once() -> None:
    desk, worker = Desk(), listener("worker")
    delivery = desk.delivery(worker)
    assert not desk.scheduler.finish(delivery)
    desk.scheduler.admit([delivery])
    assert desk.scheduler.is_running(delivery)
    assert desk.scheduler.finish(delivery)
    assert not desk.scheduler.finish(delivery)
    assert desk.scheduler.running == 0


def test_the_pump_is_asked_to_look_when_somebody_waits_or_nothing_runs() -> None:
    desk, worker, lone = Desk(), listener("worker", max_concurrent=1), listener("lone")
    one, two, other = desk.delivery(worker), desk.delivery(lone), desk.delivery(lone)
    desk.scheduler.admit([one, two, other])
    assert not desk.scheduler.finish(other)
    assert not desk.scheduler.finish(one)
    assert desk.scheduler.finish(two)


# ── Fairness ────────────────────────────────────────────────────────────────────────────


def test_a_busy_listener_does_not_delay_an_idle_one() -> None:
    desk, busy, idle = Desk(most=20), listener("busy", max_concurrent=5), listener("idle")
    flood = [desk.delivery(busy) for _ in range(100)]
    assert desk.scheduler.admit(flood) == flood[:5]
    lone = desk.delivery(idle)
    assert desk.scheduler.admit([lone]) == [lone]


def test_a_listener_with_a_limit_is_not_starved_by_a_flood_for_others() -> None:
    desk, agent, popular = Desk(most=2), listener("agent", max_concurrent=1), listener("popular")
    mine = [desk.delivery(agent) for _ in range(3)]
    running = desk.scheduler.admit([mine[0], mine[1], mine[2]])
    order: list[Delivery] = []
    for _ in range(40):
        running += desk.scheduler.admit([desk.delivery(popular) for _ in range(2)])
        done = running.pop(0)
        order.append(done)
        desk.scheduler.finish(done)
    assert max(order.index(each) for each in mine) < 15


def test_conversations_take_turns_at_a_listener() -> None:
    desk, agent = Desk(), listener("agent", max_concurrent=1)
    busy = desk.delivery(agent)
    home = Conversation(99, "c99", "outside", "")
    flood = [
        desk.delivery(agent, Thread(f"f{n}", home, None, "outside", "agent", 1)) for n in range(10)
    ]
    lone = desk.delivery(agent)
    desk.scheduler.admit([busy, *flood, lone])
    desk.scheduler.finish(busy)
    assert desk.scheduler.admit([]) == [flood[0]]
    desk.scheduler.finish(flood[0])
    assert desk.scheduler.admit([]) == [lone]


def test_depth_first_the_conversation_that_began_earliest_goes_first() -> None:
    desk, agent = Desk(depth_first=True), listener("agent", max_concurrent=1)
    busy, older, younger = (desk.delivery(agent) for _ in range(3))
    home = Conversation(0, "c0", "outside", "")
    oldest = desk.delivery(agent, Thread("t0", home, None, "outside", "agent", 1))
    desk.scheduler.admit([busy, younger, older, oldest])
    desk.scheduler.finish(busy)
    assert desk.scheduler.admit([]) == [oldest]
    desk.scheduler.finish(oldest)
    assert desk.scheduler.admit([]) == [older]


# ── What need not wait any more ─────────────────────────────────────────────────────────


def test_what_waits_on_a_closed_thread_is_not_counted_and_never_starts() -> None:
    desk, agent = Desk(), listener("agent", max_concurrent=1)
    busy, parked = desk.delivery(agent), desk.delivery(agent)
    behind = desk.delivery(agent, parked.thread)
    desk.scheduler.admit([busy, parked, behind])
    assert desk.waits == (2, 10)
    desk.close(parked)
    assert desk.waits == (0, 0)
    desk.scheduler.finish(busy)
    assert desk.scheduler.admit([behind]) == []
    assert (desk.scheduler.running, *desk.waits) == (0, 0, 0)


def test_a_dead_delivery_takes_no_slot_from_the_living() -> None:
    desk, agent = Desk(), listener("agent", max_concurrent=1)
    busy, *dead, living = (desk.delivery(agent) for _ in range(12))
    desk.scheduler.admit([busy, *dead, living])
    for each in dead:
        desk.close(each)
    desk.scheduler.finish(busy)
    assert desk.scheduler.admit([]) == [living]


def test_the_dead_of_a_paused_listener_are_buried_when_they_are_many() -> None:
    desk, agent = Desk(), listener("agent")
    lane = desk.scheduler.lane(agent)
    lane.paused = True
    for _ in range(1_000):
        delivery = desk.delivery(agent)
        desk.scheduler.admit([delivery])
        desk.close(delivery)
    assert len(lane.parked) < 200
    lane.paused = False
    survivor = desk.delivery(agent)
    assert desk.scheduler.admit([survivor]) == [survivor]
    assert desk.scheduler.admit([]) == []
    assert desk.waits == (0, 0)


# ── Lanes ───────────────────────────────────────────────────────────────────────────────


def test_a_lane_takes_over_the_limits_of_the_listener_as_it_is_now() -> None:
    desk = Desk()
    lane = desk.scheduler.lane(listener("agent", max_concurrent=1, timeout=5.0))
    one, two = (desk.delivery(listener("agent", max_concurrent=1)) for _ in range(2))
    assert desk.scheduler.admit([one, two]) == [one]
    assert desk.scheduler.lane(listener("agent", max_concurrent=2, timeout=9.0)) is lane
    assert (lane.limit, lane.timeout) == (2, 9.0)
    assert desk.scheduler.admit([]) == [two]


def test_the_lane_of_a_listener_that_is_gone_is_dropped_once_it_is_empty() -> None:
    desk, gone, stays = Desk(), listener("gone"), listener("stays")
    delivery = desk.delivery(gone)
    desk.scheduler.admit([delivery, desk.delivery(stays)])
    desk.scheduler.forget_lanes({"stays"})
    assert set(desk.scheduler.lanes) == {"gone", "stays"}
    desk.scheduler.finish(delivery)
    desk.scheduler.forget_lanes({"stays"})
    assert set(desk.scheduler.lanes) == {"stays"}
    again = desk.delivery(gone)
    assert desk.scheduler.admit([again]) == [again]


def test_a_lane_knows_when_each_of_its_deliveries_began() -> None:
    desk, worker = Desk(), listener("worker")
    first, second = desk.delivery(worker), desk.delivery(worker)
    desk.scheduler.admit([first])
    desk.now = 7.0
    desk.scheduler.admit([second])
    assert desk.scheduler.lanes["worker"].running == {first: 0.0, second: 7.0}


# ── In an organism ──────────────────────────────────────────────────────────────────────


@pytest.mark.virtual_clock
async def test_a_question_given_up_while_parked_holds_up_no_drain() -> None:
    worker = Probe("worker", Task, lambda *_: respond(Result("")))

    def boss(task: Task, _: HandlerMetadata) -> Any:
        if task.text == "start":
            return [HandlerResponse(Task("a"), to="worker"), HandlerResponse(Task("b"), to="boss")]
        return respond(Result("never mind"))

    chief = Probe("boss", Task, boss, peers=("worker",))
    async with memory_organism(chief, worker) as organism:
        organism.pause("worker")
        assert await organism.ask("boss", Task("start")) == Result("never mind")
        await asyncio.wait_for(organism.drain(), 1)
    assert worker.payloads == []


@pytest.mark.virtual_clock
async def test_a_listener_that_is_resumed_is_served_among_the_floods_of_others() -> None:
    def again(number: Number, _: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Number(number.n + 1), to="busy")

    busy = Probe("busy", Number, again)
    calm = Probe("calm", Task, lambda *_: respond(Result("")))
    async with memory_organism(busy, calm, max_concurrent_handlers=2) as organism:
        organism.pause("calm")
        for _ in range(20):
            await organism.send("busy", Number(0))
        asking = asyncio.create_task(organism.ask("calm", Task("x")))
        await busy.next()
        organism.resume("calm")
        await asking
        assert max(each.payload.n for each in busy.seen) < 10
