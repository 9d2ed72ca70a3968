#!/usr/bin/env python
"""Measures the pump against other libraries, in one process and run (extra `bench`)."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from time import process_time
from types import MappingProxyType

from benchmarks.durable import sqlite
from benchmarks.games import GUESTS, Game, fan_out, ping_pong
from benchmarks.measuring import settle_garbage
from benchmarks.others import autogen, langgraph, pydantic_graph

OURS = "xml-pipeline"
DURABLE = f"{OURS}, SQLite"
CONVERSATIONS = 100

Games = Mapping[str, Callable[[int], Game]]
"""By library: from a number of rounds to a game."""

PING_PONG: Games = MappingProxyType(
    {
        OURS: lambda rounds: ping_pong(CONVERSATIONS, 2 * rounds),
        DURABLE: lambda rounds: sqlite(CONVERSATIONS, 2 * rounds, clock=process_time),
        "autogen-core": partial(autogen, ("pong",), CONVERSATIONS),
        "pydantic-graph": partial(pydantic_graph, ("pong",), CONVERSATIONS),
        "langgraph": partial(langgraph, ("pong",), CONVERSATIONS),
        "langgraph, SQLite": partial(langgraph, ("pong",), CONVERSATIONS, checkpointed=True),
    }
)
FAN_OUT: Games = MappingProxyType(
    {
        OURS: lambda rounds: fan_out(CONVERSATIONS, rounds, broadcast=True),
        f"{OURS}, by name": lambda rounds: fan_out(CONVERSATIONS, rounds),
        "autogen-core": partial(autogen, GUESTS, CONVERSATIONS),
        "pydantic-graph": partial(pydantic_graph, GUESTS, CONVERSATIONS),
        "langgraph": partial(langgraph, GUESTS, CONVERSATIONS),
        "langgraph, SQLite": partial(langgraph, GUESTS, CONVERSATIONS, checkpointed=True),
    }
)


async def measure(games: Games, length: int, rounds: int) -> dict[str, float]:
    """Play every library's game in turn, several times; return the best µs a delivery of each."""
    async with AsyncExitStack() as stack:
        plays = {
            name: await stack.enter_async_context(game(length)) for name, game in games.items()
        }
        for play in plays.values():
            await play()
        settle_garbage()
        best = dict.fromkeys(plays, float("inf"))
        for _ in range(rounds):
            for name, play in plays.items():
                best[name] = min(best[name], 1e6 * await play())
    return best


async def measure_both(scale: float, rounds: int) -> dict[str, dict[str, float]]:
    """Measure ping-pong and fan-out to ten, a hundred conversations at a time."""
    return {
        "ping-pong": await measure(PING_PONG, max(1, round(20 * scale)), rounds),
        "fan-out to 10": await measure(FAN_OUT, max(1, round(3 * scale)), rounds),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each game is played")
    parser.add_argument("--scale", type=float, default=1.0, help="how long each game is")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    figures = asyncio.run(measure_both(options.scale, options.rounds))
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{f'µs a delivery, {CONVERSATIONS} in flight':30}" + f"{'':>12}{'times ours':>12}")
    for game, best in figures.items():
        for name, us in best.items():
            print(f"{game:16}{_titled(name):28}{us:10.1f}{us / best[OURS]:10.1f}")
    kept = figures["ping-pong"]
    print(f"langgraph's SQLite takes {kept['langgraph, SQLite'] / kept[DURABLE]:.1f} times ours")


def _titled(name: str) -> str:
    return name if name.startswith(OURS) else f"{name} {version(name.partition(',')[0])}"


if __name__ == "__main__":
    main()
