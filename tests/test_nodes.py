"""Nodes share the work: who holds what, what moves, and what becomes of one that was replaced."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.flows.payloads import Result, Task
from tests.services.redis_server import RedisServer
from xml_pipeline.backends import Mark, View, endings_of, shard_of
from xml_pipeline.backends.base import SHARDS
from xml_pipeline.backends.redis import RedisBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import BackendUnavailable, Undeliverable, UnknownThread
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.message import ENVELOPE_NAMESPACE as ENVELOPE
from xml_pipeline.organism import Organism
from xml_pipeline.processes import this_process
from xml_pipeline.testing import respond

LIFETIME = 0.5


class Mute(RedisBackend):
    """A node that the others may stop hearing of."""

    is_mute = False

    async def look(self, about: Mapping[str, object]) -> View:
        if self.is_mute:
            raise BackendUnavailable("nobody hears it")
        return await super().look(about)


class Node:
    """One node, with listeners that answer at once, later, or never."""

    def __init__(self, url: str, name: str = "town") -> None:
        self.store = Mute(url, lifetime=LIFETIME)
        self.hangs = asyncio.Event()
        later = Listener("later", Task, self._later, description="Owes an answer.")
        now = Listener("now", Task, self._now, description="Answers.")
        never = Listener("never", Task, self._never, description="Hangs.")
        said = {"organism": {"name": name}, "max_concurrent_handlers": 200}
        config = OrganismConfig.model_validate(said)
        self.organism = Organism([later, now, never], config=config, backend=self.store)

    @property
    def conversations(self) -> set[str]:
        return {each.conversation.id for each in self.organism.kernel.threads}

    @property
    def paused(self) -> set[str]:
        lanes = self.organism.kernel.scheduler.lanes
        return {name for name, lane in lanes.items() if lane.paused}

    async def holds(self) -> int:
        return (await held(self.store))[self.store.node]

    async def _later(self, payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.defer(within=600.0)

    async def _now(self, payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(Result(payload.text))

    async def _never(self, payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        self.hangs.set()
        await asyncio.Event().wait()
        raise AssertionError


async def held(store: RedisBackend) -> Counter[str]:
    """Count the shards of each node, as they are written in Redis."""
    view = await RedisBackend.look(store, {"organism": "town"})
    return Counter(view.holders.values())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, of which no event tells."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def until_shared(store: RedisBackend, *shares: int) -> None:
    """Wait until the shards are shared out like this."""
    async with asyncio.timeout(20):
        while sorted((await held(store)).values()) != sorted(shares):
            pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@asynccontextmanager
async def running(server: RedisServer, count: int) -> AsyncIterator[list[Node]]:
    async with AsyncExitStack() as stack:
        nodes = [Node(server.url) for _ in range(count)]
        for node in nodes:
            await stack.enter_async_context(node.organism)
        yield nodes


def test_an_id_tells_its_shard_and_each_shard_has_as_many_endings() -> None:
    shards = [shard_of(f"{'0' * 34}{ending}") for n in range(SHARDS) for ending in endings_of(n)]
    assert Counter(shards) == dict.fromkeys(range(SHARDS), 4)
    assert 0 <= shard_of("no such id") < SHARDS


async def test_each_node_holds_its_share_of_the_work(server: RedisServer) -> None:
    async with running(server, 3) as nodes:
        await until_shared(nodes[0].store, 22, 22, 20)
        assert [await node.holds() for node in nodes] != [64, 0, 0]


async def test_each_node_tells_who_shares_the_work(server: RedisServer) -> None:
    async with running(server, 2) as (one, other):
        await one.organism.send("later", Task(""))
        await until_shared(one.store, 32, 32)

        def is_told() -> bool:
            told = {each.id: each for each in other.organism.nodes}
            return [len(each.shards) for each in told.values()] == [32, 32] and sum(
                each.conversations for each in told.values()
            ) == 1

        await until(is_told)
        (this,) = [each for each in other.organism.nodes if each.is_this]
        assert this.id == other.store.node
        assert this.pid == os.getpid()


async def test_a_node_opens_conversations_in_its_own_shards_only(server: RedisServer) -> None:
    async with running(server, 2) as nodes:
        await until_shared(nodes[0].store, 32, 32)
        for node in nodes:
            view = await RedisBackend.look(node.store, {"organism": "town"})
            ids = [await node.organism.send("later", Task(str(n))) for n in range(50)]
            assert {view.holders[shard_of(id)] for id in ids} == {node.store.node}


async def test_every_thread_of_a_conversation_is_in_its_shard(server: RedisServer) -> None:
    async with running(server, 1) as (node,):
        await node.organism.send("later", Task("x"))
        await until(lambda: len(node.organism.kernel.threads) == 1)
        shards = [shard_of(each.id) for each in node.organism.kernel.threads]
        assert set(shards) == {shard_of(id) for id in node.conversations}


async def test_what_rests_moves_to_a_node_that_comes_and_is_answered_there(
    server: RedisServer,
) -> None:
    async with running(server, 1) as (old,):
        ids = {await old.organism.send("later", Task(str(n))) for n in range(100)}
        new = Node(server.url)
        async with new.organism:
            await until_shared(old.store, 32, 32)
            await until(lambda: old.conversations | new.conversations == ids)
            assert not old.conversations & new.conversations
            assert len(new.conversations) > 10
            moved = min(new.conversations)
            await old.organism.answer(moved, Result("yes"))
            await new.organism.drain()
            past = await new.store.conversation(moved)
            assert past is not None
            assert past.ended is not None
        await until(lambda: old.conversations == ids - {moved})


async def test_what_is_being_worked_on_stays_where_it_is_until_it_is_done(
    server: RedisServer,
) -> None:
    async with running(server, 1) as (old,):
        asking = [asyncio.create_task(old.organism.ask("never", Task(""))) for _ in range(100)]
        await old.hangs.wait()
        await until(lambda: len(old.conversations) == 100)
        new = Node(server.url)
        entering = asyncio.create_task(new.organism.__aenter__())
        async with asyncio.timeout(20):
            while len((await RedisBackend.look(old.store, {"organism": "town"})).living) < 2:
                pass
        await old.organism.ask("now", Task(""))
        assert not entering.done()
        for each in asking:
            each.cancel()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(each) for each in results} == {asyncio.CancelledError}
        await entering
        await until_shared(old.store, 32, 32)
        await new.organism.__aexit__(None, None, None)


async def test_what_is_meant_for_a_conversation_of_another_node_is_done_there(
    server: RedisServer,
) -> None:
    async with running(server, 2) as (one, other):
        await until_shared(one.store, 32, 32)
        answered, killed = [await one.organism.send("later", Task(each)) for each in "ab"]
        await one.organism.drain()
        await other.organism.answer(answered, Result("yes"))
        await other.organism.kill(killed)
        for id in (answered, killed):
            with pytest.raises(UnknownThread):
                await other.organism.kill(id)
        await until(lambda: not one.conversations)
        for id in (answered, killed):
            past = await other.store.conversation(id)
            assert past is not None
            assert past.ended is not None


async def test_a_message_follows_its_conversation_to_another_node_once(
    server: RedisServer,
) -> None:
    async with running(server, 2) as (one, other):
        await until_shared(one.store, 32, 32)
        thread = await one.organism.send("later", Task("a"))
        await one.organism.drain()
        said = (
            f'<message xmlns="{ENVELOPE}"><meta><from>x</from><to>later</to>'
            f"<thread>{thread}</thread></meta><Task xmlns=''><text>b</text></Task></message>"
        ).encode()
        mark = Mark("idempotency", "k", b"head", time.time() + 60.0)
        told = [await other.organism.errands.say(thread, said, "outside", mark=mark) for _ in "ab"]
        assert told[0] == told[1]
        assert told[0].startswith(thread)
        await one.organism.drain()
        past = await other.store.conversation(thread)
        assert past is not None
        assert sum(b"<text>b</text>" in each.records for each in past.entries) == 1


async def test_a_node_that_comes_later_knows_who_is_paused(server: RedisServer) -> None:
    async with running(server, 1) as (old,):
        for name in ("now", "later", "never"):
            await old.organism.pause(name)
        await old.organism.resume("later")
        async with running(server, 1) as (new,):
            assert new.paused == {"now", "never"}
            await new.organism.resume("never")
            assert old.paused == new.paused == {"now"}
    async with running(server, 1) as (another,):
        assert another.paused == {"now"}


async def test_a_node_that_leaves_is_replaced_at_once(server: RedisServer) -> None:
    async with running(server, 1) as (staying,):
        async with running(server, 1) as (leaving,):
            await until_shared(staying.store, 32, 32)
            ids = {await leaving.organism.send("later", Task(str(n))) for n in range(20)}
        await until(lambda: staying.conversations == ids)
        await until_shared(staying.store, 64)
        assert set(await held(staying.store)) == {staying.store.node}


async def test_a_node_whose_process_has_died_on_this_machine_is_replaced_at_once(
    server: RedisServer,
) -> None:
    place, pid, started = this_process().rsplit(" ", 2)
    dead = RedisBackend(server.url, lifetime=3_600.0)
    await dead.join()
    before = f"{place} {pid} {int(started) - 1}"  # Of the same number, before this one.
    await RedisBackend.look(dead, {"organism": "town", "process": before})
    assert len(await dead.take(range(SHARDS))) == SHARDS
    async with running(server, 1) as (node,):
        await until_shared(node.store, SHARDS)
        assert await node.holds() == SHARDS
    await dead.close()


async def test_a_node_whose_process_lives_is_left_alone(server: RedisServer) -> None:
    silent = RedisBackend(server.url, lifetime=3_600.0)
    await silent.join()
    await RedisBackend.look(silent, {"organism": "town", "process": this_process()})
    assert len(await silent.take(range(SHARDS // 2))) == SHARDS // 2
    async with running(server, 1) as (node,):
        await until_shared(node.store, SHARDS // 2, SHARDS // 2)
    await silent.close()


async def test_a_node_that_was_replaced_forgets_everything_and_begins_anew(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(server, 2) as (mute, other):
        await until_shared(other.store, 32, 32)
        ids = {await mute.organism.send("later", Task(str(n))) for n in range(20)}
        asking = asyncio.create_task(mute.organism.ask("later", Task("waits")))
        await until(lambda: len(mute.conversations) == 21)
        before = mute.store.node
        with caplog.at_level(logging.ERROR):
            mute.store.is_mute = True
            await until(lambda: ids <= other.conversations)
            with pytest.raises((Undeliverable, BackendUnavailable)):
                await mute.organism.send("later", Task("too late"))
            assert "begins anew" in caplog.text
        with pytest.raises(Undeliverable):
            await asking
        with pytest.raises(BackendUnavailable, match="no part of the work"):
            await mute.organism.inject(b"<x/>")
        assert not mute.conversations & ids
        mute.store.is_mute = False
        await until_shared(other.store, 32, 32)
        assert mute.store.node != before
        await until(lambda: mute.organism.kernel.journal.refusal is None)
        answer = await mute.organism.ask("now", Task("again"))
        assert answer == Result("again")


async def test_another_organism_in_the_same_place_is_refused(server: RedisServer) -> None:
    async with running(server, 1):
        with pytest.raises(BackendUnavailable, match="another organism"):
            async with Node(server.url, name="village").organism:
                raise AssertionError
