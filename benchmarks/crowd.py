#!/usr/bin/env python
"""Runs a thousand agents at once against a model server that takes 200 ms for each answer.

The server is a process of its own on this machine; the agents reach it over HTTP, as they would any
other. What the same requests take without any agent around them is measured in the same run: that
is the floor. The ideal, twice the server's latency, nobody reaches whose requests cost anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from pydantic import SecretStr

from benchmarks.measuring import settle_garbage
from benchmarks.our_agents import CALLS, TASK, organism
from xml_pipeline.catalogue import find
from xml_pipeline.config import LLMBackendConfig
from xml_pipeline.llm.base import (
    Completion,
    Function,
    Hear,
    Message,
    Provider,
    Request,
    ToolResult,
    said,
    unheard,
)
from xml_pipeline.llm.wiring import Wiring

LATENCY = 0.2
AT_ONCE = 1_000

LOOK = Function(
    "finder",
    "Looks a word up.",
    {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
)


@asynccontextmanager
async def model_server(latency: float) -> AsyncIterator[Provider]:
    """Run the server, and give the provider that asks it."""
    command = ("-m", "tests.services.fake_llm", "--latency", str(latency), "--calls", str(CALLS))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    backend = LLMBackendConfig(provider="openai", base_url=f"{url}/v1", api_key=SecretStr("none"))
    module: Any = find("llm", "openai")
    provider: Provider = module.configured(Wiring(backend, Path(), {}))
    try:
        yield provider
    finally:
        await provider.aclose()
        process.stdin.close()
        await process.wait()


async def bare(provider: Provider) -> None:
    """Ask what an agent asks, without one."""
    asked = Request("fake", (said("user", TASK.text),), functions=(LOOK,))
    first = await provider.complete(asked)
    results = tuple(ToolResult(each.id, "It means something.") for each in first.message.calls)
    told = (*asked.messages, first.message, Message("user", results))
    await provider.complete(Request("fake", told, functions=(LOOK,)))


async def seconds_of(runs: Sequence[Any]) -> tuple[float, float]:
    """Return how long it takes until all of these have ended, and this process's own share."""
    settle_garbage()
    began, own = perf_counter(), process_time()
    await asyncio.gather(*runs)
    return perf_counter() - began, process_time() - own


async def measure(agents: int, latency: float, rounds: int) -> dict[str, float]:
    """Measure the floor and the agents in turn; return the best of each."""
    floor = ours = (float("inf"), float("inf"))
    async with model_server(latency) as provider, organism(agents, provider) as running:
        await seconds_of([bare(provider) for _ in range(agents)])
        for _ in range(rounds):
            floor = min(floor, await seconds_of([bare(provider) for _ in range(agents)]))
            asking = [running.ask("agent", TASK) for _ in range(agents)]
            ours = min(ours, await seconds_of(asking))
    found = {"ideal": 2 * latency, "floor": floor[0], "ours": ours[0]}
    return found | {"floor_cpu": floor[1], "ours_cpu": ours[1], "kib": await memory(agents)}


class Silent:
    """A model that never answers."""

    def __init__(self, expected: int) -> None:
        self.all_asked = asyncio.Event()
        self._expected = expected

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Wait for ever."""
        self._expected -= 1
        if not self._expected:
            self.all_asked.set()
        never: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        return await never

    async def aclose(self) -> None:
        """Close nothing."""


async def memory(agents: int) -> float:
    """Return the KiB that each agent takes which waits for its model."""
    silent = Silent(agents)
    async with organism(agents, silent) as waiting:
        settle_garbage()
        tracemalloc.start()
        asking = [asyncio.create_task(waiting.ask("agent", TASK)) for _ in range(agents)]
        await silent.all_asked.wait()
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        waiting.kill_all()
        await asyncio.gather(*asking, return_exceptions=True)
    return taken / agents / 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is done")
    parser.add_argument("--scale", type=float, default=1.0, help="how many agents there are")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    agents = max(1, round(AT_ONCE * options.scale))
    logging.disable(
        logging.WARNING
    )  # Those that wait for ever are killed in the end, each a fault.
    found = asyncio.run(measure(agents, LATENCY, options.rounds))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    ideal, floor, ours = found["ideal"], found["floor"], found["ours"]
    print(f"{agents} agents, two model calls of {1000 * LATENCY:.0f} ms, {CALLS} tool calls")
    print(f"{'the requests alone':24}{floor:8.2f} s{floor / ideal:8.2f} times the ideal")
    print(f"{'the agents':24}{ours:8.2f} s{ours / ideal:8.2f} times the ideal", end="")
    print(f"{ours / floor:8.2f} times the requests alone")
    print(f"{'of which this process':24}", end="")
    print(f"{found['floor_cpu']:8.2f} s alone, {found['ours_cpu']:.2f} s with the agents")
    print(f"{'each that waits':24}{found['kib']:8.1f} KiB")


if __name__ == "__main__":
    main()
