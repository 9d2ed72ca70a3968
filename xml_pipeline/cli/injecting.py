"""Sends a stream of documents to an organism, many at a time, and counts what becomes of them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from aiostream import Stream, pipe, stream

from xml_pipeline.cli.client import Client, Message, Outcome
from xml_pipeline.cli.documents import Document, DocumentTooLong, Splitter

STDIN = Path("-")
AT_ONCE, AT_ONCE_WAITING = 16, 64
"""Requests under way at a time: each connection costs a little at each request, but those that
wait for an answer mostly do just that."""

CHUNK = 256 * 1024
"""Bytes read at a time."""

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """One document in a file, or why there is no telling where the next one ends."""

    file: Path
    document: Document
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One document, the file it was in, and what became of it."""

    file: Path
    document: Document
    outcome: Outcome

    @property
    def place(self) -> str:
        """Where the document begins, as ``file:line``."""
        return f"{self.file}:{self.document.line}"


@dataclass(slots=True)
class Tally:
    """How many documents came to which end."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: int = 0

    def count(self, sent: Sent) -> None:
        """Count one document."""
        self.counts[sent.outcome.label] += 1
        self.failures += bool(sent.outcome.failure)

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What became of how many, and of all."""
        counted = sorted(self.counts.items(), key=lambda each: (":" in each[0], each[0]))
        rows = [(label, f"{count:,}") for label, count in counted]
        return [*rows, ("in all", f"{self.counts.total():,}")]


async def send_all(
    client: Client, files: Iterable[Path], wait: float, advance: Advance
) -> AsyncIterator[Sent]:
    """Send every document of some files, and yield them as their outcomes come in.

    ``advance`` is told how many bytes have been read.
    """

    async def send(found: Found) -> Sent:
        if found.problem:
            outcome = Outcome("unreadable", members={"detail": found.problem})
        else:
            outcome = await client.post(Message(found.document.raw), wait=wait)
        return Sent(found.file, found.document, outcome)

    sending: Stream[Sent] = stream.iterate(documents(files, advance)) | pipe.map(
        send,  # type: ignore[arg-type]  # aiostream's type asks for variadics
        ordered=False,
        task_limit=AT_ONCE_WAITING if wait else AT_ONCE,
    )
    async with sending.stream() as outcomes:
        async for sent in outcomes:
            yield sent


async def documents(files: Iterable[Path], advance: Advance) -> AsyncIterator[Found]:
    """Yield the documents of some files, in order, with one chunk of them in memory.

    A file that cannot be read, or not to its end, has one more document: its problem.
    """
    for file in files:
        splitter = Splitter()
        try:
            async for chunk in _chunks(file):
                for document in splitter.feed(chunk):
                    yield Found(file, document)
                advance(len(chunk))
            for document in splitter.close():
                yield Found(file, document)
        except (OSError, DocumentTooLong) as error:
            yield Found(file, Document(b"", splitter.line), str(error))


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with ExitStack() as stack:
        source = sys.stdin.buffer if file == STDIN else stack.enter_context(file.open("rb"))
        while chunk := await read_available(source.fileno()):
            yield chunk


async def read_available(descriptor: int) -> bytes:
    """Read what there is, at least one byte, nothing at the end of the file.

    Waits in the event loop: a thread that waits for a terminal could not be called off.
    """
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    try:
        loop.add_reader(descriptor, ready.set_result, None)
    except PermissionError:  # a file on disk is always ready
        return os.read(descriptor, CHUNK)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, CHUNK)
