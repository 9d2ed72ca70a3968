"""R2, R3 and R15: Redis is killed, hangs, or is cut off, again and again, under load."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.checker import Verdict
from tests.faults.disturbing import Disturbance, again_and_again, under_load
from tests.faults.processes import PATIENCE, Runner
from tests.faults.project import write_project
from tests.faults.proxy import Proxy, proxy_to
from tests.services.redis_server import RedisServer


@dataclass(frozen=True, slots=True)
class Weathered:
    """What came of it: the verdict, and the code of the exit.

    ``slowest`` is the longest that anybody waited for an answer, ``resumed`` after how long the
    next order was acknowledged each time, ``threads`` how many the process has more in the end.
    """

    verdict: Verdict
    slowest: float
    resumed: tuple[float, ...]
    threads: int
    code: int
    cuts: int = 0


async def killed(server: RedisServer, folder: Path, *, times: int, every: int) -> Weathered:
    """Kill Redis and start it again; once, when half of that is done, the organism as well."""

    async def kill(number: int, runner: Runner, _: Disturbance) -> None:
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        if number == times // 2:
            await _anew(runner)

    return await _weather(folder, server.port, times, every, kill)


async def hung(
    server: RedisServer,
    folder: Path,
    *,
    times: int,
    every: int,
    meanwhile: Callable[[], Awaitable[object]] | None = None,
) -> Weathered:
    """Let Redis hang until somebody is told so, and ``meanwhile`` has come to an end."""

    async def hang(number: int, runner: Runner, disturbance: Disturbance) -> None:
        disturbance.failed.clear()
        server.freeze()
        async with asyncio.timeout(PATIENCE):
            await disturbance.failed.wait()
        if meanwhile is not None:
            await meanwhile()
        server.thaw()

    return await _weather(folder, server.port, times, every, hang)


async def cut_off(
    server: RedisServer, folder: Path, *, times: int, every: int, seed: int
) -> Weathered:
    """Let the network between delay, cut and lose; now and then kill the organism as well."""
    async with proxy_to(server.port, seed) as proxy:

        async def disturb(number: int, runner: Runner, _: Disturbance) -> None:
            await _fail(proxy, number)
            if number % 25 == 12:  # What was written twice is read twice.
                await _anew(runner)

        return await _weather(folder, proxy.port, times, every, disturb, lambda: proxy.cuts)


async def _weather(
    folder: Path,
    port: int,
    times: int,
    every: int,
    disturb: Callable[[int, Runner, Disturbance], Awaitable[None]],
    cuts: Callable[[], int] = lambda: 0,
) -> Weathered:
    write_project(folder, f"{{type: redis, redis_url: 'redis://127.0.0.1:{port}'}}")
    runner, resumed = Runner(folder), list[float]()
    clock = asyncio.get_running_loop().time
    await runner.start()
    before = _threads(runner)

    async with under_load(runner, folder) as disturbance:

        async def one(number: int) -> None:
            await disturb(number, runner, disturbance)
            began = clock()
            await disturbance.acknowledged(1)
            resumed.append(clock() - began)

        await again_and_again(disturbance, times, every, one)
    verdict, grown = await disturbance.verdict(), _threads(runner) - before
    code = await runner.stop()
    return Weathered(verdict, disturbance.load.slowest, tuple(resumed), grown, code, cuts())


def _threads(runner: Runner) -> int:
    """Return how many threads the process has; 0 where the system does not say."""
    tasks = Path(f"/proc/{runner.pid}/task")
    return len(os.listdir(tasks)) if tasks.exists() else 0


async def _anew(runner: Runner) -> None:
    await runner.kill()
    await runner.start()


async def _fail(proxy: Proxy, number: int) -> None:
    """Cut, now in one direction and now in the other; every tenth time lose one way first.

    What is lost is noticed by nobody until patience ends and a new connection is made.
    """
    proxy.delayed = number % 2 == 1
    cut, connected = asyncio.Event(), asyncio.Event()
    proxy.has_cut, proxy.has_connected = cut.set, connected.set
    async with asyncio.timeout(PATIENCE):
        if number % 10 == 9:
            proxy.drops = "back" if number % 20 == 9 else "there"
            await connected.wait()
            proxy.drops = None
        proxy.cut("there" if number % 4 < 2 else "back")
        await cut.wait()
