"""HTTP/1.1 over one connection, as a transport of httpx.

The transport that comes with httpx has a pool, locks and cancel scopes around every request, for
whoever wants several kinds of concurrency. Here one connection is lent to one call at a time, so
there is nothing to share and nothing to guard: that takes a quarter of the time. What is said in
HTTP is h11's affair, as it is there.

The rule it guards: a connection is used again only if both sides have said all they had to say,
and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from ssl import SSLContext
from typing import Any

import h11
import httpx

from xml_pipeline.llm.wire.line import Line

_MOST_HEAD = 100 * 1024
"""Bytes of a status line and the headers after it."""


class Http1(httpx.AsyncBaseTransport):
    """One connection, opened when it is needed and again when it was closed.

    It raises as httpx does: ConnectError and ConnectTimeout, ReadError, WriteError,
    LocalProtocolError and RemoteProtocolError. Of the timeouts of a request it keeps the one for
    connecting.
    """

    def __init__(self, trust: SSLContext) -> None:
        self._trust = trust
        self._line = Line()
        self._said = h11.Connection(h11.CLIENT)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request whose content is there already; return when the answer has begun."""
        with ExitStack() as undone:
            undone.callback(lambda: self._line.close())
            line = await self._ready(request)
            await self._ask(line, request)
            head = await self._begun()
            undone.pop_all()
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(self),
            extensions={"reason_phrase": head.reason},
        )

    async def aclose(self) -> None:
        """Hang up, and wait until the event loop has let go of the connection."""
        self._line.close()
        await self._line.gone()

    async def event(self) -> Any:
        """Return the next that the server says, an event of h11."""
        try:
            while (event := self._said.next_event()) is h11.NEED_DATA:
                self._said.receive_data(await self._line.read())
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        return event

    def finish(self) -> None:
        """Keep the connection for the next request, if the answer was read to its end."""
        said = self._said
        whole = said.our_state is h11.DONE and said.their_state is h11.DONE
        if whole and not said.trailing_data[0]:
            said.start_next_cycle()
        else:
            self._line.close()

    async def _ready(self, request: httpx.Request) -> Line:
        """Return an open connection that says nothing of its own accord."""
        if not self._line.is_quiet:
            self._line.close()
            seconds = request.extensions.get("timeout", {}).get("connect")
            try:
                async with asyncio.timeout(seconds):
                    self._line = await self._opened(request.url)
            except TimeoutError as error:
                raise httpx.ConnectTimeout("it took too long to connect") from error
            except OSError as error:
                raise httpx.ConnectError(str(error)) from error
            self._said = h11.Connection(h11.CLIENT, _MOST_HEAD)
        return self._line

    async def _opened(self, url: httpx.URL) -> Line:
        host, secure = url.raw_host.decode(), url.scheme == "https"
        port = url.port or (443 if secure else 80)
        return await Line.open(host, port, self._trust if secure else None)

    async def _ask(self, line: Line, request: httpx.Request) -> None:
        """Write a request, in one piece."""
        target, headers = request.url.raw_path, request.headers.raw
        try:
            said = [
                self._said.send(h11.Request(method=request.method, target=target, headers=headers)),
                self._said.send(h11.Data(data=request.content)),
                self._said.send(h11.EndOfMessage()),
            ]
            await line.write(b"".join(said))
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        except OSError as error:
            raise httpx.WriteError(str(error)) from error

    async def _begun(self) -> h11.Response:
        """Return the head of the answer; what was said before it (1xx) does not count."""
        while True:
            event = await self.event()
            if isinstance(event, h11.Response):
                return event


class _Body(httpx.AsyncByteStream):
    """What comes after the head of an answer, read while it comes."""

    def __init__(self, connection: Http1) -> None:
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._connection.event(), h11.Data):
            yield bytes(event.data)

    async def aclose(self) -> None:
        self._connection.finish()
