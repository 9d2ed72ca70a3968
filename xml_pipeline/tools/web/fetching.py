"""Fetches a page over HTTP, of so many bytes and within so many seconds at most."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cached_property

import certifi
import httpcore
import httpx

from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.web.connecting import GuardedNetwork

MOST_BYTES = 5 * 1024 * 1024
MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = (
    ("User-Agent", "xml-pipeline"),
    ("Accept", "text/html, text/*;q=0.9, application/json;q=0.9, application/xml;q=0.9"),
    ("Accept-Encoding", "gzip, deflate"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """What was fetched: its text, its media type, and where it really was."""

    url: str
    media_type: str
    text: str


class Fetcher:
    """Fetches pages; no connection, cookie or credential of one goes to another."""

    def __init__(self, network: GuardedNetwork) -> None:
        self._network = network

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Reads all certificates, so only once a page is wanted.
        return ssl.create_default_context(cafile=certifi.where())

    async def fetch(self, url: str, seconds: float) -> Page:
        """Return a page, redirects followed; ToolFailed where there is none to be had."""
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(url)
        except TimeoutError:
            raise ToolFailed(f"that took longer than {seconds:g} seconds") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            words = str(error) or type(error).__name__
            raise ToolFailed(f"the page cannot be fetched: {words:.200}") from None

    async def _follow(self, url: str) -> Page:
        for _ in range(MOST_REDIRECTS + 1):
            page = await self._get(_checked(url))
            if isinstance(page, Page):
                return page
            url = page
        raise ToolFailed(f"there are more than {MOST_REDIRECTS} redirects")

    async def _get(self, url: httpx.URL) -> Page | str:
        """Return a page, or where it is instead."""
        pool = httpcore.AsyncConnectionPool(self._tls, network_backend=self._network)
        async with pool, pool.stream("GET", str(url), headers=list(_HEADERS)) as response:
            headers = httpx.Headers(response.headers)
            if response.status in _REDIRECTS and "location" in headers:
                return str(url.join(headers["location"]))
            if not 200 <= response.status < 300:
                raise ToolFailed(f"the server says {response.status}")
            kind, charset = _kind(headers)
            data = await _body(response.aiter_stream(), headers.get("content-encoding", ""))
        return Page(str(url), kind, data.decode(charset, "replace"))


def _checked(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ToolFailed("this is no URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ToolFailed("only http and https URLs with a host are fetched")
    if url.userinfo:
        raise ToolFailed("a URL with a user or password in it is not fetched")
    return url.copy_with(fragment=None)


def _kind(headers: httpx.Headers) -> tuple[str, str]:
    """Return the media type and the encoding of a text; ToolFailed where it is none."""
    kind, *parameters = headers.get("content-type", "text/plain").lower().split(";")
    kind = kind.strip()
    is_text = kind.startswith("text/") or kind.endswith(("json", "xml", "javascript", "yaml"))
    if not is_text:
        raise ToolFailed(f"this is {kind:.100}, and no text")
    named = (each.strip().partition("=") for each in parameters)
    charset = next((value.strip("\"' ") for key, _, value in named if key == "charset"), "utf-8")
    try:
        "".encode(charset)
    except (LookupError, UnicodeError):
        return kind, "utf-8"
    return kind, charset


async def _body(stream: AsyncIterator[bytes], encoding: str) -> bytes:
    """Return a body, decompressed; ToolFailed for more than 5 MiB of either."""
    if encoding.lower() not in ("", "identity", "gzip", "deflate"):
        raise ToolFailed(f"its content-encoding {encoding:.50} is not known")
    inflate = zlib.decompressobj(47) if encoding.lower() in ("gzip", "deflate") else None
    data, came = bytearray(), 0
    async for chunk in stream:
        came += len(chunk)
        for part in _inflated(inflate, chunk):
            data += part
            if len(data) > MOST_BYTES:
                break
        if max(came, len(data)) > MOST_BYTES:
            raise ToolFailed(f"the page has more than {MOST_BYTES} bytes")
    if inflate is not None and not inflate.eof:
        raise ToolFailed("the page is not compressed as it says")
    return bytes(data)


def _inflated(inflate: zlib._Decompress | None, chunk: bytes) -> Iterator[bytes]:
    if inflate is None:
        yield chunk
        return
    while chunk:
        try:
            yield inflate.decompress(chunk, 65536)
        except zlib.error:
            raise ToolFailed("the page is not compressed as it says") from None
        chunk = inflate.unconsumed_tail
