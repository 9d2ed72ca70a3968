"""The relay: side by side without a task for each, and nothing of one handler reaches another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from xml_pipeline.dispatch.relay import MOST_IDLE, Relay, current_delivery

pytestmark = pytest.mark.virtual_clock

Work = Callable[[Any], Awaitable[object]]
mood: ContextVar[str] = ContextVar("mood", default="calm")


class Team:
    """A relay of numbers in place of deliveries, and the tasks that each was worked on in."""

    def __init__(self, work: Work) -> None:
        self.tasks: dict[Any, asyncio.Task[Any]] = {}
        self.order: list[Any] = []
        self._work = work
        self.relay = Relay(self._begin)

    def _begin(self, item: Any, task: asyncio.Task[Any]) -> Awaitable[object] | None:
        self.tasks[item] = task
        self.order.append(item)
        return self._work(item)

    def add(self, *items: Any) -> None:
        self.relay.add(items)


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def at_once(item: Any) -> None: ...


async def test_work_that_never_waits_shares_one_task() -> None:
    team = Team(at_once)
    team.add(*range(100))
    await turns()
    assert team.order == list(range(100))
    assert len(set(team.tasks.values())) == 1
    await team.relay.stop()


async def test_work_that_waits_goes_on_side_by_side_each_in_its_own_task() -> None:
    gate = asyncio.Event()
    done: list[Any] = []

    async def wait(item: Any) -> None:
        await gate.wait()
        done.append(item)

    team = Team(wait)
    team.add(*range(50))
    await turns(60)
    assert team.order == list(range(50))
    assert len(set(team.tasks.values())) == 50
    gate.set()
    await turns()
    assert sorted(done) == list(range(50))
    await team.relay.stop()


async def test_a_task_that_is_idle_is_used_again() -> None:
    team = Team(at_once)
    for item in range(10):
        team.add(item)
        await turns()
    assert len(set(team.tasks.values())) == 1
    await team.relay.stop()


async def test_no_more_tasks_stay_idle_than_are_worth_it() -> None:
    gate = asyncio.Event()
    team = Team(lambda _: gate.wait())
    team.add(*range(3 * MOST_IDLE))
    await turns(4 * MOST_IDLE)
    gate.set()
    await turns()
    assert sum(not task.done() for task in team.tasks.values()) <= MOST_IDLE
    await team.relay.stop()


async def test_what_was_settled_before_it_began_is_not_worked_on() -> None:
    begun: list[Any] = []

    def odd_only(item: int, _: object) -> Awaitable[object] | None:
        if item % 2 == 0:
            return None
        begun.append(item)
        return at_once(item)

    relay = Relay(odd_only)  # type: ignore[arg-type]  # numbers in place of deliveries
    relay.add(range(10))  # type: ignore[arg-type]
    await turns()
    assert begun == [1, 3, 5, 7, 9]
    await relay.stop()


async def test_a_context_variable_that_one_sets_is_not_seen_by_the_next() -> None:
    moods: list[str] = []

    async def feel(item: Any) -> None:
        moods.append(mood.get())
        mood.set(f"spoilt by {item}")

    team = Team(feel)
    team.add(1, 2, 3)
    await turns()
    team.add(4)
    await turns()
    assert moods == ["calm"] * 4
    assert mood.get() == "calm"
    await team.relay.stop()


async def test_a_task_that_was_cancelled_and_did_not_mind_is_not_used_again() -> None:
    async def cancel_oneself(item: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return

    team = Team(cancel_oneself)
    team.add(1, 2, 3)
    await turns()
    assert len(set(team.tasks.values())) == 3
    assert all(task.done() for task in team.tasks.values())
    await team.relay.stop()


async def test_each_knows_its_own_delivery_and_none_is_known_afterwards() -> None:
    known: list[Any] = []

    async def look(item: Any) -> None:
        known.append(current_delivery.get())
        await asyncio.sleep(0)
        known.append(current_delivery.get())

    team = Team(look)
    team.add(1, 2)
    await turns()
    assert sorted(known) == [1, 1, 2, 2]
    await team.relay.stop()


async def test_a_task_cancelled_while_idle_holds_up_nobody() -> None:
    team = Team(at_once)
    team.add(1)
    await turns()
    team.tasks[1].cancel()  # As a timer would that a handler forgot to stop.
    await turns()
    team.add(2, 3)
    await turns()
    assert team.order == [1, 2, 3]
    await team.relay.stop()


async def test_a_task_cancelled_as_it_is_called_holds_up_nobody() -> None:
    team = Team(at_once)
    team.add(1)
    await turns()
    team.add(2)
    team.tasks[1].cancel()
    await turns()
    team.add(3)
    await turns()
    assert team.order == [1, 2, 3]
    await team.relay.stop()


async def test_work_that_breaks_its_task_holds_up_nobody() -> None:
    class Harsh(BaseException):
        """Neither an Exception nor anything that asyncio knows."""

    async def break_down(item: Any) -> None:
        if item == 1:
            raise Harsh

    team = Team(break_down)
    team.add(1, 2)
    await turns()
    team.add(3)
    await turns()
    assert team.order == [1, 2, 3]
    with pytest.raises(Harsh):
        await team.tasks[1]
    await team.relay.stop()


async def test_stopping_ends_every_task_idle_or_at_work() -> None:
    ended: list[Any] = []

    async def work(item: Any) -> None:
        if item > 1:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(item)

    team = Team(work)
    team.add(1, 2, 3)
    await turns()
    team.add(4)
    await team.relay.stop()
    assert sorted(ended) in ([2, 3], [2, 3, 4])
    assert all(task.done() for task in team.tasks.values())
    await turns()
    assert len(asyncio.all_tasks()) == 1


async def test_work_that_ignores_being_stopped_is_stopped_again_and_then_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    freed = asyncio.Event()
    ends: list[str] = []

    async def ignore(item: int) -> None:
        for _ in range(item):
            try:
                await freed.wait()
            except asyncio.CancelledError:
                continue
        ends.append(f"{item} has ended")

    team = Team(ignore)
    team.add(1, 2, 3)
    await turns()
    began = asyncio.get_running_loop().time()
    await team.relay.stop()
    assert asyncio.get_running_loop().time() - began < 60
    assert sorted(ends) == ["1 has ended", "2 has ended"]
    assert caplog.text.count("does not stop") == 1
    freed.set()
    await turns()
    assert all(task.done() for task in team.tasks.values())
