"""The organisms that are measured, each with everything on: threads, peers, budgets, context.

A game is an organism made ready, and a function that plays once and returns what one delivery
took. Handlers do next to nothing and pass on the payload they were given, so that what is
measured is the way of a message and not what somebody does with it.

Times are CPU time of this process, which is all the time there is where nothing waits for
anything outside it; who measures what does, gives a clock that goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import process_time
from typing import Any

from lxml import etree

from benchmarks.floor import BALL, THREAD, Ball
from xml_pipeline import HandlerMetadata, HandlerResponse, Listener, Organism, OrganismConfig
from xml_pipeline.backends import Backend
from xml_pipeline.events import Event
from xml_pipeline.payload import codec_of
from xml_pipeline.steps.envelope import enclosing
from xml_pipeline.steps.seal import seal
from xml_pipeline.steps.xml import strict_parser

Play = Callable[[], Awaitable[float]]
"""Plays once; returns the seconds that one delivery took, on average."""

Game = AbstractAsyncContextManager[Play]

Clock = Callable[[], float]
"""Tells seconds: of this process's work, or those that pass."""

GUESTS = tuple(f"gst{number}" for number in range(10))
ENDLESS = 1_000_000_000

_UNTIL_ASLEEP = 5
"""Turns of the event loop after which a pump that has nothing to do sleeps for certain."""


def config() -> OrganismConfig:
    """Return the default configuration with its limits out of the way."""
    return OrganismConfig.model_validate(
        {
            "max_concurrent_handlers": 2_000,
            "budget": {"messages": ENDLESS, "hops": ENDLESS},
            "limits": {"waiting_messages": ENDLESS, "waiting_bytes": ENDLESS},
        }
    )


@asynccontextmanager
async def ping_pong(
    conversations: int,
    strokes: int,
    *,
    heard: bool = False,
    backend: Backend | None = None,
    clock: Clock = process_time,
) -> AsyncIterator[Play]:
    """Ask back and forth between two listeners, in so many conversations side by side.

    Every second message opens a thread and the one after it closes that. With ``heard``,
    somebody subscribes to the events, so that they are made at all; with a ``backend``, all is
    written to it.
    """

    async def ping(ball: Ball, metadata: HandlerMetadata) -> HandlerResponse:
        if metadata.hops < strokes:
            return HandlerResponse(ball, to="pong")
        return HandlerResponse.respond(ball)

    players = (
        Listener("ping", Ball, ping, description="Serves.", peers=("pong",)),
        Listener("pong", Ball, _return_it, description="Returns."),
    )
    async with Organism(players, config=config(), backend=backend) as organism:
        if heard:
            organism.subscribe(_hear)
        yield lambda: _ask_all(organism, "ping", conversations, strokes + 2, clock)


@asynccontextmanager
async def fan_out(
    conversations: int, rounds: int, *, broadcast: bool = False
) -> AsyncIterator[Play]:
    """Ask ten listeners at once and gather their ten answers, so many rounds of it.

    Either by name, or by one message that goes to all of them. The count of the answers is
    kept in the host's state.
    """
    served = [HandlerResponse(BALL, to=None if broadcast else name) for name in GUESTS]

    async def host(ball: Ball, metadata: HandlerMetadata) -> list[HandlerResponse]:
        state = metadata.state
        missing = state.get("missing", 1) - 1
        if missing:
            state["missing"] = missing
            return []
        if metadata.hops == 2 * rounds:
            return [HandlerResponse.respond(ball)]
        state["missing"] = len(GUESTS)
        return served[:1] if broadcast else served

    listeners = [Listener("host", Ball, host, description="Asks.", peers=GUESTS)]
    listeners += [
        Listener(name, Ball, _return_it, description="Answers.", broadcast=broadcast)
        for name in GUESTS
    ]
    async with Organism(listeners, config=config()) as organism:
        deliveries = 2 * len(GUESTS) * rounds + 2
        yield lambda: _ask_all(organism, "host", conversations, deliveries)


@asynccontextmanager
async def idle_hop(hops: int) -> AsyncIterator[Play]:
    """Send a message to a listener when the pump has nothing else to do, so many times.

    What is timed is from before it is sent until its handler begins.
    """
    arrived: list[asyncio.Future[float]] = []

    async def sink(ball: Ball, metadata: HandlerMetadata) -> None:
        arrived.pop().set_result(process_time())

    async def play() -> float:
        seconds = 0.0
        for _ in range(hops):
            for _ in range(_UNTIL_ASLEEP):
                await asyncio.sleep(0)
            handled = asyncio.get_running_loop().create_future()
            arrived.append(handled)
            began = process_time()
            await organism.send("sink", BALL)
            seconds += await handled - began
            await organism.drain()
        return seconds / hops

    listener = Listener("sink", Ball, sink, description="Takes it.")
    async with Organism([listener], config=config()) as organism:
        yield play


@asynccontextmanager
async def xml_alone(messages: int) -> AsyncIterator[Play]:
    """Do with a message what the pump does to its XML, and nothing else.

    It is written, parsed, checked by the one schema of envelope and payload, and read. That is
    the least that a delivery takes which is a message of its own.
    """
    codec, parser = codec_of(Ball), strict_parser()
    fits = enclosing(codec)

    async def play() -> float:
        began = process_time()
        for _ in range(messages):
            root: Any = etree.fromstring(seal(codec, BALL, "ping", "pong", THREAD), parser)
            assert fits(root)
            codec.read(root[1])
        return (process_time() - began) / messages

    yield play


async def _return_it(ball: Ball, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(ball)


async def _ask_all(
    organism: Organism,
    to: str,
    conversations: int,
    deliveries: int,
    clock: Clock = process_time,
) -> float:
    began = clock()
    await asyncio.gather(*(organism.ask(to, BALL) for _ in range(conversations)))
    return (clock() - began) / (conversations * deliveries)


def _hear(event: Event) -> None:
    """Listen, and do nothing about it."""
