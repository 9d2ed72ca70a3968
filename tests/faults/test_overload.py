"""R10, R12 and R25: who is slow, and who floods, delays nobody else; what is shed is told so.

On a virtual clock, so that a minute of it takes a moment, and a delay is what it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from tests.flows.payloads import Note, Result, Task
from xml_pipeline.errors import Overloaded, Unanswered
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.message import Delivery
from xml_pipeline.organism import Organism
from xml_pipeline.steps.seal import envelope_bytes
from xml_pipeline.testing import memory_organism, respond

pytestmark = [pytest.mark.virtual_clock, pytest.mark.no_cover]

SECONDS = 60
CAPACITY = 400
"""Messages a second that twenty handlers of fifty milliseconds can do."""


def listener(name: str, accepts: type, handler: object, **options: object) -> Listener:
    return Listener(name, accepts, handler, description="d", **options)  # type: ignore[arg-type]


class Crowd:
    """Senders outside who do not wait in line, and what they were told."""

    def __init__(self, organism: Organism) -> None:
        self._organism = organism
        self.told: Counter[str] = Counter()
        self.delays: list[float] = []

    def send(self, to: str, payload: Task | Note, sender: str) -> None:
        raw = envelope_bytes(payload.to_xml(), sender, to, "")  # type: ignore[union-attr]
        began = asyncio.get_running_loop().time()
        try:
            thread = self._organism.accept(raw, sender)
        except Overloaded:
            self.told[f"{sender}: refused"] += 1
            return
        self._organism.waiter(thread).add_done_callback(
            lambda waiter: self._hear(sender, waiter, began)
        )

    def _hear(self, sender: str, waiter: asyncio.Future[Delivery], began: float) -> None:
        error = waiter.exception()
        if error is None:
            self.told[f"{sender}: answered"] += 1
            if sender == "bob":
                self.delays.append(asyncio.get_running_loop().time() - began)
        else:
            assert isinstance(error, Unanswered)
            self.told[f"{sender}: {error.code}"] += 1


async def slow_listener(seconds: int) -> tuple[Crowd, int]:
    """Let ann send a thousand a second to one who takes a second each, and bob to another.

    Returns what they were told, and how many waited at most.
    """

    async def crawl(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(1.0)
        return respond(Result(task.text))

    async def answer(note: Note, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(Result(note.text))

    slow = listener("slow", Task, crawl, max_concurrent=1, timeout=10.0)
    organism = memory_organism(
        slow, listener("quick", Note, answer), limits={"waiting_messages": 400}
    )
    most = 0
    async with organism:
        crowd = Crowd(organism)
        for _ in range(seconds):
            for n in range(1_000):
                crowd.send("slow", Task("t"), "ann")
                if n % 10 == 0:
                    crowd.send("quick", Note("n"), "bob")
                    await asyncio.sleep(0.001)
            most = max(most, organism.kernel.scheduler.waiting)
            await asyncio.sleep(0.9)
        await organism.drain()
    return crowd, most


async def test_a_slow_listener_fills_its_part_of_the_hall_and_no_more() -> None:
    crowd, most = await slow_listener(SECONDS)
    assert crowd.told["bob: answered"] == 100 * SECONDS
    assert max(crowd.delays) <= 0.001
    assert most <= 400
    assert crowd.told["ann: refused"] + crowd.told["ann: overload"] > 50_000
    assert crowd.told.total() == 1_100 * SECONDS  # Nobody was left without a word.


async def delays_of_quick(seconds: int = 10, *, flooded: bool) -> tuple[list[float], Counter[str]]:
    """Return how long somebody's orderly questions took, beside somebody's flood or alone."""
    random = Random(11)

    async def work(payload: Task | Note, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(random.uniform(0.005, 0.015))
        if isinstance(payload, Task):
            raise RuntimeError("a crash loop")
        return respond(Result(payload.text))

    organism = memory_organism(
        listener("worker", (Task, Note), work),  # type: ignore[arg-type]
        max_concurrent_handlers=20,
        limits={"waiting_messages": 1_000},
    )
    async with organism:
        crowd = Crowd(organism)
        for tick in range(200 * seconds):
            if flooded:
                for _ in range(20):
                    crowd.send("worker", Task("t"), "ann")
            if tick % 5 == 0:
                crowd.send("worker", Note("n"), "bob")
            await asyncio.sleep(0.005)
        await organism.drain()
    return sorted(crowd.delays), crowd.told


async def test_somebodys_flood_of_failures_costs_others_no_answer_and_hardly_any_time() -> None:
    alone, _ = await delays_of_quick(flooded=False)
    beside, told = await delays_of_quick(flooded=True)
    assert (len(alone), len(beside)) == (400, 400)
    assert told["bob: answered"] == 400
    assert told["ann: refused"] > 0
    assert told["ann: handler"] > 0
    assert beside[396] <= 1.5 * alone[396]


async def five_times_too_many(seconds: int) -> tuple[Crowd, float, list[float]]:
    """Let five senders send as much as all handlers can do, each.

    Returns what they were told, which part of the handlers' capacity was put to use meanwhile,
    and how long bob, who comes afterwards, waited for each of his answers.
    """

    async def work(payload: Task | Note, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(20 / CAPACITY)
        return respond(Result(payload.text))

    organism = memory_organism(
        listener("worker", (Task, Note), work),  # type: ignore[arg-type]
        max_concurrent_handlers=20,
        limits={"waiting_messages": 1_000},
    )
    async with organism:
        crowd = Crowd(organism)
        for _ in range(10 * seconds):
            for n in range(5 * CAPACITY // 10):
                crowd.send("worker", Task("t"), f"ann{n % 5}")
            await asyncio.sleep(0.1)
        used = sum(crowd.told[f"ann{n}: answered"] for n in range(5)) / (CAPACITY * seconds)
        await organism.drain()
        for _ in range(100):
            crowd.send("worker", Note("n"), "bob")
            await asyncio.sleep(0.1)
        await organism.drain()
    return crowd, used, crowd.delays


async def test_five_times_too_many_are_refused_or_answered_and_then_all_is_as_before() -> None:
    crowd, used, delays = await five_times_too_many(SECONDS // 10)
    assert crowd.told.total() == 5 * CAPACITY * SECONDS // 10 + 100
    assert {each.partition(": ")[2] for each in crowd.told} <= {"answered", "refused", "overload"}
    assert used >= 0.8
    assert max(delays) <= 0.051
