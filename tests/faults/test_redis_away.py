"""R2, R3 and R15: Redis is killed, hangs, or is cut off, and nothing is lost or done twice.

``REDIS_KILLS``, ``REDIS_HANGS`` and ``REDIS_CUTS`` in the environment make it the full size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.redis_gone import cut_off, hung, killed
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


async def test_a_redis_that_is_killed_under_load_costs_nothing_but_time(
    server: RedisServer, tmp_path: Path
) -> None:
    weathered = await killed(server, tmp_path, times=KILLS, every=100)
    assert weathered.code == 143
    assert weathered.verdict.is_clean, str(weathered.verdict)
    assert weathered.slowest < LONGEST


async def test_a_redis_that_hangs_is_told_of_in_time_and_gone_on_with_when_it_wakes(
    server: RedisServer, tmp_path: Path
) -> None:
    weathered = await hung(server, tmp_path, times=HANGS, every=200)
    assert weathered.code == 143
    assert weathered.verdict.is_clean, str(weathered.verdict)
    assert weathered.slowest < LONGEST
    assert weathered.verdict.unknown + weathered.verdict.refused >= HANGS


async def test_a_network_that_delays_cuts_and_loses_costs_nothing_but_time(
    server: RedisServer, tmp_path: Path
) -> None:
    weathered = await cut_off(server, tmp_path, times=CUTS, every=40, seed=SEED)
    assert weathered.code == 143
    assert weathered.cuts >= CUTS * 8 // 10
    assert weathered.verdict.is_clean, f"seed {SEED}: {weathered.verdict}"
    assert weathered.slowest < LONGEST
