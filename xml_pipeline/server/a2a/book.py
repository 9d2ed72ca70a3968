"""The tasks of all agents: those under way, the last that have ended, and what was written down.

The rule this file guards: nothing is known here of a task that is not told by its conversation;
what is forgotten here is read from the journal again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from a2a.types.a2a_pb2 import Message
from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError
from starlette.datastructures import Headers

from xml_pipeline.backends.base import seconds_kept
from xml_pipeline.errors import UnknownThread
from xml_pipeline.events import (
    AgentEvent,
    AgentState,
    AgentText,
    Event,
    MessageReceived,
    ThreadEvent,
    ToolProgress,
)
from xml_pipeline.journal.writing import PATIENCE
from xml_pipeline.payload import codec_of
from xml_pipeline.server.a2a.questions import asked
from xml_pipeline.server.a2a.records import Record, Records
from xml_pipeline.server.a2a.work import Work
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.elsewhere import Elsewhere
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.subjects import subject_in
from xml_pipeline.server.tracing import traceparent_in
from xml_pipeline.steps.seal import seal
from xml_pipeline.thread import Thread

Began = Callable[[Work], None]
"""Is called with each task that is under way here, as it becomes known."""


class Book:
    """Begins tasks, finds them, and lets them hear of what happens in their conversations."""

    def __init__(self, desk: Desk, began: Began) -> None:
        kernel = desk.organism.kernel
        kept = seconds_kept(desk.organism.config.backend.retention)
        self.desk = desk
        self.records = Records(kernel, desk.sender, kept)
        self._began = began
        self._elsewhere = Elsewhere(desk)
        self._works: dict[str, Work] = {}
        self._under_way: dict[str, list[Work]] = {}
        self._contexts: dict[str, str] = {}
        self._bytes = 0
        self._leave = desk.organism.subscribe(self._hear)

    def close(self) -> None:
        """Hear no more, and let all go who wait."""
        self._leave()
        for work in self._works.values():
            work.leave()

    async def begin(self, agent: str, payload: object, message: Message, headers: Headers) -> Work:
        """Put a message on its way, and return its task; Problem where it is not taken in.

        ``headers`` say for whom it is, and which work it is a part of. Whether it would outlive
        the process is to be waited for.
        """
        context, subject = message.context_id, subject_in(headers)
        thread = await self._conversation(context) if context else ""
        raw = seal(codec_of(type(payload)), payload, self.desk.sender, agent, thread)
        elsewhere = self._elsewhere.thread(raw) if thread and subject is None else ""
        if elsewhere:
            exchange = await self._elsewhere.submit(elsewhere, raw)
        else:
            exchange = self.desk.submit(raw, subject, traceparent_in(headers))
        context = context or exchange.thread.conversation.id
        said = _with(message, exchange.id, context)
        record = Record(exchange.id, context, agent, self.records.now(), (said,))
        self.records.begin(record)
        self._remember(context, record.conversation)
        return self._take_up(record, exchange)

    async def reached(self, work: Work) -> None:
        """Wait until what a task began with would outlive the process, if anything does."""
        desk, exchange = self.desk, work.exchange
        closing = asyncio.create_task(desk.closing.wait())
        try:
            awaited: set[asyncio.Future[Any]] = {exchange.reached, exchange.answer, closing}
            while not any(each.done() for each in awaited) and not desk.in_trouble:
                await asyncio.wait(awaited, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
        if desk.keeps and not exchange.is_known and not exchange.answer.done():
            raise desk.unknown(exchange)

    async def find(self, id: str, agent: str) -> Work:
        """Return a task of an agent; of any, where none is named. TaskNotFoundError."""
        work = self._works.get(id)
        if work is None:
            record = await self.records.find(id)
            if record is None:
                raise TaskNotFoundError
            work = await self._recalled(record)
        if agent and work.record.agent != agent:
            raise TaskNotFoundError
        return work

    async def recall(self) -> None:
        """Know those again that go on and of which somebody is to be told. BackendUnavailable."""
        for record in await self.records.all():
            if record.push and not record.ended and record.id not in self._works:
                with suppress(TaskNotFoundError, Problem):
                    await self._recalled(record)

    async def all(self, agent: str) -> list[Work]:
        """Return all tasks of an agent; of any, where none is named."""
        records = {each.id: each for each in await self.records.all()}
        found = dict(self._works)
        for id, record in records.items():
            if id not in found:
                with suppress(TaskNotFoundError):
                    found[id] = await self._recalled(record)
                await asyncio.sleep(0)  # There may be many, and others have a right to a turn.
        return [each for each in found.values() if agent in ("", each.record.agent)]

    async def cancel(self, work: Work) -> None:
        """Stop the work on a task, and wait until it has stopped; TaskNotCancelableError."""
        if work.ended:
            raise TaskNotCancelableError
        work.cancels = True
        try:
            await self.desk.organism.errands.kill(_thread_of(work).id, by=self.desk.sender)
        except UnknownThread:
            work.cancels = False
            raise TaskNotCancelableError from None
        with self.following(work):
            await asyncio.wait((work.exchange.answer,), timeout=self.desk.bounds.close_within)
        if work.exchange.answer.done():
            work.end(self.records.now())

    def answer(self, work: Work, message: Message) -> None:
        """Give the answer to what a task asks; an A2AError where it is none."""
        if work.question is not None:
            work.question.answer(self.desk, message)
            said = _with(message, work.id, work.record.context)
            work.replied(said, self.records.now())

    def following(self, work: Work) -> AbstractContextManager[None]:
        """Look for the end of a task that another node works on, while the context is open."""
        return self._elsewhere.following(work.exchange)

    async def _conversation(self, context: str) -> str:
        """Return the conversation in which a context went on last, nothing where there is none."""
        if context not in self._contexts:
            self._remember(context, await self.records.conversation(context))
        return self._contexts[context]

    def _remember(self, context: str, conversation: str) -> None:
        self._contexts[context] = conversation
        while len(self._contexts) > self.desk.bounds.keys:
            del self._contexts[next(iter(self._contexts))]

    async def _recalled(self, record: Record) -> Work:
        """Return a task as the journal tells of it; TaskNotFoundError where it does no more."""
        try:
            exchange = await self.desk.repeats.exchange(record.id)
        except Problem as problem:
            if problem.status == 410:
                raise TaskNotFoundError from None
            raise
        known = self._works.get(record.id)  # Another may have asked meanwhile.
        return known if known is not None else self._take_up(record, exchange)

    def _take_up(self, record: Record, exchange: Exchange) -> Work:
        work = Work(record, exchange, self.records.note, self.records.now())
        if self._elsewhere.is_followed(exchange):
            exchange.when_over(lambda: work.end(self.records.now()))
            work.working(self.records.now())
            return work  # Nothing is heard of it here: it is to be read again.
        self._works[record.id] = work
        if work.ended:
            self._weigh(work)
            return work
        self._under_way.setdefault(record.conversation, []).append(work)
        exchange.when_over(lambda: self._over(work))
        root = exchange.thread.conversation.root
        if root is not None and root.status != "created":
            self._look(work)
        self._began(work)
        return work

    def _over(self, work: Work) -> None:
        conversation = work.record.conversation
        self._under_way[conversation].remove(work)
        if not self._under_way[conversation]:
            del self._under_way[conversation]
        if work.exchange.is_left:  # Others go on with it, or this process does when it is back.
            del self._works[work.id]
            work.leave()
        else:
            work.end(self.records.now())
            self._weigh(work)

    def _weigh(self, work: Work) -> None:
        """Forget the oldest of those that have ended, where there are too many."""
        self._bytes += work.task().ByteSize()
        bounds = self.desk.bounds
        ended = (each for each in tuple(self._works.values()) if each.ended and each is not work)
        while len(self._works) > bounds.conversations or self._bytes > bounds.history_bytes:
            oldest = next(ended, None)
            if oldest is None:
                return
            self._bytes -= oldest.task().ByteSize()
            del self._works[oldest.id]

    def _hear(self, event: Event) -> None:
        if isinstance(event, AgentState):
            thread = self.desk.organism.kernel.threads.find(event.thread_id)
            conversation = thread.conversation.id if thread is not None else ""
        else:
            conversation = getattr(event, "conversation_id", "")
        for work in tuple(self._under_way.get(conversation, ())):
            self._tell(work, event)

    def _tell(self, work: Work, event: Event) -> None:
        if isinstance(event, AgentState | ThreadEvent):
            self._look(work)
        elif isinstance(event, MessageReceived):
            if event.to_id == work.record.agent:
                work.working(self.records.now())
        elif isinstance(event, ToolProgress):
            if event.listener == work.record.agent:
                work.working(self.records.now(), event.message or f"{event.progress:g}")
        elif isinstance(event, AgentText | AgentEvent) and event.agent == work.record.agent:
            _speak(work, event)

    def _look(self, work: Work) -> None:
        """See whether anything is asked of a task's client, or is no more."""
        root, now = work.exchange.thread.conversation.root, self.records.now()
        if root is None or not root.open:
            return  # It has ended, and that is told elsewhere.
        question = asked(self.desk, root)
        if question is not None:
            work.asks(question, now)
        elif work.question is not None:
            work.goes_on(now)
        elif root.status == "active":
            work.working(now)


def _speak(work: Work, event: AgentText | AgentEvent) -> None:
    """Let a task hear what its agent says; of several turns, it is the last that counts."""
    if isinstance(event, AgentText):
        if event.kind == "text":
            work.speaks(event.text)
        elif event.kind == "restart":
            work.begins_anew()
    elif event.step == "turn_started":
        work.begins_anew()


def _with(message: Message, task: str, context: str) -> Message:
    """Return a message that says whose it is."""
    said = Message()
    said.CopyFrom(message)
    said.task_id, said.context_id = task, context
    return said


def _thread_of(work: Work) -> Thread:
    """Return the thread that a task is: its own in a conversation, or all of that."""
    root = work.exchange.thread
    number = int(work.id.rpartition(".")[2])
    below = (each for each in root.subtree() if each.request == number and each.open)
    return next(below, root)
