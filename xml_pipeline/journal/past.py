"""What the journal knows of a conversation: its threads, messages, deliveries and faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from xml_pipeline.errors import FaultCode
from xml_pipeline.journal.lines import NOBODY, Delayed
from xml_pipeline.journal.remembered import Remembered
from xml_pipeline.spent import Spent as Took


@dataclass(slots=True)
class PastMessage:
    """A message as it was sent; ``at`` is when that was written, in seconds since 1970.

    ``routed`` tells that it is on its way no longer, ``left`` that it was an answer that has
    left the organism, ``refused`` that it led nowhere. ``spent`` is what an answer took.
    """

    at: float
    number: int
    kind: Any
    origin: Any
    sender: str
    thread: str
    in_reply_to: int | str
    key: int | str
    hops: int
    to: str | None
    repairs: tuple[str, ...]
    raw: bytes
    routed: bool = False
    left: bool = False
    refused: bool = False
    spent: Took | None = None


@dataclass(slots=True)
class PastDelivery:
    """A message at a listener's door: how often it was handed over, and whether it is settled.

    ``again`` is when it is to be handed over again, 0 where that is not put off.
    """

    message: PastMessage
    thread: str
    listener: str
    at: float
    attempts: int = 0
    began: float = 0.0
    settled: float = 0.0
    again: float = 0.0


@dataclass(slots=True)
class PastThread:
    """A thread; ``first_hops`` and ``last_hops`` are those of what its callee was handed."""

    id: str
    parent: str
    caller: str
    callee: str
    request: int | str
    opened: float
    closed: float = 0.0
    status: Any = "created"
    answered: bool = False
    first_hops: int = 0
    last_hops: int = 0
    state: Remembered = field(default_factory=Remembered)
    owed: float = 0.0
    delayed: dict[int, tuple[float, Delayed]] = field(default_factory=dict)
    todos: list[list[str]] = field(default_factory=list)
    blackboard: dict[str, str] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    children: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Tell whether it has not closed."""
        return not self.closed


@dataclass(frozen=True, slots=True)
class PastFault:
    """A fault as it was written down."""

    at: float
    id: str
    code: FaultCode
    sender: str
    to: str
    detail: str


@dataclass(slots=True)
class Spent:
    """What a conversation has spent; what it had set aside counts as spent as well.

    Nobody knows what became of it: so a budget is never exceeded.
    """

    tokens: int = 0
    usd: float = 0.0
    requests: int = 0


@dataclass(slots=True)
class Story:
    """All that is known of a conversation. Its first thread is its root."""

    id: str
    channel: str = ""
    principal: str = ""
    tenant: str = ""
    expires: float = 0.0
    traceparent: str = ""
    number: int = 0
    spent: Spent | None = None
    threads: dict[str, PastThread] = field(default_factory=dict)
    messages: dict[int, PastMessage] = field(default_factory=dict)
    deliveries: dict[tuple[int, str], PastDelivery] = field(default_factory=dict)
    faults: list[PastFault] = field(default_factory=list)

    @property
    def root(self) -> PastThread:
        """Return the thread that the conversation began with."""
        return self.threads[self.id]

    def under_way(self) -> Iterator[PastMessage]:
        """Yield the messages that were sent and have reached nobody, in their order."""
        for each in self.messages.values():
            if not each.routed and (each.thread == NOBODY or self.threads[each.thread].open):
                yield each

    def standing(self) -> Iterator[PastDelivery]:
        """Yield what stands at a listener's door, or was being handled, in its order."""
        for each in self.deliveries.values():
            if not each.settled and self.threads[each.thread].open:
                yield each
