"""What flows through a running organism, counted: the numbers behind the live summary.

The rule this file guards: an event costs a few additions, whatever is shown of it. Everything
that takes time is done when somebody looks, a few times a second.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from xml_pipeline.cli.thinking import Thinking
from xml_pipeline.events import (
    AgentEvent,
    Event,
    FaultEvent,
    MessageReceived,
    ReloadEvent,
    ThreadEvent,
)
from xml_pipeline.organism import Organism
from xml_pipeline.system import SYSTEM

LATEST_MESSAGES = 5
LATEST_FAULTS = 3
RATE_OVER = 3.0
"""Seconds over which a rate is an average."""


@dataclass(frozen=True, slots=True)
class ListenerFlow:
    """One listener at this moment: messages in all and per second, and what it is busy with.

    ``thinking`` is how often it waits for a model; ``tokens`` and ``usd`` are spent so far.
    """

    name: str
    messages: int
    rate: float
    running: int
    waiting: int
    paused: bool
    thinking: int = 0
    tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The organism at this moment. Rates are per second; faults and messages the latest."""

    uptime: float
    messages: int
    rate: float
    conversations: int
    threads: int
    running: int
    waiting: int
    faults: int
    listeners: tuple[ListenerFlow, ...]
    latest_messages: tuple[MessageReceived, ...]
    latest_faults: tuple[tuple[datetime, FaultEvent], ...]
    latest_reload: tuple[datetime, ReloadEvent] | None


class Flow:
    """Counts the events of an organism. ``clock`` gives seconds that only ever go forward."""

    def __init__(self, organism: Organism, clock: Callable[[], float]) -> None:
        self._organism = organism
        self._clock = clock
        self._started = clock()
        self._received: Counter[str] = Counter()
        self._thinking = Thinking()
        self._messages = 0
        self._faults = 0
        self._latest_messages: deque[MessageReceived] = deque(maxlen=LATEST_MESSAGES)
        self._latest_faults: deque[tuple[datetime, FaultEvent]] = deque(maxlen=LATEST_FAULTS)
        self._latest_reload: tuple[datetime, ReloadEvent] | None = None
        self._past: deque[tuple[float, int, Counter[str]]] = deque([(self._started, 0, Counter())])

    def note(self, event: Event) -> None:
        """Count one event."""
        if isinstance(event, MessageReceived):
            self._messages += 1
            self._received[event.to_id] += 1
            self._latest_messages.append(event)
        elif isinstance(event, FaultEvent):
            self._faults += 1
            self._latest_faults.append((datetime.now().astimezone(), event))
        elif isinstance(event, AgentEvent):
            self._thinking.note(event)
        elif isinstance(event, ThreadEvent):
            self._thinking.note_thread(event)
        elif isinstance(event, ReloadEvent):
            self._latest_reload = datetime.now().astimezone(), event

    def snapshot(self) -> Snapshot:
        """Return how things stand, listeners with the most messages first."""
        now = self._clock()
        while len(self._past) > 1 and self._past[0][0] < now - RATE_OVER:
            self._past.popleft()
        since, messages, received = self._past[0]
        self._past.append((now, self._messages, self._received.copy()))
        seconds = max(now - since, 0.001)
        kernel = self._organism.kernel
        return Snapshot(
            uptime=now - self._started,
            messages=self._messages,
            rate=(self._messages - messages) / seconds,
            conversations=kernel.threads.conversations,
            threads=len(kernel.threads),
            running=kernel.scheduler.running,
            waiting=kernel.scheduler.waiting + len(kernel.inbox),
            faults=self._faults,
            listeners=tuple(self._listeners(received, seconds)),
            latest_messages=tuple(self._latest_messages),
            latest_faults=tuple(self._latest_faults),
            latest_reload=self._latest_reload,
        )

    def _listeners(self, before: Counter[str], seconds: float) -> list[ListenerFlow]:
        lanes = self._organism.kernel.scheduler.lanes
        flows, thinking = [], self._thinking.now()
        for listener in self._organism.listeners:
            name, lane = listener.name, lanes[listener.name]
            messages = self._received[name]
            if not messages and name.startswith(f"{SYSTEM}."):
                continue
            rate = (messages - before[name]) / seconds
            busy = len(lane.running), len(lane.parked)
            spent = self._thinking.tokens(name), self._thinking.usd(name)
            flow = (name, messages, rate, *busy, lane.paused, thinking[name], *spent)
            flows.append(ListenerFlow(*flow))
        return sorted(flows, key=lambda each: (-each.rate, -each.messages))
