"""S22: one call stops a thread, a listener, a tenant, or all there is, running or waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cpu_time import CpuTime, frozen
from tests.flows.payloads import Result, Task
from xml_pipeline.errors import HandlerFailed, UnknownListener
from xml_pipeline.events import Event, MessageSent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe, memory_organism, respond

WITHIN = 1.0
"""Seconds in which it has to have stopped."""

TENANTS = ("red", "blue")


class Busy:
    """A listener whose handlers never end by themselves, one at a time; and one above it."""

    def __init__(self, name: str) -> None:
        self.running = 0
        self.probe = Probe(name, Task, self._work, max_concurrent=3)
        self.boss = Probe(f"boss-of-{name}", (Task, Result), self._pass_on, peers=(name,))
        self._name = name
        self._waiters: list[asyncio.Event] = []

    async def _work(self, task: Task, metadata: HandlerMetadata) -> Any:
        self.running += 1
        self._tell()
        try:
            await asyncio.Event().wait()
        finally:
            self.running -= 1
            self._tell()

    def _tell(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.set()

    async def until(self, running: int) -> None:
        """Wait until so many of its handlers run."""
        async with asyncio.timeout(10):
            while self.running != running:
                waiter = asyncio.Event()
                self._waiters.append(waiter)
                await waiter.wait()

    def _pass_on(self, payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to=self._name)
        return respond(payload)


class Scene:
    """Two busy listeners, each with work of two tenants under way, waiting, and below a boss."""

    def __init__(self) -> None:
        self.one, self.other = Busy("one"), Busy("other")
        probes = (self.one.probe, self.one.boss, self.other.probe, self.other.boss)
        self.organism = memory_organism(*probes)
        self.asked: dict[tuple[str, str], list[asyncio.Task[Any]]] = {}
        self._sent, self._all_there = 0, asyncio.Event()
        self.organism.subscribe(self._count)

    def _count(self, event: Event) -> None:
        """Notice when all are asked, and have asked: 24 from outside, and 12 by a boss."""
        self._sent += isinstance(event, MessageSent)
        if self._sent == 36:
            self._all_there.set()

    async def begin(self) -> None:
        """Ask, and wait until both listeners do as much as they may at a time."""
        for to in ("one", "boss-of-one", "other", "boss-of-other"):
            for tenant in TENANTS:
                for _ in range(3):
                    asking = self.organism.ask(to, Task("x"), tenant=tenant)
                    task = asyncio.ensure_future(asking)
                    self.asked.setdefault((to.rpartition("-")[2], tenant), []).append(task)
        await self.one.until(running=3)
        await self.other.until(running=3)
        async with asyncio.timeout(10):
            await self._all_there.wait()

    async def ended(self, listeners: tuple[str, ...], tenants: tuple[str, ...]) -> None:
        """Wait until all these are told, and see that nobody else is."""
        meant = {(listener, tenant) for listener in listeners for tenant in tenants}
        for which, tasks in self.asked.items():
            if which in meant:
                for told in await asyncio.gather(*tasks, return_exceptions=True):
                    assert isinstance(told, HandlerFailed)
            else:
                assert not any(task.done() for task in tasks)

    async def leave(self) -> None:
        """Stop whatever still runs."""
        self.organism.kill_all()
        everybody = (task for tasks in self.asked.values() for task in tasks)
        await asyncio.gather(*everybody, return_exceptions=True)
        assert (self.one.running, self.other.running) == (0, 0)
        assert len(self.organism.kernel.threads) == 0


SWITCHES: dict[str, tuple[Callable[[Organism], int], tuple[str, ...], tuple[str, ...]]] = {
    "a listener": (lambda o: o.kill_all(listener="one"), ("one",), TENANTS),
    "a tenant": (lambda o: o.kill_all(tenant="red"), ("one", "other"), ("red",)),
    "a tenant at a listener": (
        lambda o: o.kill_all(listener="other", tenant="blue"), ("other",), ("blue",)
    ),
    "all": (lambda o: o.kill_all(), ("one", "other"), TENANTS),
}  # fmt: skip


@pytest.mark.parametrize("switch", SWITCHES)
async def test_one_call_stops_what_is_meant_and_nothing_else_a_hundred_times(switch: str) -> None:
    stop, listeners, tenants = SWITCHES[switch]
    for _ in range(100):
        scene = Scene()
        async with scene.organism:
            await scene.begin()
            began = time.monotonic()
            killed = stop(scene.organism)
            await scene.ended(listeners, tenants)
            assert time.monotonic() - began < WITHIN
            assert killed == 6 * len(listeners) * len(tenants)
            await scene.leave()


async def test_one_call_stops_a_thread_and_what_is_below_it_a_hundred_times() -> None:
    scene = Scene()
    async with scene.organism:
        for _ in range(100):
            thread = await scene.organism.send("boss-of-one", Task("x"))
            await scene.one.until(running=1)
            began = time.monotonic()
            scene.organism.kill(thread)
            await scene.one.until(running=0)
            assert time.monotonic() - began < WITHIN
            assert len(scene.organism.kernel.threads) == 0


async def test_a_listener_that_was_stopped_starts_nothing_until_it_may() -> None:
    worker = Probe("worker", Task, lambda task, _: respond(task))
    async with memory_organism(worker) as organism:
        assert organism.kill_all(listener="worker") == 0
        asked = asyncio.ensure_future(organism.ask("worker", Task("x")))
        for _ in range(10):
            await asyncio.sleep(0)
        assert worker.seen == []
        organism.resume("worker")
        assert await asked == Task("x")


@pytest.mark.no_cover  # What coverage costs is no part of the second.
async def test_ten_thousand_conversations_stop_within_a_second() -> None:
    worker = Probe("worker", Task, lambda *_: HandlerResponse.defer(within=1_000))
    async with memory_organism(worker) as organism:
        for _ in range(10_000):
            await organism.send("worker", Task("x"))
        await organism.drain()
        spent = CpuTime()
        with frozen():
            for _ in spent.rounds(WITHIN, most=1):
                assert organism.kill_all() == 10_000
        assert spent.least < WITHIN
        assert len(organism.kernel.threads) == 0


async def test_what_comes_in_afterwards_is_handled_as_ever() -> None:
    worker = Probe("worker", Task, lambda task, _: respond(task))
    async with memory_organism(worker) as organism:
        assert organism.kill_all(tenant="red") == 0
        assert await organism.ask("worker", Task("x"), tenant="red") == Task("x")


async def test_a_listener_that_is_not_there_stops_nothing() -> None:
    scene = Scene()
    async with scene.organism:
        await scene.begin()
        with pytest.raises(UnknownListener):
            scene.organism.kill_all(listener="nobody")
        assert scene.one.running == 3
        await scene.leave()
