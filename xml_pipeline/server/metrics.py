"""Figures in the text format of Prometheus (version 0.0.4), counted from the events.

Written by hand: it is a screenful, and the library is one more thing to install.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from xml_pipeline.errors import FAULT_CODES, FaultCode
from xml_pipeline.events import (
    AgentEvent,
    AgentState,
    Event,
    FaultEvent,
    MessageSent,
    ThreadEvent,
)
from xml_pipeline.kernel import Kernel
from xml_pipeline.server.agent_metrics import AgentMetrics
from xml_pipeline.server.feed import Feed
from xml_pipeline.server.figures import Histogram, head

MEDIA_TYPE = "text/plain; version=0.0.4"

MOST_LISTENERS = 1_000
"""Listeners with a histogram of their own: those made at run time come and go."""


class Metrics:
    """Counts what it hears, and reads the rest from the kernel when asked."""

    def __init__(self, kernel: Kernel, feed: Feed) -> None:
        self._kernel = kernel
        self._feed = feed
        self._messages = 0
        self._faults: Counter[FaultCode] = Counter()
        self._handling: dict[str, Histogram] = {}
        self._began: dict[str, float] = {}
        self._agents = AgentMetrics()

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, MessageSent):
            self._messages += 1
        elif isinstance(event, AgentState):
            self._note_state(event)
        elif isinstance(event, FaultEvent):
            self._faults[event.code] += 1
        elif isinstance(event, AgentEvent):
            self._agents.hear(event)
        elif isinstance(event, ThreadEvent):
            self._agents.hear_thread(event)

    def _note_state(self, event: AgentState) -> None:
        """Time a delivery from its start to its end; a thread has one at a time."""
        now = asyncio.get_running_loop().time()
        if event.state == "processing":
            self._began[event.thread_id] = now
        elif event.state == "idle" and event.thread_id in self._began:
            histogram = self._handling.get(event.listener)
            if histogram is None:
                if len(self._handling) >= MOST_LISTENERS:
                    del self._handling[next(iter(self._handling))]
                histogram = self._handling[event.listener] = Histogram()
            histogram.observe(now - self._began.pop(event.thread_id))

    def exposition(self) -> str:
        """Return all figures as text."""
        kernel = self._kernel
        waiting = len(kernel.inbox) + kernel.scheduler.waiting
        size = kernel.inbox.size + kernel.scheduler.waiting_bytes
        parts = (
            _metric("messages", "counter", "Messages accepted on their way.", self._messages),
            self._fault_lines(),
            _metric("conversations", "gauge", "Open conversations.", kernel.threads.conversations),
            _metric("threads", "gauge", "Open threads.", len(kernel.threads)),
            _metric("running", "gauge", "Handlers running.", kernel.scheduler.running),
            _metric("waiting", "gauge", "Messages waiting.", waiting),
            _metric("waiting_bytes", "gauge", "Bytes of the messages waiting.", size),
            _metric("watchers", "gauge", "Who reads the events.", len(self._feed)),
            self._handling_lines(),
            self._agents.lines(),
        )
        return "".join(f"{line}\n" for part in parts for line in part)

    def _fault_lines(self) -> Iterator[str]:
        name = yield from head("faults", "counter", "Messages that failed, by code.")
        for code in FAULT_CODES:
            yield f'{name}{{code="{code}"}} {self._faults[code]}'

    def _handling_lines(self) -> Iterator[str]:
        name = yield from head("handling_seconds", "histogram", "Time taken by handlers.")
        for listener, histogram in self._handling.items():
            yield from histogram.lines(name, f'listener="{listener}"')


def _metric(name: str, kind: str, meaning: str, value: int) -> Iterator[str]:
    full = yield from head(name, kind, meaning)
    yield f"{full} {value}"
