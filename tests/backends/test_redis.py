"""The backend in Redis: what it promises, how it fails, and what it never does twice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any

import pytest

from tests.services.redis_server import RedisServer
from xml_pipeline.assembly import assemble
from xml_pipeline.backends import Commit, DeadLetter, Entry, Mark
from xml_pipeline.backends.redis import RedisBackend
from xml_pipeline.backends.redis.line import Line
from xml_pipeline.errors import BackendUnavailable, ConfigError
from xml_pipeline.journal.reading import UnreadableJournal, read


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@asynccontextmanager
async def opened(url: str, **words: Any) -> AsyncIterator[RedisBackend]:
    backend = RedisBackend(url, **words)
    await backend.open()
    try:
        yield backend
    finally:
        await backend.close()


@asynccontextmanager
async def line_to(server: RedisServer) -> AsyncIterator[Line]:
    line = Line(server.url)
    yield line
    await line.close()


def commit(number: int, id: str = "c1", **words: Any) -> Commit:
    entry = Entry(id, b"%d\n" % number, opens=number == 1)
    return Commit(number, 1_000_000_000.0 + number, [entry], **words)


async def told(backend: RedisBackend, id: str = "c1") -> list[bytes]:
    past = await backend.conversation(id)
    return [] if past is None else [each.records for each in past.entries]


async def test_a_commit_that_is_said_twice_is_written_once(server: RedisServer) -> None:
    async with opened(server.url) as backend:
        for number in (1, 1, 2, 1, 2, 3):
            await backend.append(commit(number))
        assert await told(backend) == [b"1\n", b"2\n", b"3\n"]


async def test_a_commit_whose_answer_was_lost_is_written_once(server: RedisServer) -> None:
    async with opened(server.url) as backend:
        await backend.append(commit(1))
        server.freeze()
        with pytest.raises(BackendUnavailable):
            await backend.append(commit(2))  # Redis has it, and writes it when it wakes.
        server.thaw()
        await backend.append(commit(2))
        assert await told(backend) == [b"1\n", b"2\n"]


async def test_a_redis_that_hangs_is_given_up_well_before_five_seconds(
    server: RedisServer,
) -> None:
    async with opened(server.url) as backend:
        server.freeze()
        began = time.monotonic()
        with pytest.raises(BackendUnavailable):
            await asyncio.gather(*(backend.letters() for _ in range(20)))
        assert time.monotonic() - began < 4.0
        server.thaw()


async def test_what_was_written_is_there_after_redis_was_killed(server: RedisServer) -> None:
    async with opened(server.url) as backend:
        await backend.append(commit(1))
        server.kill()
        with pytest.raises(BackendUnavailable):
            await backend.append(commit(2))
        server.start()
        await backend.append(commit(2))
        assert await told(backend) == [b"1\n", b"2\n"]


async def test_where_nobody_listens_it_cannot_be_opened() -> None:
    with pytest.raises(BackendUnavailable, match="Redis"):
        await RedisBackend("redis://127.0.0.1:1").open()


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1", "redis://127.0.0.1:x"])
def test_an_address_that_is_none_is_a_mistake_in_the_file(url: str) -> None:
    with pytest.raises(ConfigError, match="redis_url"):
        RedisBackend(url)


# ── what Redis promises ─────────────────────────────────────────────────────────────────────


async def test_without_an_append_only_file_it_warns_in_plain_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path, appendonly="no") as server, caplog.at_level(logging.WARNING):
        async with opened(server.url):
            assert "keeps no append-only file" in caplog.text
            assert "set `appendonly yes`" in caplog.text


async def test_with_an_append_only_file_there_is_nothing_to_say(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with opened(server.url):
            assert caplog.text == ""


@pytest.mark.parametrize(
    ("appendonly", "fsync", "words"),
    [("no", "always", "append-only"), ("yes", "everysec", "everysec.*needs `always`")],
)
async def test_durability_that_is_required_and_not_to_be_had_is_refused(
    tmp_path: Path, appendonly: str, fsync: str, words: str
) -> None:
    refused = pytest.raises(ConfigError, match=words)
    with RedisServer(tmp_path, "--appendfsync", fsync, appendonly=appendonly) as server, refused:
        await RedisBackend(server.url, every_disk=True).open()


async def test_durability_that_is_required_is_had_where_redis_waits_for_its_disk(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path, "--appendfsync", "always") as server:
        async with opened(server.url, every_disk=True) as backend:
            await backend.append(commit(1))
            assert await told(backend) == [b"1\n"]


async def test_a_redis_that_may_not_be_asked_is_said_to_be_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path, "--rename-command", "CONFIG", "") as server:
        with caplog.at_level(logging.WARNING):
            async with opened(server.url):
                assert "CONFIG is forbidden" in caplog.text
        with pytest.raises(ConfigError, match="CONFIG is forbidden"):
            await RedisBackend(server.url, every_disk=True).open()


# ── who holds it ────────────────────────────────────────────────────────────────────────────


async def test_a_second_process_is_refused_while_the_first_lives(server: RedisServer) -> None:
    async with opened(server.url, lifetime=0.3) as first:
        with pytest.raises(BackendUnavailable, match="in use by"):
            await RedisBackend(server.url, lifetime=0.3).open()
        await first.append(commit(1))
        assert await told(first) == [b"1\n"]


async def test_two_prefixes_have_nothing_to_do_with_each_other(server: RedisServer) -> None:
    async with opened(server.url) as one, opened(server.url, prefix="other:") as other:
        await one.append(commit(1))
        assert await told(other) == []
        assert [each async for each in other.unfinished()] == []


async def test_a_process_that_was_taken_for_dead_writes_nothing_more(server: RedisServer) -> None:
    async with opened(server.url) as first:
        await first.append(commit(1))
        async with line_to(server) as line:
            await line.say("DEL", f"xp:node:{first.node}")  # As if it had been silent.
        async with opened(server.url) as second:
            with pytest.raises(BackendUnavailable, match="taken over"):
                await first.append(commit(2))
            with pytest.raises(BackendUnavailable, match="taken over"):
                await first.append(commit(2))
            assert await told(second) == [b"1\n"]


# ── what is kept ────────────────────────────────────────────────────────────────────────────


async def test_what_has_ended_is_forgotten_after_its_days(server: RedisServer) -> None:
    async with opened(server.url, keep=100.0) as backend:
        now = 1_000_000_000.0
        await backend.append(Commit(1, now, [Entry("c1", b"1\n", opens=True, ends=True)]))
        await backend.append(Commit(2, now + 90, [Entry("c2", b"1\n", opens=True)]))
        assert await told(backend) == [b"1\n"]
        await backend.append(Commit(3, now + 170, [Entry("c2", b"2\n")]))
        assert await told(backend) == []
        assert [each.id for each in await backend.conversations(9)] == ["c2"]


async def test_nothing_is_left_in_redis_of_what_is_not_kept(server: RedisServer) -> None:
    async with opened(server.url, keep=0.0) as backend, line_to(server) as line:
        await backend.append(commit(1))
        await backend.append(Commit(2, 1_000_000_001.0, [Entry("c1", b"2\n", ends=True)]))
        keys = {key.partition(b":")[2].partition(b":")[0] for key in await line.say("KEYS", "*")}
        assert keys == {b"done", b"node", b"nodes", b"leases"}


BOMB = b"cpytest\nfail\n(S'what came from Redis was unpickled'\ntR."
"""A pickle that fails the test it is loaded in."""


async def test_a_pickle_in_any_key_is_only_bytes(server: RedisServer) -> None:
    letter = DeadLetter("l1", "c1.1", "c1", "ann", "bob", "", 1, "why", BOMB, 1.0)
    async with opened(server.url) as backend, line_to(server) as line:
        marks = (Mark("key", "k", BOMB, 2_000_000_000.0),)
        await backend.append(commit(1, letters=(letter,), marks=marks))
        assert (await backend.letters())[0].payload == BOMB
        assert await backend.marked("key", "k", 0.0) == BOMB
        for key in ("xp:log:c1", "xp:log:c2"):
            await line.say("RPUSH", key, BOMB)
        await line.say("HSET", "xp:letters", "l2", BOMB)
        await line.say("SET", "xp:mark:key:j", BOMB)
        await line.say("ZADD", "xp:live:0", "1", BOMB.hex())
        await line.say("SET", f"xp:done:{backend.node}", "5")
        assert [each.id for each in await backend.letters()] == ["l1"]
        assert await backend.letter("l2") is None
        assert await backend.marked("key", "j", inf) is None
        found = [each async for each in backend.unfinished()]
        assert [each.id for each in found] == ["c1"]
        with pytest.raises(UnreadableJournal):
            read(found[0])


async def test_a_file_that_names_redis_is_written_to_redis(
    server: RedisServer, tmp_path: Path
) -> None:
    file = tmp_path / "organism.yaml"
    file.write_text(
        f"organism: {{name: test}}\nbackend: {{type: redis, redis_url: '{server.url}'}}\n"
    )
    async with assemble(file) as organism:
        await organism.boot()
        await organism.drain()
    async with line_to(server) as line:
        assert await line.say("ZCARD", "xp:all") == 1
