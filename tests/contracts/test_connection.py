"""What a connection to a provider has to do, whoever speaks HTTP over it.

One is our own, one is httpx's client as it is used where there is a proxy.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.llm.connecting import HELLO, Make, connection, post, said
from tests.services.http_peer import HANG_UP, Last, answering, certified
from xml_pipeline.llm.wire.http1 import Http1
from xml_pipeline.llm.wire.line import MOST_UNREAD
from xml_pipeline.llm.wire.proxied import Proxied

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello"
ENDLESS = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"
EARLY = b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n"
UNTIL_THE_END = Last(b"HTTP/1.1 200 OK\r\n\r\nhello")

pytestmark = pytest.mark.parametrize("make", [Http1, Proxied], ids=["own", "httpx"])


async def test_an_answer_has_status_headers_and_content(make: Make) -> None:
    async with answering([HELLO]) as peer, connection(make) as to:
        response = await to.handle_async_request(post(peer.url, b"What?"))
        assert await response.aread() == b"hello"
        await response.aclose()
    assert (response.status_code, response.reason_phrase) == (200, "Fine")
    assert response.headers.get_list("x-word") == ["a", "b"]
    [[asked]] = peer.asked
    assert asked.startswith(b"POST /ask?of=it HTTP/1.1\r\n")
    assert asked.endswith(b"\r\n\r\nWhat?")


@pytest.mark.parametrize("answer", [HELLO, CHUNKED, EARLY + HELLO], ids=["long", "chunks", "1xx"])
async def test_a_connection_is_used_again_after_a_whole_answer(make: Make, answer: bytes) -> None:
    async with answering([answer, HELLO]) as peer, connection(make) as to:
        assert [await said(to, post(peer.url)) for _ in range(2)] == [b"hello", b"hello"]
    assert [len(each) for each in peer.asked] == [2]


async def test_a_connection_is_not_used_again_where_the_server_says_so(make: Make) -> None:
    async with answering([CLOSING], [HELLO]) as peer, connection(make) as to:
        assert [await said(to, post(peer.url)) for _ in range(2)] == [b"hello", b"hello"]
    assert [len(each) for each in peer.asked] == [1, 1]


async def test_an_answer_may_last_until_the_connection_ends(make: Make) -> None:
    async with answering([UNTIL_THE_END]) as peer, connection(make) as to:
        assert await said(to, post(peer.url)) == b"hello"


async def test_an_answer_that_nobody_reads_to_its_end_ends_the_connection(make: Make) -> None:
    async with answering([ENDLESS], [HELLO]) as peer, connection(make) as to:
        response = await to.handle_async_request(post(peer.url))
        assert await anext(response.aiter_bytes()) == b"hello"
        await response.aclose()
        await peer.gone.wait()
        assert await said(to, post(peer.url)) == b"hello"


async def test_a_call_that_is_cancelled_ends_the_connection(make: Make) -> None:
    async with answering([EARLY], [HELLO]) as peer, connection(make) as to:
        call = asyncio.ensure_future(to.handle_async_request(post(peer.url)))
        await peer.began.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await peer.gone.wait()
        assert await said(to, post(peer.url)) == b"hello"


async def test_a_server_that_hangs_up_without_an_answer_is_an_error(make: Make) -> None:
    async with answering([HANG_UP], [HELLO]) as peer, connection(make) as to:
        with pytest.raises(httpx.HTTPError):
            await said(to, post(peer.url))
        assert await said(to, post(peer.url)) == b"hello"


async def test_what_is_no_http_is_an_error(make: Make) -> None:
    async with answering([b"220 mail.example.org ESMTP\r\n\r\n"]) as peer, connection(make) as to:
        with pytest.raises(httpx.RemoteProtocolError):
            await said(to, post(peer.url))


async def test_nobody_there_is_an_error(make: Make) -> None:
    async with answering() as peer:
        url = peer.url
    async with connection(make) as to:
        with pytest.raises(httpx.ConnectError):
            await said(to, post(url))


async def test_what_is_long_arrives_whole_both_ways(make: Make) -> None:
    long = b"x" * (8 * MOST_UNREAD)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(long)
    async with answering([head + long]) as peer, connection(make) as to:
        assert await said(to, post(peer.url, long)) == long
    assert peer.asked[0][0].endswith(b"\r\n\r\n" + long)


async def test_a_server_is_trusted_for_its_certificate_only(make: Make, tmp_path: Path) -> None:
    server, trusting = certified(tmp_path)
    async with answering([HELLO, CHUNKED], tls=server) as peer:
        async with connection(make, trusting) as to:
            assert [await said(to, post(peer.url)) for _ in range(2)] == [b"hello", b"hello"]
        async with connection(make) as to:
            with pytest.raises(httpx.ConnectError):
                await said(to, post(peer.url))
