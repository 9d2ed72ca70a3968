"""What became of the last conversations: their threads, messages and faults, in memory.

The rule this file guards: memory is bounded by conversations, by entries of each, and by the
bytes of the messages that are kept; beyond any of these the oldest goes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from xml_pipeline.events import Event, FaultEvent, MessageSent, ThreadEvent
from xml_pipeline.registries.threads import Threads
from xml_pipeline.thread import Thread, ThreadStatus


@dataclass(slots=True)
class ThreadRecord:
    """One thread, as it was last seen; times are seconds since the epoch."""

    id: str
    conversation: str
    parent: str | None
    caller: str
    callee: str
    status: ThreadStatus
    opened: float
    changed: float

    @classmethod
    def of(cls, thread: Thread) -> ThreadRecord:
        """Make the record of a thread that was opened before anybody watched."""
        parent = thread.parent.id if thread.parent is not None else None
        now = time.time()
        return cls(
            thread.id,
            thread.conversation.id,
            parent,
            thread.caller,
            thread.callee,
            thread.status,
            now,
            now,
        )


@dataclass(frozen=True, slots=True)
class Said:
    """One message or fault of a conversation, and when it was seen."""

    event: MessageSent | FaultEvent
    at: float


@dataclass(slots=True, eq=False)
class _Conversation:
    threads: dict[str, ThreadRecord] = field(default_factory=dict)
    said: deque[Said] = field(default_factory=deque)
    bytes: int = 0


class History:
    """The last conversations, told by their events.

    ``messages`` bounds the messages and faults kept of one conversation, and its threads.
    """

    def __init__(
        self, threads: Threads, conversations: int, messages: int, history_bytes: int
    ) -> None:
        self._open = threads
        self._most = conversations
        self._most_said = messages
        self._most_bytes = history_bytes
        self._bytes = 0
        self._conversations: dict[str, _Conversation] = {}
        self._home: dict[str, _Conversation] = {}

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, ThreadEvent):
            self._note_thread(event)
        elif isinstance(event, MessageSent | FaultEvent):
            self._note_said(event)

    def thread(self, thread_id: str) -> ThreadRecord | None:
        """Return what is known of a thread, open or gone; None where nothing is."""
        home = self._home.get(thread_id)
        if home is not None:
            return home.threads[thread_id]
        thread = self._open.find(thread_id)
        return ThreadRecord.of(thread) if thread is not None else None

    def threads(self) -> Iterator[ThreadRecord]:
        """Yield every thread that is known, those of the latest conversations first."""
        for thread in self._open:
            if thread.id not in self._home:
                yield ThreadRecord.of(thread)
        for conversation in reversed(self._conversations.values()):
            yield from reversed(conversation.threads.values())

    def knows_the_beginning_of(self, conversation_id: str) -> bool:
        """Tell whether nothing that was said in a conversation is missing here."""
        conversation = self._conversations.get(conversation_id)
        if conversation is None or not conversation.said:
            return False
        return conversation.said[0].event.message_id == f"{conversation_id}.1"

    def said(self, record: ThreadRecord) -> list[Said]:
        """Return what was said on a thread, or in all of a conversation for its root."""
        conversation = self._conversations.get(record.conversation)
        said = conversation.said if conversation is not None else ()
        whole = record.id == record.conversation
        return [each for each in said if whole or each.event.thread_id == record.id]

    def _note_thread(self, event: ThreadEvent) -> None:
        conversation = self._conversation(event.conversation_id)
        record = conversation.threads.get(event.thread_id)
        now = time.time()
        if record is not None:
            record.status, record.callee, record.changed = event.status, event.callee, now
            return
        thread = self._open.find(event.thread_id)
        parent = thread.parent.id if thread is not None and thread.parent is not None else None
        if len(conversation.threads) >= self._most_said:
            self._forget_thread(conversation)
        conversation.threads[event.thread_id] = ThreadRecord(
            event.thread_id,
            event.conversation_id,
            parent,
            event.caller,
            event.callee,
            event.status,
            now,
            now,
        )
        self._home[event.thread_id] = conversation

    def _forget_thread(self, conversation: _Conversation) -> None:
        """Forget the oldest thread of a conversation but its root."""
        oldest = next(islice(conversation.threads, 1, None))
        del conversation.threads[oldest], self._home[oldest]

    def _note_said(self, event: MessageSent | FaultEvent) -> None:
        if not event.conversation_id:
            return
        conversation = self._conversation(event.conversation_id)
        conversation.said.append(Said(event, time.time()))
        self._weigh(conversation, _size(event))
        if len(conversation.said) > self._most_said:
            self._weigh(conversation, -_size(conversation.said.popleft().event))
        while self._bytes > self._most_bytes and len(self._conversations) > 1:
            self._forget_conversation()
        while self._bytes > self._most_bytes and conversation.said:
            self._weigh(conversation, -_size(conversation.said.popleft().event))

    def _weigh(self, conversation: _Conversation, size: int) -> None:
        conversation.bytes += size
        self._bytes += size

    def _conversation(self, conversation_id: str) -> _Conversation:
        conversation = self._conversations.get(conversation_id)
        if conversation is None:
            if len(self._conversations) >= self._most:
                self._forget_conversation()
            conversation = self._conversations[conversation_id] = _Conversation()
        return conversation

    def _forget_conversation(self) -> None:
        conversation = self._conversations.pop(next(iter(self._conversations)))
        self._bytes -= conversation.bytes
        for thread_id in conversation.threads:
            del self._home[thread_id]


def _size(event: Any) -> int:
    return event.size if isinstance(event, MessageSent) else 0
