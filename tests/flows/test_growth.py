"""Nothing grows for ever: loops end, finished conversations are forgotten, clocks may jump."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.flows.mutations import envelope
from tests.flows.payloads import Note, Number, Result, Task
from tests.flows.watching import Watch, settled
from xml_pipeline.errors import BudgetExhausted, Timeout, Undeliverable, UnknownThread
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, memory_organism, respond

# ── R13: storms ─────────────────────────────────────────────────────────────────────────


def to(name: str) -> Callable[..., HandlerResponse]:
    return lambda *_: HandlerResponse(Task("again"), to=name)


def answer(*_: object) -> HandlerResponse:
    return respond(Result("yes"))


LISTENS = (Task, SystemError, ThreadEnded)
LOOPS: dict[str, Callable[[], tuple[Probe, ...]]] = {
    "one asks and the other answers": lambda: (
        Probe("a", (Task, Result), to("b"), peers=("b",)),
        Probe("b", Task, answer),
    ),
    "each asks the other": lambda: (
        Probe("a", Task, to("b"), peers=("b",)),
        Probe("b", Task, to("a"), peers=("a",)),
    ),
    "each asks the other and hears of errors": lambda: (
        Probe("a", LISTENS, to("b"), peers=("b",)),
        Probe("b", LISTENS, to("a"), peers=("a",)),
    ),
    "one asks itself": lambda: (Probe("a", Task, to("a")),),
    "one takes no refusal": lambda: (Probe("a", LISTENS, to("nobody"), peers=("nobody",)),),
}


@pytest.mark.virtual_clock
@pytest.mark.parametrize("name", LOOPS)
async def test_agents_that_answer_each_other_for_ever_are_stopped_with_one_fault(name: str) -> None:
    """R13: by the depth of what they cause; the conversation is over and nothing is left.

    Where each hears of the fault and asks again, there is one for each that does.
    """
    agents = LOOPS[name]()
    async with memory_organism(*agents, budget={"hops": 30}) as organism:
        watch = Watch(organism)
        with pytest.raises(BudgetExhausted) as caught:
            await organism.ask("a", Task("x"))
        await settled(organism)
        assert len(organism.kernel.threads) == 0
    spent = [each.id for each in watch.faults if each.code == "budget"]
    refused = [each.id for each in watch.faults if each.code == "routing"]
    assert spent[-1] == caught.value.id
    assert len(spent) == (31 if "hears of errors" in name else 1)
    assert len(refused) == (15 if "no refusal" in name else 0)
    assert sum(len(each.seen) for each in agents) <= 62


@pytest.mark.virtual_clock
async def test_a_fan_out_that_doubles_at_every_step_is_stopped_by_the_number_of_messages() -> None:
    def double(number: Number, _: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse(Number(number.n + 1), to=name) for name in ("a", "b")]

    agents = [Probe(name, Number, double, peers=("a", "b")) for name in ("a", "b")]
    async with memory_organism(*agents, budget={"messages": 1_000}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("a", Number(0))
        await organism.drain()
        assert len(organism.kernel.threads) == 0
    assert sum(len(each.seen) for each in agents) <= 1_000


# ── R16: the clock on the wall ──────────────────────────────────────────────────────────


@pytest.mark.virtual_clock
@pytest.mark.parametrize("hours", [1, -1, 24, -24])
async def test_a_jump_of_the_clock_on_the_wall_changes_no_wait(hours: int) -> None:
    deadlines: list[timedelta] = []
    now = asyncio.get_running_loop().time

    async def slow(task: Task, metadata: HandlerMetadata) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
            await asyncio.sleep(2)
            assert metadata.deadline is not None
            deadlines.append(metadata.deadline - datetime.now(UTC))
            await asyncio.Event().wait()

    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        return HandlerResponse.defer(within=7) if payload.text == "defer" else None

    slowly = Listener("slow", Task, slow, description="Is slow.", timeout=5.0)
    owing = Probe("owing", Task, react)
    late = Probe("late", Task, answer)
    early = Probe("early", Task, lambda *_: to("late")().after(3), peers=("late",))
    async with memory_organism(slowly, owing, early, late) as organism:
        began = now()
        waits = [
            asyncio.create_task(measured(organism, "slow", "x")),
            asyncio.create_task(measured(organism, "owing", "defer")),
        ]
        await organism.send("early", Task("x"))
        await late.next()
        assert now() - began == pytest.approx(3)
        assert await asyncio.gather(*waits) == [pytest.approx(5), pytest.approx(7)]
    (left,) = deadlines
    assert left.total_seconds() == pytest.approx(3, abs=0.5)


async def measured(organism: Organism, name: str, text: str) -> float:
    began = asyncio.get_running_loop().time()
    with pytest.raises(Timeout):
        await organism.ask(name, Task(text))
    return asyncio.get_running_loop().time() - began


@pytest.mark.virtual_clock
@pytest.mark.parametrize("hours", [1, -1])
async def test_a_jump_of_the_clock_neither_ends_nor_prolongs_a_conversation(hours: int) -> None:
    worker = Probe("worker", Task, lambda *_: HandlerResponse.defer(within=1_000))
    async with memory_organism(worker, budget={"seconds": 100}) as organism:
        asking = asyncio.create_task(organism.ask("worker", Task("x")))
        await worker.next()
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
            await asyncio.sleep(99)
            assert not asking.done()
            await asyncio.sleep(2)
        with pytest.raises(BudgetExhausted):
            await asking


# ── R21: what is over is forgotten ──────────────────────────────────────────────────────


def resident_bytes() -> int:
    """Return the memory that this process holds; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


async def come_and_go(thousands: int) -> int:
    """Let so many thousand conversations come and go; return by how much memory grew, in bytes.

    The registry is empty, an old id is unknown, and starts afresh.
    """

    async def work(task: Task, _: HandlerMetadata) -> HandlerResponse:
        return respond(Result("done"))

    worker = Listener("worker", Task, work, description="Works.")
    async with memory_organism(worker) as organism:
        first = await organism.send("worker", Task("x"))
        held = []
        for _ in range(10):
            for _ in range(100 * thousands):
                await organism.send("worker", Task("x"))
            await organism.drain()
            gc.collect()
            held.append(resident_bytes())
        assert (len(organism.kernel.threads), organism.kernel.threads.conversations) == (0, 0)
        assert organism.kernel.threads.find(first) is None
        with pytest.raises(UnknownThread):
            organism.kill(first)
        afresh = await organism.inject(envelope("worker", thread=first))
        assert afresh != first
        await organism.drain()
        assert len(organism.kernel.threads) == 0
    # What grows in the first rounds is the allocator's reserve for a tenth at once.
    return held[-1] - held[2]


@pytest.mark.no_cover
async def test_a_hundred_thousand_conversations_leave_nothing_behind() -> None:
    """R21 at its CI size."""
    assert await come_and_go(100) < 6 * 2**20


@pytest.mark.virtual_clock
async def test_an_unheard_listener_that_comes_and_goes_leaves_no_lane_behind() -> None:
    async def work(payload: Any, _: HandlerMetadata) -> HandlerResponse:
        return respond(Result("done"))

    async with memory_organism() as organism:
        before = len(organism.kernel.scheduler.lanes)
        for number in range(100):
            organism.register_generic(f"short-lived-{number}", work)
            assert await organism.ask(f"short-lived-{number}", Note("x")) == Result("done")
            organism.unregister(f"short-lived-{number}")
        assert len(organism.kernel.scheduler.lanes) <= before + 1
        with pytest.raises(Undeliverable):
            await organism.ask("short-lived-7", Note("x"))


# ── Many ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.virtual_clock
async def test_agents_run_no_more_at_once_than_the_organism_lets_each() -> None:
    running, most = {"a": 0, "b": 0}, {"a": 0, "b": 0}

    async def work(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        name = metadata.own_name
        running[name] += 1
        most[name] = max(most[name], running[name])
        await asyncio.sleep(1)
        running[name] -= 1
        return respond(Result("done"))

    agents = [
        Listener(name, Task, work, description="Works.", agent=True, max_concurrent=own)
        for name, own in (("a", None), ("b", 7))
    ]
    async with memory_organism(*agents, max_concurrent_per_agent=3) as organism:
        asking = [organism.ask(name, Task("x")) for name in ("a", "b") for _ in range(20)]
        await asyncio.gather(*asking)
    assert most == {"a": 3, "b": 7}


@pytest.mark.virtual_clock
async def test_a_hundred_listeners_side_by_side_each_answer_their_own() -> None:
    async def work(number: Number, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(number.n % 7)
        return respond(Result(f"{metadata.own_name} {number.n}"))

    names = [f"l{number}" for number in range(100)]
    crowd = [Listener(name, Number, work, description="Works.") for name in names]
    async with memory_organism(*crowd, max_concurrent_handlers=50) as organism:
        asked = [(name, n) for n in range(10) for name in names]
        answers = await asyncio.gather(*(organism.ask(name, Number(n)) for name, n in asked))
        assert answers == [Result(f"{name} {n}") for name, n in asked]
        await organism.drain()
        assert (len(organism.kernel.threads), organism.kernel.scheduler.waiting) == (0, 0)
