"""A reader's desk: a copy of the project's examples, a prompt, and whatever a page puts there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import IO

from tests.house.source import ROOT

EXAMPLES = ("config", "handlers", "organisms", "schemas")
SIZE = (40, 100)
"""Lines and columns of the terminal."""

PATIENCE = 120.0
"""Seconds that a command may take, on a machine that does much else."""

_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Stage:
    """Where the blocks of one page are played. Commands are real ones, on a real terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "desk"
        self._programs = folder / "programs"
        self._home = folder / "home"
        self._written: set[str] = set()
        self._running = ExitStack()

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Stage]:
        """Set a stage in an empty folder; what still runs in the end is stopped."""
        stage = cls(folder)
        for name in EXAMPLES:
            shutil.copytree(ROOT / name, stage.folder / name, ignore=_NO_CACHES)
        stage._programs.mkdir()
        stage._home.mkdir()
        for name, arguments in {"python": "", "xml-pipeline": "-m xml_pipeline "}.items():
            program = stage._programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
            program.chmod(0o755)
        with stage._running:
            yield stage

    def write(self, file: str, text: str) -> None:
        """Write a file of the reader's; of the same page, a second text is added to it."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if file in self._written else ""
        path.write_text(before + text, encoding="utf-8")
        self._written.add(file)

    def run_program(self, text: str) -> tuple[int, str]:
        """Run a Python program; return its exit code and all that it printed."""
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout.decode()

    def run_command(self, line: str) -> tuple[int, str]:
        """Run a command line on a terminal; return its exit code and what is seen in the end."""
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, SIZE)
        with _open(ours) as screen:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", line],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
            )
            os.close(theirs)
            shown = _read_all(screen)
        return process.wait(PATIENCE), seen(shown.decode())

    def start(self, line: str) -> None:
        """Start a command that runs until the page ends; return when its organism runs."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._running.callback(_stop, process)
        assert process.stderr is not None
        log = _Log(process.stderr)
        log.decided.wait(PATIENCE)
        if not log.runs:
            raise AssertionError(f"{line} does not run:\n{b''.join(log.lines).decode()}")

    @property
    def _environment(self) -> Mapping[str, str]:
        inherited = {key: os.environ[key] for key in os.environ if key not in _NOT_OURS}
        return {
            **inherited,
            "HOME": str(self._home),
            "NO_COLOR": "1",
            "PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
            "XDG_STATE_HOME": str(self._home / "state"),
            "XML_PIPELINE_PORT": "0",
        }


class _Log:
    """Reads the log of a process to its end, and notices whether it says that it runs."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.lines: list[bytes] = []
        self.runs = False
        self.decided = Event()
        Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self.lines.append(line)
                if b'"running"' in line:
                    self.runs = True
                    self.decided.set()
        self.decided.set()


def seen(shown: str) -> str:
    """Return what stands on a terminal in the end: the last text of each line, without colours."""
    lines = _SEQUENCES.sub("", shown).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rpartition("\r")[2].rstrip() for line in lines)


def _open(terminal: int) -> IO[bytes]:
    return open(terminal, "rb", buffering=0)


def _read_all(screen: IO[bytes]) -> bytes:
    """Read a terminal until nobody has it open any more, which on Linux is an error."""
    chunks = []
    try:
        while chunk := screen.read(65_536):
            chunks.append(chunk)
    except OSError:
        pass
    return b"".join(chunks)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()


_NOT_OURS = frozenset({"COLUMNS", "LINES", "FORCE_COLOR", "XML_PIPELINE_TOKEN"})
"""Variables by which the desk of whoever runs the tests would show on this one."""

_NO_CACHES = shutil.ignore_patterns("__pycache__")
