#!/usr/bin/env python
"""Measures what it costs that nothing is lost: the pump with a journal, against the floor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.games import Clock, Play, ping_pong
from benchmarks.measuring import Case, measured
from tests.services.redis_server import RedisServer
from xml_pipeline.backends.redis import RedisBackend
from xml_pipeline.backends.sqlite import SqliteBackend

KEEP_SECONDS = 3_600.0
CONVERSATIONS = 100


def _some(number: float) -> int:
    return max(1, round(number))


@asynccontextmanager
async def sqlite(
    conversations: int, strokes: int, *, every_disk: bool = False, clock: Clock = perf_counter
) -> AsyncIterator[Play]:
    """Play ping-pong with an SQLite journal in a folder that is removed afterwards."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "journal.db"
        backend = SqliteBackend(file, KEEP_SECONDS, every_disk=every_disk)
        async with ping_pong(conversations, strokes, backend=backend, clock=clock) as play:
            yield play


@asynccontextmanager
async def redis(
    conversations: int, strokes: int, *, fsync: str = "everysec"
) -> AsyncIterator[Play]:
    """Play ping-pong with a journal in a Redis of our own, on this machine, which keeps a log."""
    with (
        TemporaryDirectory() as folder,
        RedisServer(Path(folder), "--appendfsync", fsync) as server,
    ):
        backend = RedisBackend(server.url, keep=KEEP_SECONDS)
        game = ping_pong(conversations, strokes, backend=backend, clock=perf_counter)
        async with game as play:
            yield play


CASES = (
    Case(
        "none-100",
        "no journal, 100 in flight",
        lambda scale: ping_pong(CONVERSATIONS, 2 * _some(50 * scale), clock=perf_counter),
    ),
    Case(
        "sqlite-100",
        "SQLite, 100 in flight",
        lambda scale: sqlite(CONVERSATIONS, 2 * _some(50 * scale)),
        most=4.0,
    ),
    Case(
        "sqlite-1",
        "SQLite, 1 in flight",
        lambda scale: sqlite(1, 2 * _some(1000 * scale)),
        most=10.0,
    ),
    Case(
        "disk-100",
        "SQLite, durability required, 100 in flight",
        lambda scale: sqlite(CONVERSATIONS, 2 * _some(5 * scale), every_disk=True),
    ),
    Case(
        "redis-100",
        "Redis, 100 in flight",
        lambda scale: redis(CONVERSATIONS, 2 * _some(50 * scale)),
        most=6.0,
    ),
    Case("redis-1", "Redis, 1 in flight", lambda scale: redis(1, 2 * _some(500 * scale))),
    Case(
        "redis-disk-100",
        "Redis, durability required, 100 in flight",
        lambda scale: redis(CONVERSATIONS, 2 * _some(5 * scale), fsync="always"),
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    foot = "\nTimes are those that pass, waits for the disk included."
    measured(CASES, __doc__, arguments, clock=perf_counter, foot=foot)


if __name__ == "__main__":
    main()
