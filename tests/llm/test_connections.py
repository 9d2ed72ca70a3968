"""Connections are lent to one call at a time, and kept no longer than they are of use."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.llm.asking import HELLO, asking
from tests.services.fake_llm import FakeLLM, lines
from xml_pipeline.llm.base import Completion, said
from xml_pipeline.llm.wire.connections import IDLE, Connections

WORDS = Completion(said("assistant", "Yes."), model="m")
MANY = 8


class Made:
    """The clients that were made."""

    def __init__(self) -> None:
        self.clients: list[httpx.AsyncClient] = []

    def __call__(self, limits: httpx.Limits) -> httpx.AsyncClient:
        self.clients.append(httpx.AsyncClient(limits=limits, verify=False))
        return self.clients[-1]

    @property
    def closed(self) -> list[bool]:
        return [each.is_closed for each in self.clients]


async def test_calls_at_once_have_a_connection_each_and_the_next_ones_use_them_again() -> None:
    async with FakeLLM(lines(*[WORDS] * 2 * MANY)) as server, asking(server, "openai") as provider:
        for _ in range(2):
            await asyncio.gather(*(provider.complete(HELLO) for _ in range(MANY)))
        assert (len(server.asked), server.connections) == (2 * MANY, MANY)


async def test_the_one_that_came_back_last_goes_out_first() -> None:
    made = Made()
    connections = Connections(made)
    async with connections.one() as first, connections.one() as second:
        assert first is not second
    async with connections.one() as again:
        assert again is first
    await connections.aclose()
    assert made.closed == [True, True]


@pytest.mark.virtual_clock
async def test_what_nobody_used_for_long_is_closed() -> None:
    made = Made()
    connections = Connections(made)
    async with connections.one(), connections.one():
        pass
    for _ in range(3):
        await asyncio.sleep(0.6 * IDLE)
        async with connections.one():
            pass
    assert sorted(made.closed) == [False, True]
    await connections.aclose()


async def test_one_that_is_out_is_closed_when_it_comes_back() -> None:
    made = Made()
    connections = Connections(made)
    async with connections.one():
        await connections.aclose()
        assert made.closed == [False]
    assert made.closed == [True]
