#!/usr/bin/env python
"""Measures what a second node is worth: deliveries a second of one process, and of two.

And what a delivery takes of the processor, in a node and in Redis. That depends little on who else
is at work; the last line says what it leaves room for, and so how much of the figure is ours.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import NamedTuple

from benchmarks.games import ping_pong
from tests.services.redis_server import RedisServer
from xml_pipeline.backends.redis import RedisBackend
from xml_pipeline.backends.redis.line import Line

CONVERSATIONS = 100
KEEP_SECONDS = 3_600.0


class Took(NamedTuple):
    """What one delivery took: seconds, and seconds of the processor in its node."""

    passed: float
    worked: float


class Round(NamedTuple):
    """What some nodes did side by side: deliveries a second, and what one took of processors.

    The latter in seconds, in a node and in Redis.
    """

    rate: float
    node: float
    redis: float


async def play(url: str, strokes: int) -> None:
    """Be a node: play once for each line on stdin, and print what one delivery took."""
    backend = RedisBackend(url, keep=KEEP_SECONDS)
    deliveries = CONVERSATIONS * (strokes + 2)
    async with ping_pong(CONVERSATIONS, strokes, backend=backend, clock=perf_counter) as play:
        await play()
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            began = process_time()
            passed = await play()
            print(passed, (process_time() - began) / deliveries, flush=True)


async def start(url: str, strokes: int) -> Process:
    """Start a node in a process of its own, and wait until it is ready."""
    words = ("-m", "benchmarks.nodes", "--url", url, "--strokes", str(strokes))
    node = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=PIPE, stdout=PIPE)
    await heard(node)
    return node


async def heard(node: Process) -> str:
    """Return the next line of a node."""
    assert node.stdout is not None
    line = await node.stdout.readline()
    if not line:
        raise RuntimeError("a node has ended")
    return line.decode()


async def one_round(nodes: Sequence[Process], redis: Line, strokes: int) -> Round:
    """Let nodes play side by side."""
    before = await worked(redis)
    for node in nodes:
        assert node.stdin is not None
        node.stdin.write(b"\n")
    took = [Took(*map(float, (await heard(node)).split())) for node in nodes]
    deliveries = len(nodes) * CONVERSATIONS * (strokes + 2)
    spent = (await worked(redis) - before) / deliveries
    mean = sum(each.worked for each in took) / len(took)
    return Round(sum(1.0 / each.passed for each in took), mean, spent)


async def worked(redis: Line) -> float:
    """Return the seconds of the processor that Redis has had."""
    said = (await redis.say("INFO", "cpu")).decode().split()
    used = dict(each.split(":") for each in said if ":" in each)
    return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])


async def measure(rounds: int, strokes: int) -> None:
    """Measure one node, and then two, and print what they did."""
    with TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        redis = Line(server.url)
        one = await start(server.url, strokes)
        alone = middle([await one_round([one], redis, strokes) for _ in range(rounds)])
        other = await start(server.url, strokes)
        both = middle([await one_round([one, other], redis, strokes) for _ in range(rounds)])
        for node in (one, other):
            assert node.stdin is not None
            node.stdin.close()
            await node.wait()
        await redis.close()
    print(f"one node   {told(alone)}")
    print(f"two nodes  {told(both)}   {both.rate / alone.rate:.2f} times one, at least 1.7")
    cores = os.cpu_count() or 1
    best, room = most(1, alone, cores), most(2, both, cores)
    print(
        f"With nobody else at work, {cores} cores have time for {best:,.0f} with one node beside"
        f" Redis, and for {room:,.0f} with two: {room / best:.2f} times as many."
    )


def most(nodes: int, figures: Round, cores: int) -> float:
    """Return for how many deliveries a second there is time, at a core for each node and Redis."""
    both = figures.node + figures.redis
    return min(nodes / figures.node, 1 / figures.redis, cores / both)


def middle(rounds: Sequence[Round]) -> Round:
    """Return the median of each figure."""
    return Round(*map(median, zip(*rounds, strict=True)))


def told(figures: Round) -> str:
    """Write what some nodes did for people."""
    node, redis = 1e6 * figures.node, 1e6 * figures.redis
    return f"{figures.rate:10,.0f} deliveries/s, {node:.1f} µs of a node and {redis:.1f} of Redis"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often is played")
    parser.add_argument("--strokes", type=int, default=400, help="how long each round is")
    parser.add_argument("--url", help="be a node on this Redis")
    options = parser.parse_args(arguments)
    if options.url:
        asyncio.run(play(options.url, options.strokes))
    else:
        asyncio.run(measure(options.rounds, options.strokes))


if __name__ == "__main__":
    main()
