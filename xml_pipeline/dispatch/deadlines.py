"""Deadlines of running handlers, without a timer for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

from xml_pipeline.message import Delivery
from xml_pipeline.schedule import Scheduler


class Deadlines:
    """Watches the oldest running delivery of each listener.

    One timer is armed for the ``earliest`` of all that run, and none when nothing runs. Only
    when it fires is the next one looked for.
    """

    __slots__ = ("_expire", "_scheduler", "_timer", "earliest")

    def __init__(self, scheduler: Scheduler, expire: Callable[[Delivery], None]) -> None:
        self._scheduler = scheduler
        self._expire = expire
        self.earliest = inf
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
        self.earliest = inf

    def arm(self, when: float) -> None:
        """Look at that time which deliveries are late; whoever begins earlier arms again."""
        if self._timer is not None:
            self._timer.cancel()
        self.earliest = when
        self._timer = asyncio.get_running_loop().call_at(when, self._check)

    def _check(self) -> None:
        now = asyncio.get_running_loop().time()
        self._timer, self.earliest = None, inf
        late = [
            delivery
            for lane in self._scheduler.lanes.values()
            for delivery, began in lane.running.items()
            if began + lane.timeout <= now
        ]
        for delivery in late:
            self._expire(delivery)
        heads = (
            min(lane.running.values()) + lane.timeout
            for lane in self._scheduler.lanes.values()
            if lane.running
        )
        earliest = min(heads, default=inf)
        if earliest < self.earliest:
            self.arm(earliest)
