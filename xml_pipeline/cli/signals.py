"""What a signal means to a running organism.

SIGTERM and SIGINT ask it to stop, and when they come again the process ends at once: also
while a handler holds the event loop and nothing else runs. SIGHUP asks for a reload.

They are counted in a thread of their own, that the interpreter's C handler writes to. A handler
in Python runs between two steps of the main thread, and that may be in the middle of a long one:
a signal that comes just before a sleep begins is heard when the sleep has ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable
from itertools import count
from typing import Any, Self

ASK_TO_STOP = (signal.SIGTERM, signal.SIGINT)
RELOAD = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
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
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        self._wakeup_before = -1

    def stop(self) -> None:
        """Ask for the end without a signal."""
        self.stopping.set()

    def end_at_once(self) -> None:
        """End the process, whatever it is busy with."""
        for word in self.last_words:
            word()
        os._exit(self.code)

    def __enter__(self) -> Self:
        for number in (*ASK_TO_STOP, *RELOAD):
            self._before[number] = signal.signal(number, _heard_elsewhere)
        self._wakeup_before = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name="signals", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, before in self._before.items():
            signal.signal(number, before)
        self._mouth.close()

    def _listen(self) -> None:
        with self._ear:
            while heard := self._ear.recv(1):
                number = heard[0]
                if number in ASK_TO_STOP:
                    self._asked_to_stop(number)
                elif number in RELOAD:
                    self._loop.call_soon_threadsafe(self._reload)

    def _asked_to_stop(self, number: int) -> None:
        if next(self._times_asked):
            self.code = self.code or _BY_SIGNAL + number
            self.end_at_once()
        self.code = _BY_SIGNAL + number
        self._loop.call_soon_threadsafe(self.stopping.set)


def _heard_elsewhere(*_: object) -> None:
    """Take a signal so that nothing else is done about it."""
