"""The life of an organism: entered once, left once, and whoever waits for it is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.flows.mutations import envelope
from tests.flows.parts import worker
from tests.flows.payloads import Note, Result, Task
from xml_pipeline import Inserts
from xml_pipeline.errors import Undeliverable, UnknownListener, UnknownThread, XmlPipelineError
from xml_pipeline.events import Event, EventStream
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.system import Boot
from xml_pipeline.testing import Probe, memory_organism, respond

pytestmark = pytest.mark.virtual_clock


async def test_an_organism_runs_from_entry_to_exit_and_only_once() -> None:
    organism = memory_organism(worker())
    assert not organism.running
    async with organism:
        assert organism.running
        assert await organism.ask("worker", Task("x")) == Result("worker did x")
    assert not organism.running
    with pytest.raises(XmlPipelineError, match="runs once"):
        await organism.__aenter__()


async def test_nothing_can_be_sent_before_it_runs_or_after_it_has_stopped() -> None:
    organism = memory_organism(worker())

    async def calls() -> list[str]:
        tried: list[Any] = [
            organism.ask("worker", Task("x")),
            organism.send("worker", Task("x")),
            organism.inject(envelope("worker")),
            organism.drain(),
        ]
        outcomes = await asyncio.gather(*tried, return_exceptions=True)
        with pytest.raises(XmlPipelineError) as caught:
            organism.accept(envelope("worker"), "outside")
        return [str(each) for each in (*outcomes, caught.value)]

    assert set(await calls()) == {"the organism does not run: use `async with`"}
    async with organism:
        pass
    assert set(await calls()) == {"the organism has stopped"}


async def test_whoever_waits_when_it_is_left_is_told() -> None:
    silent = Probe("silent", Task, lambda *_: HandlerResponse.defer(within=1_000))
    async with memory_organism(silent, worker()) as organism:
        organism.pause("worker")
        waiting = [
            asyncio.create_task(organism.ask("silent", Task("x"))),
            asyncio.create_task(organism.ask("worker", Task("x"))),
            asyncio.create_task(organism.drain()),
        ]
        await silent.next()
        ended = asyncio.create_task(organism.ended())
        await asyncio.sleep(0)
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)
    assert [type(each) for each in outcomes] == [Undeliverable, Undeliverable, XmlPipelineError]
    await asyncio.wait_for(ended, 1)


async def test_a_pump_that_dies_is_loud_and_keeps_nobody_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Meteor(BaseException):
        """What no rail can catch."""

    def strike(station: Any) -> Any:
        if station.tag == "Note":
            raise Meteor
        return station

    organism = Organism([worker().listener], steps=Inserts(envelope=(strike,)))
    await organism.__aenter__()
    stream = organism.events()
    assert await organism.ask("worker", Task("x")) == Result("worker did x")
    with pytest.raises(Undeliverable, match="has stopped"):
        await asyncio.wait_for(organism.ask("worker", Note("x")), 1)
    await asyncio.wait_for(organism.ended(), 1)
    assert not organism.running
    assert await asyncio.wait_for(_all(stream), 1)
    with pytest.raises(XmlPipelineError, match="has stopped"):
        await organism.send("worker", Task("x"))
    with pytest.raises(BaseExceptionGroup) as caught:
        await organism.__aexit__(None, None, None)
    assert isinstance(caught.value.exceptions[0], Meteor)
    assert "the pump has died" in caplog.text


async def test_two_organisms_share_nothing() -> None:
    one, other = memory_organism(worker()), memory_organism(worker("another"))
    async with one, other:
        with pytest.raises(Undeliverable):
            await other.ask("worker", Task("x"))
        assert await one.ask("worker", Task("x")) == Result("worker did x")
        assert other.kernel.threads.conversations == 0


async def test_listeners_come_and_go_while_it_runs() -> None:
    async with memory_organism() as organism:
        organism.register(worker().listener)
        with pytest.raises(ValueError, match="two listeners"):
            organism.register(worker().listener)
        assert await organism.ask("worker", Task("x")) == Result("worker did x")
        assert organism.unregister("worker").name == "worker"
        with pytest.raises(Undeliverable):
            await organism.ask("worker", Task("x"))
        with pytest.raises(UnknownListener):
            organism.unregister("worker")
        with pytest.raises(XmlPipelineError, match="part of the organism"):
            organism.unregister("system.boot")


async def test_a_listener_that_goes_finishes_what_it_is_handling() -> None:
    async def slowly(*_: object) -> HandlerResponse:
        await asyncio.sleep(5)
        return respond(Result("finished"))

    slow = Probe("slow", Task, slowly)
    async with memory_organism(slow) as organism:
        asking = asyncio.create_task(organism.ask("slow", Task("x")))
        await slow.next()
        organism.unregister("slow")
        assert await asking == Result("finished")


async def test_its_boot_is_told_to_whoever_listens_for_it() -> None:
    early = Probe("early", Boot, broadcast=True)
    async with memory_organism(early, organism={"name": "zoo"}) as organism:
        await organism.boot()
        await organism.drain()
        (boot,) = early.payloads
        assert (boot.organism_name, boot.listener_count) == ("zoo", len(organism.listeners))
        assert boot.timestamp.endswith("Z")


async def test_only_what_is_owed_can_be_answered() -> None:
    owing = Probe("owing", Task, lambda *_: HandlerResponse.defer(within=10))
    async with memory_organism(owing, worker()) as organism:
        organism.pause("worker")
        busy = await organism.send("worker", Task("x"))
        asking = asyncio.create_task(organism.ask("owing", Task("x")))
        owed = (await owing.next()).metadata.thread_id
        await organism.send("owing", Task("another"))
        for thread in (busy, "never there"):
            with pytest.raises(UnknownThread):
                organism.answer(thread, Result(""))
        organism.answer(owed, Result("at last"))
        assert await asking == Result("at last")
        with pytest.raises(UnknownThread):
            organism.answer(owed, Result("again"))


async def test_pausing_who_is_not_there_is_an_error() -> None:
    async with memory_organism() as organism:
        for call in (organism.pause, organism.resume):
            with pytest.raises(UnknownListener):
                call("nobody")


async def test_an_organism_that_came_from_no_file_cannot_be_reloaded() -> None:
    async with memory_organism() as organism:
        with pytest.raises(XmlPipelineError, match="not loaded from a file"):
            await organism.reload()


async def _all(stream: EventStream) -> list[Event]:
    return [each async for each in stream]
