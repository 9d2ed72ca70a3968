"""Two nodes of one organism that share a town, half of it each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx

from tests.faults.test_taken_over import until
from tests.faults.together import Together, Town
from tests.server.house import TOKEN, Farewell, Greeted, Greeting, envelope
from xml_pipeline.backends.base import SHARDS
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.server import application

BYE = "<Farewell xmlns=''><name>Ada</name></Farewell>"


class Settler(Protocol):
    """Whoever has a way to the town."""

    @property
    def organism(self) -> Organism: ...
    @property
    def store(self) -> Together: ...


Its = TypeVar("Its", bound=Settler)


@asynccontextmanager
async def half_each(
    living_in: Callable[[Town], AbstractAsyncContextManager[Its]],
) -> AsyncIterator[tuple[Its, Its]]:
    """Let two nodes of one kind share a new town, half of it each, and see one another."""
    town = Town()
    async with living_in(town) as one, living_in(town) as other:
        nodes, shares = (one, other), [SHARDS // 2] * 2
        await until(lambda: [[*town.holders.values()].count(n.store.node) for n in nodes] == shares)
        await until(lambda: all(len(each.organism.nodes) == 2 for each in nodes))
        yield one, other


class Host:
    """Owes an answer to a greeting, and answers a farewell, which ends it."""

    def __init__(self, *expose: str) -> None:
        self.heard: list[str] = []
        self.listener = Listener(
            "host",
            (Greeting, Farewell),
            self._hear,
            output=Greeted,
            description="A host.",
            expose=expose,
        )

    async def _hear(
        self, payload: Greeting | Farewell, metadata: HandlerMetadata
    ) -> HandlerResponse:
        self.heard.append(f"{type(payload).__name__} {metadata.message_id}")
        if isinstance(payload, Greeting):
            return HandlerResponse.defer(within=600)
        return HandlerResponse.respond(Greeted(f"Goodbye, {payload.name}!"))


@dataclass(frozen=True, slots=True)
class Node:
    """A node with a host, and somebody who speaks to it over HTTP."""

    organism: Organism
    store: Together
    http: httpx.AsyncClient
    host: Host

    async def begin(self) -> str:
        """Begin a conversation, and return its thread."""
        body = {"to": "host", "payload": {"Greeting": {"name": "Ada"}}}
        told = await self.http.post("/v1/messages", json=body)
        await self.organism.drain()
        thread: str = told.json()["thread"]
        return thread

    async def leave(self, thread: str, wait: float = 0.0, key: str = "") -> httpx.Response:
        headers = {"Content-Type": "application/xml"} | ({"Idempotency-Key": key} if key else {})
        said = envelope(BYE, "host", thread)
        query = {"wait": str(wait)} if wait else {}
        return await self.http.post("/v1/messages", content=said, headers=headers, params=query)


@asynccontextmanager
async def living_in(town: Town) -> AsyncIterator[Node]:
    """Let a node with a host live in a town."""
    store, host = Together(town), Host()
    async with Organism([host.listener], backend=store) as organism, visiting(organism) as http:
        yield Node(organism, store, http, host)


def visiting(organism: Organism) -> httpx.AsyncClient:
    """Return a client of a node, without a socket."""
    return httpx.AsyncClient(
        base_url="http://localhost",
        headers={"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"},
        transport=httpx.ASGITransport(application(organism, token=TOKEN)),
    )


def two_nodes() -> AbstractAsyncContextManager[tuple[Node, Node]]:
    """Let two nodes with a host each share a town."""
    return half_each(living_in)
