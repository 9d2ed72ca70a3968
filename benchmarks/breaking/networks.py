"""R2, R3, R15, R23: Redis or a node is killed, hangs, or is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.breaking.outcome import SEED, Fault, Outcome, first, percentile, some
from tests.faults.project import write_project
from tests.faults.redis_gone import Weathered, cut_off, hung, killed
from tests.faults.several import Nodes
from tests.faults.walking import STEPS, inversions, walk
from tests.services.redis_server import RedisServer

MOST_WAIT = 5.0
MOST_RESUME = 3.0
HANG = 30.0


@contextmanager
def _redis() -> Iterator[tuple[RedisServer, Path]]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        with RedisServer(folder / "redis") as server:
            yield server, folder


def _weathered(
    done: str, disturb: Callable[[RedisServer, Path], Awaitable[Weathered]], most_resume: float
) -> Outcome:
    async def run() -> Weathered:
        with _redis() as (server, folder):
            return await disturb(server, folder)

    it = asyncio.run(run())
    verdict, resumed = it.verdict, percentile(it.resumed, 95)
    return Outcome(
        f"{done}, {verdict.acknowledged + verdict.refused + verdict.unknown:,} orders",
        f"{len(verdict.lost)} lost of {verdict.acknowledged:,} acknowledged, "
        f"{len(verdict.doubled)} doubled, {verdict.refused} refused, {verdict.unknown} unknown; "
        f"the slowest answer took {it.slowest:.1f} s, the next acknowledgement {resumed:.1f} s "
        f"(p95), {it.threads:+d} threads",
        verdict.is_clean,
        it.slowest <= MOST_WAIT and resumed <= most_resume,
    )


def redis_killed(scale: float) -> Outcome:
    """Kill Redis under load."""
    times = some(100 * scale)
    return _weathered(f"{times} kills", partial(killed, times=times, every=400), MOST_RESUME)


def redis_hangs(scale: float) -> Outcome:
    """Let Redis hang under load."""
    times = some(20 * scale)
    rest = partial(asyncio.sleep, HANG)
    disturb = partial(hung, times=times, every=200, meanwhile=rest)
    return _weathered(f"{times} times {HANG:.0f} s", disturb, MOST_WAIT)


def network_fails(scale: float) -> Outcome:
    """Let the network to Redis delay, cut and lose."""
    times = some(500 * scale)
    disturb = partial(cut_off, times=times, every=40, seed=SEED)
    return _weathered(f"{times} cuts, every tenth after a loss one way", disturb, MOST_WAIT)


def out_of_order(scale: float) -> Outcome:
    """Replace nodes while orders walk over them."""
    times, every = some(6 * scale), 250

    async def run() -> tuple[set[int], list[int]]:
        with _redis() as (server, folder):
            write_project(folder, f"{{type: redis, redis_url: '{server.url}'}}")
            nodes = Nodes(folder, server)
            acknowledged = await walk(nodes, folder, times=times, every=every)
            await nodes.stop()
            return acknowledged, inversions(folder / "effects" / "clerk")

    acknowledged, wrong = asyncio.run(run())
    return Outcome(
        f"{times} of two nodes killed and replaced, {len(acknowledged) * STEPS:,} messages",
        f"{len(wrong)} inversions in {len(acknowledged):,} threads of {STEPS} steps{first(wrong)}",
        not wrong,
    )


NETWORKS = (
    Fault(
        "R2",
        "Redis is killed under load, and starts again",
        "nothing lost or doubled; no answer after more than 5 s, work again within 3 s",
        redis_killed,
    ),
    Fault(
        "R3",
        "Redis hangs under load, and lives again",
        "nothing lost or doubled; no answer after more than 5 s, no threads left",
        redis_hangs,
    ),
    Fault(
        "R15",
        "the network to Redis delays, cuts and loses",
        "nothing lost or doubled",
        network_fails,
    ),
    Fault(
        "R23",
        "nodes are killed while conversations are under way",
        "no step of a conversation before the one before it",
        out_of_order,
    ),
)
