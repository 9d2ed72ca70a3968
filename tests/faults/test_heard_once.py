"""A signed envelope is heard once by an organism, however many nodes that has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.faults.together import Together, Town
from tests.flows.payloads import Task
from tests.identity.parts import ALICE, envelope, key_files
from tests.server.house import TOKEN
from tests.services.redis_server import RedisServer
from xml_pipeline.backends import Commit, Mark, Shared
from xml_pipeline.backends.redis import RedisBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import BackendUnavailable, Overloaded
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.identity.signing import Signer
from xml_pipeline.organism import Organism
from xml_pipeline.server import application
from xml_pipeline.testing import Probe

ENVELOPE = {"Content-Type": "application/xml"}


@dataclass(frozen=True, slots=True)
class Node:
    organism: Organism
    store: Shared
    worker: Probe
    faults: list[str]
    http: httpx.AsyncClient


def long_begun() -> Commit:
    """Return what makes a store one in which it has been known for long who was heard."""
    return Commit(1, time.time(), (), marks=[Mark("nonces since", "", b"0.0", time.time() + 1e9)])


@pytest.fixture
async def stores() -> list[Shared]:
    """Return two ways to one store."""
    town = Town()
    await town.memory.append(long_begun())
    return [Together(town), Together(town)]


@asynccontextmanager
async def living(stores: Sequence[Shared], folder: Path) -> AsyncIterator[list[Node]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(node_on(store, folder)) for store in stores]


@asynccontextmanager
async def node_on(store: Shared, folder: Path) -> AsyncIterator[Node]:
    """Live on a store, believing Alice."""
    (_, alice) = key_files(folder, "alice", ALICE)
    config = OrganismConfig.model_validate({"trusted_keys": {"alice": str(alice)}})
    worker, faults = Probe("worker", Task), list[str]()

    def hear(event: Event) -> None:
        if isinstance(event, FaultEvent):
            faults.append(event.detail)

    async with Organism([worker.listener], config=config, backend=store) as organism:
        organism.subscribe(hear)
        transport = httpx.ASGITransport(application(organism, token=TOKEN))
        token = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            base_url="http://localhost", headers=token, transport=transport
        ) as http:
            yield Node(organism, store, worker, faults, http)


def signed() -> bytes:
    return Signer(ALICE)(envelope())


@pytest.mark.virtual_clock
async def test_what_one_node_has_heard_the_others_refuse(
    stores: list[Shared], tmp_path: Path
) -> None:
    document = signed()
    async with living(stores, tmp_path) as (one, other):
        for node in (one, other, other):
            await node.organism.inject(document)
            await node.organism.drain()
        await other.organism.inject(signed())
        await other.organism.drain()
        assert [len(each.worker.seen) for each in (one, other)] == [1, 1]
        assert len(other.faults) == 2
        assert all("was seen before" in each for each in other.faults)


@pytest.mark.virtual_clock
async def test_of_copies_that_come_to_all_nodes_at_once_one_is_heard(
    stores: list[Shared], tmp_path: Path
) -> None:
    documents = [signed() for _ in range(20)]
    async with living(stores, tmp_path) as nodes:
        both = (node.organism.inject(each) for each in documents for node in nodes)
        await asyncio.gather(*both)
        for node in nodes:
            await node.organism.drain()
        assert sum(len(each.worker.seen) for each in nodes) == len(documents)


@pytest.mark.virtual_clock
async def test_over_http_it_is_heard_once_as_well(stores: list[Shared], tmp_path: Path) -> None:
    document = signed()
    async with living(stores, tmp_path) as nodes:
        told = [
            await node.http.post("/v1/messages", content=document, headers=ENVELOPE)
            for node in nodes
        ]
        assert [each.status_code for each in told] == [202, 422]
        assert sum(len(each.worker.seen) for each in nodes) == 1


@pytest.mark.virtual_clock
async def test_a_request_that_is_repeated_at_another_node_gets_what_it_got(
    stores: list[Shared], tmp_path: Path
) -> None:
    document = signed()
    async with living(stores, tmp_path) as nodes:
        headers = ENVELOPE | {"Idempotency-Key": "k"}
        told = [
            await node.http.post("/v1/messages", content=document, headers=headers)
            for node in (*nodes, *nodes)
        ]
        assert [each.status_code for each in told] == [202] * 4
        assert len({each.json()["id"] for each in told}) == 1
        assert sum(len(each.worker.seen) for each in nodes) == 1


@pytest.mark.virtual_clock
async def test_what_was_not_taken_in_may_be_heard_by_another_node(
    stores: list[Shared], tmp_path: Path
) -> None:
    document = signed()
    async with living(stores, tmp_path) as (one, other):
        with pytest.raises(Overloaded):
            async with one.organism.kernel.signatures.claimed(document):
                raise Overloaded("there is no room")
        await other.organism.inject(document)
        await other.organism.drain()
        assert len(other.worker.seen) == 1


@pytest.mark.virtual_clock
async def test_what_a_node_claimed_and_never_wrote_before_it_died_may_be_heard_by_another(
    stores: list[Shared], tmp_path: Path
) -> None:
    document = signed()
    async with living(stores, tmp_path) as (one, other):
        async with one.organism.kernel.signatures.claimed(document):
            await one.store.bury(one.store.node)
            await other.organism.inject(document)
        await other.organism.drain()
        assert len(other.worker.seen) == 1


@pytest.mark.virtual_clock
async def test_what_is_signed_is_refused_where_nobody_has_asked_the_others(
    stores: list[Shared], tmp_path: Path
) -> None:
    async with living(stores, tmp_path) as (one, _):
        one.organism.accept(signed(), "outside")
        await one.organism.drain()
        assert one.worker.seen == []
        assert "is not known" in one.faults[0]


@pytest.mark.virtual_clock
async def test_a_signature_that_does_not_count_claims_nothing(
    stores: list[Shared], tmp_path: Path
) -> None:
    document = signed()
    forged = document.replace(b"<text>x</text>", b"<text>y</text>")
    async with living(stores, tmp_path) as (one, other):
        await one.organism.inject(forged)
        await one.organism.drain()
        await other.organism.inject(document)
        await other.organism.drain()
        assert [len(each.worker.seen) for each in (one, other)] == [0, 1]


async def test_over_redis_each_is_heard_once_too(tmp_path: Path) -> None:
    documents = [signed() for _ in range(20)]
    with RedisServer(tmp_path) as server:
        first = RedisBackend(server.url)
        await first.open()
        await first.append(long_begun())
        await first.close()
        async with living([RedisBackend(server.url) for _ in "ab"], tmp_path) as (one, other):
            nodes = one, other
            await asyncio.gather(*(node.organism.inject(x) for x in documents for node in nodes))
            for node in nodes:
                await node.organism.drain()
            assert sum(len(each.worker.seen) for each in nodes) == len(documents)
            document = signed()
            with pytest.raises(Overloaded):
                async with one.organism.kernel.signatures.claimed(document):
                    raise Overloaded("there is no room")
            async with one.organism.kernel.signatures.claimed(document):
                await one.store.bury(one.store.node)
                await other.organism.inject(document)
            await other.organism.drain()
            assert sum(len(each.worker.seen) for each in nodes) == len(documents) + 1


async def test_while_the_others_cannot_be_asked_nothing_signed_is_taken_in(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        async with node_on(RedisBackend(server.url), tmp_path) as node:
            server.kill()
            with pytest.raises(BackendUnavailable):
                await node.organism.inject(signed())
            told = await node.http.post("/v1/messages", content=signed(), headers=ENVELOPE)
            assert told.status_code == 503
            server.start()
