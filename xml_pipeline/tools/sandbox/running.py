"""Runs an enclosed command, and leaves nothing of it behind."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from xml_pipeline.sandbox import undisturbed
from xml_pipeline.tools.sandbox.command import Enclosure
from xml_pipeline.tools.sandbox.grouping import counted
from xml_pipeline.tools.sandbox.watching import SPARE_PROCESSES, Watch, free_bytes

EVERY = 0.1
"""Seconds between two looks at what a command takes."""

MOST_OUTPUT = 16 * 1024 * 1024
"""Bytes after which a command is ended that writes for ever."""

KEPT = 14_000
"""Bytes of the beginning and of the end that are kept."""

ASIDE = "\0aside"
"""An argument that no command can have."""

_GRACE = 1.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: ``why`` it was ended, where it was; ``aside`` is what it told beside."""

    output: str
    code: int
    why: str = ""
    aside: str = ""


class Output:
    """The beginning and the end of what a command writes."""

    def __init__(self) -> None:
        self._head, self._tail = bytearray(), bytearray()
        self.size = 0

    def take(self, data: bytes) -> None:
        """Take more of it."""
        self.size += len(data)
        room = max(0, KEPT - len(self._head))
        self._head += data[:room]
        self._tail = (self._tail + data[room:])[-(KEPT + 2_000) :]

    def excess(self) -> str:
        """Return that there is too much of it, "" where there is not."""
        return f"more than {MOST_OUTPUT} bytes of output" if self.size > MOST_OUTPUT else ""

    def text(self) -> str:
        """Return all of up to 30,000 bytes, or the beginning and the end."""
        if self.size <= len(self._head) + len(self._tail):
            return (self._head + self._tail).decode(errors="replace")
        tail = self._tail[-KEPT:]
        left = self.size - len(self._head) - len(tail)
        head, end = self._head.decode(errors="replace"), tail.decode(errors="replace")
        return f"{head}\n\n[... {left} bytes dropped ...]\n\n{end}"


@asynccontextmanager
async def _started(
    command: list[str], folder: str, environment: dict[str, str], output: int, *others: int
) -> AsyncIterator[Process]:
    """Start a command; on leaving, it and all that it has started are killed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=output,
        stderr=STDOUT,
        cwd=folder,
        env=environment,
        pass_fds=others,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), _GRACE)
        except TimeoutError:
            process.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def run(
    enclosure: Enclosure, argv: Sequence[str], folder: str, seconds: float, *handed: int
) -> Ran:
    """Run a command, for so many seconds at most.

    An argument ``ASIDE`` becomes the number of a descriptor; what is written there is told aside.
    ``handed`` are more descriptors that it is given. Whoever is cancelled ends it.
    """
    return await undisturbed(_run(enclosure, argv, folder, seconds, *handed))


async def _run(
    enclosure: Enclosure, argv: Sequence[str], folder: str, seconds: float, *handed: int
) -> Ran:
    async with AsyncExitStack() as around:
        output, aside = around.enter_context(Pipe()), around.enter_context(Pipe())
        scratch = around.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        numbered = [str(aside.writing) if each == ASIDE else each for each in argv]
        most = enclosure.settings.processes + SPARE_PROCESSES
        command = await around.enter_async_context(
            counted(enclosure.command(numbered, folder, scratch), most)
        )
        environment, said = enclosure.environment(folder, scratch), Output()
        ends = output.writing, aside.writing, *handed
        try:
            async with _started(command, folder, environment, *ends) as process:
                output.close_writing()
                aside.close_writing()
                watch = Watch(process.pid, folder, free_bytes(folder), enclosure.settings)
                why = await _until_done(process, output.reading, said, watch, seconds)
        finally:
            told = await _until_closed(aside)
        said.take(_waiting(output.reading))
        return Ran(said.text(), process.returncode or 0, why, told)


async def _until_closed(pipe: Pipe) -> str:
    """Return what comes out of a pipe until nobody holds its other end any more.

    Every process that a command has started holds it, so then all of them are gone.
    """
    pipe.close_writing()
    loop, closed, data = asyncio.get_running_loop(), asyncio.Event(), bytearray()

    def take() -> None:
        more = _waiting(pipe.reading)
        data.extend(more[: 8192 - len(data)])
        if not more:
            closed.set()

    loop.add_reader(pipe.reading, take)
    try:
        await asyncio.wait_for(closed.wait(), _GRACE)
    except TimeoutError:  # Somebody else inherited it.
        return data.decode(errors="replace")
    finally:
        loop.remove_reader(pipe.reading)
    return data.decode(errors="replace")


class Pipe:
    """Both ends of a pipe, closed in the end; what is read never waits."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self._is_writing_open = True

    def close_writing(self) -> None:
        """Close this process's own end, so that the other's is the last."""
        if self._is_writing_open:
            os.close(self.writing)
            self._is_writing_open = False

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_writing()
        os.close(self.reading)


async def _until_done(
    process: Process, reading: int, output: Output, watch: Watch, seconds: float
) -> str:
    """Read what a command writes until it is done; return why it has to be ended, or ""."""
    loop = asyncio.get_running_loop()
    done, until = asyncio.create_task(process.wait()), loop.time() + seconds

    def take() -> None:
        data = _waiting(reading)
        output.take(data)
        if not data:
            loop.remove_reader(reading)  # Its end is closed, though the command may go on.

    loop.add_reader(reading, take)
    try:
        while not done.done():
            await asyncio.wait({done}, timeout=EVERY)
            if why := output.excess():
                return why
            if not done.done() and (why := await asyncio.to_thread(watch.excess)):
                return why
            if loop.time() > until:
                return f"it took longer than {seconds:g} seconds"
        return ""
    finally:
        loop.remove_reader(reading)
        done.cancel()
        await asyncio.wait({done})


def _waiting(reading: int) -> bytes:
    """Return what is waiting in a pipe, some of it where there is very much."""
    try:
        return os.read(reading, 262_144)
    except BlockingIOError:
        return b""
