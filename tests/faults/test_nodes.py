"""Several nodes are one organism: those that die or hang are replaced; nothing is done twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disturbing import again_and_again, under_load
from tests.faults.processes import PATIENCE
from tests.faults.project import write_project
from tests.faults.several import Nodes
from tests.faults.walking import inversions, walk
from tests.services.redis_server import RedisServer
from xml_pipeline.backends.redis.line import Line

pytestmark = [pytest.mark.timeout(300), pytest.mark.no_cover]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as server:
        write_project(tmp_path, f"{{type: redis, redis_url: '{server.url}'}}")
        yield Nodes(tmp_path, server)


async def test_nodes_that_are_killed_under_load_lose_nothing_and_do_nothing_twice(
    nodes: Nodes, tmp_path: Path
) -> None:
    for _ in range(3):
        await nodes.start()

    async def kill_one(number: int) -> None:
        await nodes.kill(nodes.living[0])
        await nodes.start()

    async with under_load(nodes, tmp_path) as disturbance:
        await again_and_again(disturbance, 4, 800, kill_one)
    verdict = await disturbance.verdict()
    assert await nodes.stop() == [143, 143, 143]
    assert verdict.is_clean, str(verdict)
    assert verdict.acknowledged > 4_000


async def holders(line: Line) -> dict[bytes, int]:
    """Return the nodes that hold something, and the process of each that lives."""
    found = {}
    for node in set(await line.say("HVALS", "xp:leases")):
        about = await line.say("GET", b"xp:node:" + node)
        found[node] = json.loads(about)["pid"] if about else 0
    return found


async def test_a_node_that_hangs_is_replaced_and_begins_anew_when_it_wakes(
    nodes: Nodes, tmp_path: Path
) -> None:
    frozen = await nodes.start()
    other = await nodes.start()
    line = Line(nodes.redis.url)
    (its,) = [node for node, pid in (await holders(line)).items() if pid == frozen.pid]
    async with under_load(nodes, tmp_path) as disturbance:
        await disturbance.acknowledged(300)
        nodes.living = [other]
        frozen.freeze()
        async with asyncio.timeout(PATIENCE):
            while its in await holders(line):
                pass
        frozen.thaw()
        async with asyncio.timeout(PATIENCE):
            while frozen.pid not in (await holders(line)).values():
                pass
        assert its not in await holders(line)
        assert "begins anew" in frozen.log.read_text()
        nodes.living.append(frozen)
        await disturbance.acknowledged(1_000)
    await line.close()
    verdict = await disturbance.verdict()
    assert await nodes.stop() == [143, 143]
    assert verdict.is_clean, str(verdict)


async def test_every_conversation_stays_in_order_whichever_node_has_it(
    nodes: Nodes, tmp_path: Path
) -> None:
    acknowledged = await walk(nodes, tmp_path, times=3, every=250)
    assert await nodes.stop() == [143, 143]
    assert inversions(tmp_path / "effects" / "clerk") == []
    assert len(acknowledged) >= 1_000
