"""A call under way, and calls that wait for a client to come back with what they asked for.

The rule this file guards: a call that waits is known by a word that cannot be guessed, goes on once
for each, and is stopped when nobody comes back.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass

from mcp import MCPError, types

from xml_pipeline.errors import UnknownThread
from xml_pipeline.events import AgentState, Event, MessageReceived
from xml_pipeline.mcp.client import PATIENCE
from xml_pipeline.mcp.payloads import Elicit, Sample
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.mcp.exposed import Exposed
from xml_pipeline.server.mcp.questions import Request, Response, request_of

MOST_WAITING = 1_000
"""Calls that wait for clients at one time."""

KEY = "question"
"""What the only thing that is asked at a time is called on the wire."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something asked of the client, and the thread on which the answer is owed."""

    thread_id: str
    request: Request


class Ongoing:
    """A call: its exchange, and what is asked of its client meanwhile."""

    def __init__(self, desk: Desk, tool: Exposed, exchange: Exchange) -> None:
        self.tool = tool
        self.exchange = exchange
        self._desk = desk
        self._asked: dict[str, Elicit | Sample] = {}
        self._questions: asyncio.Queue[Question] = asyncio.Queue()
        self._leave = desk.organism.subscribe(self._hear)

    async def question(self) -> Question | None:
        """Return what is asked next; None once there is an answer."""
        asking = asyncio.ensure_future(self._questions.get())
        try:
            await asyncio.wait((asking, self.exchange.answer), return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else None
        finally:
            asking.cancel()

    def reply(self, question: Question, response: Response) -> None:
        """Give the answer that is owed; where none is any more, nothing happens."""
        with suppress(UnknownThread):
            self._desk.organism.answer(question.thread_id, response, by=self._desk.sender)

    def close(self) -> None:
        """Hear no more."""
        self._leave()

    def _hear(self, event: Event) -> None:
        conversation = self.exchange.thread.conversation.id
        if isinstance(event, MessageReceived) and event.conversation_id == conversation:
            if isinstance(event.payload, Elicit | Sample):
                self._asked[event.thread_id] = event.payload
        elif isinstance(event, AgentState) and event.state == "waiting":
            payload = self._asked.pop(event.thread_id, None)
            if payload is not None:
                self._put(event.thread_id, payload)

    def _put(self, thread_id: str, payload: Elicit | Sample) -> None:
        try:
            self._questions.put_nowait(Question(thread_id, request_of(payload)))
        except ValueError as error:
            words = f"no client can be asked that: {error}"
            self._desk.organism.kernel.settlement.kill(self.exchange.thread, words)


class Waiting:
    """Calls whose clients have been sent away with a question."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._calls: dict[str, tuple[Ongoing, Question, asyncio.TimerHandle]] = {}

    def left(self, call: Ongoing, question: Question) -> types.InputRequiredResult:
        """Send the client away with a question, and a word by which it goes on."""
        while len(self._calls) >= MOST_WAITING:
            self._forget(next(iter(self._calls)))
        word = secrets.token_urlsafe(32)
        timer = asyncio.get_running_loop().call_later(PATIENCE, self._forget, word)
        self._calls[word] = (call, question, timer)
        return types.InputRequiredResult(input_requests={KEY: question.request}, request_state=word)

    def taken(self, word: str, tool: str) -> tuple[Ongoing, Question]:
        """Go on with a call of a tool; MCPError where none waits under this word."""
        if word not in self._calls or self._calls[word][0].tool.name != tool:
            raise MCPError(types.INVALID_PARAMS, "No call waits under this requestState.")
        call, question, timer = self._calls.pop(word)
        timer.cancel()
        return call, question

    def _forget(self, word: str) -> None:
        """Stop a call that nobody came back for."""
        call, _, timer = self._calls.pop(word)
        timer.cancel()
        call.close()
        self._desk.abandon(call.exchange)
