"""Figures in the text format of Prometheus (version 0.0.4), counted from the events.

Written by hand: it is a screenful, and the library is one more thing to install.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Generator, Iterator

from xml_pipeline.errors import FAULT_CODES, FaultCode
from xml_pipeline.events import AgentState, Event, FaultEvent, MessageSent
from xml_pipeline.kernel import Kernel
from xml_pipeline.server.feed import Feed

MEDIA_TYPE = "text/plain; version=0.0.4"

BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the buckets, in seconds."""

MOST_LISTENERS = 1_000
"""Listeners with a histogram of their own: those made at run time come and go."""


class Histogram:
    """How often something took how long, in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str, label: str) -> Iterator[str]:
        """Yield the samples; the buckets are cumulative, the last one holds all."""
        so_far = 0
        for bound, count in zip((*map(repr, BOUNDS), "+Inf"), self.counts, strict=True):
            so_far += count
            yield f'{name}_bucket{{{label},le="{bound}"}} {so_far}'
        yield f"{name}_sum{{{label}}} {self.total!r}"
        yield f"{name}_count{{{label}}} {so_far}"


class Metrics:
    """Counts what it hears, and reads the rest from the kernel when asked."""

    def __init__(self, kernel: Kernel, feed: Feed) -> None:
        self._kernel = kernel
        self._feed = feed
        self._messages = 0
        self._faults: Counter[FaultCode] = Counter()
        self._handling: dict[str, Histogram] = {}
        self._began: dict[str, float] = {}

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, MessageSent):
            self._messages += 1
        elif isinstance(event, AgentState):
            self._note_state(event)
        elif isinstance(event, FaultEvent):
            self._faults[event.code] += 1

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
        )
        return "".join(f"{line}\n" for part in parts for line in part)

    def _fault_lines(self) -> Iterator[str]:
        name = yield from _head("faults", "counter", "Messages that failed, by code.")
        for code in FAULT_CODES:
            yield f'{name}{{code="{code}"}} {self._faults[code]}'

    def _handling_lines(self) -> Iterator[str]:
        name = yield from _head("handling_seconds", "histogram", "Time taken by handlers.")
        for listener, histogram in self._handling.items():
            yield from histogram.lines(name, f'listener="{listener}"')


def _metric(name: str, kind: str, meaning: str, value: int) -> Iterator[str]:
    full = yield from _head(name, kind, meaning)
    yield f"{full} {value}"


def _head(name: str, kind: str, meaning: str) -> Generator[str, None, str]:
    """Yield what comes before the samples; return the name that they have."""
    full = f"xml_pipeline_{name}" + ("_total" if kind == "counter" else "")
    yield f"# HELP {full} {meaning}"
    yield f"# TYPE {full} {kind}"
    return full
