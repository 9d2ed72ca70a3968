"""Lines that somebody types, or pipes in, while other things go on."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import IO

_CHUNK = 4096


class Lines:
    """The lines of a file, each as soon as it is there; None at its end, ever after.

    A thread reads them, straight from the file: it may wait there for ever, and hold up nobody
    who wants to leave.
    """

    def __init__(self, file: IO[str]) -> None:
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._file = file.fileno()
        threading.Thread(target=self._read, name="lines", daemon=True).start()

    async def next(self) -> str | None:
        """Return the next line, without its end."""
        line = await self._queue.get()
        if line is None:
            self._queue.put_nowait(None)
        return line

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(self._file, _CHUNK):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                self._put(line.decode(errors="replace"))
        if rest:
            self._put(rest.decode(errors="replace"))
        self._put(None)

    def _put(self, line: str | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, line)
