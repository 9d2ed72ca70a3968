"""Workers elsewhere, each a process of the command line, and organisms whose board they come to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.shell import PROGRAM, Running
from tests.dispatch.pooled import crafter, parent_of
from tests.house.source import ROOT
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.backends.redis import RedisBoard
from xml_pipeline.board import Board
from xml_pipeline.config import OrganismConfig
from xml_pipeline.listener import Listener
from xml_pipeline.organism import Organism

ALLOWED = "allow_imports: [tests]\nlisteners: []\n"


@contextmanager
def serving(url: str, *options: str, file: Path | None = None) -> Iterator[Running]:
    """Start a worker, and wait until it serves; ``file`` is its organism file."""
    named = [] if file is None else [str(file)]
    command = [*PROGRAM, "worker", *named, "--redis", url, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            running = Running(process)
            running.line(lambda line: "serves (" in line)
            yield running
        finally:
            process.kill()


def allowing(folder: Path) -> Path:
    """Write the file of a worker that may import the handlers of tests."""
    file = folder / "worker.yaml"
    file.write_text(ALLOWED, encoding="utf-8")
    return file


class Boarded(MemoryBackend):
    """Forgets everything, and has a board in Redis."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def board(self) -> Board:
        """Return the board."""
        return RedisBoard(self._url)


def spread(url: str, *listeners: Listener, **config: Any) -> Organism:
    """Return an organism that has its work done by whoever comes to this Redis."""
    settings = OrganismConfig.model_validate({"process_pool": {"workers": 1}, **config})
    return Organism(listeners or (crafter(),), config=settings, backend=Boarded(url))


def works_for(pid: int, worker: int) -> bool:
    """Tell whether a process was forked in the nursery of a worker."""
    return parent_of(parent_of(pid)) == worker != os.getpid()
