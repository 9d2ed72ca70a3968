"""Worker processes are born in a nursery: asked for here, and their ends heard of.

The rule this file guards: whoever was told of a process is told of its end, once; also where the
nursery itself has gone, for its children go with it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

from xml_pipeline.dispatch.nursery import BORN, TOLD

_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from xml_pipeline.dispatch.nursery import main; main()"
)
_CHUNK = 4096

Gone = Callable[[int], None]
"""Hears with which code a process has ended."""


class Births:
    """Has a nursery, from when it is first needed, and another where that has gone."""

    def __init__(self) -> None:
        self._nursery: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._said = b""
        self._awaited: deque[tuple[asyncio.Future[int], Gone]] = deque()
        self._living: dict[int, Gone] = {}

    async def give(self, pipe: int, output: int, gone: Gone) -> int:
        """Return the id of a new worker that has these; ``gone`` hears of its end.

        Raises OSError where there can be none.
        """
        born: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        line = self._line if self._line is not None else self._open()
        socket.send_fds(line, [b"w"], [pipe, output])
        self._awaited.append((born, gone))
        return await born

    async def close(self) -> None:
        """End the nursery, and with it all who live yet."""
        nursery = self._nursery
        if nursery is not None:
            self._lose()
            await asyncio.to_thread(nursery.wait)

    def _open(self) -> socket.socket:
        """Start a nursery, and return the line to it."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                self._nursery = _start(theirs.fileno())
            except OSError:
                ours.close()
                raise
        self._line = ours
        asyncio.get_running_loop().add_reader(ours, self._hear, ours)
        return ours

    def _hear(self, line: socket.socket) -> None:
        try:
            said = line.recv(_CHUNK)
        except BlockingIOError:
            return
        except ConnectionError:
            said = b""
        if not said:
            self._lose()
            return
        self._said += said
        while len(self._said) >= TOLD.size:
            kind, pid, code = TOLD.unpack_from(self._said)
            self._said = self._said[TOLD.size :]
            if kind == BORN:
                self._born(pid)
            elif (gone := self._living.pop(pid, None)) is not None:
                gone(code)

    def _born(self, pid: int) -> None:
        born, gone = self._awaited.popleft()
        if not pid:
            _refuse(born, "no process can be forked")
        elif born.cancelled():
            _kill(pid)
        else:
            self._living[pid] = gone
            born.set_result(pid)

    def _lose(self) -> None:
        """Let go of the nursery: it has gone, or goes now, and its children with it."""
        if self._line is None or self._nursery is None:
            return
        asyncio.get_running_loop().remove_reader(self._line)
        self._line.close()
        self._nursery.kill()
        Thread(target=self._nursery.wait, name="nursery", daemon=True).start()
        self._line = self._nursery = None
        self._said = b""
        awaited, self._awaited = self._awaited, deque()
        for born, _ in awaited:
            _refuse(born, "the process that forks workers has ended")
        living, self._living = self._living, {}
        for pid, gone in living.items():
            _kill(pid)
            gone(-signal.SIGKILL)


def _start(fd: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # this very interpreter
        [sys.executable, "-P", "-c", _PROGRAM, _ROOT, str(fd), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(fd,),
        process_group=0,
    )


def _refuse(born: asyncio.Future[int], why: str) -> None:
    if not born.done():
        born.set_exception(OSError(0, why))


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
