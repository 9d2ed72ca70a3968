"""What an organism tells those who watch it. Nothing here is built while nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Literal

from xml_pipeline.errors import FaultCode
from xml_pipeline.thread import ThreadStatus


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A message was accepted on its way: valid, permitted, addressed."""

    thread_id: str
    conversation_id: str
    message_id: str
    from_id: str
    to_id: str
    payload_type: str
    payload: Any
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message was handed to its listener, or left the organism as an answer."""

    thread_id: str
    conversation_id: str
    message_id: str
    from_id: str
    to_id: str
    payload_type: str
    payload: Any


@dataclass(frozen=True, slots=True)
class AgentState:
    """A listener began or ended one delivery."""

    listener: str
    state: Literal["idle", "processing", "waiting", "error"]
    thread_id: str


@dataclass(frozen=True, slots=True)
class ThreadEvent:
    """A thread was opened, taken up, or closed."""

    thread_id: str
    conversation_id: str
    status: ThreadStatus
    caller: str
    callee: str


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """A message failed; exactly one for each, wherever its fault is passed on to."""

    id: str
    code: FaultCode
    thread_id: str
    conversation_id: str
    from_id: str
    to_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class BudgetEvent:
    """A conversation crossed 75, 90 or 95 per cent of its tokens, or spent them all."""

    conversation_id: str
    severity: Literal["warning", "critical", "final", "exhausted"]
    percent_used: int
    tokens_used: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class ReloadEvent:
    """The configuration was read again: swapped in whole, or refused whole."""

    applied: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


Event = (
    MessageSent
    | MessageReceived
    | AgentState
    | ThreadEvent
    | FaultEvent
    | BudgetEvent
    | ReloadEvent
)
Callback = Callable[[Event], None]


class Events:
    """Those who listen. ``heard`` is False while there are none: then build no event.

    Callbacks run from the event loop, one after another in the order of the events, before
    anything that is awaited on their account goes on. One that raises is reported by the
    loop, and neither stops the organism nor the other callbacks.
    """

    __slots__ = ("_callbacks", "_context", "heard")

    def __init__(self) -> None:
        self._callbacks: tuple[Callback, ...] = ()
        self._context = copy_context()
        self.heard = False

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call ``callback`` with every event from now on; returns what ends that."""
        self._callbacks = (*self._callbacks, callback)
        self.heard = True

        def unsubscribe() -> None:
            self._callbacks = tuple(each for each in self._callbacks if each is not callback)
            self.heard = bool(self._callbacks)

        return unsubscribe

    def emit(self, event: Event) -> None:
        """Tell everybody who listens, in the order in which they began to."""
        call_soon = asyncio.get_running_loop().call_soon
        for callback in self._callbacks:
            call_soon(callback, event, context=self._context)

    async def stream(self, waiting: int = 10_000) -> AsyncIterator[Event]:
        """Yield every event from now on; the oldest are dropped beyond ``waiting``."""
        queue: asyncio.Queue[Event] = asyncio.Queue(waiting)

        def offer(event: Event) -> None:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

        unsubscribe = self.subscribe(offer)
        try:
            while True:
                yield await queue.get()
        finally:
            unsubscribe()
