"""An event loop whose timers cost no time.

The rule it guards: *time passes only while there is nothing else to do*. Callbacks take no time
at all. When every task waits for a timer, the clock jumps to the earliest one. When tasks wait
for the outside (an executor's thread, an open socket or pipe), the loop really waits, and the
clock advances by just what that took. When tasks wait and nothing can ever wake them, the loop
raises `Deadlock` instead of hanging.

Limits: the loop counts threads that it started itself (`run_in_executor`, `asyncio.to_thread`),
not those of `threading.Thread`, and on Python 3.11 not the thread that waits for a subprocess.
`time.time()` and `time.monotonic()` go on as usual: code under test asks `loop.time()`.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from selectors import SelectorKey
from typing import Any


class Deadlock(RuntimeError):
    """Every task waits, and neither a timer nor the outside can wake one."""


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that answers a wait for a timer by moving ``now`` (seconds from zero)."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.outside = 0
        """How many pieces of work other threads are doing for the loop."""

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Jump instead of waiting, unless the outside may have something to say."""
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        if self.outside or self._has_descriptors():
            return self._wait(timeout)
        if ready := super().select(0):
            return ready
        if timeout is None:
            raise Deadlock("nothing is ready, nothing is scheduled, nobody outside is at work")
        self.now += timeout
        return []

    def _has_descriptors(self) -> bool:
        # One descriptor is the loop's own, through which other threads wake it.
        return len(self.get_map()) > 1

    def _wait(self, timeout: float | None) -> list[tuple[SelectorKey, int]]:
        began = time.monotonic()
        ready = super().select(timeout)
        waited = time.monotonic() - began
        self.now += waited if timeout is None or ready else max(waited, timeout)
        return ready


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """A selector loop whose `time()` starts at zero and jumps from timer to timer."""

    def __init__(self) -> None:
        self._clock = _JumpingSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the seconds that have passed on this loop's own clock."""
        return self._clock.now

    def run_in_executor(  # type: ignore[override]  # typeshed's is generic in a TypeVarTuple
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run ``func`` in a thread, during which the clock runs in real time."""
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        self._clock.outside += 1
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _: asyncio.Future[Any]) -> None:
        self._clock.outside -= 1

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """Wait for the default executor's threads, which is a wait for the outside."""
        self._clock.outside += 1
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self._clock.outside -= 1
