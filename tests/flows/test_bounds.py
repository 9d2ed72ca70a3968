"""Everything has a limit: what waits outside, what runs, how long, how deep, what is remembered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.flows.payloads import Number, Result, Task
from xml_pipeline.errors import Overloaded, XmlPipelineError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.testing import Probe, memory_organism, respond

pytestmark = pytest.mark.virtual_clock


def envelope(to: str, text: str = "x", thread: str = "t") -> bytes:
    return (
        '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>outside</from>'
        f"<to>{to}</to><thread>{thread}</thread></meta>"
        f'<Task xmlns=""><text>{text}</text></Task></message>'
    ).encode()


def echo(name: str = "echo", **options: Any) -> Probe:
    return Probe(name, Task, lambda task, _: respond(Result(task.text)), **options)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# ── The outer door ──────────────────────────────────────────────────────────────────────


async def test_inject_waits_at_the_limit_and_accept_refuses() -> None:
    worker = echo()
    async with memory_organism(worker, limits={"waiting_messages": 5}) as organism:
        organism.pause("echo")
        entering = [asyncio.create_task(organism.inject(envelope("echo"))) for _ in range(20)]
        await turns()
        assert sum(each.done() for each in entering) == 5
        with pytest.raises(Overloaded):
            organism.accept(envelope("echo"), "outside")
        organism.resume("echo")
        assert len(set(await asyncio.gather(*entering))) == 20
        await organism.drain()
    assert len(worker.seen) == 20


async def test_ask_and_send_wait_in_the_same_line() -> None:
    async with memory_organism(echo(), limits={"waiting_messages": 1}) as organism:
        organism.pause("echo")
        await organism.send("echo", Task("first"))
        await turns()
        sending = asyncio.create_task(organism.send("echo", Task("second")))
        asking = asyncio.create_task(organism.ask("echo", Task("third")))
        await turns()
        assert not sending.done()
        organism.resume("echo")
        await sending
        assert await asking == Result("third")


async def test_the_bytes_that_wait_are_limited_too() -> None:
    worker = echo()
    async with memory_organism(worker, limits={"waiting_bytes": 10_000}) as organism:
        organism.pause("echo")
        entering = [
            asyncio.create_task(organism.inject(envelope("echo", "x" * 4_000))) for _ in range(200)
        ]
        await turns()
        waiting = sum(each.done() for each in entering)
        assert waiting == 3
        organism.resume("echo")
        await asyncio.gather(*entering)
        await organism.drain()
    assert len(worker.seen) == 200


async def test_who_stood_in_line_is_let_in_and_not_refused() -> None:
    worker = echo(max_concurrent=1)
    async with memory_organism(worker, limits={"waiting_bytes": 1_000}) as organism:
        big = [organism.inject(envelope("echo", "x" * 2_000)) for _ in range(100)]
        assert len(set(await asyncio.gather(*big))) == 100
        await organism.drain()
    assert len(worker.seen) == 100


async def test_nobody_is_lost_when_others_in_line_give_up() -> None:
    worker = echo()
    async with memory_organism(worker, limits={"waiting_messages": 1}) as organism:
        organism.pause("echo")
        await organism.inject(envelope("echo"))
        await turns()
        entering = [asyncio.create_task(organism.inject(envelope("echo"))) for _ in range(30)]
        await turns()
        for each in entering[::3]:
            each.cancel()
        organism.resume("echo")
        outcomes = await asyncio.gather(*entering, return_exceptions=True)
        await organism.drain()
    assert sum(isinstance(each, str) for each in outcomes) == 20
    assert len(worker.seen) == 21


async def test_one_with_a_payload_that_cannot_be_sent_keeps_nobody_in_line() -> None:
    async with memory_organism(echo(), limits={"waiting_messages": 1}) as organism:
        organism.pause("echo")
        await organism.send("echo", Task("first"))
        await turns()
        broken = [asyncio.create_task(organism.send("echo", Task("\0"))) for _ in range(5)]
        good = asyncio.create_task(organism.ask("echo", Task("good")))
        await turns()
        organism.resume("echo")
        refused = await asyncio.gather(*broken, return_exceptions=True)
        assert all(isinstance(each, XmlPipelineError) for each in refused)
        assert await asyncio.wait_for(good, 1) == Result("good")


async def test_those_in_line_come_in_while_others_still_work() -> None:
    def again(number: Number, _: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Number(number.n + 1), to="busy")

    busy = Probe("busy", Number, again)
    limits = {"waiting_messages": 45}
    budget = {"hops": 200, "messages": 200}
    async with memory_organism(busy, echo(), limits=limits, budget=budget) as organism:
        organism.pause("echo")
        for _ in range(40):  # More than a batch, so that the inbox is never empty.
            await organism.send("busy", Number(0))
        for _ in range(5):
            await organism.send("echo", Task("x"))
        await turns(4)
        late = asyncio.create_task(organism.ask("echo", Task("late")))
        await turns(4)
        assert not late.done()
        organism.resume("echo")
        assert await late == Result("late")
        assert max(each.payload.n for each in busy.seen) < 50


async def test_those_in_line_are_told_when_the_organism_stops() -> None:
    async with memory_organism(echo(), limits={"waiting_messages": 1}) as organism:
        organism.pause("echo")
        await organism.send("echo", Task("x"))
        await turns()
        waiting = asyncio.create_task(organism.send("echo", Task("y")))
        await turns()
    with pytest.raises(XmlPipelineError, match="has stopped"):
        await asyncio.wait_for(waiting, 1)
