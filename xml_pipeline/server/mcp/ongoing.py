"""A call under way, and calls that wait for a client to come back with what they asked for.

The rule this file guards: a call that waits is known by a word that cannot be guessed, goes on once
for each, and is stopped when nobody comes back.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mcp import MCPError, types

from xml_pipeline.errors import UnknownThread
from xml_pipeline.events import (
    AgentEvent,
    AgentState,
    Event,
    MessageReceived,
    ToolLog,
    ToolProgress,
)
from xml_pipeline.listener import Listener
from xml_pipeline.mcp.client import PATIENCE
from xml_pipeline.mcp.payloads import Elicit, ListRoots, Sample
from xml_pipeline.message import Delivery
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.mcp.questions import Asked, Question, Response, question_of

MOST_WAITING = 1_000
"""Calls that wait for clients at one time."""

News = ToolProgress | AgentEvent | ToolLog


@dataclass(frozen=True, slots=True)
class Aim:
    """What a client wants of a listener: a method and the name of a thing.

    ``finish`` makes of the answer, or of the lack of one, what the client is told.
    """

    method: str
    name: str
    listener: Listener
    finish: Callable[[asyncio.Future[Delivery]], Any]


class Ongoing:
    """A call: its exchange, and what is asked of its client, and told it, meanwhile.

    ``tell`` is called with all that its listener has to say of it.
    """

    def __init__(self, desk: Desk, aim: Aim, exchange: Exchange) -> None:
        self.aim = aim
        self.exchange = exchange
        self.tell: Callable[[News], None] | None = None
        self._desk = desk
        self._asked: dict[str, Asked] = {}
        self._questions: list[Question] = []
        self._keys: set[str] = set()
        self._changed = asyncio.Event()
        self._leave = desk.organism.subscribe(self._hear)
        exchange.when_over(self._changed.set)

    async def questions(self) -> tuple[Question, ...]:
        """Return what is asked next, all that is asked at once; nothing once there is an answer."""
        while not self.exchange.answer.done():
            if self._questions and not self._asked:
                break
            self._changed.clear()
            await self._changed.wait()
        found, self._questions = tuple(self._questions), []
        return () if self.exchange.answer.done() else found

    async def unless_over(self, asking: Awaitable[Response]) -> Response | None:
        """Return what a client answers; None where the call has ended before."""
        asked = asyncio.ensure_future(asking)
        try:
            ends = (asked, self.exchange.answer)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else None
        finally:
            asked.cancel()

    def reply(self, question: Question, response: Response) -> None:
        """Give the answer that is owed; where none is any more, nothing happens."""
        with suppress(UnknownThread):
            self._desk.organism.answer(question.thread_id, response, by=self._desk.sender)

    def close(self) -> None:
        """Hear no more."""
        self._leave()

    def abandon(self, why: str = "the client hung up") -> None:
        """Stop the work: nobody wants its answer any more."""
        self.close()
        self._desk.abandon(self.exchange, why)

    def _hear(self, event: Event) -> None:
        conversation = self.exchange.thread.conversation.id
        if isinstance(event, AgentState):
            if event.state != "processing" and event.thread_id in self._asked:
                self._put(event, self._asked.pop(event.thread_id))
        elif getattr(event, "conversation_id", "") != conversation:
            return
        elif isinstance(event, MessageReceived):
            if isinstance(event.payload, Elicit | Sample | ListRoots):
                self._asked[event.thread_id] = event.payload
        elif isinstance(event, News) and self.tell is not None:
            who = event.agent if isinstance(event, AgentEvent) else event.listener
            if who == self.aim.listener.name:
                self.tell(event)

    def _put(self, event: AgentState, asked: Asked) -> None:
        """Note what is to be asked, if whoever was given it owes an answer."""
        self._changed.set()
        if event.state != "waiting":
            return
        try:
            question = question_of(event.thread_id, asked, self._keys)
            self._keys.add(question.key)  # A client may well take the same one for answered.
            self._questions.append(question)
        except ValueError as error:
            words = f"no client can be asked that: {error}"
            self._desk.organism.kernel.settlement.kill(self.exchange.thread, words)


class Waiting:
    """Calls whose clients have been sent away with questions."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[Ongoing, tuple[Question, ...], asyncio.TimerHandle]] = {}

    def left(self, call: Ongoing, questions: Sequence[Question]) -> types.InputRequiredResult:
        """Send the client away with questions, and a word by which it goes on."""
        while len(self._calls) >= MOST_WAITING:
            self._forget(next(iter(self._calls)))
        word = secrets.token_urlsafe(32)
        timer = asyncio.get_running_loop().call_later(PATIENCE, self._forget, word)
        self._calls[word] = (call, tuple(questions), timer)
        asked: Any = {each.key: each.request for each in questions}
        return types.InputRequiredResult(input_requests=asked, request_state=word)

    def taken(self, word: str, method: str, name: str) -> tuple[Ongoing, tuple[Question, ...]]:
        """Go on with a call; MCPError where none for this waits under this word."""
        known = self._calls.get(word)
        if known is None or (known[0].aim.method, known[0].aim.name) != (method, name):
            raise MCPError(types.INVALID_PARAMS, "No call waits under this requestState.")
        call, questions, timer = self._calls.pop(word)
        timer.cancel()
        return call, questions

    def _forget(self, word: str) -> None:
        """Stop a call that nobody came back for."""
        call, _, timer = self._calls.pop(word)
        timer.cancel()
        call.abandon("the client did not come back with what it was asked")
