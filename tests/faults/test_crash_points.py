"""The process dies between every pair of steps: what was begun ends all the same, and once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any

import pytest

from tests.faults.dying import Died, Dying
from tests.flows.payloads import Note, Number, Result, Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.errors import Retryable, XmlPipelineError
from xml_pipeline.journal.reading import Story, read
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.primitives import (
    BufferComplete,
    BufferStart,
    SequenceComplete,
    SequenceStart,
    TimerStart,
    TodoRegistered,
    TodoUntil,
)
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import respond

pytestmark = pytest.mark.virtual_clock


class Town:
    """An organism that uses all there is, and an account of what was done in it.

    ``done`` has, for every piece of work, the ids of the messages that asked for it.
    """

    def __init__(self) -> None:
        self.done: dict[str, set[str]] = defaultdict(set)

    def _did(self, what: str, metadata: HandlerMetadata) -> None:
        self.done[f"{metadata.own_name}: {what}"].add(metadata.message_id)

    async def mayor(self, payload: Any, metadata: HandlerMetadata) -> Any:
        self._did(repr(payload), metadata)
        state = metadata.state
        if isinstance(payload, Task):
            state["waits"], state["heard"] = 3, []
            return [HandlerResponse(Task(f"part {each}"), to=f"worker{each}") for each in range(3)]
        if isinstance(payload, Result):
            state["heard"] = [*state["heard"], payload.text]
            state["waits"] -= 1
            if state["waits"]:
                return None
            heard = ", ".join(sorted(state["heard"]))
            return [
                HandlerResponse(TodoUntil("Note", "", "look"), to="system.todo"),
                HandlerResponse(Note(heard), to="mayor"),
            ]
        if isinstance(payload, Note):
            items = "".join(f"<Number><n>{each}</n></Number>" for each in range(4))
            return HandlerResponse(BufferStart("doubler", items, concurrency=2), to="system.buffer")
        return self._later(payload)

    def _later(self, payload: Any) -> Any:
        if isinstance(payload, BufferComplete):
            start = SequenceStart("doubler,doubler", "<Number><n>5</n></Number>")
            return HandlerResponse(start, to="system.sequence")
        if isinstance(payload, SequenceComplete):
            timer = TimerStart("<Number><n>7</n></Number>", to="doubler", seconds=5.0)
            return HandlerResponse(timer, to="system.timer")
        if isinstance(payload, Number):
            return HandlerResponse(Task("sleep on it"), to="sleeper").after(2.0)
        return None

    async def worker(self, payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        self._did(payload.text, metadata)
        await asyncio.sleep(0.1)
        if metadata.attempt == 1 and metadata.own_name == "worker1":
            raise Retryable("not now")
        return respond(Result(payload.text))

    async def doubler(self, payload: Number, metadata: HandlerMetadata) -> HandlerResponse:
        self._did(str(payload.n), metadata)
        return respond(Number(2 * payload.n))

    async def sleeper(self, payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        self._did(payload.text, metadata)
        return HandlerResponse.defer(within=3.0)

    def listeners(self) -> list[Listener]:
        hears = (
            Task, Result, Note, Number, BufferComplete, SequenceComplete, TodoRegistered,
            SystemError, ThreadEnded,
        )  # fmt: skip
        words: dict[str, Any] = {"description": "Lives here.", "max_deliveries": 1_000}
        return [
            Listener("mayor", hears, self._governing, peers=("*",), **words),
            *(Listener(f"worker{each}", Task, self.worker, **words) for each in range(3)),
            Listener("doubler", Number, self.doubler, **words),
            Listener("sleeper", Task, self.sleeper, **words),
        ]

    async def _governing(self, payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, SystemError):
            self._did("SystemError", metadata)
            return respond(Result(f"ended with {payload.code}"))
        return await self.mayor(payload, metadata)


EXPECTED = {
    "mayor: Task(text='govern')": 1,
    "mayor: Result(text='part 0')": 1,
    "mayor: Result(text='part 1')": 1,
    "mayor: Result(text='part 2')": 1,
    "mayor: Note(text='part 0, part 1, part 2')": 1,
    "worker0: part 0": 1,
    "worker1: part 1": 1,
    "worker2: part 2": 1,
    "doubler: 0": 1,
    "doubler: 1": 1,
    "doubler: 2": 1,
    "doubler: 3": 1,
    "doubler: 5": 1,
    "doubler: 10": 1,
    "doubler: 7": 1,
    "mayor: Number(n=14)": 1,
    "sleeper: sleep on it": 1,
    "mayor: SystemError": 1,
}


async def _live(town: Town, backend: Dying, *, begin: bool) -> None:
    """Let an organism live until its work is done, or its process dies."""
    organism = Organism(town.listeners(), backend=backend)
    with suppress(Died, ExceptionGroup, XmlPipelineError):
        async with organism:
            if begin:
                await organism.send("mayor", Task("govern"))
            ended = asyncio.create_task(organism.ended())
            await asyncio.wait({ended}, timeout=60.0)
            ended.cancel()


async def _story(backend: MemoryBackend) -> Story:
    (summary,) = await backend.conversations(10)
    past = await backend.conversation(summary.id)
    assert past is not None
    return read(past)


def _account(town: Town) -> dict[str, int]:
    seen = {what: len(ids) for what, ids in town.done.items()}
    return {
        what: number
        for what, number in seen.items()
        if "Complete" not in what and "Todo" not in what
    }


async def test_without_a_crash_everything_is_done_once() -> None:
    town, backend = Town(), MemoryBackend()
    await _live(town, Dying(backend), begin=True)
    assert _account(town) == EXPECTED
    story = await _story(backend)
    assert [
        each.raw.count(b"ended with timeout") for each in story.messages.values() if each.left
    ] == [1]
    assert not story.root.open


async def sweep(written: bool) -> int:
    """Die in each commit, before it is ``written`` or after; return how many there are."""
    dying = Dying(MemoryBackend())
    await _live(Town(), dying, begin=True)
    for at in range(1, dying.commits + 1):
        town, backend = Town(), MemoryBackend()
        await _live(town, Dying(backend, at, written=written), begin=True)
        if at == 1 and not written:
            assert await backend.conversations(10) == []  # It was never accepted.
            continue
        await _live(town, Dying(backend), begin=False)
        assert _account(town) == EXPECTED, f"commit {at}"
        story = await _story(backend)
        answers = [each.raw for each in story.messages.values() if each.left]
        assert [b"ended with timeout" in each for each in answers] == [True], f"commit {at}"
        assert not story.root.open
        assert [each async for each in backend.unfinished()] == []
    return dying.commits


@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "after"])
async def test_a_crash_in_any_one_commit_loses_nothing_and_repeats_nothing(written: bool) -> None:
    assert await sweep(written) > 30


async def test_a_crash_in_every_third_commit_lets_the_work_end_all_the_same() -> None:
    town, backend = Town(), MemoryBackend()
    await _live(town, Dying(backend, 1, written=True), begin=True)
    for _ in range(500):
        await _live(town, Dying(backend, 3), begin=False)
        if not [each async for each in backend.unfinished()]:
            break
    assert _account(town) == EXPECTED
