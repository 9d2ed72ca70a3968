"""Listeners that are `cpu_bound` work in processes; one that breaks costs its own message."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.dispatch import crafts
from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import (
    Deaf,
    Watched,
    all_ready,
    crafter,
    lines_of,
    status_of,
    until,
    workshop,
)
from xml_pipeline.dispatch.frames import MOST_BYTES, BadFrame
from xml_pipeline.dispatch.jobs import JobUndone
from xml_pipeline.errors import BudgetExhausted, HandlerFailed, Timeout
from xml_pipeline.events import AgentState, Event, FaultEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import payload_from_json_schema
from xml_pipeline.testing import memory_organism


async def made(organism: Organism, what: str, about: str = "", to: str = "crafter") -> str:
    """Give an order and return what came of it."""
    answer = await organism.ask(to, Order(what, about), timeout=30)
    assert isinstance(answer, Made)
    return answer.what


def is_stopped(pid: int) -> bool:
    """Tell whether a process has been stopped: it reads nothing any more."""
    return status_of(pid)["State"].startswith("T")


def details(events: Iterable[Event]) -> list[str]:
    """Return what the faults among these events say, each with its code."""
    return [f"{each.code} {each.detail}" for each in events if isinstance(each, FaultEvent)]


async def test_a_handler_that_computes_runs_in_a_process_of_its_own() -> None:
    async with workshop() as organism:
        pids = {int(await made(organism, "process")) for _ in range(3)}
        assert pids < {worker.pid for worker in await all_ready(organism)}
        assert os.getpid() not in pids
        watched = Watched(*pids)
    assert watched.end_within(0)


async def test_no_process_is_started_where_nothing_computes() -> None:
    async with memory_organism(crafter(cpu_bound=False)) as organism:
        assert await made(organism, "process") == str(os.getpid())
        assert not organism.kernel.offload.pool.running


async def test_a_listener_that_is_registered_later_starts_the_pool() -> None:
    async with memory_organism(process_pool={"workers": 1}) as organism:
        assert not organism.kernel.offload.pool.running
        organism.register(crafter())
        assert await made(organism, "process") != str(os.getpid())


async def test_several_processes_work_side_by_side() -> None:
    async with workshop(workers=2) as organism:
        with lines_of("crafts") as lines:
            threads = [await organism.send("crafter", Order("loop")) for _ in range(2)]
            pids = {(await lines.next("loops")).getMessage() for _ in range(2)}
        for thread in threads:
            organism.kill(thread)
    assert len(pids) == 2


async def test_no_more_work_at_one_time_than_the_file_says() -> None:
    async with workshop(crafter(timeout=0.5), workers=1) as organism:
        await all_ready(organism)
        with lines_of("crafts") as lines:
            looping = [asyncio.create_task(made(organism, "loop")) for _ in range(2)]
            first = await lines.next("loops")
            told = await asyncio.gather(*looping, return_exceptions=True)
            second = await lines.next("loops")
    assert [type(each) for each in told] == [Timeout] * 2
    assert second.created - first.created > 0.4


async def test_metadata_reaches_the_handler() -> None:
    listener = crafter(timeout=50)
    async with workshop(listener) as organism:
        answer = await organism.ask("crafter", Order("know"), sender="ada", tenant="acme")
    thread, conversation, message, *who, late, you, are, name = answer.what.split()
    assert thread == conversation
    assert message == f"{conversation}.1"
    assert who == ["crafter", "ada", "acme", "1"]
    assert f"{you} {are} {name}" == "You are crafter"
    left = datetime.fromisoformat(late) - datetime.now(UTC)
    assert timedelta(seconds=20) < left < timedelta(seconds=50)


async def test_what_only_the_organism_has_is_refused_with_a_sentence() -> None:
    seen: list[Event] = []
    async with workshop() as organism:
        organism.subscribe(seen.append)
        with pytest.raises(HandlerFailed):
            await made(organism, "look back")
        await organism.drain()
    assert "keep what you need in metadata.state" in details(seen)[0]


async def test_a_budget_is_spent_from_a_process_and_what_is_left_over_is_given_back() -> None:
    async with workshop() as organism:
        with pytest.raises(BudgetExhausted):
            await made(organism, "spend", "100000")
        watching: list[tuple[int, int, float]] = []
        thread = await organism.send("crafter", Order("spend", "50"))
        conversation = organism.kernel.threads.get(thread).conversation
        await organism.drain()
        budget = organism.kernel.budgets.of(conversation)
        watching.append((budget.spent_tokens, budget.reserved_tokens, budget.spent_usd))
    assert watching == [(7, 0, 0.25)]


async def test_what_a_worker_prints_and_logs_is_in_the_log_under_its_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with lines_of("xml_pipeline.dispatch.output") as output:
        async with workshop() as organism:
            assert await made(organism, "print", "hello") == "printed"
            record = await output.next("worker-")
            name = record.__dict__["worker"]
            assert record.getMessage() == f"{name}: to stdout"
            assert len((await output.next(f"{name}: xxx")).getMessage()) < 9000
        last = await output.next(f"{name}: to stderr")
    assert last.levelname == "INFO"
    logged = [each for each in caplog.records if each.name == "crafts"]
    assert [(each.levelname, each.getMessage()) for each in logged] == [
        ("INFO", "to the log: hello")
    ]
    assert logged[0].__dict__["listener"] == "crafter"
    assert logged[0].__dict__["message_id"] == f"{logged[0].__dict__['thread_id']}.1"


async def test_tasks_that_a_handler_leaves_behind_end_with_it() -> None:
    async with workshop() as organism:
        before = await made(organism, "count tasks")
        assert await made(organism, "leave a task") == "left False"
        assert await made(organism, "count tasks") == before


# ── What goes wrong in a process ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("segfault", "was killed by SIGSEGV"),
        ("kill", "was killed by SIGKILL"),
        ("exit", "ended with exit code 3"),
        ("babble", "sent what is no frame"),
    ],
)
async def test_a_process_that_dies_costs_its_message_and_is_replaced(
    what: str, reason: str
) -> None:
    seen: list[Event] = []
    async with workshop() as organism:
        organism.subscribe(seen.append)
        with pytest.raises(HandlerFailed) as caught:
            await made(organism, what)
        assert reason not in str(caught.value)
        assert await made(organism, "echo", "still here") == "still here"
        assert organism.kernel.scheduler.running == 0
    [told] = details(seen)
    assert re.match(r"handler given up after attempt 1: worker-\d \(pid \d+\) ", told)
    assert reason in told


async def test_a_job_that_a_dying_process_has_not_read_is_given_to_the_next() -> None:
    async with workshop() as organism:
        workers = await all_ready(organism)
        for worker in workers:
            os.kill(worker.pid, signal.SIGSTOP)
            await until(partial(is_stopped, worker.pid))
        given = asyncio.Event()

        def job() -> bytes:
            given.set()
            return b"no job at all"

        running = asyncio.create_task(organism.kernel.offload.pool.run(job, Deaf()))
        await given.wait()
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(JobUndone, match=r"worker-[34] .* ended with exit code 1"):
            await running


async def test_a_process_that_died_while_it_had_nothing_to_do_is_not_missed() -> None:
    with lines_of("xml_pipeline.dispatch.pool") as lines:
        async with workshop() as organism:
            for worker in await all_ready(organism):
                os.kill(worker.pid, signal.SIGKILL)
            for _ in range(2):
                assert "was killed by SIGKILL" in (await lines.next("worker")).getMessage()
            assert int(await made(organism, "process")) != worker.pid


async def test_a_job_that_is_too_large_for_the_pipe_is_the_callers_affair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with workshop() as organism:
        too_large = b"x" * (MOST_BYTES + 1)
        with pytest.raises(BadFrame, match="too many for a pipe"):
            await organism.kernel.offload.pool.run(lambda: too_large, Deaf())
        assert await made(organism, "echo", "still here") == "still here"


async def test_a_pickle_in_the_pipe_is_never_loaded(tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.touch()
    async with workshop() as organism:
        with pytest.raises(HandlerFailed):
            await made(organism, "babble", str(file))
        assert await made(organism, "echo", "still here") == "still here"
    assert file.exists()


async def test_a_pickle_for_a_worker_is_never_loaded_either(tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.touch()
    pickled = f"cposix\nunlink\n(V{file}\ntR.".encode()
    async with workshop() as organism:
        with pytest.raises(JobUndone, match="ended with exit code 1"):
            await organism.kernel.offload.pool.run(lambda: pickled, Deaf())
        assert await made(organism, "echo", "still here") == "still here"
    assert file.exists()


async def test_a_handler_that_takes_too_much_memory_fails_and_its_process_is_replaced() -> None:
    seen: list[Event] = []
    async with workshop(memory_mb=512) as organism:
        organism.subscribe(seen.append)
        before = await made(organism, "process")
        with pytest.raises(HandlerFailed):
            await made(organism, "hoard")
        assert await made(organism, "process") != before
    assert "MemoryError" in details(seen)[0]


async def test_a_handler_that_never_ends_is_killed_at_its_timeout() -> None:
    seen: list[Event] = []
    async with workshop(crafter("hasty", timeout=0.3), crafter()) as organism:
        organism.subscribe(seen.append)
        watched = Watched(int(await made(organism, "process")))
        began = asyncio.get_running_loop().time()
        with pytest.raises(Timeout):
            await made(organism, "loop", to="hasty")
        assert await asyncio.to_thread(watched.end_within, 1)
        assert asyncio.get_running_loop().time() - began < 1.3
        assert await made(organism, "echo", "still here") == "still here"
    assert details(seen) == ["timeout hasty took longer than 0.3 s"]


async def test_the_deadline_of_the_pool_is_a_timeout_for_all_its_listeners() -> None:
    async with workshop(deadline=0.3) as organism:
        with pytest.raises(Timeout):
            await made(organism, "loop")


async def test_waiting_for_a_process_is_not_counted_as_time_of_the_handler() -> None:
    slow, quick = crafter("slow", timeout=1.0), crafter("quick", timeout=0.5)
    async with workshop(slow, quick, long_jobs=1) as organism:
        ends = (made(organism, "loop", to=each) for each in ("quick", "slow"))
        told = await asyncio.gather(*ends, return_exceptions=True)
        assert [type(each) for each in told] == [Timeout] * 2  # One at a time from now on.
        with lines_of("crafts") as lines:
            looping = asyncio.create_task(made(organism, "loop", to="slow"))
            await lines.next("loops")
            assert await made(organism, "echo", "at last", to="quick") == "at last"
            assert looping.done()
        with pytest.raises(Timeout):
            await looping


async def test_killing_a_thread_kills_its_process_and_all_that_it_started() -> None:
    async with workshop() as organism:
        with lines_of("crafts") as lines:
            thread = await organism.send("crafter", Order("multiply"))
            child = int((await lines.next("started")).getMessage().split()[1])
            parent = int((await lines.next("loops")).getMessage().split()[1])
        watched = Watched(child, parent)
        organism.kill(thread)
        assert await asyncio.to_thread(watched.end_within, 1)
        assert await made(organism, "echo", "still here") == "still here"


async def test_who_stops_waiting_for_a_process_stops_only_its_own_job() -> None:
    async with workshop() as organism:
        async with organism.events() as events:
            busy = await organism.send("crafter", Order("loop"))
            waiting = [asyncio.create_task(made(organism, "process")) for _ in range(3)]
            begun = 0
            while begun < 2:  # One is with the process, one waits for it, two in the schedule.
                event = await anext(events)
                begun += isinstance(event, AgentState) and event.state == "processing"
        waiting[0].cancel()
        organism.kill(busy)
        assert len(set(await asyncio.gather(*waiting[1:]))) == 1


async def test_a_process_is_replaced_when_it_has_done_so_many_jobs() -> None:
    async with workshop(max_tasks_per_child=2) as organism:
        pids = [await made(organism, "process") for _ in range(6)]
    assert pids[0::2] == pids[1::2]
    assert len(set(pids)) == 3


# ── What no process could import ────────────────────────────────────────────────────────


async def at_home(order: Order, metadata: HandlerMetadata) -> HandlerResponse:
    """Stand in for a handler that changes its name."""
    return HandlerResponse.respond(Made(""))


def nested() -> Listener:
    async def inner(order: Order, metadata: HandlerMetadata) -> None: ...

    return Listener("x", Order, inner, description="x", cpu_bound=True)


class Callable:
    """A handler without a name."""

    async def __call__(self, order: Order, metadata: HandlerMetadata) -> None: ...


def test_a_handler_inside_a_function_is_refused() -> None:
    with pytest.raises(ValueError, match=r"inner is not at the top level of tests\.dispatch"):
        memory_organism(nested())


def test_an_object_without_a_name_is_refused() -> None:
    listener = Listener("x", Order, Callable(), description="x", cpu_bound=True)
    with pytest.raises(ValueError, match="has no name that it could be imported by"):
        memory_organism(listener)


def test_a_handler_that_is_another_by_now_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener("x", Order, at_home, description="x", cpu_bound=True)
    monkeypatch.setitem(globals(), "at_home", None)
    with pytest.raises(ValueError, match="is something else by now"):
        memory_organism(listener)


def test_a_handler_of_the_program_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_home, "__module__", "__main__")
    listener = Listener("x", Order, at_home, description="x", cpu_bound=True)
    with pytest.raises(ValueError, match="at_home stands in the program that was started"):
        memory_organism(listener)


def test_a_payload_class_made_at_run_time_is_refused() -> None:
    made_now = payload_from_json_schema("Job", {"type": "object", "properties": {}})
    listener = Listener("x", made_now, crafts.craft, description="x", cpu_bound=True)
    with pytest.raises(ValueError, match="listener x is cpu_bound"):
        memory_organism(listener)


def test_a_listener_without_a_pool_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs `process_pool\.enabled`"):
        workshop(enabled=False)
