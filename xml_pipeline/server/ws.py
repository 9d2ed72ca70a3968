"""GET /ws: the events and the messages of HTTP over one WebSocket, in JSON text frames.

A client sends ``{"command": "subscribe" | "inject" | "decide" | "answer", …}``; whatever it gives
as ``ref`` comes back with all that is said about that command. What is told has a ``kind``:
``subscribed``, ``event``, ``missed``, ``accepted``, ``answer``, ``ended``, ``decided``,
``answered`` or ``problem``.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from xml_pipeline.errors import Rejected
from xml_pipeline.journal.writing import PATIENCE
from xml_pipeline.server.approvals import decide
from xml_pipeline.server.clients import cutter
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.elsewhere import Elsewhere
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.feed import Reader
from xml_pipeline.server.intake import Intake
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.questions import answer
from xml_pipeline.server.rendering import answer_members
from xml_pipeline.server.sse import filter_of
from xml_pipeline.server.strict_json import loads
from xml_pipeline.server.subjects import subject_in
from xml_pipeline.server.unreadable import Unreadable
from xml_pipeline.subject import Subject

SERVICE_RESTART = 1012
"""The close code of a server that stops (RFC 6455, IANA registry)."""

Settle = Callable[[Desk, str, object], Awaitable[dict[str, Any]]]
"""Decides, or answers, as a client says on a thread; returns what was done."""

_COMMANDS = ("subscribe", "inject", "decide", "answer")


class SocketRoute:
    """Opens sessions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open(self, websocket: WebSocket) -> None:
        """Hold one session from handshake to goodbye."""
        try:
            with self._desk.watching():
                session = Session(self._desk, websocket, subject_in(websocket.headers))
                await websocket.accept()
                await session.hold()
        except Problem as problem:
            await websocket.send_denial_response(problem.response())


class Session:
    """One client: what it has asked for, and what it is still to be told; all of it for one person.

    Two tasks hold it, one for each direction; it ends with the first of them. What waits to be
    sent is bounded by what the client may ask for, and events wait in the feed.
    """

    def __init__(self, desk: Desk, websocket: WebSocket, subject: Subject | None) -> None:
        self._desk = desk
        self._websocket = websocket
        self._subject = subject
        self._intake = Intake(desk.organism, desk.sender)
        self._cut = cutter(websocket.scope)
        self._reader: Reader | None = None
        self._outbox: deque[dict[str, Any]] = deque()
        self._more = asyncio.Event()
        self._awaited = 0
        self._elsewhere = Elsewhere(desk)
        self._passing_on: set[asyncio.Task[None]] = set()
        self._deciding: set[asyncio.Task[None]] = set()  # To its end, whoever leaves meanwhile.

    async def hold(self) -> None:
        """Talk until one side leaves."""
        tasks = {asyncio.create_task(self._listen()), asyncio.create_task(self._talk())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks | self._passing_on:
                task.cancel()
            if self._reader is not None:
                self._desk.feed.leave(self._reader)
        for task in done:
            task.result()

    async def _listen(self) -> None:
        while (message := await self._websocket.receive())["type"] == "websocket.receive":
            self._obey(message.get("text"))
            await asyncio.sleep(0)  # Let the other task speak: many commands may come at once.

    async def _talk(self) -> None:
        closing = asyncio.create_task(self._desk.closing.wait())
        try:
            while not closing.done():
                for text in self._frames():
                    await self._websocket.send_text(text)
                if not self._outbox and not (self._reader and self._reader.behind):
                    await self._news(closing)
            await self._websocket.close(SERVICE_RESTART)
        except WebSocketDisconnect:
            return
        finally:
            closing.cancel()

    def _frames(self) -> list[str]:
        """Return what there is to say by now, answers first."""
        frames = [json.dumps(each) for each in self._outbox]
        self._outbox.clear()
        self._more.clear()
        if self._reader is None:
            return frames
        events = self._reader.take()
        if self._reader.missed:
            self._reader.missed = False
            frames.append('{"kind": "missed"}')
        head = '{"kind": "event", "id": "%s", "event": "%s", "data": %s}'
        id_of = self._desk.feed.id_of
        return frames + [head % (id_of(each), each.type, each.text) for each in events]

    async def _news(self, closing: asyncio.Task[bool]) -> None:
        more = asyncio.create_task(self._more.wait())
        news: set[asyncio.Future[Any]] = {closing, more}
        if self._reader is not None:
            news.add(self._desk.feed.news())
        try:
            await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
        finally:
            more.cancel()

    def _say(self, ref: object, kind: str, about: Mapping[str, Any]) -> None:
        self._outbox.append({"kind": kind, "ref": ref} | dict(about))
        self._more.set()
        if len(self._outbox) > 4 * self._desk.bounds.commands:
            self._cut()  # It asks and asks, and does not listen.

    def _obey(self, text: str | None) -> None:
        try:
            said = _command(text)
        except Unreadable as error:
            self._refuse(None, error)
            return
        ref = said.pop("ref", None)
        with self._refusing(ref):
            command = said.pop("command")
            if command == "subscribe":
                self._subscribe(ref, said)
            elif command == "decide":
                self._decide(ref, "decided", decide, said)
            elif command == "answer":
                self._decide(ref, "answered", answer, said)
            else:
                self._inject(ref, said)

    @contextmanager
    def _refusing(self, ref: object) -> Iterator[None]:
        """Tell the client what is wrong with a command."""
        try:
            yield
        except Unreadable as error:
            self._refuse(ref, error)
        except Rejected as error:
            self._say(ref, "problem", self._desk.refuse(error).members())
        except Problem as problem:
            self._say(ref, "problem", problem.members())

    def _refuse(self, ref: object, error: Unreadable) -> None:
        problem = self._desk.refuse(error, status=400, words=error.words)
        self._say(ref, "problem", problem.members())

    def _check_patience(self) -> None:
        if self._awaited >= self._desk.bounds.commands:
            raise Problem(429, "Wait for the answers to what you have sent.", code="overload")

    def _begin(
        self, work: Callable[[], Coroutine[Any, Any, None]], others: set[asyncio.Task[None]]
    ) -> None:
        """Have something done that takes its time, unless too much is awaited already."""
        self._check_patience()
        self._awaited += 1
        task = asyncio.create_task(work())
        others.add(task)
        task.add_done_callback(others.discard)

    def _subscribe(self, ref: object, said: dict[str, Any]) -> None:
        """Send events from now on, or after one; this takes the place of what was asked before."""
        given = {name: said.pop(name, "") for name in ("thread", "listener", "type", "after")}
        if said or not all(isinstance(each, str) for each in given.values()):
            raise Unreadable("A subscription has thread, listener, type and after: strings.")
        wanted = filter_of(given["thread"], given["listener"], given["type"])
        if self._reader is not None:
            self._desk.feed.leave(self._reader)
        self._reader = self._desk.feed.read(wanted, given["after"], self._cut)
        self._say(ref, "subscribed", {})

    def _decide(self, ref: object, kind: str, settle: Settle, said: dict[str, Any]) -> None:
        """Decide on a call that waits, or answer, as over HTTP; ``thread`` says on which."""
        settled = partial(settle, self._desk, _thread(said), said)
        self._begin(partial(self._settle, ref, kind, settled), self._deciding)

    async def _settle(
        self, ref: object, kind: str, settled: Callable[[], Awaitable[dict[str, Any]]]
    ) -> None:
        with self._refusing(ref):
            self._say(ref, kind, await settled())
        self._awaited -= 1

    def _inject(self, ref: object, said: dict[str, Any]) -> None:
        """Put a message on its way: a whole envelope, or what a JSON request over HTTP says."""
        self._check_patience()
        message = said.get("message")
        if isinstance(message, str) and len(said) == 1:
            raw = message.encode("utf-8", "surrogatepass")
        else:
            raw = self._intake.request(said)
        thread = "" if self._subject is not None else self._elsewhere.thread(raw)
        if thread or self._desk.organism.kernel.signatures.to_be_claimed(raw):
            self._begin(partial(self._pass_on, ref, thread, raw), self._passing_on)
        else:
            exchange = self._desk.submit(raw, self._subject)
            self._awaited += 1
            self._await(ref, exchange)

    async def _pass_on(self, ref: object, thread: str, raw: bytes) -> None:
        """Have a message taken in, and follow it as long as the client is there.

        By the node that has its thread; by this one, where there is none, and others hear no more
        of it.
        """
        try:
            exchange = await self._taken_in(thread, raw)
        except Problem as problem:
            self._awaited -= 1
            self._say(ref, "problem", problem.members())
            return
        self._await(ref, exchange)
        with self._elsewhere.following(exchange):
            await asyncio.wait({exchange.answer})

    async def _taken_in(self, thread: str, raw: bytes) -> Exchange:
        if thread:
            return await self._elsewhere.submit(thread, raw)
        async with self._desk.heard_once(raw):
            return self._desk.submit(raw, self._subject)

    def _await(self, ref: object, exchange: Exchange) -> None:
        doubt = asyncio.get_running_loop().call_later(PATIENCE, self._doubt, ref, exchange)
        exchange.reached.add_done_callback(lambda reached: self._accepted(ref, exchange, doubt))
        exchange.when_over(lambda: self._answered(ref, exchange))

    def _doubt(self, ref: object, exchange: Exchange) -> None:
        """Say of a message that nothing is known of it, where it cannot be written down."""
        if self._desk.in_trouble and not exchange.reached.done():
            self._say(ref, "problem", self._desk.unknown(exchange).members())

    def _accepted(self, ref: object, exchange: Exchange, doubt: asyncio.TimerHandle) -> None:
        doubt.cancel()
        if exchange.has_reached:
            self._say(ref, "accepted", exchange.members())

    def _answered(self, ref: object, exchange: Exchange) -> None:
        self._awaited -= 1
        try:
            answer = exchange.result()
        except Problem as problem:
            self._say(ref, "problem", problem.members())
            return
        if answer is None:
            self._say(ref, "ended", exchange.members())
        else:
            self._say(ref, "answer", answer_members(answer))


def _thread(said: dict[str, Any]) -> str:
    """Take out what says on which call a decision is, or on which question an answer."""
    thread = said.pop("thread", None)
    if not isinstance(thread, str):
        raise Unreadable('"thread" says on which call that waits.')
    return thread


def _command(text: str | None) -> dict[str, Any]:
    if text is None:
        raise Unreadable("Commands are JSON text, not binary.")
    said = loads(text.encode("utf-8", "surrogatepass"))
    if not isinstance(said, dict) or said.get("command") not in _COMMANDS:
        raise Unreadable(
            'A command is {"command": "subscribe", "inject", "decide" or "answer", …}.'
        )
    return said
