"""What is ordered at any node of an organism is done on all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.test_taken_over import until
from tests.faults.together import Together, Town
from tests.faults.two_nodes import Host, Node, living_in, two_nodes
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.errand import Errand
from xml_pipeline.errors import UnknownListener
from xml_pipeline.events import ReloadEvent
from xml_pipeline.journal.writing import PATIENCE
from xml_pipeline.organism import Organism

pytestmark = pytest.mark.virtual_clock


def is_paused(node: Node) -> bool:
    kernel = node.organism.kernel
    return kernel.scheduler.lane(kernel.listeners.get("host")).paused


async def test_a_listener_is_paused_on_every_node_and_goes_on_on_every_node() -> None:
    async with two_nodes() as (one, other):
        await one.organism.pause("host")
        assert [is_paused(each) for each in (one, other)] == [True, True]
        await other.organism.resume("host")
        assert [is_paused(each) for each in (one, other)] == [False, False]


async def test_an_order_is_carried_out_here_at_once_and_elsewhere_without_anybody_waiting() -> None:
    async with two_nodes() as (one, other):
        one.organism.pause("host")
        assert is_paused(one)
        await until(lambda: is_paused(other))
        assert is_paused(one)


async def test_everything_is_killed_on_every_node() -> None:
    async with two_nodes() as (one, other):
        begun = [await each.begin() for each in (one, other, one)]
        assert await other.organism.kill_all() == len(begun)
        for each in (one, other):
            assert len(each.organism.kernel.threads) == 0


async def test_over_http_orders_are_for_every_node_as_well() -> None:
    async with two_nodes() as (one, other):
        await one.begin()
        await other.begin()
        killed = await one.http.delete("/v1/threads", params={"listener": "host"})
        assert killed.json() == {"killed": 2}
        assert is_paused(other)
        resumed = await other.http.post("/v1/listeners/host/resume")
        assert resumed.status_code == 200
        assert [is_paused(each) for each in (one, other)] == [False, False]


async def test_the_nodes_show_what_is_paused_where() -> None:
    async with two_nodes() as (one, other):
        await one.organism.pause("host")

        def is_told() -> bool:
            return [each.paused for each in other.organism.nodes] == [("host",)] * 2

        await until(is_told)
        told = (await other.http.get("/v1/nodes")).json()["nodes"]
        assert [each["paused"] for each in told] == [["host"]] * 2


async def test_whoever_waits_for_one_who_does_not_answer_is_told_soon() -> None:
    async with two_nodes() as (one, other):
        other.store.goes_on.clear()
        sending = asyncio.create_task(other.begin())
        await until(lambda: not other.organism.kernel.journal.is_clean)
        began = asyncio.get_running_loop().time()
        told = await one.http.post("/v1/listeners/host/pause")
        assert asyncio.get_running_loop().time() - began <= PATIENCE + 1.0
        assert told.status_code == 503
        assert "is done on this node" in told.json()["detail"]
        assert is_paused(one)
        other.store.goes_on.set()
        await one.organism.resume("host")
        await sending


async def test_what_another_node_has_against_an_order_is_told_to_whoever_waits() -> None:
    async with two_nodes() as (one, other):
        other.organism.unregister("host")
        with pytest.raises(UnknownListener):
            await one.organism.pause("host")
        assert is_paused(one)


async def test_one_who_has_gone_is_not_waited_for() -> None:
    async with two_nodes() as (one, other):
        other.store.town.leave(other.store.node)
        await one.organism.pause("host")
        assert not is_paused(other)


async def test_one_who_comes_while_an_order_is_given_is_told_or_reads_it() -> None:
    class Slow(Together):
        """Has read what is written, and is slow to hear of it."""

        async def marked(self, kind: str, key: str, now: float) -> bytes | None:
            found = await self.town.memory.marked(kind, key, now)
            if kind == "paused":
                await self.hears.wait()
            return found

        def __init__(self, town: Town) -> None:
            super().__init__(town)
            self.hears = asyncio.Event()

    town = Town()
    async with living_in(town) as one:
        slow = Slow(town)
        late = Organism([Host().listener], backend=slow)
        entering = asyncio.create_task(late.__aenter__())
        await until(lambda: len(town.living) == 2)
        pausing = one.organism.pause("host")
        await until(lambda: bool(town.boxes[slow.node].qsize()))
        assert not entering.done()
        slow.hears.set()
        await entering
        await pausing
        assert late.kernel.scheduler.lanes["host"].paused
        await late.__aexit__(None, None, None)


@pytest.mark.parametrize("was_paused", [False, True])
async def test_one_who_was_replaced_learns_what_was_ordered_meanwhile(was_paused: bool) -> None:
    async with two_nodes() as (one, other):
        if was_paused:
            await one.organism.pause("host")
        before = other.store.node
        other.store.sees.clear()
        other.store.looks.clear()
        await other.store.looks.wait()
        other.store.town.leave(before)
        await (one.organism.resume if was_paused else one.organism.pause)("host")
        assert is_paused(other) is was_paused
        other.store.sees.set()
        await until(lambda: other.store.node != before and bool(other.organism.nodes))
        await until(lambda: other.organism.kernel.journal.refusal is None)
        assert is_paused(other) is not was_paused


async def test_what_is_paused_is_paused_after_a_restart(tmp_path: Path) -> None:
    for pauses in (True, False):
        host = Host()
        store = SqliteBackend(tmp_path / "journal.db")
        async with Organism([host.listener], backend=store) as organism:
            lane = organism.kernel.scheduler.lane(host.listener)
            assert lane.paused is not pauses
            if pauses:
                organism.pause("host")


async def test_a_listener_whose_work_is_killed_is_paused_for_those_who_come_as_well() -> None:
    town = Town()
    async with living_in(town) as one:
        await one.begin()
        assert await one.organism.kill_all(listener="host") == 1
        async with living_in(town) as late:
            assert is_paused(late)


def reads(node: Node, event: ReloadEvent) -> list[tuple[Path | None, str]]:
    """Let a node read a file in which it finds this; return for whom it did."""
    read: list[tuple[Path | None, str]] = []

    async def reload(path: Path | None, by: str) -> ReloadEvent:
        read.append((path, by))
        return event

    node.organism.reloads_with(reload)
    return read


async def test_every_node_reads_its_file_again() -> None:
    async with two_nodes() as (one, other):
        here, there = reads(one, ReloadEvent(True)), reads(other, ReloadEvent(True))
        assert await one.organism.reload(by="ada") == ReloadEvent(True)
        assert here == there == [(None, "ada")]


async def test_what_is_wrong_with_the_file_of_another_node_is_told() -> None:
    async with two_nodes() as (one, other):
        reads(one, ReloadEvent(True))
        reads(other, ReloadEvent(False, problems=("organism.yaml:1:1: no",)))
        told = await one.http.post("/v1/reload")
        assert told.json()["elsewhere"] == ["organism.yaml:1:1: no"]


async def test_a_file_with_problems_is_read_by_no_other_node_and_neither_is_another_file() -> None:
    async with two_nodes() as (one, other):
        there = reads(other, ReloadEvent(True))
        reads(one, ReloadEvent(False, problems=("no",)))
        await one.organism.reload()
        reads(one, ReloadEvent(True))
        await one.organism.reload("another.yaml")
        assert there == []


async def test_an_order_that_nobody_knows_is_refused() -> None:
    async with two_nodes() as (one, _):
        with pytest.raises(ValueError, match="nobody knows what 'dance' is"):
            await one.organism.errands.everywhere(Errand("dance", "", "somebody"))
