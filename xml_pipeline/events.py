"""What an organism tells those who watch it. Nothing here is built while nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from xml_pipeline.errors import FaultCode
from xml_pipeline.thread import ThreadStatus


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A message was accepted on its way: valid, permitted, addressed.

    ``notes`` say what was repaired in it, or which sender it claimed and was not. ``size`` is
    the length of its envelope in bytes: what whoever keeps the event may count it as.
    ``traceparent`` is what somebody outside named as the work that its conversation is a part of
    (W3C Trace Context), "" where nobody did.
    """

    thread_id: str
    conversation_id: str
    message_id: str
    from_id: str
    to_id: str
    payload_type: str
    payload: Any
    notes: tuple[str, ...] = ()
    size: int = 0
    traceparent: str = ""


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
    """A thread was opened, taken up, or closed.

    ``parent_id`` is the thread above it, "" for a root. ``request`` is the key, or the number, of
    the message that it was opened by: two threads below one differ in it.
    """

    thread_id: str
    conversation_id: str
    status: ThreadStatus
    caller: str
    callee: str
    parent_id: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """A message failed; exactly one for each, wherever its fault is passed on to.

    ``message_id`` is empty where it was no message that failed: a thread was killed, time was up.
    """

    id: str
    code: FaultCode
    thread_id: str
    conversation_id: str
    from_id: str
    to_id: str
    detail: str
    message_id: str = ""


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
    """The configuration was read again: swapped in whole, or refused whole.

    ``problems`` say why it was refused. ``needs_restart`` are the settings that have changed
    and only a start takes over, each as a sentence with its place. ``elsewhere`` are the problems
    of other nodes, which have changed nothing there.
    """

    applied: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenersChanged:
    """The program has put listeners in place, or has taken them out, while the organism runs."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


AgentStep = Literal[
    "run_started",
    "turn_started",
    "llm_response",
    "tool_call_started",
    "tool_call_completed",
    "approval_requested",
    "approval_decision",
    "sub_agents_dispatched",
    "sub_agent_completed",
    "context_summarized",
    "run_completed",
    "run_failed",
    "guardrail_denied",
    "guardrail_warned",
    "retry_attempt",
    "doom_loop_detected",
    "session_pruned",
    "auto_compaction_triggered",
    "budget_exceeded",
    "task_routed",
    "model_escalated",
    "sensor_event_processed",
    "story_updated",
]
"""What agents do, and those who guard and feed them."""


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """A step of an agent's work; ``about`` is plain data, and differs from step to step."""

    step: AgentStep
    agent: str
    thread_id: str
    conversation_id: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentText:
    """Some more words of an agent while it speaks, or thinks.

    ``restart`` says that what it said in this turn does not count: it begins again.
    """

    agent: str
    thread_id: str
    conversation_id: str
    kind: Literal["text", "thinking", "restart"]
    text: str


@dataclass(frozen=True, slots=True)
class ToolProgress:
    """How far a listener has come with a call that takes long; ``total`` where that is known."""

    listener: str
    thread_id: str
    conversation_id: str
    progress: float
    total: float | None = None
    message: str = ""


LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
"""How grave a word is, the least grave first (RFC 5424)."""


@dataclass(frozen=True, slots=True)
class ToolLog:
    """What a listener has to say of a call meanwhile, to whoever made it."""

    listener: str
    thread_id: str
    conversation_id: str
    level: LogLevel
    message: str


@dataclass(frozen=True, slots=True)
class ResourceChanged:
    """What a listener lets others read, under this address, is another now."""

    listener: str
    thread_id: str
    conversation_id: str
    uri: str


Event = (
    MessageSent
    | MessageReceived
    | AgentState
    | ThreadEvent
    | FaultEvent
    | BudgetEvent
    | ReloadEvent
    | ListenersChanged
    | AgentEvent
    | AgentText
    | ToolProgress
    | ToolLog
    | ResourceChanged
)
Callback = Callable[[Event], None]


class Events:
    """Those who listen. ``heard`` is False while there are none: then build no event.

    Callbacks run from the event loop, one after another in the order of the events, before
    anything that is awaited on their account goes on. One that raises is reported by the
    loop, and neither stops the organism nor the other callbacks.
    """

    __slots__ = ("_callbacks", "_context", "_ended", "_streams", "heard")

    def __init__(self) -> None:
        self._callbacks: tuple[Callback, ...] = ()
        self._context = copy_context()
        self._streams: set[EventStream] = set()
        self._ended = False
        self.heard = False

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call ``callback`` with every event from now on; returns what ends that."""
        self._callbacks = (*self._callbacks, callback)
        self.heard = subscribed = True

        def unsubscribe() -> None:
            nonlocal subscribed
            if subscribed:
                subscribed = False
                others = list(self._callbacks)
                others.remove(callback)
                self._callbacks = tuple(others)
                self.heard = bool(others)

        return unsubscribe

    def emit(self, event: Event) -> None:
        """Tell everybody who listens, in the order in which they began to."""
        call_soon = asyncio.get_running_loop().call_soon
        for callback in self._callbacks:
            call_soon(callback, event, context=self._context)

    def stream(self, waiting: int = 10_000) -> EventStream:
        """Return an iterator over every event from now on, until ``end``."""
        stream = EventStream(self, waiting)
        self._streams.add(stream)
        if self._ended:
            stream.close()
        return stream

    def end(self) -> None:
        """Let every stream end after what has been told by now: nothing more happens."""
        self._ended = True
        for stream in tuple(self._streams):
            asyncio.get_running_loop().call_soon(stream.close, context=self._context)

    def leave(self, stream: EventStream) -> None:
        """Forget a stream that is closed."""
        self._streams.discard(stream)


class EventStream:
    """An asynchronous iterator over events, from the moment it was made until ``close``.

    It is closed when the organism is, and then ends after what it has been told. It never holds
    up the organism: beyond ``waiting`` unread events the oldest are dropped, and counted in
    ``dropped``. Also an async context manager, which closes it.
    """

    __slots__ = ("_close", "_events", "_queue", "dropped")

    def __init__(self, events: Events, waiting: int) -> None:
        self._events = events
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(waiting)
        self._close = events.subscribe(self._offer)
        self.dropped = 0

    def _offer(self, event: Event | None) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(event)

    def close(self) -> None:
        """Hear nothing more, and let whoever reads come to an end."""
        self._close()
        self._events.leave(self)
        self._offer(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self._queue.get()
        if event is None:
            self._offer(None)  # For whoever else reads.
            raise StopAsyncIteration
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
