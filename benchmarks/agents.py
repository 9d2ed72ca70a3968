#!/usr/bin/env python
"""Measures agents against other libraries, on equal scripted models, in one run (extra `bench`).

A run is one model call that wants five functions called, those calls, and a second model call that
answers. The models cost nothing, so what is measured is what each library makes of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from time import process_time

from benchmarks.measuring import settle_garbage
from benchmarks.other_agents import langgraph_agent, pydantic_ai_agent
from benchmarks.our_agents import CALLS, SAID, STEPS, TASK, Scripted, organism

OURS = "xml-pipeline"

Play = Callable[[int], Awaitable[None]]
"""Run agents so many times, a number of them at once."""


@asynccontextmanager
async def ours(at_once: int) -> AsyncIterator[Play]:
    """Run agents on the pump."""
    async with organism(at_once, Scripted()) as running:

        async def run() -> None:
            answer = await running.ask("agent", TASK)
            assert answer.text == SAID

        yield _side_by_side(run, at_once)


@asynccontextmanager
async def pydantic_ai(at_once: int) -> AsyncIterator[Play]:
    """Run agents of pydantic-ai on its model of functions."""
    yield _side_by_side(pydantic_ai_agent(TASK.text, CALLS), at_once)


@asynccontextmanager
async def langgraph(at_once: int) -> AsyncIterator[Play]:
    """Run langgraph's prebuilt agents on a chat model that says the same."""
    yield _side_by_side(langgraph_agent(TASK.text, CALLS), at_once)


def _side_by_side(run: Callable[[], Awaitable[None]], at_once: int) -> Play:
    async def play(runs: int) -> None:
        async def some(number: int) -> None:
            for _ in range(number):
                await run()

        await asyncio.gather(*(some(max(1, runs // at_once)) for _ in range(at_once)))

    return play


Library = Callable[[int], AbstractAsyncContextManager[Play]]
LIBRARIES: Mapping[str, Library] = {
    OURS: ours,
    "pydantic-ai": pydantic_ai,
    "langgraph": langgraph,
}


async def measure(runs: int, at_once: int, rounds: int) -> dict[str, float]:
    """Have every library do its runs in turn, several times; return the best µs a run of each."""
    async with AsyncExitStack() as stack:
        plays = {
            name: await stack.enter_async_context(library(at_once))
            for name, library in LIBRARIES.items()
        }
        for play in plays.values():
            await play(at_once)
        settle_garbage()
        best = dict.fromkeys(plays, float("inf"))
        number = at_once * max(1, runs // at_once)
        for _ in range(rounds):
            for name, play in plays.items():
                began = process_time()
                await play(number)
                best[name] = min(best[name], 1e6 * (process_time() - began) / number)
    return best


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is done")
    parser.add_argument("--scale", type=float, default=1.0, help="how many runs there are")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    runs = max(1, round(1_000 * options.scale))
    figures = {
        str(at_once): asyncio.run(measure(runs, min(at_once, runs), options.rounds))
        for at_once in (1, 100)
    }
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(
        f"{f'1 model call, {CALLS} calls, 1 model call':36}{'µs a run':>10}{'a step':>10}"
        f"{'runs/s':>10}{'times ours':>12}"
    )
    for at_once, best in figures.items():
        for name, us in best.items():
            title = f"{name}, {at_once} at once"
            print(f"{title:36}{us:10.0f}{us / STEPS:10.0f}{1e6 / us:10.0f}{us / best[OURS]:12.1f}")


if __name__ == "__main__":
    main()
