"""GET /v1/events: everything that happens, as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from xml_pipeline.server.clients import cutter, ends
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.feed import EVENT_TYPES, Filter, Reader
from xml_pipeline.server.problems import Problem


class EventRoute:
    """Opens streams of events."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, request: Request) -> Response:
        """Stream events, after ``Last-Event-ID`` where that is given."""
        wanted = wanted_events(request.query_params)
        stream = EventStream(self._desk, wanted, request.headers.get("last-event-id", ""))
        return stream if request.method == "GET" else Response(headers=dict(stream.headers))


class EventStream(Response):
    """The body of a response that ends when the client or the server does.

    It begins with its headers and a comment, at once; a further comment follows each silence.
    """

    media_type = "text/event-stream"

    def __init__(self, desk: Desk, wanted: Filter, last_id: str) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._desk = desk
        self._wanted = wanted
        self._last_id = last_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until somebody leaves; Problem where too many watch already."""
        feed = self._desk.feed
        with self._desk.watching():
            reader = feed.read(self._wanted, self._last_id, cutter(scope))
            try:
                start = {"type": "http.response.start", "status": 200}
                await send(start | {"headers": self.raw_headers})
                with ends(receive, self._desk.closing) as until:
                    await self._go_on(send, reader, until)
            finally:
                feed.leave(reader)

    async def _go_on(
        self, send: Send, reader: Reader, until: Iterable[asyncio.Future[Any]]
    ) -> None:
        await send(_body(": here you are\n\n", more=True))
        while not any(each.done() for each in until):
            text = self._text(reader)
            if not text and await self._is_silent(until):
                text = ": still here\n\n"
            if text:
                await send(_body(text, more=True))
        await send(_body("", more=False))

    async def _is_silent(self, until: Iterable[asyncio.Future[Any]]) -> bool:
        """Wait for the next event, or one of the ends; tell whether nothing came in time."""
        done, _ = await asyncio.wait(
            {self._desk.feed.news(), *until},
            timeout=self._desk.bounds.keep_alive,
            return_when=asyncio.FIRST_COMPLETED,
        )
        return not done

    def _text(self, reader: Reader) -> str:
        feed = self._desk.feed
        text = "".join(
            f"id: {feed.id_of(entry)}\nevent: {entry.type}\ndata: {entry.text}\n\n"
            for entry in reader.take()
        )
        if reader.missed:
            reader.missed = False
            text = f"event: Missed\ndata: {{}}\n\n{text}"
        return text


def wanted_events(query: QueryParams) -> Filter:
    """Return the filter that a query describes; Problem where it is none."""
    types = ",".join(query.getlist("type"))
    return filter_of(query.get("thread", ""), query.get("listener", ""), types)


def filter_of(thread: str, listener: str, names: str) -> Filter:
    """Return a filter; ``names`` of events are separated by commas.

    Raises Problem where it names an event that does not exist.
    """
    types = frozenset(filter(None, names.split(",")))
    if not types <= EVENT_TYPES.keys():
        raise Problem(400, f"`type` is one of {', '.join(EVENT_TYPES)}.")
    return Filter(thread, listener, types)


def _body(text: str, *, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": more}
