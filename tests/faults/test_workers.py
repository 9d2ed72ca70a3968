"""R4, R5 and R24: worker processes that break.

Only the message that broke one is affected; what breaks is replaced; nothing is left behind.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import Watched, crafter, lines_of, workshop
from tests.house.source import ROOT
from xml_pipeline.errors import HandlerFailed, Timeout, Unanswered
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.organism import Organism

JOBS = 5_000
CRASHES = {"segfault": 30, "kill": 30, "exit": 25, "hoard": 10, "loop": 5}
REASONS = {
    "segfault": "was killed by SIGSEGV",
    "kill": "was killed by SIGKILL",
    "exit": "ended with exit code 3",
    "hoard": "MemoryError",
    "loop": "looper took longer than 0.5 s",
}
AT_ONCE = 100
POISON = 5
CANCELS = 100


@pytest.fixture
def faults() -> list[FaultEvent]:
    """Give a list for the faults that an organism tells of."""
    return []


def note(organism: Organism, faults: list[FaultEvent]) -> None:
    """Have the faults of an organism noted."""

    def hear(event: Event) -> None:
        if isinstance(event, FaultEvent):
            faults.append(event)

    organism.subscribe(hear)


async def outcome(organism: Organism, what: str, about: str) -> str:
    """Give an order, and return what came of it, or the code of its fault."""
    to = "looper" if what == "loop" else "crafter"
    try:
        answer = await organism.ask(to, Order(what, about))
    except Unanswered as error:
        return f"{type(error).__name__} {error.code}"
    assert isinstance(answer, Made)
    return answer.what


async def all_outcomes(organism: Organism, orders: list[tuple[str, str]]) -> list[str]:
    """Give many orders, a hundred at a time, and return what came of each."""
    outcomes: list[str] = [""] * len(orders)
    waiting = iter(enumerate(orders))

    async def work(waiting: Iterator[tuple[int, tuple[str, str]]]) -> None:
        for place, (what, about) in waiting:
            outcomes[place] = await outcome(organism, what, about)

    await asyncio.gather(*(work(waiting) for _ in range(AT_ONCE)))
    return outcomes


@pytest.mark.no_cover
async def test_a_hundred_crashes_among_thousands_of_jobs_cost_only_themselves(
    faults: list[FaultEvent],
) -> None:
    crashes = [kind for kind, times in CRASHES.items() for _ in range(times)]
    orders = [(what, "3") for what in crashes]
    orders += [("echo", str(number)) for number in range(JOBS - len(orders))]
    Random(4).shuffle(orders)
    listeners = crafter(), crafter("looper", timeout=0.5)
    async with workshop(*listeners, workers=2, memory_mb=512) as organism:
        note(organism, faults)
        outcomes = await all_outcomes(organism, orders)
        assert organism.kernel.scheduler.running == organism.kernel.scheduler.waiting == 0
        assert len(organism.kernel.threads) == 0
    expected = dict.fromkeys(CRASHES, "HandlerFailed handler") | {"loop": "Timeout timeout"}
    for (what, about), came in zip(orders, outcomes, strict=True):
        assert came == expected.get(what, about)
    told = Counter(
        what for each in faults for what, reason in REASONS.items() if reason in each.detail
    )
    assert told == CRASHES
    assert len(faults) == len(crashes)


async def test_a_worker_that_was_killed_is_replaced_within_a_second() -> None:
    async with workshop() as organism:
        for _ in range(3):
            with pytest.raises(HandlerFailed):
                await organism.ask("crafter", Order("kill"))
            async with asyncio.timeout(3):  # A second, and what a busy machine takes.
                assert await organism.ask("crafter", Order("echo", "back")) == Made("back")


@pytest.mark.no_cover
async def test_poison_is_laid_aside_after_five_deliveries_and_nothing_good_is_lost(
    faults: list[FaultEvent],
) -> None:
    orders = [("segfault", "")] * POISON + [("echo", str(n)) for n in range(JOBS - POISON)]
    Random(5).shuffle(orders)
    stubborn = crafter(max_deliveries=5, retry_delays=(0.01, 0.02))
    async with workshop(stubborn, workers=2) as organism:
        note(organism, faults)
        outcomes = await all_outcomes(organism, orders)
        letters = await organism.kernel.journal.backend.letters()
    for (what, about), came in zip(orders, outcomes, strict=True):
        assert came == (about if what == "echo" else "HandlerFailed handler")
    assert [each.code for each in faults] == ["handler"] * POISON
    assert len(letters) == POISON
    for letter in letters:
        assert (letter.attempts, letter.listener) == (5, "crafter")
        assert "was killed by SIGSEGV" in letter.reason
        assert b"<what>segfault</what>" in letter.payload


@pytest.mark.no_cover
async def test_a_hundred_jobs_that_are_cancelled_end_within_a_second_and_leave_nothing() -> None:
    seen: list[tuple[int, int]] = []
    late = 0
    with lines_of("crafts") as lines:
        async with workshop(workers=2) as organism:
            for number in range(CANCELS):
                asking = asyncio.create_task(organism.ask("crafter", Order("spend and loop")))
                watched = Watched(int((await lines.next("loops")).getMessage().split()[1]))
                [thread] = organism.kernel.threads
                budget = organism.kernel.budgets.of(thread.conversation)
                held = budget.reserved_tokens
                if number % 2:
                    asking.cancel()
                else:
                    organism.kill(thread.id)
                await asyncio.wait({asking})
                late += not await asyncio.to_thread(watched.end_within, 1)
                seen.append((held, budget.reserved_tokens))
            assert await organism.ask("crafter", Order("echo", "still here")) == Made("still here")
            assert organism.kernel.scheduler.running == 0
    assert seen == [(10, 0)] * CANCELS
    assert late == 0


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
