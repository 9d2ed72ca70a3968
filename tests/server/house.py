"""A small organism behind a real server, and those who speak to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from xml_pipeline.backends import Backend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.config.sections import ServerConfig
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload, xmlify
from xml_pipeline.server import Address, Bounds, serve

TOKEN = "a token for tests"
JSON, XML = {"Content-Type": "application/json"}, {"Content-Type": "application/xml"}


@xmlify
@dataclass(frozen=True, slots=True)
class Greeting:
    """Somebody to greet."""

    name: str


@xmlify
@dataclass(frozen=True, slots=True)
class Greeted:
    """A finished greeting."""

    text: str


@xmlify
@dataclass(frozen=True, slots=True)
class Farewell:
    """Somebody who leaves."""

    name: str


@xmlify
@dataclass(frozen=True, slots=True)
class Measured:
    """A number that JSON may not have."""

    value: float


async def greet(payload: Greeting | Farewell, metadata: HandlerMetadata) -> HandlerResponse:
    word = "Hello" if isinstance(payload, Greeting) else "Goodbye"
    return HandlerResponse.respond(Greeted(f"{word}, {payload.name}!"))


async def say_nothing(payload: Greeting, metadata: HandlerMetadata) -> None:
    """Take it and be quiet."""


async def fail(payload: Greeting, metadata: HandlerMetadata) -> None:
    raise KeyError("/etc/secrets/of/the/house")


async def echo(payload: RawPayload, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(payload.xml)


async def measure(payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Measured(float("inf")))


def listener(name: str, **more: object) -> Listener:
    return Listener(name, Greeting, greet, description=f"Called {name}.", **more)  # type: ignore[arg-type]


class Patient:
    """A listener that begins when it is told to, and says when it was called or stopped."""

    def __init__(self, name: str = "patient") -> None:
        self.called = asyncio.Event()
        self.go = asyncio.Event()
        self.stopped = asyncio.Event()
        self.calls = 0
        self.listener = Listener(name, Greeting, self.handle, description="Waits.", timeout=600)

    async def handle(self, payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
        self.calls += 1
        self.called.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        return HandlerResponse.respond(Greeted(f"At last, {payload.name}!"))


def everybody() -> tuple[Listener, ...]:
    """Return one listener of each kind."""
    return (
        listener("greeter"),
        Listener("host", (Greeting, Farewell), greet, description="Greets and sees off."),
        Listener("silent", Greeting, say_nothing, description="Says nothing."),
        Listener("broken", Greeting, fail, description="Fails."),
        Listener("echo", RawPayload, echo, description="Says it again."),
        Listener("measurer", Greeting, measure, description="Measures."),
    )


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody outside, with the token and a connection."""

    http: httpx.AsyncClient
    address: Address
    organism: Organism

    async def tell(self, to: str = "greeter", wait: float = 0.0, **more: str) -> httpx.Response:
        """Send a greeting as JSON; further arguments are headers."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        query = {"wait": str(wait)} if wait else {}
        body = {"to": to, "payload": {"name": "Ada"}}
        return await self.http.post("/v1/messages", params=query, json=body, headers=headers)

    async def post(self, body: bytes, media: str, **query: str) -> httpx.Response:
        """Send bytes."""
        headers = {"Content-Type": media}
        return await self.http.post("/v1/messages", params=query, content=body, headers=headers)


@asynccontextmanager
async def running(
    *listeners: Listener,
    config: OrganismConfig | None = None,
    bounds: Bounds | None = None,
    backend: Backend | None = None,
) -> AsyncIterator[Visitor]:
    """Run an organism and its server on a free port."""
    async with (
        Organism(listeners or everybody(), config=config, backend=backend) as organism,
        serve(organism, ServerConfig(port=0), TOKEN, bounds=bounds) as address,
        httpx.AsyncClient(
            base_url=address.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
        ) as http,
    ):
        yield Visitor(http, address, organism)


def envelope(payload: str, to: str | None = None, thread: str = "") -> bytes:
    addressee = f"<to>{to}</to>" if to is not None else ""
    return (
        '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>me</from>'
        f"{addressee}<thread>{thread}</thread></meta>{payload}</message>"
    ).encode()


HELLO = '<Greeting xmlns=""><name>Ada</name></Greeting>'


def head(method: str, path: str, *more: str) -> bytes:
    """Return the head of a request with the token, as it goes over the wire."""
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}")
    return "\r\n".join((*lines, *more, "", "")).encode()


async def converse(address: Address, *pieces: bytes) -> bytes:
    """Send bytes over a connection of their own; return what comes until the server ends it."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.transport.abort()
