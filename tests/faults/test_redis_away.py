"""R2, R3 and R15: Redis is killed, hangs, or is cut off, and nothing is lost or done twice.

``REDIS_KILLS``, ``REDIS_HANGS`` and ``REDIS_CUTS`` in the environment make it the full size.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disturbing import again_and_again, under_load
from tests.faults.processes import PATIENCE, Runner
from tests.faults.project import write_project
from tests.faults.proxy import Proxy, proxy_to
from tests.services.redis_server import RedisServer

pytestmark = [pytest.mark.timeout(600), pytest.mark.no_cover]

KILLS = int(os.environ.get("REDIS_KILLS", "20"))
HANGS = int(os.environ.get("REDIS_HANGS", "3"))
CUTS = int(os.environ.get("REDIS_CUTS", "50"))
SEED = 20261127
LONGEST = 5.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as server:
        yield server


async def running(folder: Path, port: int) -> Runner:
    write_project(folder, f"{{type: redis, redis_url: 'redis://127.0.0.1:{port}'}}")
    runner = Runner(folder)
    await runner.start()
    return runner


async def test_a_redis_that_is_killed_under_load_costs_nothing_but_time(
    server: RedisServer, tmp_path: Path
) -> None:
    runner = await running(tmp_path, server.port)

    async def kill(number: int) -> None:
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        if number == KILLS // 2:
            await runner.kill()
            await runner.start()

    async with under_load(runner, tmp_path) as disturbance:
        await again_and_again(disturbance, KILLS, 100, kill)
    verdict = await disturbance.verdict()
    assert await runner.stop() == 143
    assert verdict.is_clean, str(verdict)
    assert disturbance.load.slowest < LONGEST


async def test_a_redis_that_hangs_is_told_of_in_time_and_gone_on_with_when_it_wakes(
    server: RedisServer, tmp_path: Path
) -> None:
    runner = await running(tmp_path, server.port)

    async with under_load(runner, tmp_path) as disturbance:

        async def hang(number: int) -> None:
            disturbance.failed.clear()
            server.freeze()
            async with asyncio.timeout(PATIENCE):
                await disturbance.failed.wait()
            server.thaw()

        await again_and_again(disturbance, HANGS, 200, hang)
    verdict = await disturbance.verdict()
    assert await runner.stop() == 143
    assert verdict.is_clean, str(verdict)
    assert disturbance.load.slowest < LONGEST
    assert verdict.unknown + verdict.refused >= HANGS


async def test_a_network_that_delays_cuts_and_loses_costs_nothing_but_time(
    server: RedisServer, tmp_path: Path
) -> None:
    async with proxy_to(server.port, SEED) as proxy:
        runner = await running(tmp_path, proxy.port)
        async with under_load(runner, tmp_path) as disturbance:

            async def disturb(number: int) -> None:
                await fail(proxy, number)
                if number % 25 == 12:  # What was written twice is read twice.
                    await runner.kill()
                    await runner.start()

            await again_and_again(disturbance, CUTS, 40, disturb)
        verdict = await disturbance.verdict()
        assert await runner.stop() == 143
    assert proxy.cuts >= CUTS * 8 // 10
    assert verdict.is_clean, f"seed {SEED}: {verdict}"
    assert disturbance.load.slowest < LONGEST


async def fail(proxy: Proxy, number: int) -> None:
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
