"""What every backend does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.contracts.backends import KINDS, Kind, Make
from tests.services.postgres_server import PostgresServer
from xml_pipeline.backends import Backend, Commit, DeadLetter, Entry, Mark, PastConversation


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
async def make(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer
) -> AsyncIterator[Make]:
    kind: Kind = request.param
    async with kind.store(tmp_path, postgres) as make:
        yield make


@asynccontextmanager
async def opened(make: Make, keep: float | None = None) -> AsyncIterator[Backend]:
    backend = make(keep)
    await backend.open()
    try:
        yield backend
    finally:
        await backend.close()


class Writer:
    """Writes commits, each with the next number, a second after the last one."""

    def __init__(self, backend: Backend, now: float = 1_000_000_000.0) -> None:
        self._backend = backend
        self._numbers = count(1)
        self.now = now

    async def __call__(
        self,
        *entries: Entry,
        letters: tuple[DeadLetter, ...] = (),
        marks: tuple[Mark, ...] = (),
        dropped: tuple[str, ...] = (),
    ) -> None:
        self.now += 1.0
        commit = Commit(next(self._numbers), self.now, entries, letters, marks, dropped)
        await self._backend.append(commit)


def opens(id: str, records: bytes = b"first\n") -> Entry:
    return Entry(id, records, opens=True)


def goes_on(id: str, records: bytes = b"more\n") -> Entry:
    return Entry(id, records)


def ends(id: str, records: bytes = b"last\n") -> Entry:
    return Entry(id, records, ends=True)


def letter(id: str) -> DeadLetter:
    return DeadLetter(
        id, "c1.7", "c1", "smith", "ann", "", 5, "it \x1b[31mbroke\n", b"<m>\xc3\xa9</m>", 12.5
    )


async def unfinished(backend: Backend) -> list[PastConversation]:
    return [each async for each in backend.unfinished()]


def told(past: PastConversation | None) -> list[bytes]:
    assert past is not None
    return [each.records for each in past.entries]


async def test_what_was_appended_is_read_back_in_order_with_its_times(make: Make) -> None:
    async with opened(make) as backend:
        write = Writer(backend)
        await write(opens("c1"), opens("c2", b"other\n"))
        await write(goes_on("c2"), goes_on("c1", b"\x00\xff\n"))
        await write(goes_on("c1", b"third\n"))
        past = await backend.conversation("c1")
        assert told(past) == [b"first\n", b"\x00\xff\n", b"third\n"]
        assert past is not None
        times = [each.at for each in past.entries]
        assert times == pytest.approx([write.now - 2, write.now - 1, write.now])
        assert past.opened == pytest.approx(write.now - 2)
        assert past.ended is None
        assert told(await backend.conversation("c2")) == [b"other\n", b"more\n"]
        assert await backend.conversation("c3") is None


async def test_another_process_finds_what_has_not_ended_and_goes_on_with_it(make: Make) -> None:
    async with opened(make) as backend:
        write = Writer(backend)
        await write(opens("c1"), opens("c2"), opens("c3"))
        await write(goes_on("c3"), ends("c2"))
    async with opened(make) as backend:
        write = Writer(backend, write.now)
        assert [each.id for each in await unfinished(backend)] == ["c1", "c3"]
        assert [told(each) for each in await unfinished(backend)] == [
            [b"first\n"],
            [b"first\n", b"more\n"],
        ]
        await write(goes_on("c3", b"again\n"), opens("c4"))
        await write(ends("c1"))
    async with opened(make) as backend:
        assert [each.id for each in await unfinished(backend)] == ["c3", "c4"]
        assert told((await unfinished(backend))[0]) == [b"first\n", b"more\n", b"again\n"]
        assert told(await backend.conversation("c1")) == [b"first\n", b"last\n"]


async def test_a_conversation_may_begin_and_end_in_one_commit(make: Make) -> None:
    async with opened(make) as backend:
        await Writer(backend)(Entry("c1", b"all\n", opens=True, ends=True))
        assert await unfinished(backend) == []
        assert told(await backend.conversation("c1")) == [b"all\n"]


async def test_what_has_ended_is_kept_as_long_as_it_is_said(make: Make) -> None:
    async with opened(make, keep=0) as backend:
        write = Writer(backend)
        await write(opens("c1"), opens("c2"))
        await write(goes_on("c1"))
        await write(ends("c1"), goes_on("c2"))
        assert await backend.conversation("c1") is None
        assert told(await backend.conversation("c2")) == [b"first\n", b"more\n"]


async def test_summaries_come_the_latest_first_and_no_more_than_asked_for(make: Make) -> None:
    async with opened(make) as backend:
        write = Writer(backend)
        for number in range(5):
            await write(opens(f"c{number}"))
        await write(ends("c3"))
        summaries = await backend.conversations(3)
        assert [each.id for each in summaries] == ["c4", "c3", "c2"]
        assert [each.ended is None for each in summaries] == [True, False, True]
        assert all(each.entries == () for each in summaries)


async def test_dead_letters_are_kept_until_they_are_dropped(make: Make) -> None:
    async with opened(make) as backend:
        await Writer(backend)(opens("c1"), letters=(letter("l1"), letter("l2")))
    async with opened(make) as backend:
        assert await backend.letters() == [letter("l1"), letter("l2")]
        assert await backend.letter("l2") == letter("l2")
        assert await backend.letter("l3") is None
        await Writer(backend)(dropped=("l1", "l9"))
        assert await backend.letters() == [letter("l2")]
        assert await backend.letter("l1") is None


async def test_marks_are_found_by_kind_and_key_until_they_expire(make: Make) -> None:
    async with opened(make) as backend:
        write = Writer(backend)
        until = write.now + 100.0
        await write(marks=(Mark("key", "a b", b"\x00one", until), Mark("nonce", "a b", b"", until)))
    async with opened(make) as backend:
        assert await backend.marked("key", "a b", write.now) == b"\x00one"
        assert await backend.marked("nonce", "a b", write.now) == b""
        assert await backend.marked("key", "a", write.now) is None
        assert await backend.marked("key", "a b", until + 1.0) is None
        assert await backend.marks("key", write.now) == [Mark("key", "a b", b"\x00one", until)]
        assert await backend.marks("key", until + 1.0) == []
        assert await backend.marks("none", write.now) == []


async def test_a_mark_is_replaced_by_a_later_one(make: Make) -> None:
    async with opened(make) as backend:
        write = Writer(backend)
        until = write.now + 100.0
        await write(marks=(Mark("key", "k", b"one", until),))
        await write(marks=(Mark("key", "k", b"two", until),))
        assert await backend.marked("key", "k", write.now) == b"two"


async def test_a_commit_of_many_conversations_is_written_whole(make: Make) -> None:
    async with opened(make) as backend:
        write = Writer(backend)
        await write(*(opens(f"c{number}") for number in range(300)))
        await write(*(ends(f"c{number}", b"x" * number) for number in range(0, 300, 2)))
        assert len(await unfinished(backend)) == 150
        assert told(await backend.conversation("c298")) == [b"first\n", b"x" * 298]


async def test_a_long_conversation_is_read_back_whole(make: Make) -> None:
    async with opened(make) as backend:
        write = Writer(backend)
        await write(opens("c1"))
        for number in range(1_500):
            await write(goes_on("c1", b"%d\n" % number))
        assert told(await backend.conversation("c1"))[1:] == [b"%d\n" % n for n in range(1_500)]
