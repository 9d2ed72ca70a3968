#!/usr/bin/env python
"""Measures what it costs that nothing is lost: the pump with a journal, against the floor."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.games import Clock, Play, ping_pong
from benchmarks.measuring import Case, measure, profile, table
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
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is played")
    parser.add_argument("--scale", type=float, default=1.0, help="how long each round is")
    parser.add_argument("--only", choices=names, help="measure this case only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--profile", choices=names, help="print where this case spends its time")
    options = parser.parse_args(arguments)
    chosen = [case for case in CASES if (options.profile or options.only) in (None, case.name)]
    if options.profile:
        asyncio.run(profile(chosen[0], options.scale))
        return
    report = asyncio.run(measure(chosen, options.rounds, options.scale, perf_counter))
    foot = "\nTimes are those that pass, waits for the disk included."
    print(json.dumps(asdict(report), indent=2) if options.json else table(report) + foot)


if __name__ == "__main__":
    main()
