"""R7, at its CI size: whatever comes over a socket, the answer is a refusal or a clean end."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from pathlib import Path

import pytest

from tests.server.house import HELLO, Visitor, envelope, head, running

INPUTS = 10_000
SEED = 20_261_121
AT_ONCE = 20

BODY = envelope(HELLO, "greeter")
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)
HONEST = (
    head("GET", "/v1/threads?limit=5"),
    head("GET", "/v1/listeners/greeter/schema", "Accept: application/xml"),
    head("POST", "/v1/messages?wait=1", "Content-Type: text/xml", f"Content-Length: {len(BODY)}")
    + BODY,
    head("POST", "/v1/messages", "Content-Type: text/xml", "Transfer-Encoding: chunked")
    + b"5\r\n<mess\r\n0\r\n\r\n",
    head("DELETE", "/v1/threads/x", "Connection: close"),
    head("GET", "/ws", *UPGRADE) + b"\x81\x85\0\0\0\0hello" + b"\x88\x80\0\0\0\0",
    head("GET", "/v1/events", "Connection: close"),
)
SPLICES = (b"\r\n", b"\0", b"\xff", b" ", b"Content-Length: 5\r\n", b"%", b"HTTP/9.9", b"\x81\xff")


def mangled(dice: random.Random) -> bytes:
    """Return an honest request with a few things wrong."""
    raw = bytearray(dice.choice(HONEST))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(raw) + 1)
        match dice.randrange(5):
            case 0:
                raw[at : at + dice.randint(1, 40)] = b""
            case 1:
                raw[at:at] = dice.choice(SPLICES)
            case 2:
                raw[at:at] = dice.randbytes(dice.randint(1, 60))
            case 3:
                raw[at:at] = raw[: dice.randint(1, 100)]
            case _:
                raw[at : at + 1] = bytes((dice.randrange(256),))
    return bytes(raw)


async def said_to(visitor: Visitor, raw: bytes) -> bytes:
    """Send bytes, then say that no more will come, and return what is answered."""
    reader, writer = await asyncio.open_connection(visitor.address.host, visitor.address.port)
    try:
        writer.write(raw)
        writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def open_files() -> int:
    folder = next(path for path in ("/proc/self/fd", "/dev/fd") if Path(path).exists())
    return len(os.listdir(folder))


async def pour(inputs: int) -> int:
    """Send so many mangled requests; return how many files are open that were not before."""
    dice = random.Random(SEED)
    async with running() as visitor:
        await visitor.tell(wait=10)
        before = open_files()
        for _ in range(inputs // AT_ONCE):
            batch = [mangled(dice) for _ in range(AT_ONCE)]
            for answer in await asyncio.gather(*(said_to(visitor, raw) for raw in batch)):
                assert_proper(answer)
        assert (await visitor.tell(wait=10)).status_code == 200
        return open_files() - before


@pytest.mark.no_cover
async def test_mangled_requests_are_refused_or_ended_and_harm_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await pour(INPUTS) <= 2, f"seed {SEED}"
    errors = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    assert errors == [], f"seed {SEED}"


def assert_proper(answer: bytes) -> None:
    """Assert that it is nothing, or begins with a status that is no failure of ours."""
    if answer:
        assert answer.startswith(b"HTTP/1.1 "), answer[:100]
        assert answer[9:10] in b"124", answer[:200]
    for word in (b"Traceback", b".py", b"lxml", b"xml_pipeline"):
        assert word not in answer


async def test_bytes_that_are_no_request_at_all_are_refused() -> None:
    dice = random.Random(SEED)
    async with running() as visitor:
        for size in (1, 10, 1_000, 100_000):
            answer = await said_to(visitor, dice.randbytes(size))
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
        too_long = await said_to(visitor, b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n")
        headers = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 900) for number in range(300))
        too_many = await said_to(visitor, head("GET", "/healthz")[:-2] + headers)
        assert (await visitor.tell(wait=10)).status_code == 200
    for answer in (too_long, too_many):
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


async def test_honest_requests_that_end_early_are_no_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as visitor:
        for raw in HONEST:
            await said_to(visitor, raw)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
