"""Connections are lent to one call at a time, and kept no longer than they are of use."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from tests.llm import connecting
from tests.llm.asking import HELLO, asking
from tests.llm.connecting import connection, post
from tests.services.fake_formats import ChatCompletions
from tests.services.fake_llm import FakeLLM, lines
from tests.services.http_peer import HANG_UP, answering
from xml_pipeline.config import LLMBackendConfig
from xml_pipeline.llm import openai
from xml_pipeline.llm.base import Completion, said
from xml_pipeline.llm.wire.connections import IDLE, Connections
from xml_pipeline.llm.wire.http1 import Http1
from xml_pipeline.llm.wire.line import Line
from xml_pipeline.llm.wiring import Wiring

WORDS = Completion(said("assistant", "Yes."), model="m")
MANY = 8


class Closable(httpx.AsyncBaseTransport):
    """A connection that knows whether it is closed."""

    closed = False

    async def aclose(self) -> None:
        self.closed = True


class Made:
    """The connections that were made."""

    def __init__(self) -> None:
        self.connections: list[Closable] = []

    def __call__(self) -> Closable:
        self.connections.append(Closable())
        return self.connections[-1]

    @property
    def closed(self) -> list[bool]:
        return [each.closed for each in self.connections]


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


async def test_what_nobody_asked_for_is_the_answer_to_nothing() -> None:
    unasked = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nunasked"
    first, second = [connecting.HELLO + unasked], [connecting.HELLO]
    async with answering(first, second) as peer, connection(Http1) as to:
        answers = [await connecting.said(to, post(peer.url)) for _ in range(2)]
    assert answers == [b"hello", b"hello"]
    assert [len(each) for each in peer.asked] == [1, 1]


async def test_a_line_that_its_peer_has_ended_is_quiet_no_more() -> None:
    async with answering([HANG_UP]) as peer:
        url = httpx.URL(peer.url)
        line = await Line.open(url.host, url.port or 0, None)
        assert line.is_quiet
        await line.write(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        await line.gone()
        assert not line.is_quiet
        assert await line.read() == b""


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
async def test_where_the_environment_names_a_proxy_the_way_leads_through_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.dumps(ChatCompletions().reply(WORDS)).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content)
    async with answering([head + content]) as proxy:
        monkeypatch.setenv(name, proxy.url)
        backend = LLMBackendConfig(provider="openai", base_url="http://models.example.org/v1")
        provider = openai.configured(Wiring(backend, Path(), {}))
        assert await provider.complete(HELLO) == WORDS
        await provider.aclose()
    [[asked]] = proxy.asked
    assert asked.startswith(b"POST http://models.example.org/v1/chat/completions HTTP/1.1")
