"""Workers elsewhere: who does what, when nobody is there, and what they must not do."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.shell import Running
from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import Watched, crafter, lines_of
from tests.dispatch.served import allowing, serving, spread, works_for
from tests.services.redis_server import RedisServer
from xml_pipeline.backends.redis import RedisBackend, RedisBoard
from xml_pipeline.backends.redis.line import Line
from xml_pipeline.board import Note
from xml_pipeline.dispatch.jobs import Failure, Job, decode_reply, encode_job
from xml_pipeline.errors import BudgetExhausted, HandlerFailed, Timeout
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.organism import Organism

ELSEWHERE = "xml_pipeline.dispatch.elsewhere"
LIFETIME = 1.5


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a Redis of one's own."""
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def worker(redis: RedisServer, tmp_path: Path) -> Iterator[Running]:
    """Give a worker with one process."""
    with serving(redis.url, "--processes", "1", file=allowing(tmp_path)) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Standing:
    """A worker with one process that stands ready, and the address of the Redis it has come to."""

    url: str
    worker: Running


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Give what all share who leave it as they found it: to start a worker takes a second."""
    folder = tmp_path_factory.mktemp("standing")
    with (
        RedisServer(folder) as redis,
        serving(redis.url, "--processes", "1", file=allowing(folder)) as worker,
    ):
        yield Standing(redis.url, worker)


async def made(organism: Organism, what: str, about: str = "") -> str:
    """Give the crafter an order and return what came of it."""
    answer = await organism.ask("crafter", Order(what, about), timeout=60)
    assert isinstance(answer, Made)
    return answer.what


async def looping(worker: Running) -> Watched:
    """Wait until a handler of a worker loops, and return its process."""
    line = await asyncio.to_thread(worker.line, lambda line: "loops" in line)
    found = re.search(r"loops (\d+)", line)
    assert found is not None
    return Watched(int(found[1]))


def job(handler: str, payload_class: str = "tests.dispatch.crafts:Order", what: str = "") -> bytes:
    """Return a job as an organism would write it."""
    names = [payload_class]
    document = f"<Order><what>{what}</what><about></about></Order>".encode()
    ids = "outside", "query", 1, "", 1, 1, "c", "", "t", "outside"
    return encode_job(Job(handler, payload_class, names, [], "x", *ids, None, b"", document))


async def ended(board: RedisBoard, number: str) -> Note:
    """Wait for what a worker says of the end of a job."""
    async with asyncio.timeout(30):
        while True:
            for note in await board.notes():
                if (note.number, note.kind) == (number, "ended"):
                    return note


# ── who does it ─────────────────────────────────────────────────────────────────────────────


async def test_a_worker_elsewhere_does_it_and_nothing_is_started_here(standing: Standing) -> None:
    async with spread(standing.url) as organism:
        pid = int(await made(organism, "process"))
        assert works_for(pid, standing.worker.process.pid)
        assert organism.kernel.offload.pool.workers == ()


async def test_the_organism_needs_no_change_but_its_backend(standing: Standing) -> None:
    organism = Organism([crafter()], backend=RedisBackend(standing.url))
    async with organism:
        assert works_for(int(await made(organism, "process")), standing.worker.process.pid)


async def test_while_one_never_ends_there_another_listener_is_answered_there(
    redis: RedisServer, worker: Running
) -> None:
    async with spread(redis.url, crafter(), crafter("looper")) as organism:
        asking = asyncio.create_task(organism.ask("looper", Order("loop")))
        await looping(worker)
        assert works_for(int(await made(organism, "process")), worker.process.pid)
        assert not asking.done()
        asking.cancel()
        await asyncio.wait({asking})


async def test_where_no_worker_lives_it_is_done_here_and_said_once(redis: RedisServer) -> None:
    with lines_of(ELSEWHERE) as lines:
        async with spread(redis.url) as organism:
            for _ in range(3):
                pid = int(await made(organism, "process"))
                workers = organism.kernel.offload.pool.workers
                assert pid in [each.pid for each in workers]
            told = await lines.next("no worker elsewhere")
            assert told.levelno == logging.WARNING
        assert lines.count == 1


async def test_a_worker_that_comes_later_is_found(redis: RedisServer, tmp_path: Path) -> None:
    async with spread(redis.url) as organism:
        assert await made(organism, "echo", "here") == "here"
        with lines_of(ELSEWHERE) as lines, serving(redis.url, file=allowing(tmp_path)) as worker:
            await lines.next("workers elsewhere")
            pid = int(await made(organism, "process"))
            assert works_for(pid, worker.process.pid)


async def test_a_handler_knows_and_asks_as_it_would_here(standing: Standing) -> None:
    async with spread(standing.url, crafter(timeout=60)) as organism:
        told = await made(organism, "know")
        assert re.fullmatch(r"\S+ \S+ \S+ crafter outside +1 \d{4}-.*\+00:00 .*", told), told
        assert await made(organism, "spend", "5") == "spent"
        with pytest.raises(BudgetExhausted):
            await made(organism, "spend", "100000")


async def test_what_a_handler_logs_is_in_the_log_of_its_worker(standing: Standing) -> None:
    async with spread(standing.url) as organism:
        assert await made(organism, "print", "said") == "printed"
    line = standing.worker.told("to the log: said")
    assert (line["logger"], line["listener"]) == ("crafts", "crafter")


# ── what ends it ────────────────────────────────────────────────────────────────────────────


async def test_a_deadline_holds_and_its_process_is_killed(standing: Standing) -> None:
    hasty = crafter("hasty", timeout=2.0)
    async with spread(standing.url, hasty, crafter()) as organism:
        asking = asyncio.create_task(organism.ask("hasty", Order("loop")))
        process = await looping(standing.worker)
        with pytest.raises(Timeout):
            await asking
        assert await asyncio.to_thread(process.end_within, 3)
        assert await made(organism, "echo", "still here") == "still here"


async def test_who_stops_waiting_stops_the_work(standing: Standing) -> None:
    async with spread(standing.url) as organism:
        asking = asyncio.create_task(organism.ask("crafter", Order("loop")))
        process = await looping(standing.worker)
        asking.cancel()
        assert await asyncio.to_thread(process.end_within, 3)
        assert await made(organism, "echo", "still here") == "still here"


async def test_an_organism_that_ends_stops_what_it_has_asked_for(standing: Standing) -> None:
    async with spread(standing.url) as organism:
        await organism.send("crafter", Order("loop"))
        process = await looping(standing.worker)
    assert await asyncio.to_thread(process.end_within, 3)


async def test_nobody_works_for_an_organism_that_has_died(
    redis: RedisServer, worker: Running
) -> None:
    board = RedisBoard(redis.url, lifetime=LIFETIME)
    await board.tend()
    await board.post([("1", job("tests.dispatch.crafts:craft", what="loop"))])
    process = await looping(worker)
    assert await asyncio.to_thread(process.end_within, LIFETIME + 5)
    await board.close()


async def test_a_process_that_dies_costs_its_own_job(standing: Standing) -> None:
    seen: list[Event] = []
    async with spread(standing.url) as organism:
        organism.subscribe(seen.append)
        asking = [made(organism, what, "x") for what in ("echo", "segfault", "echo", "echo")]
        told = await asyncio.gather(*asking, return_exceptions=True)
    assert [each if isinstance(each, str) else type(each) for each in told] == [
        "x",
        HandlerFailed,
        "x",
        "x",
    ]
    [fault] = [each for each in seen if isinstance(each, FaultEvent)]
    assert "was killed by SIGSEGV" in fault.detail


async def test_what_a_worker_that_was_killed_had_begun_with_is_tried_again(
    redis: RedisServer, tmp_path: Path
) -> None:
    seen: list[Event] = []
    file = allowing(tmp_path)
    patient = crafter(max_deliveries=2, retry_delays=(0.01, 0.02), timeout=30)
    async with spread(redis.url, patient) as organism:
        organism.subscribe(seen.append)
        with lines_of("crafts") as crafts, lines_of(ELSEWHERE) as lines:
            with serving(redis.url, file=file) as first:
                await lines.next("workers elsewhere")
                asking = asyncio.create_task(organism.ask("crafter", Order("loop")))
                await looping(first)
                first.send(signal.SIGKILL)
                await lines.next("no worker elsewhere")
            await crafts.next("loops")  # Now it is tried here.
            assert not [each for each in seen if isinstance(each, FaultEvent)]
        asking.cancel()


async def test_a_worker_that_is_asked_to_end_finishes_what_it_has(
    redis: RedisServer, worker: Running
) -> None:
    async with spread(redis.url) as organism:
        asking = [asyncio.create_task(made(organism, "echo", str(n))) for n in range(20)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert await asyncio.to_thread(worker.end) == 143
        assert await asyncio.gather(*asking) == [str(n) for n in range(20)]


async def test_while_redis_is_away_nothing_hangs_and_afterwards_all_meet_again(
    redis: RedisServer, worker: Running
) -> None:
    seen: list[Event] = []
    async with spread(redis.url) as organism:
        organism.subscribe(seen.append)
        asking = asyncio.create_task(organism.ask("crafter", Order("loop")))
        process = await looping(worker)
        with lines_of(ELSEWHERE) as lines:
            redis.kill()
            with pytest.raises(HandlerFailed):
                await asking
            assert await made(organism, "echo", "here") == "here"
            assert await asyncio.to_thread(process.end_within, 5)
            redis.start()
            await lines.next("workers elsewhere")
        assert works_for(int(await made(organism, "process")), worker.process.pid)
    [fault] = [each for each in seen if isinstance(each, FaultEvent)]
    assert "its worker cannot be heard" in fault.detail


# ── what must not be done ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "handler",
    ["os:system", "subprocess:run", "xml_pipeline.imports:import_object", "tests:os", "__main__:x"],
)
async def test_a_worker_imports_nothing_but_what_its_own_file_allows(
    standing: Standing, handler: str
) -> None:
    board = RedisBoard(standing.url, lifetime=60)
    await board.tend()
    await board.post([("1", job(handler))])
    failure = decode_reply((await ended(board, "1")).body)
    assert isinstance(failure, Failure)
    assert re.search('is refused|not an import path|no "os" in|must not|allowed', failure.message)
    await board.close()


async def test_nothing_from_redis_is_unpickled(
    redis: RedisServer, worker: Running, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    pickled = f"cposix\nunlink\n(V{victim}\ntR.".encode()
    line, board = Line(redis.url), RedisBoard(redis.url, lifetime=60)
    await board.tend()
    [name] = await line.say("HKEYS", "xp:work:workers")
    told = f"xp:work:told:{name.decode()}"
    await line.say("RPUSH", told, pickled, b"do x y " + pickled, b"told x y " + pickled, b"")
    await board.post([("1", pickled)])
    failure = decode_reply((await ended(board, "1")).body)
    assert isinstance(failure, Failure)
    assert failure.code == "internal"
    async with spread(redis.url) as organism:
        asking = asyncio.create_task(organism.ask("crafter", Order("loop")))
        process = await looping(worker)
        [key] = await line.say("KEYS", "xp:work:held:*")
        [number] = await line.say("HKEYS", key)
        notes = key.replace(b"held", b"notes")
        await line.say("RPUSH", notes, pickled, b"began x y", b"ended " + number + b" " + pickled)
        with pytest.raises(HandlerFailed):
            await asking
        assert await asyncio.to_thread(process.end_within, 3)
        assert await made(organism, "echo", "still here") == "still here"
    assert victim.exists()
    await board.close()
    await line.close()
