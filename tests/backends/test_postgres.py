"""The backend in PostgreSQL: what it promises, how it fails, and what it never does twice."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.services.postgres_server import PostgresServer, running
from xml_pipeline.assembly import assemble
from xml_pipeline.backends import Commit, Entry
from xml_pipeline.backends.postgres import PostgresBackend
from xml_pipeline.errors import BackendUnavailable, ConfigError


@asynccontextmanager
async def opened(dsn: str, **words: Any) -> AsyncIterator[PostgresBackend]:
    backend = PostgresBackend(dsn, **words)
    await backend.open()
    try:
        yield backend
    finally:
        await backend.close()


def commit(number: int) -> Commit:
    entry = Entry("c1", b"%d\n" % number, opens=number == 1)
    return Commit(number, 1_000_000_000.0 + number, [entry])


async def told(backend: PostgresBackend) -> list[bytes]:
    past = await backend.conversation("c1")
    return [] if past is None else [each.records for each in past.entries]


async def test_a_commit_that_is_said_twice_is_written_once(postgres: PostgresServer) -> None:
    async with opened(postgres.fresh_schema()) as backend:
        for number in (1, 1, 2, 1, 2, 3):
            await backend.append(commit(number))
        assert await told(backend) == [b"1\n", b"2\n", b"3\n"]


async def test_what_was_written_is_there_after_the_server_was_killed() -> None:
    with running() as server:
        async with opened(server.dsn()) as backend:
            await backend.append(commit(1))
            server.kill()
            with pytest.raises(BackendUnavailable):
                await backend.append(commit(2))
            with pytest.raises(BackendUnavailable):
                await backend.letters()
            server.start()
            await backend.append(commit(2))
            assert await told(backend) == [b"1\n", b"2\n"]


async def test_a_second_process_is_refused_while_the_first_lives(postgres: PostgresServer) -> None:
    dsn = postgres.fresh_schema()
    async with opened(dsn) as first:
        with pytest.raises(BackendUnavailable, match="in use by another process"):
            await PostgresBackend(dsn).open()
        await first.append(commit(1))
        async with opened(postgres.fresh_schema()) as other:
            assert await told(other) == []
    async with opened(dsn) as second:
        assert await told(second) == [b"1\n"]


async def test_a_process_that_has_lost_its_hold_writes_nothing_more(
    postgres: PostgresServer,
) -> None:
    dsn = postgres.fresh_schema()
    async with opened(dsn) as first:
        await first.append(commit(1))
        await first.close()  # As if the line had been cut.
        async with opened(dsn) as second:
            await second.append(commit(2))
        with pytest.raises(BackendUnavailable, match="taken over"):
            await first.append(commit(2))
        assert await told(first) == [b"1\n", b"2\n"]


async def test_what_has_ended_is_forgotten_after_its_days(postgres: PostgresServer) -> None:
    async with opened(postgres.fresh_schema(), keep=100.0) as backend:
        now = 1_000_000_000.0
        await backend.append(Commit(1, now, [Entry("c1", b"1\n", opens=True, ends=True)]))
        await backend.append(Commit(2, now + 90, [Entry("c2", b"1\n", opens=True)]))
        assert await told(backend) == [b"1\n"]
        await backend.append(Commit(3, now + 170, [Entry("c2", b"2\n")]))
        assert await told(backend) == []
        assert [each.id for each in await backend.conversations(9)] == ["c2"]


@pytest.mark.parametrize("setting", ["fsync=off", "synchronous_commit=off"])
async def test_a_server_that_may_lose_what_was_accepted_is_said_to_or_refused(
    setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(setting) as server, caplog.at_level(logging.WARNING):
        async with opened(server.dsn()):
            assert setting.replace("=", " = ") in caplog.text
        with pytest.raises(ConfigError, match="can be lost"):
            await PostgresBackend(server.dsn(), every_disk=True).open()


async def test_durability_that_is_required_is_had_from_a_server_as_it_comes(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with opened(postgres.fresh_schema(), every_disk=True) as backend:
            await backend.append(commit(1))
            assert await told(backend) == [b"1\n"]
    assert caplog.text == ""


async def test_where_nobody_listens_it_cannot_be_opened() -> None:
    with pytest.raises(BackendUnavailable, match="PostgreSQL"):
        await PostgresBackend("postgresql://nobody@127.0.0.1:1/none").open()


async def test_an_address_that_is_none_is_a_mistake_in_the_file() -> None:
    with pytest.raises(ConfigError, match=r"backend\.dsn"):
        await PostgresBackend("http://nowhere").open()


async def test_a_file_that_names_postgres_is_written_to_postgres(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    dsn = postgres.fresh_schema()
    file = tmp_path / "organism.yaml"
    file.write_text(f"organism: {{name: test}}\nbackend: {{type: postgres, dsn: '{dsn}'}}\n")
    async with assemble(file) as organism:
        await organism.boot()
        await organism.drain()
    async with opened(dsn) as backend:
        assert len(await backend.conversations(9)) == 1
