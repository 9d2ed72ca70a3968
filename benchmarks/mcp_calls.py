"""What a call of an MCP tool through an organism costs, against the SDK's client alone.

``python -m benchmarks.mcp_calls [ROUNDS]``: a program is the server, over its standard streams.
Rounds of the two stand by turns, so that whatever slows the machine down slows both.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from mcp import Client, StdioServerParameters

from tests.mcp.house import STDIO, asked, organism

CALLS = 60
"""Calls of one round, one after another."""


async def measure(rounds: int) -> None:
    """Print both medians, and their ratio."""
    bare, ours = list[float](), list[float]()
    program = StdioServerParameters(
        command=STDIO["command"], args=list(STDIO["args"]), cwd=STDIO["cwd"]
    )
    with TemporaryDirectory() as folder:
        async with (
            Client(program, cache=None) as client,
            organism(Path(folder), box=STDIO) as running,
        ):
            payload = asked(running, "box.add", a=1)
            for _ in range(rounds + 1):
                bare.append(await _round(lambda: client.call_tool("add", {"a": 1})))
                ours.append(await _round(lambda: running.ask("box.add", payload)))
    sdk, us = median(bare[1:]), median(ours[1:])  # The first ones connect.
    print(
        f"SDK alone: {sdk:.2f} ms a call; through the organism: {us:.2f} ms; {us / sdk:.2f} times"
    )


async def _round(call: Callable[[], Awaitable[object]]) -> float:
    """Return the milliseconds that one call took."""
    began = time.perf_counter()
    for _ in range(CALLS):
        await call()
    return (time.perf_counter() - began) / CALLS * 1000


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
