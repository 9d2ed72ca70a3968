"""Somebody at a prompt: commands are run as real processes, or in this one where that will do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from textwrap import dedent
from threading import Thread
from typing import IO, Any

from tests.house.source import ROOT
from xml_pipeline.cli.commands.new import project

PROGRAM = (sys.executable, "-m", "xml_pipeline")
PATIENCE = 30.0
"""Seconds after which something that should have happened will not: a machine may be busy."""

SERVER = "server: {port: 0}\n"

PLAY = '''
    """Handlers for tests: each misbehaves in its own way."""

    import asyncio
    import logging
    import time
    from dataclasses import dataclass

    from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify

    log = logging.getLogger(__name__)


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Say:
        """A text, and how often."""

        text: str
        times: int = 1


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Pair:
        """Two numbers: nothing that could be written as one text."""

        left: int
        right: int


    async def echo(payload: Say, metadata: HandlerMetadata) -> HandlerResponse:
        log.info("echoing %s", payload.text)
        return HandlerResponse.respond(payload)


    async def fail(payload: Say, metadata: HandlerMetadata) -> HandlerResponse:
        raise ValueError(payload.text)


    async def keep_quiet(payload: Say, metadata: HandlerMetadata) -> None:
        return None


    async def take_for_ever(payload: Say, metadata: HandlerMetadata) -> None:
        log.info("busy")
        await asyncio.Event().wait()


    async def refuse_to_stop(payload: Say, metadata: HandlerMetadata) -> None:
        log.info("busy")
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.info("not yet")


    async def hold_the_loop(payload: Say, metadata: HandlerMetadata) -> None:
        log.info("busy")
        time.sleep(3600)


    async def add(payload: Pair, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Say(str(payload.left + payload.right)))


    async def take_anything(payload: object, metadata: HandlerMetadata) -> None:
        return None
    '''

LISTENERS = {
    "echo": "Say",
    "fail": "Say",
    "keep_quiet": "Say",
    "take_for_ever": "Say",
    "refuse_to_stop": "Say",
    "hold_the_loop": "Say",
    "add": "Pair",
}


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        """What it printed, read as a JSON value on each line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True, slots=True)
class Shell:
    """A working directory with a project in it, and an account of one's own."""

    directory: Path
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def organism(self) -> Path:
        """The organism file."""
        return self.directory / "config" / "organism.yaml"

    @property
    def state(self) -> Path:
        """Where organisms say that they run."""
        return self.home / "xml-pipeline"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("XML_")}
        ours = {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(self.home), "COLUMNS": "100"}
        return {**kept, **ours, **self.variables}

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def run(self, *arguments: str, stdin: bytes = b"") -> Result:
        """Run a command to its end."""
        ended = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.directory,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Result(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    @contextmanager
    def started(self, *arguments: str) -> Iterator[Running]:
        """Start a command, and end it at the latest when the context is left."""
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_heed_ctrl_c,
        )
        with process:
            running = Running(process)
            try:
                yield running
            finally:
                process.kill()
                running.read_out()

    @contextmanager
    def organism_running(self, *options: str) -> Iterator[Running]:
        """Start the project's organism, and wait until it says that it runs."""
        with self.started("run", *options) as running:
            running.told("running")
            yield running


class Running:
    """A process whose output is read as it comes, so that it never waits for its reader.

    ``lines`` are those that somebody has waited for, or waited past.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._coming: dict[str, Queue[str | None]] = {"stdout": Queue(), "stderr": Queue()}
        streams = zip((process.stdout, process.stderr), self._coming.values(), strict=True)
        self._readers = [Thread(target=_read, args=each, daemon=True) for each in streams]
        for reader in self._readers:
            reader.start()

    def line(self, wanted: Callable[[str], bool], stream: str = "stderr") -> str:
        """Wait for a line that is wanted, and return it."""
        for line in self._more(stream):
            if wanted(line):
                return line
        raise AssertionError("\n".join(("it ended after:", *self.lines)))

    def told(self, event: str, **about: Any) -> dict[str, Any]:
        """Wait for a line of JSON about an event, with these members, and return it."""

        def is_wanted(line: str) -> bool:
            said = json.loads(line) if line.startswith("{") else {}
            return {**said, "event": event, **about} == said

        said: dict[str, Any] = json.loads(self.line(is_wanted))
        return said

    def send(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code that it leads to."""
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code; what it wrote before is in ``lines``."""
        for stream in self._coming:
            for _ in self._more(stream):
                pass
        return self.process.wait(PATIENCE)

    def read_out(self) -> None:
        """Wait until all is read of a process that has ended: only then may its streams close."""
        for reader in self._readers:
            reader.join(PATIENCE)

    def _more(self, stream: str) -> Iterator[str]:
        """Yield the lines to come, until the stream ends."""
        try:
            while (line := self._coming[stream].get(timeout=PATIENCE)) is not None:
                self.lines.append(line)
                yield line
        except Empty:
            raise AssertionError("\n".join(("nothing came after:", *self.lines))) from None


def _read(stream: IO[bytes] | None, lines: Queue[str | None]) -> None:
    """Put the lines of a stream as they come, and None at its end."""
    for line in stream or ():
        lines.put(line.decode().rstrip("\n"))
    lines.put(None)


def make_project(directory: Path) -> None:
    """Write the project of the template, with a listener for each way to misbehave."""
    for path, text in project("play"):
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (directory / "handlers" / "play.py").write_text(dedent(PLAY), encoding="utf-8")
    organism = directory / "config" / "organism.yaml"
    listeners = "".join(
        f"  - {{name: {name}, description: To {name}., payload_class: handlers.play:{payload},"
        f" handler: handlers.play:{name}}}\n"
        for name, payload in LISTENERS.items()
    )
    organism.write_text(SERVER + organism.read_text() + listeners, encoding="utf-8")


def _heed_ctrl_c() -> None:
    """Let Ctrl-C be heard again: a shell starts what runs in the background deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
