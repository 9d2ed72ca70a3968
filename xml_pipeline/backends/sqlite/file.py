"""The file itself: its tables, how it is opened, held and folded."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from xml_pipeline.errors import BackendUnavailable

_SCHEMA = """
create table if not exists conversations (
    number integer primary key, id text not null unique, opened real not null, ended real,
    first integer not null, last integer
);
create index if not exists unfinished on conversations (number) where ended is null;
create index if not exists finished on conversations (ended) where ended is not null;
create table if not exists entries (
    number integer primary key, conversation integer not null, previous integer,
    at real not null, records blob not null
);
create table if not exists letters (
    number integer primary key, id text not null unique, message_id text not null,
    conversation_id text not null, listener text not null, sender text not null,
    tenant text not null, attempts integer not null, reason text not null,
    payload blob not null, at real not null
);
create table if not exists marks (
    kind text not null, key text not null, value blob not null, until real not null,
    primary key (kind, key)
) without rowid;
create index if not exists expiring on marks (until);
"""
_VERSION = 1
_MOST_FRAMES = 16_000
"""Pages in the log after which commits wait for its end to be folded: only then it begins anew."""

_BUSY_SECONDS = 1.0
"""Seconds to wait for somebody else who writes to the file; all else waits as long."""


def fold(db: sqlite3.Connection) -> None:
    """Fold the log into the file, while others append to it; the end of a long one alone."""
    _, frames, _ = db.execute("pragma wal_checkpoint(passive)").fetchone()
    if frames > _MOST_FRAMES:  # Commits wait for this, so it waits for nobody for long.
        db.execute("pragma busy_timeout = 50")
        db.execute("pragma wal_checkpoint(restart)").fetchone()
        db.execute(f"pragma busy_timeout = {int(_BUSY_SECONDS * 1_000)}")


def connect(file: Path, *, every_disk: bool) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    with ExitStack() as undone:
        undone.callback(db.close)
        db.execute("pragma journal_mode = wal")
        db.execute(f"pragma synchronous = {'full' if every_disk else 'normal'}")
        db.execute("pragma wal_autocheckpoint = 0")
        undone.pop_all()
    return db


def prepare(db: sqlite3.Connection, file: Path) -> None:
    (version,) = db.execute("pragma user_version").fetchone()
    if version not in (0, _VERSION):
        raise BackendUnavailable(f"{file} was written by another version: its format is {version}")
    db.executescript(_SCHEMA)
    db.execute(f"pragma user_version = {_VERSION}")


def locked(file: Path) -> IO[bytes]:
    """Take the file for this process, until the lock is closed or the process is gone."""
    lock = file.with_name(f"{file.name}.lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise BackendUnavailable(f"{file} is in use by another process") from None
    return lock


@contextmanager
def translated(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise BackendUnavailable(f"{file}: {error}") from error
