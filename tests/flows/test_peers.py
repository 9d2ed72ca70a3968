"""Peers: a listener reaches whom it lists, by every way there is, and nobody else."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from tests.flows.payloads import Note, Result, Task
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives import BufferStart, SequenceStart, TimerStart
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, memory_organism, respond

NAMES = [f"l{number}" for number in range(20)]
WAYS = ("object", "text", "delayed", "buffer", "sequence", "timer")
NOTE = "<Note><text>{}</text></Note>"


def matrix(random: Random) -> dict[str, set[str]]:
    """Say whom each of twenty listeners may address."""
    return {name: set(random.sample(NAMES, random.randint(0, 8))) for name in NAMES}


def attempt(way: str, sender: str, to: str) -> Any:
    """Return what a handler says to reach somebody in that way."""
    text = NOTE.format(f"{way} {sender} {to}")
    note = Note(f"{way} {sender} {to}")
    return {
        "object": lambda: HandlerResponse(note, to=to),
        "text": lambda: HandlerResponse(f"as you wish: {text}".encode(), to=to),
        "delayed": lambda: HandlerResponse(note, to=to).after(1),
        "buffer": lambda: HandlerResponse(BufferStart(to, text), to="system.buffer"),
        "sequence": lambda: HandlerResponse(SequenceStart(to, text), to="system.sequence"),
        "timer": lambda: HandlerResponse(TimerStart(text, to, seconds=1), to="system.timer"),
    }[way]()


class Crowd:
    """Twenty listeners, each of which tries to reach whom it is told to, in every way."""

    def __init__(self, peers: dict[str, set[str]], **options: Any) -> None:
        self.reached: set[tuple[str, str, str]] = set()
        systems = ("system.buffer", "system.sequence", "system.timer")
        self.listeners = [
            Listener(
                name,
                (Task, Note, SystemError, ThreadEnded, RawPayload),
                self._handle,
                description="Tries.",
                peers=(*peers[name], *systems),
                **options,
            )
            for name in NAMES
        ]

    async def _handle(self, payload: Any, metadata: HandlerMetadata) -> Any:
        name = metadata.own_name
        if isinstance(payload, Note):
            way, sender, _ = payload.text.split(" ")
            self.reached.add((way, sender, name))
            return None if sender == name else respond(Result("ouch"))
        if not isinstance(payload, Task):
            return None
        if payload.text == "everybody":
            return HandlerResponse(Note(f"everybody {name} -"))
        if payload.text == "fail":
            return [attempt("object", name, to) for to in NAMES] if metadata.hops else None
        return [attempt(payload.text, name, to) for to in NAMES]


async def ask_all(organism: Organism, text: str) -> None:
    for name in NAMES:
        await organism.send(name, Task(text))
    await organism.drain()
    await asyncio.sleep(10)
    await organism.drain()


@pytest.mark.virtual_clock
@pytest.mark.parametrize("way", WAYS)
async def test_each_of_twenty_reaches_exactly_whom_it_lists(way: str) -> None:
    """S3: all 400 pairs; oneself can always be reached, but not by a buffer or a sequence."""
    peers = matrix(Random(3))
    crowd = Crowd(peers)
    async with memory_organism(*crowd.listeners) as organism:
        await ask_all(organism, way)
    oneself = way in ("object", "text", "delayed", "timer")
    allowed = {
        (way, sender, to)
        for sender in NAMES
        for to in NAMES
        if to in peers[sender] or (oneself and to == sender)
    }
    assert crowd.reached == allowed


@pytest.mark.virtual_clock
async def test_a_broadcast_reaches_exactly_those_listed_that_listen_to_it() -> None:
    peers = matrix(Random(4))
    crowd = Crowd(peers, broadcast=True)
    async with memory_organism(*crowd.listeners) as organism:
        await ask_all(organism, "everybody")
    assert crowd.reached == {("everybody", sender, to) for sender in NAMES for to in peers[sender]}


@pytest.mark.virtual_clock
async def test_a_group_reaches_all_of_it_if_it_is_listed_and_those_listed_if_it_is_not() -> None:
    members = [Probe(name, Note, group="g") for name in ("a", "b", "c")]
    says = HandlerResponse(Note("x"), to="g")
    asker = Probe("asker", Task, lambda *_: says, peers=("a", "b"))
    friend = Probe("friend", Task, lambda *_: says, peers=("g",))
    async with memory_organism(*members, asker, friend) as organism:
        await organism.send("asker", Task("x"))
        await organism.drain()
        assert [len(each.seen) for each in members] == [1, 1, 0]
        await organism.send("friend", Task("x"))
        await organism.drain()
        assert [len(each.seen) for each in members] == [2, 2, 1]


@pytest.mark.virtual_clock
async def test_an_answer_and_an_error_reach_the_caller_and_nobody_else() -> None:
    heard: list[str] = []

    def listen(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to="worker")
        heard.append(f"{metadata.own_name} {type(payload).__name__}")
        return None

    def work(task: Task, _: HandlerMetadata) -> Any:
        if task.text == "crash":
            raise RuntimeError
        return respond(Result(""))

    accepts = (Task, Result, SystemError, ThreadEnded)
    caller = Probe("caller", accepts, listen, peers=("worker",))
    others = [Probe(f"other{n}", accepts, listen, broadcast=True) for n in range(5)]
    async with memory_organism(caller, Probe("worker", Task, work), *others) as organism:
        for text in ("crash", "answer"):
            await organism.send("caller", Task(text))
            await organism.drain()
    assert heard == ["caller SystemError", "caller Result"]
