"""What is written down of a task beside its messages, which the journal has anyway.

The rule this file guards: a task is written down in the same step as the message that it began
with, so there is one or there are both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from a2a.types.a2a_pb2 import Message, TaskPushNotificationConfig
from google.protobuf.json_format import MessageToDict, ParseDict

from xml_pipeline.backends import Mark
from xml_pipeline.kernel import Kernel

KIND, CONTEXT = "a2a", "a2a context"
DAY = 86_400.0
"""Seconds for which a task is kept at least."""

LONGEST = 3_650 * DAY
"""Seconds that a task is kept where conversations are kept for ever."""


@dataclass(frozen=True, slots=True)
class Record:
    """A task: its id (that of its message), its context, and which agent it is of.

    ``said`` is what was said on both sides before its answer. ``began`` and ``ended`` are in
    seconds since 1970; 0 while it has not ended. ``push`` is where its client is told of it.
    """

    id: str
    context: str
    agent: str
    began: float
    said: tuple[Message, ...]
    ended: float = 0.0
    canceled: bool = False
    push: tuple[TaskPushNotificationConfig, ...] = field(default=())

    @property
    def conversation(self) -> str:
        """Return the id of its conversation."""
        return self.id.rpartition(".")[0]

    def with_message(self, message: Message) -> Self:
        """Return it with one more message."""
        return replace(self, said=(*self.said, message))

    def written(self) -> bytes:
        """Return it as JSON."""
        said: dict[str, Any] = {"context": self.context, "agent": self.agent}
        said |= {"began": self.began, "ended": self.ended, "canceled": self.canceled}
        said["said"] = [MessageToDict(each) for each in self.said]
        said["push"] = [MessageToDict(each) for each in self.push]
        return json.dumps(said, ensure_ascii=False).encode()

    @classmethod
    def read(cls, id: str, value: bytes) -> Self:
        """Read what was written."""
        said = json.loads(value)
        messages = tuple(ParseDict(each, Message()) for each in said.pop("said"))
        push = tuple(ParseDict(each, TaskPushNotificationConfig()) for each in said.pop("push"))
        return cls(id=id, said=messages, push=push, **said)


class Records:
    """The tasks of one sender in the journal, kept for so many ``seconds``; None is for ever."""

    def __init__(self, kernel: Kernel, sender: str, seconds: float | None) -> None:
        self._journal = kernel.journal
        self._sender = sender
        self._seconds = LONGEST if seconds is None else max(seconds, DAY)

    @property
    def kept(self) -> bool:
        """Tell whether tasks are written down at all."""
        return self._journal.keeps

    def now(self) -> float:
        """Return the time, as it is written down."""
        return self._journal.clock()

    def begin(self, record: Record) -> None:
        """Write a task down, and that its context goes on in its conversation."""
        self.note(record)
        self._mark(CONTEXT, record.context, record.conversation.encode())

    def note(self, record: Record) -> None:
        """Write down what has changed of a task."""
        self._mark(KIND, record.id, record.written())

    async def conversation(self, context: str) -> str:
        """Return where a context went on last, nothing where it never did. BackendUnavailable."""
        if not self.kept:
            return ""
        key = self._key(context)
        return (await self._journal.backend.marked(CONTEXT, key, self.now()) or b"").decode()

    async def find(self, id: str) -> Record | None:
        """Return a task; None where there is none of this sender. BackendUnavailable."""
        if not self.kept:
            return None
        await self._journal.written()
        value = await self._journal.backend.marked(KIND, self._key(id), self.now())
        return Record.read(id, value) if value is not None else None

    async def all(self) -> Iterable[Record]:
        """Return every task of this sender. BackendUnavailable."""
        if not self.kept:
            return ()
        await self._journal.written()
        marks = await self._journal.backend.marks(KIND, self.now())
        mine = self._key("")
        found = (each for each in marks if each.key.startswith(mine))
        return [Record.read(each.key.removeprefix(mine), each.value) for each in found]

    def _mark(self, kind: str, key: str, value: bytes) -> None:
        if self.kept:
            until = self.now() + self._seconds
            self._journal.mark(Mark(kind, self._key(key), value, until))

    def _key(self, id: str) -> str:
        return f"{self._sender} {id}"
