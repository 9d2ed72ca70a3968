"""Conversations and threads: what a message belongs to. Data only; ``registries.threads`` moves it.

A thread is an *instance* of one listener's work for one caller, never a path: two calls over
the same path are two threads. A conversation is everything below one message from outside.
"""

from __future__ import annotations

import os
from asyncio import TimerHandle
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Literal

from xml_pipeline.subject import Subject

ThreadStatus = Literal["created", "active", "completed", "error", "killed"]

_POOL = 256
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def thread_ids() -> Iterator[str]:
    """Yield random version 4 UUIDs (RFC 9562) as text, from pooled operating system randomness.

    ``uuid.uuid4()`` takes the same bytes one system call at a time and builds an object
    first, at more than three times the cost.
    """
    while True:
        pool = os.urandom(16 * _POOL).hex()
        for at in range(0, 32 * _POOL, 32):
            text = pool[at : at + 32]
            variant = _VARIANT[text[16]]
            yield f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def party_of(principal: str, tenant: str) -> str:
    """Return whom a conversation counts for where turns are taken and shares are measured."""
    return f"{tenant}\n{principal}" if tenant else principal


class Conversation:
    """Everything below one message from outside: its principal, budget and message count.

    ``id`` is the id of its root thread. ``channel`` is who was authenticated when it was
    opened; ``principal`` is the same, or whoever signed what opened it. ``messages`` counts
    every message in it and numbers them: a message's id is unique together with the
    conversation's. ``expires`` is the event
    loop's time at which its seconds are spent, 0 where they are not limited. ``waiters`` are
    those outside who wait for answers (``registries.waiters``). ``notes`` are the journal's.
    ``party`` is whom it counts for where turns are taken: whoever opened it, of its tenant.
    ``subject`` is the person it is held for, where whoever opened it gave a token of theirs.
    ``traceparent`` is the work outside that it is said to be a part of; only who watches cares.
    """

    __slots__ = (
        "budget",
        "channel",
        "id",
        "messages",
        "notes",
        "number",
        "party",
        "principal",
        "root",
        "subject",
        "tenant",
        "timer",
        "traceparent",
        "waiters",
        "watched",
    )

    def __init__(self, number: int, id: str, principal: str, tenant: str) -> None:
        self.number = number
        self.id = id
        self.channel = self.principal = principal
        self.tenant = tenant
        self.party = party_of(principal, tenant)
        self.messages = 0
        self.subject: Subject | None = None
        self.root: Thread | None = None
        self.budget: Any = None
        self.timer: TimerHandle | None = None
        self.traceparent = ""
        self.waiters: Any = None
        self.watched = False
        self.notes: Any = None

    def __lt__(self, other: Conversation) -> bool:
        """Order by age, for the depth-first schedule."""
        return self.number < other.number


class Thread:
    """One listener's work for one caller.

    ``caller`` is who asked (a listener, a primitive or an outside principal), ``callee`` who
    works. ``pending`` counts what may still happen in it: its messages on their way, waiting
    or being handled, its open children and an answer it owes; at zero it has gone quiet.
    ``current`` is the delivery that holds it: one at a time, the others wait in ``queue``.
    ``request`` is the id, or the key, of the message that opened it, or of a later one that its
    caller outside sent on it; ``hops`` the causal depth
    of what its callee was last given. ``state`` is what the callee remembers between two
    messages. ``slots`` are its deliveries so far, for the context. ``owed`` is the timer of
    an answer that was deferred, ``delayed`` those of messages that set out later. ``answered``
    means that the caller has its answer, though work below goes on. ``endings`` are called once,
    when it has closed.
    """

    __slots__ = (
        "answered",
        "callee",
        "caller",
        "children",
        "conversation",
        "current",
        "delayed",
        "endings",
        "hops",
        "id",
        "open",
        "owed",
        "parent",
        "pending",
        "queue",
        "request",
        "slots",
        "state",
        "status",
    )

    def __init__(
        self,
        id: str,
        conversation: Conversation,
        parent: Thread | None,
        caller: str,
        callee: str,
        request: int | str,
    ) -> None:
        self.id = id
        self.conversation = conversation
        self.parent = parent
        self.caller = caller
        self.callee = callee
        self.request = request
        self.pending = 1
        self.open = True
        self.answered = False
        self.status: ThreadStatus = "created"
        self.current: Any = None
        self.queue: deque[Any] | None = None
        self.children: dict[Thread, None] | None = None
        self.state: dict[str, Any] | None = None
        self.slots: list[Any] | None = None
        self.hops = 0
        self.owed: TimerHandle | None = None
        self.delayed: dict[int, TimerHandle] | None = None
        self.endings: list[Callable[[], None]] | None = None

    @property
    def path(self) -> list[str]:
        """The names from the outside down to the callee, as a list: dots are legal in names."""
        names = [self.callee] if self.callee else []
        thread: Thread | None = self
        while thread is not None:
            names.append(thread.caller)
            thread = thread.parent
        names.reverse()
        return names

    def subtree(self) -> Iterator[Thread]:
        """Yield this thread and every open one below it, parents first."""
        stack = [self]
        while stack:
            thread = stack.pop()
            yield thread
            if thread.children:
                stack.extend(thread.children)
