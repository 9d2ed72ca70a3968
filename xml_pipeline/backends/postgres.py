"""A backend in PostgreSQL: one statement, and so one transaction, a commit.

The tables are in the schema that the connection finds first (``?search_path=…`` in the
address names another); whoever holds that schema has an advisory lock on it, and is written
down in it, so that nobody who has lost it unawares can write there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from xml_pipeline.backends.base import (
    Commit,
    DeadLetter,
    Mark,
    Past,
    PastConversation,
    as_json,
    from_json,
    seconds_kept,
)
from xml_pipeline.config import BackendConfig
from xml_pipeline.errors import BackendUnavailable, ConfigError, TakenOver, XmlPipelineError

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds for a statement, with whatever it takes to connect."""

_TIDY_EVERY = 60.0
_AT_ONCE = 200
_SCHEMA = """
create table if not exists xp_conversations (
    number bigserial primary key, id text not null unique, opened float8 not null, ended float8
);
create index if not exists xp_unfinished on xp_conversations (number) where ended is null;
create index if not exists xp_finished on xp_conversations (ended) where ended is not null;
create table if not exists xp_entries (
    number bigserial primary key, conversation text not null, at float8 not null,
    records bytea not null
);
create index if not exists xp_entries_of on xp_entries (conversation, number);
create table if not exists xp_letters (
    number bigserial primary key, id text not null unique, letter text not null
);
create table if not exists xp_marks (
    kind text, key text, value bytea not null, until float8 not null, primary key (kind, key)
);
create index if not exists xp_expiring on xp_marks (until);
create table if not exists xp_holder (
    one boolean primary key default true check (one), node text not null, number bigint not null
);
"""
_LOCK = "select pg_try_advisory_lock(hashtext('xml-pipeline'), hashtext(current_schema()))"
_HOLD = """
insert into xp_holder (node, number) values ($1, 0)
on conflict (one) do update set node = excluded.node, number = 0
"""
_APPEND = """
with held as (
    update xp_holder set number = $2::bigint where node = $1 and number < $2::bigint returning node
), opening as (
    insert into xp_conversations (id, opened, ended)
    select new.id, $3::float8, case when new.id = any ($5::text[]) then $3::float8 end
    from unnest($4::text[]) with ordinality as new (id, place), held order by new.place
), ending as (
    update xp_conversations set ended = $3::float8 from held where id = any ($5::text[])
), writing as (
    insert into xp_entries (conversation, at, records)
    select new.id, $3::float8, new.records
    from unnest($6::text[], $7::bytea[]) with ordinality as new (id, records, place), held
    order by new.place
), pruning as (
    delete from xp_conversations using held where id = any ($8::text[])
), emptying as (
    delete from xp_entries using held where conversation = any ($8::text[])
), laying_aside as (
    insert into xp_letters (id, letter)
    select new.id, new.letter
    from unnest($9::text[], $10::text[]) with ordinality as new (id, letter, place), held
    order by new.place
    on conflict (id) do update set letter = excluded.letter
), dropping as (
    delete from xp_letters using held where id = any ($11::text[])
), marking as (
    insert into xp_marks (kind, key, value, until)
    select new.kind, new.key, new.value, new.until from unnest(
        $12::text[], $13::text[], $14::bytea[], $15::float8[]
    ) as new (kind, key, value, until), held
    on conflict (kind, key) do update set value = excluded.value, until = excluded.until
)
select count(*) from held
"""
_TIDY = """
with old as (
    delete from xp_conversations where ended < $1 returning id
), marks as (
    delete from xp_marks where until < $2
)
delete from xp_entries using old where conversation = old.id
"""
_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
_FORGETS = (
    "this PostgreSQL runs with `{}`: messages that were accepted can be lost when it, or its"
    " machine, goes down"
)


class PostgresBackend:
    """Keeps everything in tables of one schema; one process at a time may have it open.

    ``keep`` is for how many seconds a conversation that has ended can still be read: None for
    ever, 0 not at all. ``every_disk`` refuses a server that does not wait for its disk.
    """

    def __init__(self, dsn: str, keep: float | None = None, *, every_disk: bool = False) -> None:
        self._keep = keep
        self._every_disk = every_disk
        self._node = ""
        self._tidied = 0.0
        self._writing, self._reading = _Session(dsn, self._hold), _Session(dsn)

    async def open(self) -> None:
        """Connect, make the tables and take hold of them; BackendUnavailable where others do."""
        try:
            await self._check_promises()
            await self._writing.execute(_SCHEMA)  # After the lock, which comes first.
            self._node = uuid4().hex
            await self._writing.fetch(_HOLD, self._node)
        except XmlPipelineError:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the tables, and hang up."""
        await self._writing.close()
        await self._reading.close()

    async def append(self, commit: Commit) -> None:
        """Write a commit; one that was written before is not written again."""
        ((written,),) = await self._writing.fetch(_APPEND, *self._columns(commit))
        if not written and not await self._is_written(commit.number):
            raise TakenOver("PostgreSQL: another process has taken over what is written to")
        if self._keep and commit.at - self._tidied > _TIDY_EVERY:
            self._tidied = commit.at
            await self._writing.fetch(_TIDY, commit.at - self._keep, commit.at)

    async def unfinished(self) -> AsyncIterator[PastConversation]:
        """Yield the conversations that have not ended."""
        live = await self._reading.fetch(
            "select id, opened from xp_conversations where ended is null order by number"
        )
        for some in range(0, len(live), _AT_ONCE):
            chunk = live[some : some + _AT_ONCE]
            rows = await self._reading.fetch(
                "select conversation, at, records from xp_entries where conversation = any ($1)"
                " order by number",
                [id for id, _ in chunk],
            )
            entries: dict[str, list[Past]] = {id: [] for id, _ in chunk}
            for id, at, records in rows:
                entries[id].append(Past(at, records))
            for id, opened in chunk:
                yield PastConversation(id, opened, None, tuple(entries[id]))

    async def conversation(self, id: str) -> PastConversation | None:
        """Return the log of one conversation."""
        rows = await self._reading.fetch(
            "select opened, ended, at, records from xp_conversations"
            " left join xp_entries on conversation = id where id = $1 order by xp_entries.number",
            id,
        )
        if not rows:
            return None
        entries = tuple(Past(at, records) for _, _, at, records in rows if records is not None)
        return PastConversation(id, rows[0]["opened"], rows[0]["ended"], entries)

    async def conversations(self, most: int) -> list[PastConversation]:
        """Return summaries of the conversations."""
        query = "select id, opened, ended from xp_conversations order by number desc limit $1"
        return [PastConversation(*each) for each in await self._reading.fetch(query, most)]

    async def letters(self) -> list[DeadLetter]:
        """Return the dead letters."""
        rows = await self._reading.fetch("select letter from xp_letters order by number")
        return [letter for (said,) in rows if (letter := from_json(said))]

    async def letter(self, id: str) -> DeadLetter | None:
        """Return a dead letter."""
        rows = await self._reading.fetch("select letter from xp_letters where id = $1", id)
        return from_json(rows[0][0]) if rows else None

    async def marked(self, kind: str, key: str, now: float) -> bytes | None:
        """Return the value of a mark."""
        query = "select value from xp_marks where kind = $1 and key = $2 and until > $3"
        rows = await self._reading.fetch(query, kind, key, now)
        return bytes(rows[0][0]) if rows else None

    async def marks(self, kind: str, now: float) -> list[Mark]:
        """Return the marks of a kind."""
        query = "select key, value, until from xp_marks where kind = $1 and until > $2"
        rows = await self._reading.fetch(query, kind, now)
        return [Mark(kind, key, bytes(value), until) for key, value, until in rows]

    async def _hold(self, connection: asyncpg.Connection[Any]) -> None:
        """Take the lock; whoever had it may be just about to let go."""
        for _ in range(10):
            if await connection.fetchval(_LOCK):
                return
            await asyncio.sleep(PATIENCE / 20)
        raise BackendUnavailable("PostgreSQL: this schema is in use by another process")

    async def _is_written(self, number: int) -> bool:
        query = "select number >= $2 from xp_holder where node = $1"
        rows = await self._writing.fetch(query, self._node, number)
        return bool(rows and rows[0][0])

    async def _check_promises(self) -> None:
        """Warn where the server may lose what was accepted; ConfigError where it must not."""
        for setting in ("fsync", "synchronous_commit"):
            ((value,),) = await self._reading.fetch(f"show {setting}")
            if value != "off":
                continue
            words = _FORGETS.format(f"{setting} = off")
            if self._every_disk:
                raise ConfigError((f"`durability: required` is not to be had here: {words}",))
            log.warning("%s", words)

    def _columns(self, commit: Commit) -> Iterable[object]:
        prunes = self._keep == 0
        ends = [each.conversation for each in commit.entries if each.ends]
        pruned = set(ends) if prunes else set()
        kept = [each for each in commit.entries if each.conversation not in pruned]
        yield from (self._node, commit.number, commit.at)
        yield [each.conversation for each in kept if each.opens]
        yield [] if prunes else ends
        yield [each.conversation for each in kept]
        yield [each.records for each in kept]
        yield list(pruned)
        yield [each.id for each in commit.letters]
        yield [as_json(each) for each in commit.letters]
        yield list(commit.dropped)
        yield from ([mark[field] for mark in commit.marks] for field in range(4))


class _Session:
    """One connection at a time, made when it is needed; ``begin`` is done first on each.

    A connection on which anything went wrong is not used again.
    """

    def __init__(self, dsn: str, begin: Any = None) -> None:
        self._dsn = dsn
        self._begin = begin
        self._connection: asyncpg.Connection[Any] | None = None
        self._turn = asyncio.Lock()

    async def fetch(self, query: str, *values: object) -> list[Any]:
        """Run one statement and return its rows."""
        return list(await self._do("fetch", query, *values))

    async def execute(self, script: str) -> None:
        """Run statements."""
        await self._do("execute", script)

    async def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close(timeout=PATIENCE / 2)
            except _FAILURES:
                connection.terminate()

    async def _do(self, verb: str, *words: object) -> Any:
        try:
            async with asyncio.timeout(PATIENCE), self._turn:
                return await self._say(verb, *words)
        except asyncpg.exceptions.ClientConfigurationError as error:
            raise ConfigError((f"`backend.dsn` cannot be used: {error}",)) from None
        except _FAILURES as error:
            raise BackendUnavailable(f"PostgreSQL: {str(error) or type(error).__name__}") from error

    async def _say(self, verb: str, *words: object) -> Any:
        done = False
        try:
            answer = await getattr(await self._connected(), verb)(*words)
            done = True
            return answer
        finally:
            if not done and self._connection is not None:
                self._connection.terminate()
                self._connection = None

    async def _connected(self) -> asyncpg.Connection[Any]:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await asyncpg.connect(self._dsn, timeout=PATIENCE)
            if self._begin is not None:
                await self._begin(connection)
        return connection


def configured(config: BackendConfig, file: Path | None) -> PostgresBackend:
    """Make the backend that a configuration describes."""
    return PostgresBackend(
        config.dsn or "",
        seconds_kept(config.retention),
        every_disk=config.durability == "required",
    )
