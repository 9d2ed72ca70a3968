"""What a signal means to a running organism.

SIGTERM and SIGINT ask it to stop, and when they come again the process ends at once: also
while a handler holds the event loop and nothing else runs. SIGHUP asks for a reload.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any, Self

ASK_TO_STOP = (signal.SIGTERM, signal.SIGINT)
_BY_SIGNAL = 128
"""A process that was ended by signal n leaves with 128 + n, as shells have it."""


class Signals:
    """Listens to signals while its context is open.

    ``stopping`` is set once somebody has asked for the end; ``code`` is then the exit code.
    ``last_words`` are called before a process ends at once: what they undo would outlive it.
    """

    def __init__(self, reload: Callable[[], None]) -> None:
        self.stopping = asyncio.Event()
        self.code = 0
        self.last_words: list[Callable[[], object]] = []
        self._reload = reload
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, Any] = {}
        self._times_asked = count()

    def stop(self) -> None:
        """Ask for the end without a signal."""
        self.stopping.set()

    def end_at_once(self) -> None:
        """End the process, whatever it is busy with."""
        for word in self.last_words:
            word()
        os._exit(self.code)

    def __enter__(self) -> Self:
        for number in ASK_TO_STOP:
            self._before[number] = signal.signal(number, self._asked_to_stop)
        if hasattr(signal, "SIGHUP"):
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._asked_to_reload)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _asked_to_stop(self, number: int, _: FrameType | None) -> None:
        """Count first, in one step: the next signal may come in the middle of this."""
        if next(self._times_asked):
            self.code = self.code or _BY_SIGNAL + number
            self.end_at_once()
        self.code = _BY_SIGNAL + number
        self._loop.call_soon_threadsafe(self.stopping.set)

    def _asked_to_reload(self, _: int, __: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._reload)
