"""Whose turn it is: long jobs keep no brief ones waiting, and have only places of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import Deaf, Watched, all_ready, crafter, lines_of, until, workshop
from xml_pipeline.dispatch.jobs import Answer
from xml_pipeline.dispatch.process import Task, WorkerProcess
from xml_pipeline.dispatch.turns import LAST, Crew, Turns
from xml_pipeline.organism import Organism

ANSWER = Answer((), b"")

LONG = 1.0
"""Seconds after which a job is long: none is that only waits for its turn on a busy machine."""


class Shop:
    """Turns of so many workers, whose processes have not been started: they take what they get."""

    def __init__(self, workers: int, long_jobs: int, processes: int = 9) -> None:
        self.changes = 0
        self.begun: list[str] = []
        self.turns = Turns(Crew(workers, long_jobs, LONG, 1000, b""), self._count)
        self._tasks: dict[str, Task] = {}
        for number in range(processes):
            self.turns.free(WorkerProcess(f"worker-{number}", self.turns.free))

    def give(self, *names: str, listener: str = "crafter") -> None:
        """Let jobs wait that are for a listener."""
        for name in names:
            host = Deaf()
            host.listener = listener
            self._tasks[name] = Task(self._job(name), host)
            self.turns.wait(self._tasks[name])

    async def last(self) -> None:
        """Let what is under way last long."""
        await asyncio.sleep(1.5 * LONG)

    def end(self, *names: str) -> None:
        """Have jobs done."""
        for name in names:
            task = self._tasks[name]
            assert task.worker is not None
            task.reply.set_result(ANSWER)
            self.turns.free(task.worker)
            self.turns.hand_out()

    def know_to_be_brief(self, listener: str) -> None:
        """Let a listener be one whose jobs are brief."""
        for number in range(LAST):
            self.give(str(number), listener=listener)
            self.end(str(number))
        self.begun.clear()

    async def know_to_be_long(self, listener: str) -> None:
        """Let a listener be one whose jobs are long."""
        self.give(listener, listener=listener)
        await self.last()
        self.end(listener)
        self.begun.clear()

    def _job(self, name: str) -> Callable[[], bytes]:
        def job() -> bytes:
            self.begun.append(name)
            return b""

        return job

    def _count(self) -> None:
        self.changes += 1


@pytest.mark.virtual_clock
async def test_brief_jobs_have_as_many_places_as_there_are_workers() -> None:
    shop = Shop(workers=2, long_jobs=1)
    shop.give("a", "b", "c", "d")
    assert shop.begun == ["a", "b"]
    shop.end("b")
    assert shop.begun == ["a", "b", "c"]


@pytest.mark.virtual_clock
async def test_a_job_that_takes_long_leaves_its_place_to_the_next() -> None:
    shop = Shop(workers=1, long_jobs=1)
    shop.know_to_be_brief("crafter")
    shop.give("endless", "next")
    assert shop.begun == ["endless"]
    await shop.last()
    assert shop.begun == ["endless", "next"]
    assert (shop.turns.aside, shop.turns.long_jobs, shop.changes) == (1, 1, 1)
    shop.end("endless")
    assert (shop.turns.aside, shop.turns.long_jobs, shop.changes) == (0, 0, 2)


@pytest.mark.virtual_clock
async def test_no_more_step_aside_than_there_are_places_for_long_jobs() -> None:
    shop = Shop(workers=1, long_jobs=1)
    shop.know_to_be_brief("crafter")
    shop.give("endless", "another", "next")
    for _ in range(3):
        await shop.last()
    assert shop.begun == ["endless", "another"]
    shop.end("endless")
    assert shop.begun == ["endless", "another", "next"]
    assert shop.turns.aside == 1


@pytest.mark.virtual_clock
async def test_jobs_that_are_expected_to_be_long_have_as_many_places_as_workers_in_all() -> None:
    shop = Shop(workers=2, long_jobs=4)
    await shop.know_to_be_long("looper")
    await shop.know_to_be_long("digger")
    shop.give("a", "b", listener="looper")
    shop.give("c", listener="digger")
    await shop.last()
    assert shop.begun == ["a", "b"]
    assert shop.turns.aside == 0
    shop.give("d", "e", "f")
    assert shop.begun == ["a", "b", "d", "e"]
    shop.end("a")
    assert shop.begun == ["a", "b", "d", "e", "c"]


@pytest.mark.virtual_clock
async def test_who_begins_with_long_jobs_alone_never_has_more_under_way_than_workers() -> None:
    shop = Shop(workers=2, long_jobs=4)
    shop.give("a", "b", "c", "d")
    await shop.last()
    assert shop.begun == ["a", "b"]
    shop.end("b")
    assert shop.begun == ["a", "b", "c"]


@pytest.mark.virtual_clock
async def test_one_long_job_among_many_brief_ones_says_nothing_of_the_next() -> None:
    shop = Shop(workers=1, long_jobs=1)
    shop.know_to_be_brief("crafter")
    shop.give("endless")
    await shop.last()
    shop.give("next")
    assert shop.begun[-1] == "next"


@pytest.mark.virtual_clock
async def test_who_was_long_and_is_brief_again_has_brief_places_again_for_those_that_wait() -> None:
    shop = Shop(workers=1, long_jobs=1)
    await shop.know_to_be_long("looper")
    shop.give(*"abcdefgh", listener="looper")
    for name in "abcdef":
        shop.end(name)
    assert shop.begun == [*"abcdefg"]
    shop.give("i", listener="looper")
    shop.end("g", "h")
    assert shop.begun == [*"abcdefghi"]
    assert shop.turns.long_jobs == 0


@pytest.mark.virtual_clock
async def test_what_is_known_of_a_listener_is_forgotten_with_the_workers() -> None:
    shop = Shop(workers=1, long_jobs=1)
    await shop.know_to_be_long("looper")
    shop.give("a", "b", listener="looper")
    left = shop.turns.renew(shop.turns.crew)
    assert len(left) == 8
    shop.turns.free(WorkerProcess("new", shop.turns.free))
    shop.turns.hand_out()
    assert shop.begun == ["a", "b"]
    assert shop.turns.long_jobs == 0


async def know_to_be_brief(organism: Organism) -> None:
    """Let the crafter be one whose jobs are brief."""
    for number in range(LAST):
        assert await organism.ask("crafter", Order("echo", str(number))) == Made(str(number))


async def test_while_all_workers_loop_others_are_answered_before_any_of_them_ends() -> None:
    async with workshop(workers=2, long_after=LONG) as organism:
        await know_to_be_brief(organism)
        with lines_of("crafts") as lines:
            looping = [await organism.send("crafter", Order("loop")) for _ in range(4)]
            pids = [int((await lines.next("loops")).getMessage().split()[1]) for _ in looping]
            asking = [organism.ask("crafter", Order("echo", str(n)), timeout=30) for n in range(9)]
            assert await asyncio.gather(*asking) == [Made(str(n)) for n in range(9)]
        assert len(set(pids)) == 4
        assert set(pids) <= {worker.pid for worker in organism.kernel.offload.pool.workers}
        watched = Watched(*pids)
        for thread in looping:
            organism.kill(thread)
        assert await asyncio.to_thread(watched.end_within, 20)


async def test_those_that_loop_do_not_keep_another_listener_waiting() -> None:
    async with workshop(crafter(), crafter("looper"), workers=1, long_after=LONG) as organism:
        with lines_of("crafts") as lines:
            looping = [await organism.send("looper", Order("loop")) for _ in range(2)]
            await lines.next("loops")
            assert await organism.ask("crafter", Order("echo", "me")) == Made("me")
            organism.kill(looping[0])
            await lines.next("loops")
            assert await organism.ask("crafter", Order("echo", "again")) == Made("again")


async def test_there_are_no_more_processes_than_workers_one_more_and_long_jobs() -> None:
    async with workshop(workers=1, long_jobs=2, long_after=LONG) as organism:
        await know_to_be_brief(organism)
        with lines_of("crafts") as lines:
            looping = [await organism.send("crafter", Order("loop")) for _ in range(4)]
            for _ in range(3):
                await lines.next("loops")
            await until(lambda: len(organism.kernel.offload.pool.workers) == 4)
            organism.kill(looping[0])
            await lines.next("loops")
        assert len(await all_ready(organism)) <= 4
