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
from xml_pipeline.cli.documents import Document, Splitter

STDIN = Path("-")
AT_ONCE = 64
"""Requests under way at a time."""

CHUNK = 256 * 1024
"""Bytes read at a time."""

Advance = Callable[[int], None]


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

    ``advance`` is told how many bytes have been read. Raises DocumentTooLong, and OSError
    where a file cannot be read.
    """

    async def send(found: tuple[Path, Document]) -> Sent:
        file, document = found
        outcome = await client.post(Message(document.raw), wait=wait)
        return Sent(file, document, outcome)

    sending: Stream[Sent] = stream.iterate(documents(files, advance)) | pipe.map(
        send,  # type: ignore[arg-type]  # aiostream's type asks for variadics
        ordered=False,
        task_limit=AT_ONCE,
    )
    async with sending.stream() as outcomes:
        async for sent in outcomes:
            yield sent


async def documents(
    files: Iterable[Path], advance: Advance
) -> AsyncIterator[tuple[Path, Document]]:
    """Yield the documents of some files, in order, with one chunk of them in memory."""
    for file in files:
        with ExitStack() as stack:
            source = sys.stdin.buffer if file == STDIN else stack.enter_context(file.open("rb"))
            splitter = Splitter()
            while chunk := await read_available(source.fileno()):
                for document in splitter.feed(chunk):
                    yield file, document
                advance(len(chunk))
            for document in splitter.close():
                yield file, document


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
