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
import subprocess
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path
from threading import Thread
from typing import Protocol

from xml_pipeline.dispatch.frames import BadFrame, Kind, Unframer, frame
from xml_pipeline.dispatch.jobs import (
    Answer,
    Failure,
    JobFailed,
    decode_reply,
    decode_words,
    encode_words,
)
from xml_pipeline.dispatch.output import Output

log = logging.getLogger(__name__)

LAST_WORDS = 1.0
"""Seconds that a process whose pipe has ended has to end as well."""

_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from xml_pipeline.dispatch.worker import main; main()"
)


class Host(Protocol):
    """Whoever gave a worker its job: answers what the handler asks, hears what it logs."""

    def told(self, question: str, arguments: list[object]) -> tuple[str, object]: ...
    def heard(self, level: int, logger: str, line: str) -> None: ...


class WorkerProcess(asyncio.Protocol):
    """A process that runs jobs.

    ``ready`` is resolved when it can take a job, ``ended`` with the reason when it has gone.
    ``leaving`` is set as soon as it will take no further job; ``ordered`` tells whether that
    was asked of it.
    """

    def __init__(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.jobs = 0
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.leaving = asyncio.Event()
        self.ordered = False
        self._loop = loop
        self._unframer = Unframer()
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._job: asyncio.Future[Answer | Failure] | None = None
        self._host: Host | None = None
        self._why = ""

    @classmethod
    async def start(cls, name: str, setup: bytes) -> WorkerProcess:
        """Start a process; it is ready a moment later. Raises OSError where it cannot start."""
        self = cls(name)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                output = self._spawn(theirs.fileno())
            ours.setblocking(False)
            await self._loop.connect_read_pipe(lambda: Output(name), output)
            self._transport, _ = await self._loop.create_unix_connection(lambda: self, sock=ours)
        except (OSError, asyncio.CancelledError):
            ours.close()
            self.kill("was not needed any more")
            raise
        self._send(Kind.SETUP, setup)
        return self

    def _spawn(self, fd: int) -> FileIO:
        """Start the process with its end of the pipe; return what it prints to."""
        reading, writing = os.pipe()
        output = FileIO(reading)
        try:
            self._process = subprocess.Popen(  # noqa: S603  # this very interpreter
                [sys.executable, "-P", "-c", _PROGRAM, _ROOT, self.name, str(fd), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                pass_fds=(fd,),
                start_new_session=True,
            )
        except OSError:
            output.close()
            raise
        finally:
            os.close(writing)
        Thread(target=self._wait, args=(self._process,), name=self.name, daemon=True).start()
        return output

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        return self._process.pid if self._process is not None else 0

    @property
    def idle(self) -> bool:
        """Tell whether it has no job."""
        return self._job is None

    async def run(self, job: bytes, host: Host) -> Answer | Failure:
        """Have a job done. Whoever is cancelled here kills the process; JobFailed if it dies."""
        self.jobs += 1
        self._host = host
        self._job = self._loop.create_future()
        try:
            self._send(Kind.JOB, job)
            return await self._job
        except asyncio.CancelledError:
            self.ordered = True
            self.kill("its job was stopped")
            raise
        finally:
            self._job = self._host = None

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
        if self._process is not None and not self.ended.done():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    # ── what comes from the process ─────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        """Take in bytes; whatever is not what a worker may send ends it."""
        try:
            for kind, body in self._unframer.feed(data):
                if not self._why:
                    self._take(kind, body)
        except BadFrame as error:
            self._break(f"sent what is no frame: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        """Make sure that a process whose pipe has ended ends too: it has gone, or goes now."""
        self.leaving.set()
        self._loop.call_later(LAST_WORDS, self.kill, "closed its pipe and did not end")

    def _take(self, kind: Kind, body: bytes) -> None:
        match kind:
            case Kind.READY if not self.ready.done():
                self.ready.set_result(None)
            case Kind.LOG:
                level, logger, line = decode_words(body, 3)
                self._hear(level, logger, line)
            case Kind.ASK if self._host is not None:
                question, *arguments = decode_words(body)
                told = self._host.told(question, arguments)
                self._send(Kind.TOLD, encode_words(*told))
            case Kind.REPLY if self._job is not None:
                reply = decode_reply(body)
                if not self._job.done():
                    self._job.set_result(reply)
            case _:
                raise BadFrame(f"{kind.name} at the wrong time")

    def _hear(self, level: object, logger: object, line: object) -> None:
        if type(level) is not int or type(logger) is not str or type(line) is not str:
            raise BadFrame(f"no line for the log: {line!r}")
        if self._host is not None:
            self._host.heard(level, logger, line)
        else:
            logging.getLogger(logger).log(level, "%s", line, extra={"worker": self.name})

    def _break(self, why: str) -> None:
        log.error("%s (pid %d) %s", self.name, self.pid, why)
        self.kill(why)

    def _send(self, kind: Kind, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(kind, body))

    # ── the end ─────────────────────────────────────────────────────────────────────────────

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait, in a thread, until the process has gone; then end what it has started."""
        code = process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(RuntimeError):  # The event loop may have ended first.
            self._loop.call_soon_threadsafe(self._gone, code)

    def _gone(self, code: int) -> None:
        reason = self._why or _reason(code)
        self.leaving.set()
        if self._transport is not None:
            self._transport.close()
        if not self.ended.done():
            self.ended.set_result(reason)
        if not self.ready.done():
            self.ready.cancel()
        if self._job is not None and not self._job.done():
            self._job.set_exception(JobFailed("handler", f"{self.name} (pid {self.pid}) {reason}"))


def _reason(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
