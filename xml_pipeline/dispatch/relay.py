"""A relay of tasks: deliveries are handled side by side without a new task for each.

A runner takes the next delivery as soon as a handler returns. Before it hands itself over to a
handler it calls a successor, who takes what is left if that handler waits for something. So
handlers that never wait share one task, and those that do get one each.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar, copy_context
from typing import Any

from xml_pipeline.inbox import next_turn
from xml_pipeline.message import Delivery

log = logging.getLogger(__name__)

MOST_IDLE = 32

GRACE = 10.0
"""Seconds that a handler has to end after it was told to stop."""

current_delivery: ContextVar[Delivery | None] = ContextVar("current_delivery", default=None)
"""The delivery whose handler is running, so that log lines can say which."""

Work = Callable[[Delivery, asyncio.Task[Any]], Awaitable[object] | None]


class Relay:
    """Awaits what ``work`` returns for each delivery, in order, and the task that it runs in.

    A runner retires when something of a handler could reach the next one: when the task was
    cancelled, or the handler left other context variables behind than it found.
    """

    __slots__ = ("_called", "_idle", "_ready", "_runners", "_work")

    def __init__(self, work: Work) -> None:
        self._work = work
        self._ready: deque[Delivery] = deque()
        self._idle: dict[asyncio.Task[Any], asyncio.Future[None]] = {}
        self._runners: set[asyncio.Task[Any]] = set()
        self._called: asyncio.Task[Any] | None = None

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Let these deliveries be worked on, from the next turn of the event loop on."""
        self._ready.extend(deliveries)
        if self._ready and self._called is None:
            self._call()

    async def stop(self) -> None:
        """Cancel every runner and wait until all have ended.

        Who has not after ``GRACE`` seconds is cancelled again, and after as many more left
        behind: a handler that takes no notice must not keep the organism from ending.
        """
        self._ready.clear()
        running = set(self._runners)
        for _ in range(2):
            for runner in running:
                runner.cancel()
            if running:
                _, running = await asyncio.wait(running, timeout=GRACE)
        for runner in running:
            log.error("a handler does not stop: %s", runner)

    def _call(self) -> None:
        """Call one runner to the start; it comes with the next turn of the event loop."""
        while self._idle:
            self._called, start = self._idle.popitem()
            if not start.done():  # Else somebody has cancelled it.
                start.set_result(None)
                return
        runner = self._called = asyncio.get_running_loop().create_task(self._run())
        self._runners.add(runner)
        runner.add_done_callback(self._gone)

    def _gone(self, runner: asyncio.Task[Any]) -> None:
        """Call another in place of a runner that retired, or was cancelled before it came."""
        self._runners.discard(runner)
        self._idle.pop(runner, None)
        if self._called is runner:
            self._called = None
        if self._ready and self._called is None:
            self._call()

    async def _run(self) -> None:
        runner: Any = asyncio.current_task()
        ready = self._ready
        while True:
            self._called, worked = None, bool(ready)
            while ready:
                delivery = ready.popleft()
                if ready and self._called is None:
                    self._call()
                work = self._work(delivery, runner)
                if work is None:
                    continue
                current_delivery.set(delivery)
                found = copy_context()  # The same object's contents afterwards: compared at once.
                await work
                del delivery, work  # An idle runner keeps nothing of it alive.
                if runner.cancelling() or copy_context() != found:
                    return
            if worked and self._called is None:
                self._called = runner  # What was said may be back by the next turn.
                await next_turn()
            elif not await self._called_again(runner):
                return

    async def _called_again(self, runner: asyncio.Task[Any]) -> bool:
        """Wait until there is something to do; False where enough others wait for that."""
        if len(self._idle) >= MOST_IDLE:
            return False
        current_delivery.set(None)
        start: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle[runner] = start
        await start
        return True
