"""A node is replaced, or gives something away, at the worst moment: nobody is told wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.faults.together import Together, Town
from tests.server.house import TOKEN, Greeting, Patient, everybody
from xml_pipeline.backends import Shared
from xml_pipeline.backends.base import SHARDS
from xml_pipeline.errors import Undeliverable
from xml_pipeline.journal.writing import PATIENCE
from xml_pipeline.organism import Organism
from xml_pipeline.server import application

pytestmark = pytest.mark.virtual_clock


@dataclass(frozen=True, slots=True)
class Node:
    """A node, its way to the town, and somebody who speaks to it without a socket."""

    organism: Organism
    store: Together
    http: httpx.AsyncClient
    patient: Patient

    async def post(self, to: str = "greeter", key: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"to": to, "payload": {"name": "Ada"}}
        return await self.http.post("/v1/messages", json=body, headers=headers)

    def replace(self) -> None:
        """Let somebody else hold everything."""
        self.store.town.holders = dict.fromkeys(range(SHARDS), "other")

    async def settled(self, shards: int) -> None:
        """Wait until it holds so many shards, and takes messages in."""
        journal = self.organism.kernel.journal
        await until(lambda: [*self.store.town.holders.values()].count(self.store.node) == shards)
        await until(lambda: journal.refusal is None)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, of which no event tells."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.1)


@asynccontextmanager
async def living_in(town: Town) -> AsyncIterator[Node]:
    store, patient = Together(town), Patient()
    async with Organism((*everybody(), patient.listener), backend=store) as organism:
        transport = httpx.ASGITransport(application(organism, token=TOKEN))
        token = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            base_url="http://localhost", headers=token, transport=transport
        ) as http:
            yield Node(organism, store, http, patient)


def test_a_town_in_memory_is_shared_by_nodes() -> None:
    assert isinstance(Together(Town()), Shared)


async def test_what_a_node_took_in_before_it_was_replaced_is_not_acknowledged() -> None:
    async with living_in(Town()) as node:
        await node.organism.drain()
        node.store.goes_on.clear()
        node.replace()
        asyncio.get_running_loop().call_later(PATIENCE, node.store.goes_on.set)
        told = await node.post()  # Whose patience ends just when the node learns of it.
        assert told.status_code == 503
        assert "not known" in told.json()["detail"]
        assert await node.store.town.memory.conversation(told.json()["thread"]) is None


async def test_what_had_reached_nobody_when_its_node_was_replaced_is_not_known_either() -> None:
    async with living_in(Town()) as node:
        await node.organism.drain()
        node.store.goes_on.clear()
        first = asyncio.create_task(node.post())
        await asyncio.sleep(0.1)
        second = asyncio.create_task(node.post())
        await asyncio.sleep(0.1)
        node.replace()
        node.store.goes_on.set()
        for told in await asyncio.gather(first, second):
            assert told.status_code == 503
            assert "not known" in told.json()["detail"]


async def test_of_a_kill_at_a_node_that_was_replaced_nothing_is_known() -> None:
    async with living_in(Town()) as node:
        thread = (await node.post("patient")).json()["thread"]
        await node.patient.called.wait()
        node.store.goes_on.clear()
        killing = asyncio.create_task(node.http.delete(f"/v1/threads/{thread}"))
        await asyncio.sleep(0.1)
        node.replace()
        node.store.goes_on.set()
        told = await killing
        assert told.status_code == 503
        assert "not known" in told.json()["detail"]


@pytest.mark.parametrize("is_seen_first", [False, True])
async def test_one_who_was_replaced_while_it_wrote_and_read_on_begins_anew_once(
    is_seen_first: bool,
) -> None:
    async with living_in(Town()) as node:
        await node.organism.drain()
        before, town = node.store.node, node.store.town
        node.store.goes_on.clear()
        asking = [
            asyncio.ensure_future(node.organism.ask("greeter", Greeting("Ada"))) for _ in range(128)
        ]
        await asyncio.sleep(0.1)
        assert len(node.organism.kernel.inbox) == 0
        node.replace()
        if is_seen_first:
            await asyncio.sleep(node.store.lifetime)
            assert node.store.node == before
        node.store.goes_on.set()
        told = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(each) for each in told} == {Undeliverable}
        assert [past async for past in town.memory.unfinished()] == []
        await node.settled(SHARDS)
        assert (before, node.store.node) == ("n1", "n2")
        assert await node.organism.ask("greeter", Greeting("Ada"), timeout=5.0)


async def test_whoever_asks_again_after_that_is_heard_as_if_for_the_first_time() -> None:
    async with living_in(Town()) as node:
        await node.organism.drain()
        node.replace()
        assert (await node.post(key="k")).status_code == 503
        await node.settled(SHARDS)
        assert (await node.post(key="k")).status_code == 202
        await node.organism.drain()


async def test_what_is_forgotten_while_a_node_looks_is_given_and_not_taken_back() -> None:
    town = Town()
    async with living_in(town) as old:
        node = old.store.node
        async with asyncio.TaskGroup() as asking:
            for _ in range(2 * SHARDS):
                asking.create_task(old.organism.ask("patient", Greeting("Ada")))
            await old.patient.called.wait()
            entering = asyncio.create_task(_stays(town))
            await until(lambda: len(town.living) == 2)
            await asyncio.sleep(old.store.lifetime / 5)  # It has seen the other by now.
            old.store.looks.clear()
            old.store.sees.clear()
            await old.store.looks.wait()
            old.patient.go.set()
        await old.organism.drain()
        await asyncio.sleep(0.1)
        await old.organism.ask("greeter", Greeting("Ada"))
        old.store.sees.set()
        assert await entering == SHARDS // 2
        assert old.store.node == node


async def _stays(town: Town) -> int:
    """Enter a town and stay for a while; return how many shards that one held then."""
    async with living_in(town) as new:
        await new.settled(SHARDS // 2)
        await asyncio.sleep(10.0)
        return list(town.holders.values()).count(new.store.node)
