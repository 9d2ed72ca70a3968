"""What is noted of a conversation is written with what it does next, if that is soon."""

from __future__ import annotations

import asyncio

import pytest

from tests.flows.payloads import Task
from xml_pipeline.backends import Commit
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
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


async def test_a_handler_starts_only_after_all_that_led_to_it_is_written() -> None:
    diary = Diary()
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
