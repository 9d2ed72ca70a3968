"""How the tests of connections ask."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

Make = Callable[[ssl.SSLContext], httpx.AsyncBaseTransport]

HELLO = b"HTTP/1.1 200 Fine\r\ncontent-length: 5\r\nx-word: a\r\nx-word: b\r\n\r\nhello"


@asynccontextmanager
async def connection(
    make: Make, trust: ssl.SSLContext | None = None
) -> AsyncIterator[httpx.AsyncBaseTransport]:
    """Make a connection, and close it."""
    made = make(trust or ssl.create_default_context())
    try:
        yield made
    finally:
        await made.aclose()


def post(url: str, content: bytes = b"hi") -> httpx.Request:
    """Return a request."""
    timeouts = {"timeout": {"connect": 5.0}}
    return httpx.Request("POST", url, content=content, extensions=timeouts)


async def said(to: httpx.AsyncBaseTransport, request: httpx.Request) -> bytes:
    """Return the whole answer to a request."""
    response = await to.handle_async_request(request)
    try:
        return await response.aread()
    finally:
        await response.aclose()
