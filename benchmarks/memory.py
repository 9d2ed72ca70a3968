#!/usr/bin/env python
"""Measures what waiting messages cost, and what is left of finished ones (Linux)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.floor import BALL, Ball
from benchmarks.games import config, ping_pong
from benchmarks.measuring import settle_garbage
from xml_pipeline import HandlerMetadata, Listener, Organism

STROKES = 18
"""Messages between the first and the last of a conversation: with those, 20, on 10 threads."""


@dataclass(frozen=True, slots=True)
class Growth:
    """By how much the memory of a process of its own grew, in MiB; ``most`` is what it may."""

    about: str
    mib: float
    most: float


async def waiting(messages: int) -> float:
    """Return the MiB that messages cost which wait for a paused listener, typed already.

    Each is a conversation of its own, so that nothing of it is shared.
    """

    async def sink(ball: Ball, metadata: HandlerMetadata) -> None:
        """Take it."""

    listener = Listener("sink", Ball, sink, description="Takes it.")
    async with Organism([listener], config=config()) as organism:
        await organism.send("sink", BALL)
        await organism.drain()
        organism.pause("sink")
        before = resident_mib()
        for sent in range(1, messages + 1):
            await organism.send("sink", BALL)
            while organism.kernel.scheduler.waiting < sent:  # noqa: ASYNC110  # nothing to await
                await asyncio.sleep(0)
        return resident_mib() - before


async def left_over(messages: int) -> float:
    """Return the MiB by which a process has grown after so many messages went through it.

    Every second message opens a thread that the next one finishes. What was taken for a
    twentieth of them may be kept: caches and free lists fill up once.
    """
    conversations = 100
    async with ping_pong(conversations, STROKES) as play:
        rounds = max(1, messages // (conversations * (STROKES + 2)))
        for _ in range(max(1, rounds // 20)):
            await play()
        gc.collect()
        before = resident_mib()
        for _ in range(rounds):
            await play()
        gc.collect()
        return resident_mib() - before


def resident_mib() -> float:
    """Return the memory that this process holds (proc_pid_statm(5), the second number)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def in_a_fresh_process(measured: Callable[[int], Awaitable[float]], messages: int) -> float:
    """Measure in a process that has done nothing else."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, measured, messages).result()


def _run(measured: Callable[[int], Awaitable[float]], messages: int) -> float:
    async def settled() -> float:
        settle_garbage()
        return await measured(messages)

    return asyncio.run(settled())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="how many messages, of the usual")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    many, more = round(100_000 * options.scale), round(1_000_000 * options.scale)
    growths = (
        Growth(f"{many:,} conversations waiting", in_a_fresh_process(waiting, many), 150),
        Growth(f"{more:,} messages later", in_a_fresh_process(left_over, more), 20),
    )
    if options.json:
        print(json.dumps([asdict(growth) for growth in growths], indent=2))
        return
    print(f"{'':40}{'MiB':>8}{'at most':>10}")
    for growth in growths:
        print(f"{growth.about:40}{growth.mib:8.1f}{growth.most:10.0f}")


if __name__ == "__main__":
    main()
