"""A worker process: takes jobs from an inherited pipe, one at a time, until that is closed.

The rule this file guards: it never outlives its organism. When the pipe has ended it ends,
and where the system offers that, it is killed together with its parent.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import logging
import os
import resource
import signal
import socket
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

from xml_pipeline.dispatch.frames import BadFrame, Kind, Unframer, frame
from xml_pipeline.dispatch.jobs import (
    Answer,
    Failure,
    decode_job,
    decode_words,
    encode_reply,
    encode_words,
)
from xml_pipeline.dispatch.run_job import JobRunner, failure
from xml_pipeline.errors import BudgetExhausted, ConfigError, PluginNotFound, XmlPipelineError
from xml_pipeline.sources import OwnPackages

GIVES_WAY = 10
"""How much nicer a worker is than its organism: the event loop comes before what computes."""

_PR_SET_PDEATHSIG = 1
_CHUNK = 64 * 1024


def main() -> None:
    """Work for the process that has started this one: ``… FD PARENT``.

    In a sandbox its parent is none that it knows, and is called 0.
    """
    fd, parent = map(int, sys.argv[-2:])
    die_with(parent)
    os.set_inheritable(fd, False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    serve(fd)


def serve(fd: int) -> None:
    """Work for whoever is at the other end of a pipe."""
    os.nice(GIVES_WAY)
    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a TextIOWrapper
    # It ends when the organism has ended, or has dismissed this worker.
    with suppress(EOFError, ConnectionError), socket.socket(fileno=fd) as pipe:
        try:
            asyncio.run(work(Pipe(pipe)))
        except BadFrame as error:  # Nothing to tidy up: be gone before the pipe is missed.
            os.write(2, f"{error}\n".encode())
            os._exit(1)


def die_with(parent: int) -> None:
    """Have the system kill this process as soon as its parent has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        sys.exit("the organism has ended already")


async def work(pipe: Pipe) -> None:
    """Set up as the organism says, then run one job after the other.

    Between two jobs the event loop stands still, waiting for the pipe: nobody else needs it.
    """
    path, allow, warm, given, memory, level = decode_words(pipe.receive(Kind.SETUP), 6)
    sys.path[:] = path
    sources = {name: text.encode("latin-1") for name, text in given.items()}
    sys.meta_path.insert(0, OwnPackages(tuple(allow), given=sources))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    logging.basicConfig(level=level, handlers=[ToPipe(pipe)])
    runner = JobRunner(allow, pipe.ask)
    for each in warm:
        try:
            runner.find(each)
        except (ConfigError, PluginNotFound) as error:
            logging.getLogger(__name__).warning("%s", error)
    pipe.send(Kind.READY, b"")
    while True:
        job = decode_job(pipe.receive(Kind.JOB))
        pipe.send(Kind.REPLY, reply_bytes(await runner.run(job)))


def reply_bytes(reply: Answer | Failure) -> bytes:
    """Write a reply; where that cannot be done, the reply is that failure."""
    try:
        body = encode_reply(reply)
        frame(Kind.REPLY, body)
    except (TypeError, BadFrame) as error:
        body = encode_reply(failure(error))
    return body


class Pipe:
    """The worker's end: blocking, and shared by the threads of a handler."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unframer = Unframer()
        self._received: deque[tuple[Kind, bytes]] = deque()
        self._sending = Lock()
        self._asking = Lock()

    def send(self, kind: Kind, body: bytes) -> None:
        """Send one frame."""
        with self._sending:
            self._connection.sendall(frame(kind, body))

    def receive(self, kind: Kind) -> bytes:
        """Wait for the next frame, which must be of that kind.

        Raises EOFError where the pipe has ended, BadFrame for anything else.
        """
        while not self._received:
            data = self._connection.recv(_CHUNK)
            if not data:
                raise EOFError
            self._received.extend(self._unframer.feed(data))
        came, body = self._received.popleft()
        if came is not kind:
            raise BadFrame(f"{came.name} where {kind.name} was meant")
        return body

    def ask(self, question: str, arguments: Sequence[object]) -> Any:
        """Ask the organism, and wait for what it says."""
        with self._asking:
            self.send(Kind.ASK, encode_words(question, *arguments))
            code, told = decode_words(self.receive(Kind.TOLD), 2)
        if code == "budget":
            raise BudgetExhausted(told, code="budget")
        if code:
            raise XmlPipelineError(told)
        return told


class ToPipe(logging.Handler):
    """Hands what is logged to the organism, which writes it down as its own."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, its traceback included."""
        try:
            line = encode_words(record.levelno, record.name, self.format(record))
            self._pipe.send(Kind.LOG, line)
        except (OSError, BadFrame):
            self.handleError(record)
