"""What is noted of a conversation is written with what it does next, if that is soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.flows.payloads import Task
from xml_pipeline.backends import Commit
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import TakenOver, Undeliverable
from xml_pipeline.inbox import Inbox
from xml_pipeline.journal import Journal
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.thread import Conversation, Thread

HOPS = 20


class Diary(MemoryBackend):
    """Keeps the commits as well, and what each wrote of a conversation."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[dict[str, bytes]] = []

    async def append(self, commit: Commit) -> None:
        """Write a commit."""
        self.commits.append({each.conversation: each.records for each in commit.entries})
        await super().append(commit)


class Slow(Diary):
    """Takes its time to write, one commit after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = asyncio.Event()
        self.error: TakenOver | None = None
        self._writing = asyncio.Lock()

    async def append(self, commit: Commit) -> None:
        """Write a commit."""
        assert not self._writing.locked()
        async with self._writing:
            await self.goes_on.wait()
            for _ in range(5):
                await asyncio.sleep(0)
            if self.error is not None:
                raise self.error
            await super().append(commit)


async def walk(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
    """Go on by oneself for a while."""
    if metadata.hops < HOPS:
        return HandlerResponse(task, to=metadata.own_name)
    return HandlerResponse.respond(task)


async def walked(conversations: int) -> Diary:
    """Let so many conversations walk side by side."""
    diary, walker = Diary(), Listener("walker", Task, walk, description="Walks.")
    config = OrganismConfig.model_validate({"max_concurrent_handlers": conversations})
    async with Organism([walker], config=config, backend=diary) as organism:
        asking = (organism.ask("walker", Task("x")) for _ in range(conversations))
        await asyncio.gather(*asking)
    return diary


async def test_where_many_take_turns_each_delivery_is_one_entry() -> None:
    diary = await walked(100)
    entries = sum(map(len, diary.commits))
    assert entries / (100 * HOPS) < 1.2


async def test_where_nobody_else_waits_nothing_is_put_off() -> None:
    diary = await walked(1)
    assert len(diary.commits) >= HOPS


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_handler_starts_only_after_all_that_led_to_it_is_written(is_slow: bool) -> None:
    diary = Slow() if is_slow else Diary()
    if isinstance(diary, Slow):
        diary.goes_on.set()
    unwritten: list[str] = []

    async def look(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        written = b"".join(each.get(metadata.conversation_id, b"") for each in diary.commits)
        number = metadata.message_id.rpartition(".")[2]
        if f"s\t{number}\t".encode() not in written:
            unwritten.append(metadata.message_id)
        return await walk(task, metadata)

    walker = Listener("walker", Task, look, description="Walks, and looks behind.")
    async with Organism([walker], backend=diary) as organism:
        await asyncio.gather(*(organism.ask("walker", Task("x")) for _ in range(100)))
    assert unwritten == []


@asynccontextmanager
async def stuck() -> AsyncIterator[tuple[Slow, Organism, list[str], list[asyncio.Task[Any]]]]:
    """Let the first of four batches be written for as long as the diary likes."""
    diary, begun = Slow(), list[str]()

    async def begin(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        begun.append(metadata.message_id)
        return HandlerResponse.respond(task)

    walker = Listener("walker", Task, begin, description="Begins.")
    config = OrganismConfig.model_validate({"max_concurrent_handlers": 128})
    async with Organism([walker], config=config, backend=diary) as organism:
        diary.goes_on.set()
        await organism.drain()
        diary.goes_on.clear()
        asking = [asyncio.create_task(organism.ask("walker", Task("x"))) for _ in range(128)]
        for _ in range(10):
            await asyncio.sleep(0)
        try:
            yield diary, organism, begun, asking
        finally:
            diary.goes_on.set()


async def test_while_a_batch_is_written_all_others_are_read_and_wait_for_one_more_commit() -> None:
    async with stuck() as (diary, organism, begun, asking):
        before = len(diary.commits)
        assert (len(organism.kernel.inbox), begun) == (0, [])
        diary.goes_on.set()
        assert await asyncio.gather(*asking) == [Task("x")] * 128
        assert len(begun) == 128
        starting = [b"".join(each.values()).count(b"\ns\t") for each in diary.commits[before:]]
        assert [each for each in starting if each] == [32, 96]


async def test_who_stops_meanwhile_leaves_all_of_it_to_the_next_one() -> None:
    async with stuck() as (diary, _, begun, asking):
        asyncio.get_running_loop().call_soon(diary.goes_on.set)
    assert begun == []
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(each) for each in told} == {Undeliverable}
    assert len([past async for past in diary.unfinished()]) == 128


async def test_what_goes_wrong_with_what_is_written_meanwhile_is_loud(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def lose() -> None:
        async with stuck() as (diary, organism, begun, asking):
            diary.error = TakenOver("another process has taken over")
            diary.goes_on.set()
            await organism.ended()
            told = await asyncio.gather(*asking, return_exceptions=True)
            assert {type(each) for each in told} == {Undeliverable}
            assert begun == []

    with pytest.raises(ExceptionGroup) as raised:
        await lose()
    assert raised.group_contains(TakenOver)
    assert "the pump has died" in caplog.text


def noted(journal: Journal) -> Conversation:
    """Note that a conversation begins."""
    conversation = Conversation(0, "c1", "outside", "")
    conversation.root = Thread("c1", conversation, None, "outside", "", 0)
    journal.begins(conversation, None)
    return conversation


@pytest.mark.parametrize("somebody_waits", [False, True])
async def test_whoever_waits_is_not_kept_waiting(somebody_waits: bool) -> None:
    diary, woken = Diary(), list[None]()
    journal = Journal(diary, lambda: woken.append(None))
    conversation = noted(journal)
    waiting = asyncio.ensure_future(journal.written()) if somebody_waits else None
    await asyncio.sleep(0)
    await journal.commit({conversation})
    assert len(diary.commits) == int(somebody_waits)
    assert journal.is_clean == somebody_waits
    if waiting is not None:
        await waiting


async def test_what_was_put_off_has_the_pump_come_by_again_and_is_written_then() -> None:
    diary, woken = Diary(), list[None]()
    journal = Journal(diary, lambda: woken.append(None))
    conversation = noted(journal)
    woken.clear()
    await journal.commit({conversation})
    assert (diary.commits, woken) == ([], [None])
    await journal.commit()
    assert [[*each] for each in diary.commits] == [["c1"]]
    assert journal.is_clean


def test_where_much_waits_nobody_is_about_to_go_on() -> None:
    assert list(Inbox(32).about_to_go_on) == []
