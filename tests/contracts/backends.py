"""The backends that there are, each with a way to open it again as another process would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services.postgres_server import PostgresServer
from tests.services.redis_server import RedisServer
from xml_pipeline.backends import Backend
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.backends.postgres import PostgresBackend
from xml_pipeline.backends.redis import RedisBackend
from xml_pipeline.backends.sqlite import SqliteBackend

Make = Callable[[float | None], Backend]
"""Makes a backend on the same store as the last one, which has been closed; ``keep`` as given."""

Store = Callable[[Path, PostgresServer], AbstractAsyncContextManager[Make]]
"""Makes a fresh store in a folder or on a server."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of backend; ``store`` gives a fresh store, as a way to make backends on it."""

    name: str
    store: Store


@asynccontextmanager
async def _memory(folder: Path, postgres: PostgresServer) -> AsyncIterator[Make]:
    made: list[MemoryBackend] = []

    def make(keep: float | None) -> Backend:
        if not made:
            made.append(MemoryBackend(keep))
        return made[0]

    yield make


@asynccontextmanager
async def _sqlite(folder: Path, postgres: PostgresServer) -> AsyncIterator[Make]:
    yield lambda keep: SqliteBackend(folder / "journal.db", keep)


@asynccontextmanager
async def _sqlite_on_disk(folder: Path, postgres: PostgresServer) -> AsyncIterator[Make]:
    yield lambda keep: SqliteBackend(folder / "journal.db", keep, every_disk=True)


@asynccontextmanager
async def _redis(folder: Path, postgres: PostgresServer) -> AsyncIterator[Make]:
    with RedisServer(folder) as server:
        yield lambda keep: RedisBackend(server.url, keep=keep)


@asynccontextmanager
async def _postgres(folder: Path, postgres: PostgresServer) -> AsyncIterator[Make]:
    dsn = postgres.fresh_schema()
    yield lambda keep: PostgresBackend(dsn, keep)


KINDS = (
    Kind("memory", _memory),
    Kind("sqlite", _sqlite),
    Kind("sqlite-full", _sqlite_on_disk),
    Kind("redis", _redis),
    Kind("postgres", _postgres),
)
