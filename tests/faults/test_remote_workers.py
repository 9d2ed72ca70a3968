"""Remote workers are killed under load: every job is answered, and none is lost."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.shell import Running
from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import crafter
from tests.dispatch.served import allowing, serving, spread
from tests.services.redis_server import RedisServer
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.organism import Organism

pytestmark = pytest.mark.no_cover

JOBS = 2_000
AT_ONCE = 50
WORKERS = 4


async def do_all(organism: Organism, answered: asyncio.Semaphore) -> list[object]:
    """Give many orders, so many at a time; return what came of each."""
    told: list[object] = [None] * JOBS
    numbers = iter(range(JOBS))

    async def give() -> None:
        for number in numbers:
            told[number] = await organism.ask("crafter", Order("echo", str(number)))
            answered.release()

    await asyncio.gather(*(give() for _ in range(AT_ONCE)))
    return told


async def kill_all_but_one(workers: list[Running], answered: asyncio.Semaphore) -> None:
    """Kill one worker after the other, in the midst of what they do."""
    for worker in workers[1:]:
        for _ in range(JOBS // (2 * WORKERS)):
            await answered.acquire()
        worker.process.kill()


@pytest.mark.parametrize("survivors", [1, 0])
async def test_workers_that_are_killed_under_load_lose_nothing(
    tmp_path: Path, survivors: int
) -> None:
    seen: list[Event] = []
    patient = crafter(max_deliveries=5, retry_delays=(0.01, 0.1))
    answered = asyncio.Semaphore(0)
    with RedisServer(tmp_path) as redis, ExitStack() as stack:
        start = (redis.url, "--processes", "1")
        file = allowing(tmp_path)
        workers = [stack.enter_context(serving(*start, file=file)) for _ in range(WORKERS)]
        async with spread(redis.url, patient) as organism:
            assert organism.kernel.offload.places == WORKERS
            organism.subscribe(seen.append)
            doing = asyncio.create_task(do_all(organism, answered))
            await kill_all_but_one(workers if survivors else [workers[0], *workers], answered)
            async with asyncio.timeout(120):
                assert await doing == [Made(str(number)) for number in range(JOBS)]
            assert organism.kernel.scheduler.running == organism.kernel.scheduler.waiting == 0
    assert not [each for each in seen if isinstance(each, FaultEvent)]
