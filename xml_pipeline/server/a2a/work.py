"""A task under way, or one that has ended, and those who hear of it.

The rule this file guards: a task ends once, and whoever hears of it is told the same things in the
same order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    Role,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.timestamp_pb2 import Timestamp

from xml_pipeline.errors import Unanswered
from xml_pipeline.server.a2a.answers import Outcome, outcome_of, text_part, unanswered
from xml_pipeline.server.a2a.questions import Question
from xml_pipeline.server.a2a.records import Record
from xml_pipeline.server.exchange import Exchange

ARTIFACT = "answer"
"""The id of the only artifact that a task has."""

UNREAD = 10_000
"""Updates that may wait for a reader; one that is further behind is cut off."""

ENDED = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_REJECTED,
    }
)

Update = TaskStatusUpdateEvent | TaskArtifactUpdateEvent
Reader = asyncio.Queue[Update | None]


class Work:
    """One task. ``note`` writes down what has changed of its record.

    ``question`` is what its client is asked, ``is_reply`` says that its answer is no result of
    work, ``cancels`` that its client wants it to end.
    """

    def __init__(
        self, record: Record, exchange: Exchange, note: Callable[[Record], None], now: float
    ) -> None:
        self.record = record
        self.exchange = exchange
        self.question: Question | None = None
        self.changed = asyncio.Event()
        self.is_reply = False
        self.cancels = record.canceled
        self._note = note
        self._streamed = ""
        self._fresh = True
        self._artifact: Artifact | None = None
        self._readers: list[Reader] = []
        self.status = self._status(TaskState.TASK_STATE_SUBMITTED, record.began)
        if exchange.answer.done():
            self.end(record.ended or now)

    @property
    def id(self) -> str:
        """Return its id."""
        return self.record.id

    @property
    def ended(self) -> bool:
        """Tell whether nothing more comes of it."""
        return self.status.state in ENDED

    @property
    def at_rest(self) -> bool:
        """Tell whether it has ended, or waits for its client."""
        return self.ended or self.question is not None

    def asks_for_input(self, known: Question | None) -> bool:
        """Tell whether it waits for words that only its client has, besides what is ``known``."""
        asks = self.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        return asks and self.question != known

    def task(self) -> Task:
        """Return it as clients see it."""
        artifacts = [self._artifact] if self._artifact is not None else []
        return Task(
            id=self.id,
            context_id=self.record.context,
            status=self.status,
            artifacts=artifacts,
            history=self.record.said,
        )

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Let somebody hear of it, from now on."""
        reader: Reader = asyncio.Queue(UNREAD)
        self._readers.append(reader)
        try:
            yield reader
        finally:
            if reader in self._readers:
                self._readers.remove(reader)

    def leave(self) -> None:
        """Let all go who hear of it or wait for it."""
        for reader in self._readers:
            _cut_off(reader)
        self._stir()

    def working(self, now: float, words: str = "") -> None:
        """Note that it has been taken up, or how far it has come."""
        if self.ended or self.question is not None:
            return
        if words or self.status.state != TaskState.TASK_STATE_WORKING:
            self._become(TaskState.TASK_STATE_WORKING, now, [text_part(words)] if words else [])

    def asks(self, question: Question, now: float) -> None:
        """Note that its client is asked something."""
        if not self.ended and question != self.question:
            self.question = question
            self._become(question.state, now, question.parts())
            if self.status.message.message_id != self.record.said[-1].message_id:
                self._keep(self.status.message)

    def replied(self, message: Message, now: float) -> None:
        """Note what its client has answered."""
        self.question = None
        self._keep(message)
        self._become(TaskState.TASK_STATE_WORKING, now, [])

    def goes_on(self, now: float) -> None:
        """Note that nothing is asked any more: somebody else has answered, or time was up."""
        if self.question is not None:
            self.question = None
            self._become(TaskState.TASK_STATE_WORKING, now, [])

    def speaks(self, text: str) -> None:
        """Note some more words of its agent."""
        if not self.ended and text:
            self._streamed = text if self._fresh else self._streamed + text
            self._artifact = self._made_of([text_part(self._streamed)])
            self._update([text_part(text)], append=not self._fresh, last=False)
            self._fresh = False

    def begins_anew(self) -> None:
        """Note that what its agent says from now on stands in place of what it has said."""
        self._fresh = True

    def end(self, now: float) -> None:
        """Note how it ended."""
        if self.ended:
            return
        self.question = None
        outcome = self._outcome()
        if outcome.parts:
            self._hand_over(outcome.parts)
        self.is_reply = outcome.is_reply
        parts = [text_part(outcome.words)] if outcome.words else []
        is_canceled = outcome.state == TaskState.TASK_STATE_CANCELED
        self.record = replace(self.record, ended=now, canceled=is_canceled)
        self._become(outcome.state, now, parts)
        self._note(self.record)

    def keep(self, record: Record) -> None:
        """Keep another record of it."""
        self.record = record
        self._note(record)

    def _outcome(self) -> Outcome:
        try:
            return outcome_of(self.exchange.answer.result().payload)
        except Unanswered as error:
            if self.cancels or self.exchange.thread.status == "killed":
                return Outcome(TaskState.TASK_STATE_CANCELED)
            reached = self.exchange.is_known and self.exchange.reached.result()
            return unanswered(error, reached=reached)

    def _hand_over(self, parts: tuple[Part, ...]) -> None:
        """Tell of the answer: of as much as has not been streamed, if that is how it begins."""
        whole = parts[0].text if len(parts) == 1 and parts[0].HasField("text") else ""
        begun = not self._fresh and bool(whole) and whole.startswith(self._streamed)
        rest = [text_part(whole[len(self._streamed) :])] if begun else list(parts)
        self._artifact = self._made_of(parts)
        self._update(rest, append=begun, last=True)

    def _made_of(self, parts: Iterable[Part]) -> Artifact:
        return Artifact(artifact_id=ARTIFACT, name=self.record.agent, parts=parts)

    def _update(self, parts: list[Part], *, append: bool, last: bool) -> None:
        artifact = self._made_of(parts)
        self._tell(
            TaskArtifactUpdateEvent(
                task_id=self.id,
                context_id=self.record.context,
                artifact=artifact,
                append=append,
                last_chunk=last,
            )
        )

    def _become(self, state: TaskState, now: float, parts: list[Part]) -> None:
        self.status = self._status(state, now, parts)
        context = self.record.context
        self._tell(TaskStatusUpdateEvent(task_id=self.id, context_id=context, status=self.status))
        self._stir()

    def _stir(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def _status(self, state: TaskState, now: float, parts: list[Part] | None = None) -> TaskStatus:
        at = Timestamp()
        at.FromMilliseconds(int(now * 1000))
        message = self._message(self._message_id(state), parts) if parts else None
        return TaskStatus(state=state, timestamp=at, message=message)

    def _message_id(self, state: TaskState) -> str:
        """Return an id: the same after a restart, where the message will be."""
        if self.question is not None:
            return f"{self.id}.{self.question.thread}"
        return f"{self.id}.end" if state in ENDED else str(uuid4())

    def _message(self, id: str, parts: list[Part]) -> Message:
        return Message(
            message_id=id,
            context_id=self.record.context,
            task_id=self.id,
            role=Role.ROLE_AGENT,
            parts=parts,
        )

    def _keep(self, message: Message) -> None:
        self.keep(self.record.with_message(message))

    def _tell(self, update: Update) -> None:
        for reader in tuple(self._readers):
            if reader.full():
                self._readers.remove(reader)
                _cut_off(reader)
            else:
                reader.put_nowait(update)


def _cut_off(reader: Reader) -> None:
    """Let somebody hear no more."""
    if reader.full():
        reader.get_nowait()
    reader.put_nowait(None)
