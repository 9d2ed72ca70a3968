"""The conversations, letters and marks in the file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from types import MappingProxyType
from typing import IO, NamedTuple

from xml_pipeline.backends.base import (
    Commit,
    DeadLetter,
    Mark,
    Past,
    PastConversation,
    seconds_kept,
)
from xml_pipeline.backends.sqlite.file import connect, fold, locked, prepare, translated
from xml_pipeline.config import BackendConfig
from xml_pipeline.errors import ConfigError

_ENTRIES_OF = """
with recursive chain (number) as (
    select ?
    union all
    select entries.previous from entries join chain on entries.number = chain.number
    where entries.previous is not null
)
select at, records from entries join chain using (number) order by number
"""
_REMOVE_ENTRIES = """
with recursive chain (number) as (
    select ?
    union all
    select entries.previous from entries join chain on entries.number = chain.number
    where entries.previous is not null
)
delete from entries where number in (select number from chain)
"""
_LIVE = """
select number, id, opened from conversations where ended is null order by number
"""
_LASTS = """
select conversation, max(number) from entries
where number >= (select min(first) from conversations where ended is null)
group by conversation
"""
_LETTERS = """
select id, message_id, conversation_id, listener, sender, tenant, attempts, reason, payload, at
from letters
"""
_NEW_LETTER = """
insert or replace into letters (
    id, message_id, conversation_id, listener, sender, tenant, attempts, reason, payload, at
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_FOLD_AT = 4_000_000
"""Bytes of write-ahead log after which it is folded into the file."""

_TIDY_EVERY = 60.0
_TIDY_AT_ONCE = 200


class _Live(NamedTuple):
    """A conversation that goes on: its number, and that of its last entry."""

    number: int
    last: int | None


class SqliteBackend:
    """Keeps everything in one file; one process at a time may have it open.

    Entries are appended one after another, whosever they are, and each knows the one before
    it of its conversation: an index would cost more than the entries themselves.

    ``keep`` is for how many seconds a conversation that has ended can still be read: None for
    ever, 0 not at all. ``every_disk`` waits for the disk at each commit.
    """

    def __init__(self, file: Path, keep: float | None = None, *, every_disk: bool = False) -> None:
        self._file = file
        self._keep = keep
        self._every_disk = every_disk
        self._lock: IO[bytes] | None = None
        self._live: dict[str, _Live] = {}
        self._next = 1
        self._written = 0
        self._stopping = threading.Event()
        self._housekeeping: threading.Thread | None = None
        self._due = threading.Event()

    async def open(self) -> None:
        """Open the file, or make it; BackendUnavailable where it is in use or cannot be had."""
        with translated(self._file):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with ExitStack() as undone:
                lock = undone.enter_context(locked(self._file))
                self._file.touch(mode=0o600)  # Messages are nobody else's business.
                self._db = connect(self._file, every_disk=self._every_disk)
                undone.callback(self._db.close)
                self._reads = connect(self._file, every_disk=self._every_disk)
                undone.callback(self._reads.close)
                prepare(self._db, self._file)
                self._find_live()
                undone.pop_all()
            self._lock = lock
        self._housekeeping = threading.Thread(target=self._keep_house, daemon=True)
        self._housekeeping.start()

    async def close(self) -> None:
        """Fold the log into the file, and let others have it."""
        if self._lock is None:
            return
        self._stopping.set()
        self._due.set()
        if self._housekeeping is not None:
            await asyncio.to_thread(self._housekeeping.join)
        with translated(self._file):
            self._reads.close()
            self._db.close()
        self._lock.close()
        self._lock = None

    async def append(self, commit: Commit) -> None:
        """Write a commit; in a thread only where it has to wait for the disk."""
        if self._every_disk:
            await asyncio.to_thread(self._append, commit)
        else:
            self._append(commit)

    async def unfinished(self) -> AsyncIterator[PastConversation]:
        """Yield the conversations that have not ended."""
        with translated(self._file):
            for _, id, opened in self._reads.execute(_LIVE).fetchall():
                yield PastConversation(id, opened, None, self._entries(self._live[id].last))

    async def conversation(self, id: str) -> PastConversation | None:
        """Return the log of one conversation."""
        query = "select opened, ended, last from conversations where id = ?"
        with translated(self._file):
            found = self._reads.execute(query, (id,)).fetchone()
            live = self._live.get(id)
            if found is None or (found[1] is None and live is None):
                return None  # There is none, or its first commit is just being written.
            opened, ended, last = found
            if ended is None and live is not None:
                last = live.last
            return PastConversation(id, opened, ended, self._entries(last))

    async def conversations(self, most: int) -> list[PastConversation]:
        """Return summaries of the conversations."""
        query = "select id, opened, ended from conversations order by number desc limit ?"
        with translated(self._file):
            return [PastConversation(*each) for each in self._reads.execute(query, (most,))]

    async def letters(self) -> list[DeadLetter]:
        """Return the dead letters."""
        with translated(self._file):
            rows = self._reads.execute(f"{_LETTERS} order by number")
            return [DeadLetter(*each) for each in rows]

    async def letter(self, id: str) -> DeadLetter | None:
        """Return a dead letter."""
        with translated(self._file):
            query = f"{_LETTERS} where id = ?"
            found = self._reads.execute(query, (id,)).fetchone()
            return DeadLetter(*found) if found is not None else None

    async def marked(self, kind: str, key: str, now: float) -> bytes | None:
        """Return the value of a mark."""
        query = "select value from marks where kind = ? and key = ? and until > ?"
        with translated(self._file):
            found = self._reads.execute(query, (kind, key, now)).fetchone()
            return found[0] if found is not None else None

    async def marks(self, kind: str, now: float) -> list[Mark]:
        """Return the marks of a kind."""
        query = "select kind, key, value, until from marks where kind = ? and until > ?"
        with translated(self._file):
            return [Mark(*each) for each in self._reads.execute(query, (kind, now))]

    def _find_live(self) -> None:
        """Learn which conversations go on, and where their chains end."""
        lasts = dict(self._db.execute(_LASTS))
        for number, id, _ in self._db.execute(_LIVE):
            self._live[id] = _Live(number, lasts.get(number))
        (newest,) = self._db.execute("select max(number) from entries").fetchone()
        self._next = 1 + (newest or 0)

    def _entries(self, last: int | None) -> tuple[Past, ...]:
        return tuple(Past(*each) for each in self._reads.execute(_ENTRIES_OF, (last,)))

    def _append(self, commit: Commit) -> None:
        db = self._db
        with translated(self._file):
            if _is_one_entry(commit):
                live, rows = self._rows(commit)
                db.execute("insert into entries values (?, ?, ?, ?, ?)", rows[0])
            else:
                db.execute("begin immediate")
                try:
                    live = self._write(commit)
                    db.execute("commit")
                except sqlite3.Error:
                    if db.in_transaction:
                        db.execute("rollback")
                    raise
        self._next += len(commit.entries)
        self._live.update(live)
        for each in commit.entries:
            self._written += len(each.records)
            if each.ends:
                del self._live[each.conversation]
        if self._written > _FOLD_AT:
            self._written = 0
            self._due.set()

    def _write(self, commit: Commit) -> dict[str, _Live]:
        """Write a commit; return what has then become of the conversations in it."""
        opened = self._open_conversations(commit)
        live, rows = self._rows(commit, opened)
        self._db.executemany("insert into entries values (?, ?, ?, ?, ?)", rows)
        for each in commit.entries:
            if each.ends:
                self._end(live[each.conversation], commit.at)
        self._write_others(commit)
        return live

    def _rows(
        self, commit: Commit, opened: Mapping[str, _Live] = MappingProxyType({})
    ) -> tuple[dict[str, _Live], list[tuple[int, int, int | None, float, bytes]]]:
        """Return the rows of the entries, and what has then become of their conversations."""
        number, at, known = self._next, commit.at, self._live
        live: dict[str, _Live] = {}
        rows = []
        for conversation, records, _, _ in commit.entries:
            mine, previous = known.get(conversation) or opened[conversation]
            rows.append((number, mine, previous, at, records))
            live[conversation] = _Live(mine, number)
            number += 1
        return live, rows

    def _open_conversations(self, commit: Commit) -> dict[str, _Live]:
        opened = {}
        for number, each in enumerate(commit.entries, self._next):
            if each.opens:
                said = self._db.execute(
                    "insert into conversations (id, opened, first) values (?, ?, ?)",
                    (each.conversation, commit.at, number),
                )
                opened[each.conversation] = _Live(said.lastrowid or 0, None)
        return opened

    def _end(self, ended: _Live, at: float) -> None:
        if self._keep == 0:
            self._remove(self._db, *ended)
        else:
            self._db.execute(
                "update conversations set ended = ?, last = ? where number = ?",
                (at, ended.last, ended.number),
            )

    def _write_others(self, commit: Commit) -> None:
        for each in commit.letters:
            self._db.execute(_NEW_LETTER, [getattr(each, name) for name in DeadLetter.__slots__])
        for id in commit.dropped:
            self._db.execute("delete from letters where id = ?", (id,))
        for mark in commit.marks:
            self._db.execute("insert or replace into marks values (?, ?, ?, ?)", mark)

    # ── in a thread of its own ──────────────────────────────────────────────────────────────

    def _keep_house(self) -> None:
        """Fold the log into the file when it has grown, and remove what is too old to keep."""
        with closing(connect(self._file, every_disk=self._every_disk)) as db:
            while not self._stopping.is_set():
                self._due.wait(_TIDY_EVERY)
                self._due.clear()
                self.keep_house_once(db)

    def keep_house_once(self, db: sqlite3.Connection) -> None:
        """Do what is due, over a connection of one's own; what fails is due again later."""
        try:
            self._tidy(db)
            fold(db)
        except sqlite3.Error:  # A disk that is full is told of by whoever commits,
            db.rollback()  # who must not find the file locked by what is half done.

    def _tidy(self, db: sqlite3.Connection) -> None:
        if self._keep is None or self._stopping.is_set():
            return
        query = "select number, last from conversations where ended < ? limit ?"
        while old := db.execute(query, (time.time() - self._keep, _TIDY_AT_ONCE)).fetchall():
            db.execute("begin immediate")
            for each in old:
                self._remove(db, *each)
            db.execute("delete from marks where until < ?", (time.time(),))
            db.execute("commit")
            if self._stopping.is_set():
                return

    def _remove(self, db: sqlite3.Connection, number: int, last: int | None) -> None:
        db.execute(_REMOVE_ENTRIES, (last,))
        db.execute("delete from conversations where number = ?", (number,))


def configured(config: BackendConfig, file: Path | None) -> SqliteBackend:
    """Make the backend that a configuration describes; ConfigError where it names no file."""
    if file is None:
        raise ConfigError(("sqlite needs a `path` here",))
    return SqliteBackend(
        file, seconds_kept(config.retention), every_disk=config.durability == "required"
    )


def _is_one_entry(commit: Commit) -> bool:
    """Tell whether a commit is one row, for which a statement is a transaction."""
    if len(commit.entries) != 1 or commit.letters or commit.marks or commit.dropped:
        return False
    return not (commit.entries[0].opens or commit.entries[0].ends)
