"""POST /v1/messages: a message comes in, and its answer may go out on the same request."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from math import inf
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from xml_pipeline.errors import Rejected
from xml_pipeline.journal.writing import PATIENCE
from xml_pipeline.server.body import body_of
from xml_pipeline.server.clients import ends
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.elsewhere import Elsewhere
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.intake import Intake
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.rendering import answer_envelope, answer_members
from xml_pipeline.server.strict_json import loads
from xml_pipeline.server.subjects import subject_in
from xml_pipeline.server.tracing import traceparent_in
from xml_pipeline.server.unreadable import Unreadable

XML, JSON = "application/xml", "application/json"

_MEDIA = {XML: XML, "text/xml": XML, JSON: JSON}
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii"})
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^"';\s]+)""", re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Messages:
    """Takes messages from requests."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._elsewhere = Elsewhere(desk)
        self._intake = Intake(desk.organism, desk.sender)

    async def post(self, request: Request) -> Response:
        """Put a message on its way; wait for its answer where that was asked for."""
        seconds = _seconds(request, self._desk.bounds.wait)
        media = _media_type(request.headers)
        key = _idempotency_key(request.headers)
        exchange = await self._exchange(request, media, key, await body_of(request, self._desk))
        if not await self._wait(request, exchange, seconds, expected_back=bool(key)):
            raise self._desk.unknown(exchange)
        if exchange.answer.done() and (seconds or not exchange.has_reached):
            return self._answered(exchange, _wanted(request.headers, media))
        return JSONResponse(exchange.members(), 202, _location(exchange))

    async def _exchange(self, request: Request, media: str, key: str, body: bytes) -> Exchange:
        """Submit the message, or join the exchange of the same request of before."""
        to, thread = request.query_params.get("to"), request.query_params.get("thread", "")
        subject = subject_in(request.headers)
        about = repr((media, to, thread, *(subject.person if subject else ()))).encode()
        fingerprint = hashlib.sha256(about + b"\n" + body).digest()
        known = await self._known(key, fingerprint) if key else None
        if known is not None:
            return known
        try:
            raw = self._envelope(media, to, thread, body)
        except Unreadable as error:
            raise self._desk.refuse(error, status=400, words=error.words) from None
        except Rejected as error:
            raise self._desk.refuse(error) from None
        if subject is None and (thread := self._elsewhere.thread(raw)):
            return await self._elsewhere.submit(thread, raw, key, fingerprint)
        async with self._desk.heard_once(raw):
            if key and (known := self._desk.keys.find(key, fingerprint)) is not None:
                return known  # The same request has come in meanwhile.
            exchange = self._desk.submit(raw, subject, traceparent_in(request.headers))
            if key:
                self._desk.keys.remember(key, fingerprint, exchange)
                self._desk.repeats.note(key, fingerprint, exchange)
        return exchange

    async def _known(self, key: str, fingerprint: bytes) -> Exchange | None:
        """Return the exchange of the same request, of this process or an earlier one."""
        keys = self._desk.keys
        known = keys.find(key, fingerprint)
        if known is not None:
            return known
        earlier = await self._desk.repeats.find(key, fingerprint)
        known = keys.find(key, fingerprint)  # Another may have come in meanwhile.
        if known is None and earlier is not None and not self._elsewhere.is_followed(earlier):
            keys.remember(key, fingerprint, earlier)
        return known or earlier

    def _envelope(self, media: str, to: str | None, thread: str, body: bytes) -> bytes:
        if media == XML and to is not None:
            return self._intake.payload(body, to, thread)
        if to is not None or thread:
            raise Unreadable("`to` and `thread` in the address are for bare XML payloads only.")
        return body if media == XML else self._intake.request(loads(body))

    async def _wait(
        self, request: Request, exchange: Exchange, seconds: float, *, expected_back: bool
    ) -> bool:
        """Wait until the message has reached somebody, and then for its answer.

        Tells whether that is known to outlive this process. A client that hangs up meanwhile
        stops the work, as whoever stops waiting does; unless it gave an Idempotency-Key, for
        then it may come back for the answer.
        """
        with ends(request.receive, self._desk.closing) as (gone, closing):
            if not await self._first_of({exchange.reached, closing}, inf):
                return False
            if seconds:
                with self._elsewhere.following(exchange):
                    await self._first_of({exchange.answer, gone, closing}, seconds)
                if gone.done() and not expected_back and exchange.opened_its_conversation:
                    self._desk.abandon(exchange)
        return exchange.is_known or not self._desk.keeps

    async def _first_of(self, awaited: set[asyncio.Future[Any]], seconds: float) -> bool:
        """Wait for one of these; tell whether there is one.

        No longer than so many seconds; and while nothing can be written down, not long either.
        """
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0.0:
            done, _ = await asyncio.wait(
                awaited, timeout=min(left, PATIENCE), return_when=asyncio.FIRST_COMPLETED
            )
            if done or self._desk.in_trouble:
                return bool(done)
        return False

    def _answered(self, exchange: Exchange, media: str) -> Response:
        answer = exchange.result()
        if answer is None:
            return Response(status_code=204, headers=_location(exchange))
        if media == JSON:
            return JSONResponse(answer_members(answer), headers=_location(exchange))
        envelope = answer_envelope(answer, self._desk.organism.kernel.signatures.sign)
        return Response(envelope, headers=_location(exchange), media_type=XML)


def _location(exchange: Exchange) -> dict[str, str]:
    return {"Location": f"/v1/threads/{exchange.thread.conversation.id}"}


def _seconds(request: Request, most: float) -> float:
    given = request.query_params.get("wait")
    if given is None:
        return 0.0
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds <= most:
        raise Problem(400, f"`wait` is a number of seconds, at most {most:g}.")
    return seconds


def _media_type(headers: Headers) -> str:
    essence, _, parameters = headers.get("content-type", "").partition(";")
    media = _MEDIA.get(essence.strip().lower())
    charset = _CHARSET.search(parameters)
    if media is None or (charset[1].lower() if charset else "") not in _UTF8:
        raise Problem(415, f"Send {XML} or {JSON}, in UTF-8.")
    return media


def _idempotency_key(headers: Headers) -> str:
    key = headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(400, "An Idempotency-Key is 1 to 255 visible ASCII characters.")
    return key or ""


def _wanted(headers: Headers, came_as: str) -> str:
    """Return in which form the client wants the answer: as it asked, unless it says another."""
    quality: dict[str, float] = {}
    for each in headers.get("accept", "").lower().split(","):
        essence, *parameters = (part.strip() for part in each.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if essence in _MEDIA:
            media = _MEDIA[essence]
            quality[media] = max(_number(weight), quality.get(media, 0.0))
    best = max(quality, key=lambda media: (quality[media], media == came_as), default=came_as)
    return best if quality.get(best) else came_as


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
