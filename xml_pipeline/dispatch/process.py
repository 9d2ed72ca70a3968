"""One worker process, as the organism sees it: started, given one job at a time, ended.

The rule this file guards: a worker that breaks costs its own job and nothing else. Whatever
ends it, its job's future is resolved once, with the reason, and its process group is killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import FileIO
from typing import Protocol

from xml_pipeline.dispatch.births import Births
from xml_pipeline.dispatch.frames import BadFrame, Kind, Unframer, frame
from xml_pipeline.dispatch.jobs import (
    Answer,
    Failure,
    JobUndone,
    decode_reply,
    decode_words,
    encode_words,
)
from xml_pipeline.dispatch.output import Output

log = logging.getLogger(__name__)

LAST_WORDS = 1.0
"""Seconds that a process whose pipe has ended has to end as well."""

_CHUNK = 64 * 1024


Tell = Callable[[str, object], None]
"""Tells a handler that has asked: a fault code or nothing, and the answer or what is wrong."""


class Host(Protocol):
    """Whoever gave a worker its job: answers what the handler asks, hears what it logs.

    ``listener`` is the name of the one that the job is for.
    """

    @property
    def listener(self) -> str: ...
    def asked(self, question: str, arguments: list[object], tell: Tell) -> None: ...
    def heard(self, level: int, logger: str, line: str) -> None: ...


class Task:
    """One job on its way: ``job`` writes it when a worker is free, ``reply`` is what came of it.

    Whoever does not wait for the reply any more takes the worker that has it along.
    """

    __slots__ = ("host", "job", "reply", "worker")

    def __init__(self, job: Callable[[], bytes], host: Host) -> None:
        self.job = job
        self.host = host
        self.worker: WorkerProcess | None = None
        self.reply: asyncio.Future[Answer | Failure] = asyncio.get_running_loop().create_future()


class WorkerProcess(asyncio.BufferedProtocol):
    """A process that runs jobs.

    ``free`` is called when it has done one and can take another. ``ready`` is resolved when it
    can take its first, ``ended`` with the reason when it has gone. ``leaving`` is set as soon as
    it will take no further job; ``ordered`` tells whether that was asked of it.
    """

    def __init__(self, name: str, free: Callable[[WorkerProcess], None]) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.pid = 0
        self.jobs = 0
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.leaving = asyncio.Event()
        self.ordered = False
        self._loop = loop
        self._buffer = bytearray(_CHUNK)
        self._unframer = Unframer()
        self._transport: asyncio.Transport | None = None
        self._task: Task | None = None
        self._free = free
        self._silent = True
        self._unread = False
        self._lost = False
        self._code: int | None = None
        self._why = ""

    @classmethod
    async def start(
        cls, name: str, setup: bytes, free: Callable[[WorkerProcess], None], births: Births
    ) -> WorkerProcess:
        """Have a process born; it is ready a moment later. Raises OSError where it cannot be."""
        self = cls(name, free)
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        ours.setblocking(False)
        output: asyncio.ReadTransport | None = None
        try:
            said = FileIO(reading)
            output, _ = await self._loop.connect_read_pipe(lambda: Output(name), said)
            self._transport, _ = await self._loop.create_unix_connection(lambda: self, sock=ours)
            self.pid = await births.give(theirs.fileno(), writing, self._gone)
        except (OSError, asyncio.CancelledError):
            ours.close() if self._transport is None else self._transport.abort()
            if output is not None:
                output.close()
            raise
        finally:
            theirs.close()
            os.close(writing)
        self._send(Kind.SETUP, setup)
        return self

    def take(self, task: Task) -> None:
        """Begin with a job; its reply is resolved whatever becomes of it, or of the process.

        Raises what writing the job raises: then the process has none.
        """
        job = frame(Kind.JOB, task.job())
        self.jobs += 1
        self._silent = True
        self._task, task.worker = task, self
        if self._transport is not None:
            self._transport.write(job)

    def unread(self) -> Task | None:
        """Return the job that it was given, and never read: another process may have that."""
        return self._task if self._unread else None

    def drop(self, task: Task) -> None:
        """Kill the process, if it is busy with this job: nobody waits for it any more."""
        if self._task is task:
            self.ordered = True
            self.kill("its job was stopped")

    def dismiss(self) -> None:
        """Let it end by itself: it has no job, and gets no other."""
        self.ordered = True
        self.leaving.set()
        if self._transport is not None:
            self._transport.close()

    def kill(self, why: str) -> None:
        """Kill the process and all that it has started, at once."""
        self.leaving.set()
        self._why = self._why or why
        if self.pid and not self.ended.done():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    # ── what comes from the process ─────────────────────────────────────────────────────────

    def get_buffer(self, sizehint: int) -> bytearray:
        """Return where to put what comes next: always the same, rather than one for each read."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take in bytes; whatever is not what a worker may send ends it."""
        try:
            self._silent = False
            for kind, body in self._unframer.feed(bytes(memoryview(self._buffer)[:nbytes])):
                if not self._why:
                    self._take(kind, body)
        except BadFrame as error:
            self._break(f"sent what is no frame: {error}")

    def eof_received(self) -> None:
        """Take no further job: whatever is written from now on, nobody reads."""
        self.leaving.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Make sure that a process whose pipe has ended ends too: it has gone, or goes now.

        The system tells whether something in the pipe was never read: that ends a connection
        with an error. Of a process that has said nothing since, it was the job.
        """
        self._unread = self._silent and isinstance(error, ConnectionError)
        self._lost = True
        self.leaving.set()
        if self._code is not None:
            self._finish(self._code)
        self._loop.call_later(LAST_WORDS, self.kill, "closed its pipe and did not end")

    def _take(self, kind: Kind, body: bytes) -> None:
        match kind:
            case Kind.READY if not self.ready.done():
                self.ready.set_result(None)
            case Kind.LOG:
                level, logger, line = decode_words(body, 3)
                self._hear(level, logger, line)
            case Kind.ASK if self._task is not None:
                question, *arguments = decode_words(body)
                self._task.host.asked(question, arguments, partial(self._tell, self._task))
            case Kind.REPLY if self._task is not None:
                self._reply(self._task, decode_reply(body))
            case _:
                raise BadFrame(f"{kind.name} at the wrong time")

    def _tell(self, task: Task, code: str, answer: object) -> None:
        """Answer the handler that has asked, if it still runs."""
        if self._task is task:
            self._send(Kind.TOLD, encode_words(code, answer))

    def _reply(self, task: Task, reply: Answer | Failure) -> None:
        self._task = None
        if not task.reply.done():
            task.reply.set_result(reply)
        if isinstance(reply, Failure) and reply.type == "MemoryError":
            self.kill("had no memory left")
        self._free(self)

    def _hear(self, level: object, logger: object, line: object) -> None:
        if type(level) is not int or type(logger) is not str or type(line) is not str:
            raise BadFrame(f"no line for the log: {line!r}")
        if self._task is not None:
            self._task.host.heard(level, logger, line)
        else:
            logging.getLogger(logger).log(level, "%s", line, extra={"worker": self.name})

    def _break(self, why: str) -> None:
        log.error("%s (pid %d) %s", self.name, self.pid, why)
        self.kill(why)

    def _send(self, kind: Kind, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(kind, body))

    # ── the end ─────────────────────────────────────────────────────────────────────────────

    def _gone(self, code: int) -> None:
        """Hear that the process has gone; what it has left in the pipe is still to come."""
        self._code = code
        self.leaving.set()
        if self._lost or self._transport is None:
            self._finish(code)
        else:
            self._loop.call_later(LAST_WORDS, self._transport.abort)

    def _finish(self, code: int) -> None:
        reason = self._why or _reason(code)
        if not self.ended.done():
            self.ended.set_result(reason)
        if not self.ready.done():
            self.ready.cancel()
        if self._task is not None and not self._unread and not self._task.reply.done():
            error = JobUndone(f"{self.name} (pid {self.pid}) {reason}")
            self._task.reply.set_exception(error)


def _reason(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
