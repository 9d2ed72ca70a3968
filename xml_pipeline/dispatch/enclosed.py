"""Handling a delivery in a sandbox: in a process of its own, for this delivery and no other.

The rule this file guards: whatever comes from the process is bytes that somebody may have chosen.
What becomes of the delivery does not matter: the process is gone, and what it has started with it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from xml_pipeline.dispatch.frames import MOST_BYTES, BadFrame, Kind, Unframer, frame
from xml_pipeline.dispatch.jobs import Answer, Failure, decode_reply, decode_words, encode_words
from xml_pipeline.dispatch.output import LONGEST_LINE
from xml_pipeline.dispatch.process import LAST_WORDS, Host
from xml_pipeline.errors import FaultCode
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.sandbox import Ended, Sandbox, undisturbed

MOST_SECONDS = 60.0
"""How long a process may take to get ready: to import what it works with."""

_OURS = str(Path(__file__).resolve().parents[1] / "__init__.py")
_PROGRAM = (
    "import sys; from importlib.util import module_from_spec, spec_from_file_location;"
    " spec = spec_from_file_location('xml_pipeline', sys.argv[1]);"
    " sys.modules['xml_pipeline'] = ours = module_from_spec(spec); spec.loader.exec_module(ours);"
    " from xml_pipeline.dispatch.worker import main; main()"
)
"""Imports this very package from its own folder: of the one above it nothing may be seen."""

_NOBODY = "0"


class Work(NamedTuple):
    """How a process is set up, and its job, as bytes; ``begins`` is called when that begins."""

    setup: bytes
    job: bytes
    begins: Callable[[], None]


class Talk(asyncio.Protocol):
    """What is said to a process, and what it says.

    ``reply`` is resolved once: with what the process replies, or a Failure if it never will.
    """

    def __init__(self, work: Work, host: Host) -> None:
        loop = asyncio.get_running_loop()
        self.reply: asyncio.Future[Answer | Failure] = loop.create_future()
        self._work = work
        self._host = host
        self._unframer = Unframer()
        self._size = 0
        self._transport: asyncio.Transport | None = None
        self._late = loop.call_later(MOST_SECONDS, self._fail, "did not get ready in time")

    def begin(self, transport: asyncio.Transport) -> None:
        """Set the process up, as soon as it reads."""
        self._transport = transport
        transport.write(frame(Kind.SETUP, self._work.setup))

    def data_received(self, data: bytes) -> None:
        """Take in what it says, as long as that is what it may say."""
        self._size += len(data)
        try:
            if self._size > MOST_BYTES:
                raise BadFrame(f"more than {MOST_BYTES} bytes in all")
            for kind, body in self._unframer.feed(data):
                if not self.reply.done():
                    self._take(kind, body)
        except BadFrame as error:
            self._fail(f"said what it may not: {error}", after=None)

    def connection_lost(self, error: Exception | None) -> None:
        """Note that nothing more comes."""
        self._fail("ended without a word")

    def close(self) -> None:
        """End the talk: the process hears that, and ends by itself."""
        self._late.cancel()
        if self._transport is not None:
            self._transport.close()

    def _take(self, kind: Kind, body: bytes) -> None:
        match kind:
            case Kind.READY if not self._late.cancelled():
                self._late.cancel()
                self._work.begins()
                self._send(Kind.JOB, self._work.job)
            case Kind.LOG:
                level, logger, line = decode_words(body, 3)
                self._hear(level, logger, line)
            case Kind.ASK:
                question, *arguments = decode_words(body)
                self._host.asked(question, arguments, self._tell)
            case Kind.REPLY:
                self.reply.set_result(decode_reply(body))
            case _:
                raise BadFrame(f"{kind.name} at the wrong time")

    def _hear(self, level: object, logger: object, line: object) -> None:
        if type(level) is not int or type(logger) is not str or type(line) is not str:
            raise BadFrame(f"no line for the log: {line!r}")
        self._host.heard(level, logger, line[:LONGEST_LINE])

    def _tell(self, code: str, answer: object) -> None:
        self._send(Kind.TOLD, encode_words(code, answer))

    def _send(self, kind: Kind, body: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame(kind, body))

    def _fail(self, why: str, after: float | None = 0.0) -> None:
        self._late.cancel()
        if not self.reply.done():
            self.reply.set_result(_failure("handler", why, after))


async def handled(
    sandbox: Sandbox, metadata: HandlerMetadata, work: Work, host: Host
) -> Answer | Failure:
    """Have a delivery handled in a sandbox; what goes wrong there is a Failure.

    Whoever is cancelled ends the process.
    """
    return await undisturbed(_handled(sandbox, metadata, work, host))


async def _handled(
    sandbox: Sandbox, metadata: HandlerMetadata, work: Work, host: Host
) -> Answer | Failure:
    talk = Talk(work, host)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_unix_connection(lambda: talk, sock=ours)
    running = loop.create_task(_run(sandbox, metadata, theirs))
    talk.begin(transport)
    try:
        await asyncio.wait((talk.reply, running), return_when=asyncio.FIRST_COMPLETED)
        if talk.reply.done():
            talk.close()
            await asyncio.wait((running,), timeout=LAST_WORDS)
    finally:
        running.cancel()
        await asyncio.wait((running,))
        reply = await _last_reply(talk)
    return reply if running.cancelled() else _judged(reply, running.result(), host)


async def _run(sandbox: Sandbox, metadata: HandlerMetadata, pipe: socket.socket) -> Ended:
    with pipe:
        argv = [sys.executable, "-P", "-c", _PROGRAM, _OURS, str(pipe.fileno()), _NOBODY]
        return await sandbox.run(metadata, argv, pipe.fileno())


async def _last_reply(talk: Talk) -> Answer | Failure:
    """Return the reply to somebody whose process is gone: what it has said is still to be read."""
    await asyncio.wait((talk.reply,), timeout=LAST_WORDS)
    talk.close()
    return talk.reply.result()


def _judged(reply: Answer | Failure, ended: Ended, host: Host) -> Answer | Failure:
    """Return what comes of a delivery whose process has ended, and log what that has written."""
    for line in ended.output.splitlines():
        host.heard(logging.INFO, __name__, line)
    if isinstance(reply, Answer) or reply.after is None:
        return reply
    if not ended.begun:
        return _failure("internal", f"could not be enclosed: {ended.output}", None)
    if ended.why:
        return _failure("handler", f"was ended by its sandbox: {ended.why}", None)
    return reply


def _failure(code: FaultCode, why: str, after: float | None) -> Failure:
    return Failure("Enclosed", why, code, f"the process in the sandbox {why}", after)
