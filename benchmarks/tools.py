#!/usr/bin/env python
"""What a call of a tool costs through an organism, against the same thing done without one.

Each row is a pair that is measured by turns, so that whatever slows the machine down slows both:
`calculate` and `read` against their bare functions, a command and a handler in a sandbox against
bare processes, an MCP tool against the SDK's client alone. The ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from mcp import Client, StdioServerParameters

from benchmarks.measuring import settle_garbage
from handlers.greeter import Greeted, Greeting, greet
from tests.mcp.house import STDIO, asked
from tests.mcp.house import organism as with_servers
from xml_pipeline import Listener, Organism, OrganismConfig
from xml_pipeline.config import SandboxConfig
from xml_pipeline.testing import memory_organism
from xml_pipeline.tools.beneath import Beneath
from xml_pipeline.tools.calculate import Calculate
from xml_pipeline.tools.enclosed import sandbox_of
from xml_pipeline.tools.expressions import evaluate
from xml_pipeline.tools.read import ReadFile, read_file
from xml_pipeline.tools.sandbox.command import Enclosure
from xml_pipeline.tools.sandbox.offered import offered
from xml_pipeline.tools.sandbox.running import run
from xml_pipeline.tools.sandbox.settings import SandboxSettings
from xml_pipeline.tools.workspace import Notes, Workspace

ROOT = Path(__file__).resolve().parents[1]
EXPRESSION = "2 * sqrt(3) < pi"
LINES = "".join(f"line {number} of a file\n" for number in range(200))
FILE = """
workspace: {root: spaces, template: template, per: tenant}
listeners:
  - {name: calculate, description: Calculates., handler: "tools:calculate"}
  - {name: read, description: Reads., handler: "tools:read"}
"""

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A call through the organism and one without it; ``calls`` of them make a round."""

    name: str
    about: str
    bare: Call
    ours: Call
    calls: int
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """What a pair came to: µs of one call at best, and how many times the bare one ours took."""

    name: str
    about: str
    bare_us: float
    us: float
    ratio: float
    most: float | None


@asynccontextmanager
async def built_in(folder: Path) -> AsyncIterator[Iterator[Pair]]:
    """Give the pairs of built-in tools that need no process."""
    (folder / "template").mkdir()
    (folder / "template" / "file").write_text(LINES)
    (folder / "organism.yaml").write_text(FILE)
    place = str(folder / "template")
    space = Workspace(place, Beneath(place), Notes(str(folder), ("notes",)))

    async def calculate() -> str:
        return str(evaluate(EXPRESSION))

    async def read() -> object:
        return await asyncio.to_thread(read_file, space, ReadFile("file"))

    async with Organism.load(folder / "organism.yaml") as organism:
        yield iter(
            (
                Pair(
                    "calculate",
                    "calculate, a bare function",
                    calculate,
                    lambda: organism.ask("calculate", Calculate(EXPRESSION)),
                    500,
                ),
                Pair(
                    "read",
                    "read 200 lines, its bare function",
                    read,
                    lambda: organism.ask("read", ReadFile("file")),
                    200,
                ),
            )
        )


@asynccontextmanager
async def enclosed(folder: Path) -> AsyncIterator[Iterator[Pair]]:
    """Give the pairs of what runs in a sandbox; none where nothing encloses it."""
    found = offered()
    if found.best is None:
        print(f"nothing encloses processes here: {found.reasons}", file=sys.stderr)
        yield iter(())
        return
    made = Enclosure(found.best, SandboxSettings(), found)
    sandbox = sandbox_of(SandboxConfig(readable=(str(ROOT),)), OrganismConfig(), ROOT)
    about: dict[str, Any] = {"output": Greeted, "description": "Greets.", "sandbox": sandbox}
    imports = "import xml_pipeline.dispatch.worker, handlers.greeter"
    async with memory_organism(Listener("greeter", Greeting, greet, **about)) as organism:
        yield iter(
            (
                Pair(
                    "command",
                    f"/bin/true in {found.best}, a bare process",
                    lambda: _process("/bin/true"),
                    lambda: run(made, ["/bin/true"], str(folder), 60.0),
                    10,
                ),
                Pair(
                    "handler",
                    f"a handler in {found.best}, an interpreter",
                    lambda: _process(sys.executable, "-c", imports),
                    lambda: organism.ask("greeter", Greeting("Ada"), timeout=60.0),
                    3,
                ),
            )
        )


async def _process(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, cwd=ROOT, start_new_session=True
    )
    await process.communicate()


@asynccontextmanager
async def of_a_server(folder: Path) -> AsyncIterator[Iterator[Pair]]:
    """Give the pair of an MCP tool; a program is the server, over its standard streams."""
    program = StdioServerParameters(
        command=STDIO["command"], args=list(STDIO["args"]), cwd=STDIO["cwd"]
    )
    async with (
        Client(program, cache=None) as client,
        with_servers(folder, box=STDIO) as organism,
    ):
        payload = asked(organism, "box.add", a=1)
        yield iter(
            (
                Pair(
                    "mcp",
                    "an MCP tool, the SDK's client alone",
                    lambda: client.call_tool("add", {"a": 1}),
                    lambda: organism.ask("box.add", payload),
                    60,
                    1.3,
                ),
            )
        )


async def measure(rounds: int, scale: float, only: str | None) -> list[Figure]:
    """Play all pairs, round by round."""
    async with AsyncExitStack() as stack:
        pairs: list[Pair] = []
        for each in (built_in, enclosed, of_a_server):
            folder = Path(stack.enter_context(TemporaryDirectory()))
            pairs += await stack.enter_async_context(each(folder))
        settle_garbage()
        chosen = [each for each in pairs if only in (None, each.name)]
        return [await _figure(each, rounds, max(1, round(each.calls * scale))) for each in chosen]


async def _figure(pair: Pair, rounds: int, calls: int) -> Figure:
    bare, ours = list[float](), list[float]()
    for _ in range(rounds + 1):
        bare.append(await _seconds(pair.bare, calls))
        ours.append(await _seconds(pair.ours, calls))
    del bare[0], ours[0]  # The first ones connect, and warm up.
    ratio = median(b / a for a, b in zip(bare, ours, strict=True))
    return Figure(pair.name, pair.about, 1e6 * min(bare), 1e6 * min(ours), ratio, pair.most)


async def _seconds(call: Call, calls: int) -> float:
    began = perf_counter()
    for _ in range(calls):
        await call()
    return (perf_counter() - began) / calls


def table(figures: list[Figure]) -> str:
    """Write the figures for people."""
    rows = [f"{'':44}{'bare µs':>10}{'ours µs':>10}{'times':>8}{'at most':>9}"]
    for each in figures:
        most = f"{each.most:9.1f}" if each.most is not None else ""
        rows.append(f"{each.about:44}{each.bare_us:10.0f}{each.us:10.0f}{each.ratio:8.2f}{most}")
    return "\n".join(rows)


def main() -> None:
    """Measure what the command line asks for, and print it."""
    names = ("calculate", "read", "command", "handler", "mcp")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="how often each pair is played")
    parser.add_argument("--scale", type=float, default=1.0, help="how long each round is")
    parser.add_argument("--only", choices=names, help="measure this pair only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.rounds, options.scale, options.only))
    print(
        json.dumps([asdict(each) for each in figures], indent=2) if options.json else table(figures)
    )


if __name__ == "__main__":
    main()
