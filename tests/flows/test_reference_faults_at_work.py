"""Faults of the reference system at work and at its end, 12 to 18."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.flows.parts import worker
from tests.flows.payloads import Result, Task
from tests.flows.watching import Watch, settled
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline import Inserts, Organism, OrganismConfig
from xml_pipeline.errors import Timeout, Undeliverable
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.testing import Probe, memory_organism, respond

pytestmark = pytest.mark.virtual_clock


def slow(name: str = "slow", seconds: float = 1.0, **options: Any) -> Listener:
    """Return a listener that takes some seconds for each task."""

    async def work(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(seconds)
        return respond(Result(f"{name} did {task.text}"))

    return Listener(name, Task, work, description="Takes its time.", **options)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_drained_means_handled() -> None:
    """12: with three messages, waiting for the queue returned when none was handled."""
    async with memory_organism(slow(seconds=10), max_concurrent_handlers=1) as running:
        watch = Watch(running)
        for text in "abc":
            await running.send("slow", Task(text))
        await running.drain()
        assert now() == pytest.approx(30)
        await settled(running)
    assert len([each for each in watch.sent if each.from_id == "slow"]) == 3


async def test_an_organism_with_fifty_queued_ends_and_tells_all_who_wait() -> None:
    """13: it hung."""
    async with memory_organism(slow(seconds=1_000), max_concurrent_handlers=1) as running:
        asking = [asyncio.create_task(running.ask("slow", Task("x"))) for _ in range(50)]
        await asyncio.sleep(1)
    outcomes = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 1)
    assert [type(each) for each in outcomes] == [Undeliverable] * 50


class CountingLoop(VirtualClockLoop):
    """A loop that counts what it is asked to call, now or later."""

    calls = 0

    def call_soon(  # type: ignore[override]  # typeshed's is generic in a TypeVarTuple
        self, *args: Any, **kwargs: Any
    ) -> asyncio.Handle:
        """Count, and do as asked."""
        self.calls += 1
        return super().call_soon(*args, **kwargs)

    def call_at(  # type: ignore[override]  # likewise
        self, *args: Any, **kwargs: Any
    ) -> asyncio.TimerHandle:
        """Count, and do as asked."""
        self.calls += 1
        return super().call_at(*args, **kwargs)


def test_an_idle_organism_is_never_woken() -> None:
    """14: it looked for work twice a second."""

    async def idle(loop: CountingLoop) -> int:
        async with memory_organism(worker()) as running:
            await running.ask("worker", Task("x"))
            await asyncio.sleep(3_600)  # Until the timers of what ran have gone.
            before = loop.calls
            await asyncio.sleep(86_400)
            return loop.calls - before

    loop = CountingLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(idle(loop)) <= 4  # The sleep itself.


async def test_stuck_handlers_and_one_that_waits_for_its_own_message_end_in_time() -> None:
    """15: no timeouts: twenty stuck handlers stopped the organism."""
    async with memory_organism(
        slow("stuck", seconds=10**9), worker(), max_concurrent_handlers=20
    ) as running:

        async def impatient(task: Task, _: HandlerMetadata) -> HandlerResponse:
            return respond(await running.ask("worker", task))

        running.register(Listener("impatient", Task, impatient, description="Waits inside."))
        stuck = [asyncio.create_task(running.ask("stuck", Task("x"))) for _ in range(19)]
        stuck.append(asyncio.create_task(running.ask("impatient", Task("x"))))
        assert await running.ask("worker", Task("y")) == Result("worker did y")
        outcomes = await asyncio.gather(*stuck, return_exceptions=True)
    assert [type(each) for each in outcomes[:19]] == [Timeout] * 19
    assert now() == pytest.approx(30)


async def test_a_busy_agent_does_not_delay_an_idle_one() -> None:
    """16: an agent's limit was waited for inside one of the organism's slots."""
    busy = slow("busy", seconds=5, agent=True)
    async with memory_organism(busy, worker("idle", agent=True)) as running:
        for _ in range(100):
            await running.send("busy", Task("x"))
        assert await running.ask("idle", Task("x")) == Result("idle did x")
        assert now() == 0


async def test_the_targets_of_a_broadcast_run_side_by_side() -> None:
    """17: they ran one after another."""
    several = [slow(f"s{number}", seconds=5, broadcast=True) for number in range(10)]
    async with memory_organism(*several) as running:
        await running.send(None, Task("x"))
        await running.drain()
        assert now() == pytest.approx(5)


@pytest.mark.parametrize(
    ("scheduling", "order"),
    [
        ("breadth-first", "a0 b0 c0 a1 b1 c1 a2 b2 c2"),
        ("depth-first", "a0 a1 a2 b0 b1 b2 c0 c1 c2"),
    ],
)
async def test_the_scheduling_that_is_configured_is_the_order_that_is_seen(
    scheduling: str, order: str
) -> None:
    """18: the setting was never read."""
    seen: list[str] = []

    def step(task: Task, _: HandlerMetadata) -> Any:
        seen.append(task.text)
        letter, digit = task.text[0], int(task.text[1])
        return HandlerResponse(Task(f"{letter}{digit + 1}"), to="stepper") if digit < 2 else None

    stepper = Probe("stepper", Task, step, max_concurrent=1)
    async with memory_organism(stepper, thread_scheduling=scheduling) as running:
        running.pause("stepper")
        for letter in "abc":
            await running.send("stepper", Task(f"{letter}0"))
        for _ in range(5):
            await asyncio.sleep(0)
        running.resume("stepper")
        await running.drain()
    assert " ".join(seen) == order


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_the_number_of_pipelines_is_the_most_that_travel_before_others_have_a_turn(
    size: int,
) -> None:
    """18: nor was that one."""
    turn, travelled = 0, Counter[int]()

    def count(station: Any) -> Any:
        travelled[turn] += 1
        return station

    config = OrganismConfig(max_concurrent_pipelines=size)
    steps = Inserts(envelope=(count,))
    async with Organism([worker().listener], config=config, steps=steps) as running:
        for _ in range(30):
            await running.send("worker", Task("x"))
        for turn in range(200):  # noqa: B007  # the step counts by it
            await asyncio.sleep(0)
    assert travelled.total() == 60
    assert max(travelled.values()) == size
