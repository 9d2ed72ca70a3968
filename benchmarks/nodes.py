#!/usr/bin/env python
"""Measures what a second node is worth: deliveries a second of one process, and of two."""

from __future__ import annotations

import argparse
import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.games import ping_pong
from tests.services.redis_server import RedisServer
from xml_pipeline.backends.redis import RedisBackend

CONVERSATIONS = 100
KEEP_SECONDS = 3_600.0


async def play(url: str, strokes: int) -> None:
    """Be a node: play once for each line on stdin, and print the seconds of one delivery."""
    backend = RedisBackend(url, keep=KEEP_SECONDS)
    async with ping_pong(CONVERSATIONS, strokes, backend=backend, clock=perf_counter) as play:
        await play()
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(await play(), flush=True)


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


async def rate(nodes: Sequence[Process]) -> float:
    """Let nodes play side by side; return the deliveries a second of all together."""
    for node in nodes:
        assert node.stdin is not None
        node.stdin.write(b"\n")
    return sum([1.0 / float(await heard(node)) for node in nodes])


async def measure(rounds: int, strokes: int) -> None:
    """Measure one node, and then two, and print what they did."""
    with TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        one = await start(server.url, strokes)
        alone = median([await rate([one]) for _ in range(rounds)])
        other = await start(server.url, strokes)
        both = median([await rate([one, other]) for _ in range(rounds)])
        for node in (one, other):
            assert node.stdin is not None
            node.stdin.close()
            await node.wait()
    print(f"one node   {alone:10,.0f} deliveries/s")
    print(f"two nodes  {both:10,.0f} deliveries/s   {both / alone:.2f} times one, at least 1.7")
    print("Two nodes and Redis want three cores; with fewer, or others at work, they wait in turn.")


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
