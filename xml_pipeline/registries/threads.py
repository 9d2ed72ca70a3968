"""Threads: who works for whom, what is still open, and when something has gone quiet.

The rule this file guards: a thread is closed exactly once, and whoever is above it loses
exactly one from its count of what is pending when that happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from xml_pipeline.errors import UnknownThread
from xml_pipeline.events import Events, ThreadEvent
from xml_pipeline.journal import Journal
from xml_pipeline.registries.state import encode
from xml_pipeline.thread import Conversation, Thread, ThreadStatus, thread_ids


class Threads:
    """Every open thread, by id.

    ``on_close`` are called with each thread as it closes: whoever holds something on behalf
    of a thread (a running handler, a todo) lets go of it there. ``journal`` is None where
    nothing is written down. ``ending`` says how the id of a new conversation has to end, where
    that matters: then those of all its threads end alike.
    """

    __slots__ = (
        "_events",
        "_ids",
        "_numbers",
        "_open",
        "conversations",
        "ending",
        "journal",
        "on_close",
    )

    def __init__(self, events: Events) -> None:
        self._open: dict[str, Thread] = {}
        self._ids = thread_ids()
        self._numbers = 0
        self._events = events
        self.conversations = 0
        self.journal: Journal | None = None
        self.ending: Callable[[], str] | None = None
        self.on_close: list[Callable[[Thread], None]] = []

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Thread]:
        return iter(tuple(self._open.values()))

    def get(self, thread_id: str) -> Thread:
        """Return the open thread of that id; UnknownThread otherwise."""
        try:
            return self._open[thread_id]
        except KeyError:
            raise UnknownThread(f"no open thread {thread_id!r}") from None

    def find(self, thread_id: str) -> Thread | None:
        """Return the open thread of that id, None where there is none."""
        return self._open.get(thread_id)

    def root(
        self, principal: str, callee: str = "", tenant: str = "", seconds: float | None = None
    ) -> Thread:
        """Open a conversation: its root thread, asked for by an outside principal.

        ``seconds`` is how long it may last, as it is written down; who opens it has the timer.
        """
        id = next(self._ids)
        if self.ending is not None:
            id = id[:-2] + self.ending()
        self._numbers += 1
        self.conversations += 1
        conversation = Conversation(self._numbers, id, principal, tenant)
        thread = Thread(conversation.id, conversation, None, principal, callee, 1)
        conversation.root = thread
        self._open[thread.id] = thread
        if self.journal is not None:
            self.journal.begins(conversation, seconds)
        if self._events.heard:
            self._tell(thread)
        return thread

    def restore(self, threads: Iterable[Thread]) -> None:
        """Take in the open threads of a conversation as they were written down, root first."""
        self._numbers += 1
        for thread in threads:
            self.conversations += thread.parent is None
            thread.conversation.number = self._numbers
            self._open[thread.id] = thread
            if thread.parent is not None:
                if thread.parent.children is None:
                    thread.parent.children = {}
                thread.parent.children[thread] = None
            if self._events.heard:
                self._tell(thread)

    def child(
        self,
        parent: Thread,
        caller: str,
        callee: str,
        request: int | str,
        state: dict[str, Any] | None = None,
    ) -> Thread:
        """Open a thread below another, for work that ``caller`` asks of ``callee``.

        ``state`` is what the callee remembers from the beginning, without payloads in it.
        The caller accounts for it: ``parent.pending`` is left as it is, because a child
        usually takes the place of the message that opened it.
        """
        id = next(self._ids)
        if self.ending is not None:
            id = id[:-2] + parent.id[-2:]
        thread = Thread(id, parent.conversation, parent, caller, callee, request)
        thread.state = state
        if parent.children is None:
            parent.children = {thread: None}
        else:
            parent.children[thread] = None
        self._open[thread.id] = thread
        if self.journal is not None:
            self.journal.opened(thread)
            if state is not None:
                self.journal.remembers(thread, encode(state, _no_payload))
        if self._events.heard:
            self._tell(thread)
        return thread

    def activate(self, thread: Thread) -> None:
        """Note that the thread's callee has taken it up."""
        thread.status = "active"
        if self._events.heard:
            self._tell(thread)

    def close(self, thread: Thread, status: ThreadStatus) -> None:
        """Close a thread and everything below it; what was still open below was killed."""
        parent = thread.parent
        if thread.children:
            for below in tuple(thread.subtree()):
                if below is not thread:
                    self._let_go(below, "killed")
        self._let_go(thread, status)
        if self.journal is not None:
            self.journal.closed(thread)
        if parent is not None:
            parent.pending -= 1
            if parent.children is not None:
                parent.children.pop(thread, None)
        else:
            self.conversations -= 1
            if thread.conversation.timer is not None:
                thread.conversation.timer.cancel()

    def drop(self, root: Thread) -> None:
        """Let go of a conversation that goes on elsewhere: nothing is noted, and nobody told."""
        heard, self._events.heard = self._events.heard, False
        for below in tuple(root.subtree()):
            self._let_go(below, "killed")
        self._events.heard = heard
        self.conversations -= 1
        if root.conversation.timer is not None:
            root.conversation.timer.cancel()

    def stop_clocks(self) -> None:
        """Let no timer of an open thread go off any more: another process goes on with them."""
        for thread in self._open.values():
            _cancel_timers(thread)
            if thread.conversation.timer is not None:
                thread.conversation.timer.cancel()

    def _let_go(self, thread: Thread, status: ThreadStatus) -> None:
        thread.open = False
        thread.status = status
        del self._open[thread.id]
        _cancel_timers(thread)
        for callback in self.on_close:
            callback(thread)
        if thread.endings is not None:
            for each in thread.endings:
                each()
        # A closed thread must not keep alive what it was about: these lists hold the
        # deliveries, which hold the thread.
        thread.slots = thread.queue = thread.children = thread.state = thread.delayed = None
        thread.endings = None
        if self._events.heard:
            self._tell(thread)

    def _tell(self, thread: Thread) -> None:
        ids = thread.id, thread.conversation.id
        above = thread.parent.id if thread.parent is not None else ""
        who = thread.caller, thread.callee
        self._events.emit(ThreadEvent(*ids, thread.status, *who, above, str(thread.request)))


def _no_payload(tag: str) -> None:
    """Find no payload class: what the pump remembers for a listener holds none."""


def _cancel_timers(thread: Thread) -> None:
    if thread.owed is not None:
        thread.owed.cancel()
    if thread.delayed is not None:
        for timer in thread.delayed.values():
            timer.cancel()
