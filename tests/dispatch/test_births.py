"""Workers are forked in a nursery; what becomes of either, nobody waits for in vain."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import Watched, lines_of, parent_of, until, workshop
from xml_pipeline.dispatch.births import Births
from xml_pipeline.errors import HandlerFailed, XmlPipelineError
from xml_pipeline.organism import Organism


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def worker_of(organism: Organism) -> int:
    answer = await organism.ask("crafter", Order("process"))
    assert isinstance(answer, Made)
    return int(answer.what)


@contextmanager
def something_to_have() -> Iterator[tuple[int, int]]:
    """Give what a worker is given: both ends stay here as well, so that it does not end."""
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


async def test_all_workers_are_children_of_one_nursery() -> None:
    async with workshop(workers=2) as organism:
        workers = organism.kernel.offload.pool.workers
        await asyncio.gather(*(each.ready for each in workers))
        [nursery] = {parent_of(each.pid) for each in workers}
        assert parent_of(nursery) == os.getpid()
        watched = Watched(nursery)
    assert watched.end_within(0)


async def test_where_the_nursery_is_killed_its_workers_go_with_it_and_others_come() -> None:
    async with workshop() as organism:
        old = await worker_of(organism)
        with lines_of("crafts") as lines:
            busy = asyncio.create_task(organism.ask("crafter", Order("loop")))
            watched = Watched(int((await lines.next("loops")).getMessage().split()[1]))
            os.kill(parent_of(old), signal.SIGKILL)
            with pytest.raises(HandlerFailed):
                await busy
        assert await asyncio.to_thread(watched.end_within, 1)
        assert await worker_of(organism) != old


async def test_whoever_does_not_wait_for_a_birth_leaves_no_process_behind() -> None:
    births, gone = Births(), list[int]()
    with something_to_have() as (pipe, output):
        waiting = asyncio.create_task(births.give(pipe, output, gone.append))
        await asyncio.sleep(0)
        waiting.cancel()
        pid = await births.give(pipe, output, gone.append)
        await until(lambda: children_of(parent_of(pid)) == [pid])
        await births.close()
    assert gone == [-signal.SIGKILL]


async def test_a_nursery_that_is_not_needed_any_more_ends_and_another_may_be_had() -> None:
    births = Births()
    await births.close()
    with something_to_have() as (pipe, output):
        pids = []
        for _ in range(2):
            pids.append(await births.give(pipe, output, lambda code: None))
            watched = Watched(parent_of(pids[-1]), pids[-1])
            await births.close()
            assert await asyncio.to_thread(watched.end_within, 1)
    assert len(set(pids)) == 2


async def test_who_waits_for_a_birth_when_the_nursery_goes_is_told() -> None:
    births = Births()
    with something_to_have() as (pipe, output):
        waiting = asyncio.create_task(births.give(pipe, output, lambda code: None))
        await asyncio.sleep(0)
        await births.close()
        with pytest.raises(OSError, match="has ended"):
            await waiting


async def test_an_organism_whose_workers_never_get_ready_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    organism = workshop()
    with pytest.raises(XmlPipelineError, match="no worker process gets ready"):
        async with organism:
            pass
    assert organism.kernel.offload.pool.workers == ()


async def test_a_program_that_cannot_be_started_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(XmlPipelineError, match="no worker process gets ready"):
        async with workshop():
            pass
    assert "no worker can be started: " in caplog.text
