"""Who works for whom: the threads that are open, and the spans that work on them belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.trace import Span

from xml_pipeline.events import ThreadEvent


@dataclass(slots=True)
class Work:
    """What happens on one thread.

    ``parent`` and ``request`` are the thread above it, and the key of the message that asked for
    it. ``run`` is the span of an agent's run; ``calls`` are those of its calls that are still to
    be answered, by the ids that the model gave them, and ``by_key`` the same by their messages.
    ``asked`` is the address of its model, ``turn`` the turn it is in, and ``began`` when that
    began, in nanoseconds since 1970: 0 between two turns. ``outside`` is the work that somebody
    outside said a conversation is a part of; its root has it.
    """

    parent: str = ""
    request: str = ""
    run: Span | None = None
    calls: dict[str, Span] = field(default_factory=dict)
    by_key: dict[str, Span] = field(default_factory=dict)
    asked: str = ""
    turn: int = 0
    began: int = 0
    outside: Context | None = None


MOST_THREADS = 100_000
"""Threads that are known at one time: what goes on at another node ends here untold."""


class Tree:
    """The work on every open thread."""

    def __init__(self) -> None:
        self._work: dict[str, Work] = {}

    def at(self, thread_id: str) -> Work:
        """Return what happens on a thread; it may have been opened before anybody watched."""
        work = self._work.get(thread_id)
        if work is None:
            if len(self._work) >= MOST_THREADS:
                del self._work[next(iter(self._work))]
            work = self._work[thread_id] = Work()
        return work

    def open(self, event: ThreadEvent) -> None:
        """Take in a thread that was opened, or taken up."""
        work = self.at(event.thread_id)
        work.parent, work.request = event.parent_id, event.request

    def close(self, thread_id: str) -> Work:
        """Forget a thread, and return what happened on it."""
        return self._work.pop(thread_id, Work())

    def close_all(self) -> list[Work]:
        """Forget every thread, and return what happened on them."""
        left, self._work = list(self._work.values()), {}
        return left

    def above(self, thread_id: str) -> Span | None:
        """Return the span that asked for a thread: a call, else a run; None where nobody did."""
        work = self._work.get(thread_id)
        while work is not None and (above := self._work.get(work.parent)) is not None:
            if span := above.by_key.get(work.request) or above.run:
                return span
            work = above
        return None

    def __len__(self) -> int:
        """Return how many threads are known."""
        return len(self._work)
