"""The SQLite file: its write-ahead log stays small, and nobody keeps it locked."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from xml_pipeline.backends import Commit, Entry, Mark
from xml_pipeline.backends.sqlite import SqliteBackend, fold
from xml_pipeline.errors import BackendUnavailable

LONG_AGO = 1_000_000_000.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
async def backend(file: Path) -> AsyncIterator[SqliteBackend]:
    backend = SqliteBackend(file, keep=1.0)
    await backend.open()
    yield backend
    await backend.close()


def _connected(file: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(file, isolation_level=None, timeout=0.1))


def _commit(number: int) -> Commit:
    entry = Entry(str(number), b"", opens=True, ends=True)
    return Commit(number, LONG_AGO, [entry], marks=[Mark("k", str(number), b"", LONG_AGO)])


def _let_go(reader: sqlite3.Connection, when: str) -> None:
    if "restart" in when:
        reader.rollback()


def test_a_long_log_begins_anew_though_there_is_always_more(file: Path) -> None:
    with _connected(file) as writer, _connected(file) as reader, _connected(file) as house:
        writer.execute("pragma journal_mode = wal")
        writer.execute("pragma wal_autocheckpoint = 0")
        writer.execute("create table pages (page blob)")
        reader.execute("begin")
        reader.execute("select * from pages").fetchall()
        # Whoever reads what is old, and lets go of it when the end is folded, leaves as much
        # of the log behind as somebody who writes while the rest is being folded.
        house.set_trace_callback(lambda said: _let_go(reader, said))
        for _ in range(80):
            writer.execute("insert into pages values (?)", (bytes(1_000_000),))
        fold(house)
        writer.execute("insert into pages values (?)", (b"one more",))
        _, frames, _ = writer.execute("pragma wal_checkpoint(passive)").fetchone()
    assert frames < 100


async def test_housekeeping_that_fails_leaves_the_file_to_others(
    backend: SqliteBackend, file: Path
) -> None:
    await backend.append(_commit(1))
    with _connected(file) as other, _connected(file) as house:
        other.execute(
            "create trigger fails before delete on marks begin select raise(abort, 'EIO'); end"
        )
        backend.keep_house_once(house)
        other.execute("begin immediate")
        other.execute("rollback")
        other.execute("drop trigger fails")
        backend.keep_house_once(house)
    assert await backend.conversations(10) == []


@pytest.fixture
def spoilt(file: Path) -> Path:
    file.write_bytes(b"no database at all, but something longer than its header would be" * 9)
    return file


async def test_a_file_that_could_not_be_opened_is_not_held(spoilt: Path) -> None:
    backend = SqliteBackend(spoilt)
    with pytest.raises(BackendUnavailable, match="not a database"):
        await backend.open()
    await asyncio.to_thread(spoilt.unlink)
    await backend.open()
    await backend.close()


async def test_whoever_reads_sees_a_commit_whole_or_not_at_all(file: Path) -> None:
    backend = SqliteBackend(file, every_disk=True)
    await backend.open()
    for number in range(20):
        entries = [Entry(f"{number}.{n}", b"all\n", opens=True) for n in range(50)]
        mark = Mark("k", str(number), b"", 2 * LONG_AGO)
        writing = asyncio.ensure_future(
            backend.append(Commit(number, LONG_AGO, entries, marks=[mark]))
        )
        while not writing.done():
            first, last = f"{number}.0", f"{number}.49"
            seen = [await backend.conversation(each) for each in (last, first)]
            assert seen[0] is None or (seen[1] is not None and seen[1].entries)
            await asyncio.sleep(0)
        assert await backend.marked("k", str(number), LONG_AGO) == b""
    await backend.close()


async def test_the_file_is_for_its_owner_only(backend: SqliteBackend, file: Path) -> None:
    assert await backend.letters() == []
    assert os.stat(file).st_mode & 0o077 == 0  # a fast call, in a coroutine
