"""R4, R5 and R24: worker processes that break.

Only the message that broke one is affected; what breaks is replaced; nothing is left behind.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import Watched, crafter, lines_of, workshop
from tests.faults.crashing import Cancelled, cancel, crash_among, poison_among
from tests.house.source import ROOT
from xml_pipeline.errors import HandlerFailed, Timeout

JOBS = 5_000
CRASHES = {"segfault": 30, "kill": 30, "exit": 25, "hoard": 10, "loop": 5}
POISON = 5
CANCELS = 100


@pytest.mark.no_cover
async def test_a_hundred_crashes_among_thousands_of_jobs_cost_only_themselves() -> None:
    done = await crash_among(JOBS, CRASHES)
    assert done.wrong == ()
    assert done.left == 0
    assert done.told == CRASHES
    assert len(done.faults) == sum(CRASHES.values())


async def test_a_worker_that_was_killed_is_replaced_within_a_second() -> None:
    async with workshop() as organism:
        for _ in range(3):
            with pytest.raises(HandlerFailed):
                await organism.ask("crafter", Order("kill"))
            async with asyncio.timeout(3):  # A second, and what a busy machine takes.
                assert await organism.ask("crafter", Order("echo", "back")) == Made("back")


@pytest.mark.no_cover
async def test_poison_is_laid_aside_after_five_deliveries_and_nothing_good_is_lost() -> None:
    done = await poison_among(JOBS, POISON)
    assert done.wrong == ()
    assert [each.code for each in done.faults] == ["handler"] * POISON
    assert len(done.letters) == POISON
    for letter in done.letters:
        assert (letter.attempts, letter.listener) == (5, "crafter")
        assert "was killed by SIGSEGV" in letter.reason
        assert b"<what>segfault</what>" in letter.payload


@pytest.mark.no_cover
async def test_a_hundred_jobs_that_are_cancelled_end_within_a_second_and_leave_nothing() -> None:
    assert await cancel(CANCELS) == Cancelled(late=0, held=0, left=0)


def test_no_worker_outlives_an_organism_that_is_killed() -> None:
    command = (sys.executable, "-m", "tests.faults.parent")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        watched = Watched(*pids)
        parent.kill()
    assert len(pids) == 3
    assert watched.end_within(1)


async def test_an_organism_that_is_left_while_its_workers_are_busy_leaves_none() -> None:
    with lines_of("crafts") as lines:
        async with workshop(workers=2) as organism:
            for _ in range(3):
                await organism.send("crafter", Order("loop"))
            for _ in range(2):
                await lines.next("loops")
            watched = Watched(*(each.pid for each in organism.kernel.offload.pool.workers))
    assert watched.end_within(0)


async def test_a_timeout_is_told_as_one_however_many_loop() -> None:
    async with workshop(crafter(timeout=0.5), workers=2) as organism:
        asking = [organism.ask("crafter", Order("loop")) for _ in range(4)]
        told = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in told] == [Timeout] * 4
