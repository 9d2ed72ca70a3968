"""Organisms with worker processes, and what the tests wait for in them."""

from __future__ import annotations

import asyncio
import logging
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.dispatch.crafts import Made, Order, craft
from xml_pipeline.dispatch.process import Tell, WorkerProcess
from xml_pipeline.listener import Listener
from xml_pipeline.organism import Organism
from xml_pipeline.testing import memory_organism


def crafter(name: str = "crafter", **options: Any) -> Listener:
    """Return a listener that does what its orders say, in a process, and at the first attempt."""
    usual = {"cpu_bound": True, "description": "Does it.", "output": Made, "max_deliveries": 1}
    options = {**usual, **options}
    return Listener(name, Order, craft, **options)


def workshop(*listeners: Listener, workers: int = 1, **pool: Any) -> Organism:
    """Return an organism with so many processes; of one crafter, if nobody else is named."""
    settings = {"workers": workers, **pool}
    return memory_organism(*(listeners or (crafter(),)), process_pool=settings)


async def all_ready(organism: Organism) -> list[WorkerProcess]:
    """Wait until all processes can take a job, the one kept ready included, and return them."""
    workers = organism.kernel.offload.pool.workers
    await asyncio.gather(*(worker.ready for worker in workers))
    return list(workers)


async def until(told: Callable[[], bool]) -> None:
    """Look, in a thread, until something is so that nothing tells of."""

    def look() -> None:
        while not told():
            os.sched_yield()

    async with asyncio.timeout(20):
        await asyncio.to_thread(look)


def status_of(pid: int) -> dict[str, str]:
    """Return what the system says of a process."""
    said = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in said)}


def parent_of(pid: int) -> int:
    """Return the id of the process that has started a process."""
    return int(status_of(pid)["PPid"])


class Lines(logging.Handler):
    """What is logged under a name, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._lines: asyncio.Queue[logging.LogRecord] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.count += 1
        self._lines.put_nowait(record)

    async def next(self, beginning: str = "") -> logging.LogRecord:
        """Wait for the next record whose message begins so."""
        async with asyncio.timeout(20):
            while True:
                record = await self._lines.get()
                if record.getMessage().startswith(beginning):
                    return record


@contextmanager
def lines_of(name: str, level: int = logging.INFO) -> Iterator[Lines]:
    """Hear what is logged under a name while the context is open."""
    logger, lines = logging.getLogger(name), Lines()
    before = logger.level
    logger.addHandler(lines)
    logger.setLevel(level)
    try:
        yield lines
    finally:
        logger.removeHandler(lines)
        logger.setLevel(before)


class Watched:
    """Processes that are no children of ours, or may be: whether they have ended."""

    def __init__(self, *pids: int) -> None:
        self._fds = [os.pidfd_open(pid) for pid in pids]

    def end_within(self, seconds: float) -> bool:
        """Wait until all of them have ended; False if one has not in time."""
        poll = select.poll()
        for fd in self._fds:
            poll.register(fd, select.POLLIN)
        waiting = set(self._fds)
        while waiting:
            ended = {fd for fd, _ in poll.poll(seconds * 1000)} & waiting
            if not ended:
                return False
            for fd in ended:
                poll.unregister(fd)
                os.close(fd)
            waiting -= ended
        return True


class Deaf:
    """Answers nothing."""

    listener = "crafter"

    def asked(self, question: str, arguments: list[object], tell: Tell) -> None:
        """Be asked nothing."""

    def heard(self, level: int, logger: str, line: str) -> None:
        """Hear nothing."""
