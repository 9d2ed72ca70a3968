"""Watches what a command takes in all, where no limit of the kernel's counts it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from xml_pipeline.config import SandboxLimits
from xml_pipeline.config.values import MIB

_PAGE = os.sysconf("SC_PAGE_SIZE")

SPARE_PROCESSES = 8
"""Processes of the sandbox's own that come on top, more than enough of them."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a process and all below it may take; ``free`` is what the disk had when it began."""

    pid: int
    folder: str
    free: int
    settings: SandboxLimits

    def excess(self) -> str:
        """Return what there is too much of, "" where there is nothing."""
        pids = list(descendants(self.pid))
        if len(pids) > self.settings.processes + SPARE_PROCESSES:
            return f"more than {self.settings.processes} processes"
        if sum(map(_memory, pids)) > self.settings.memory_mb * MIB:
            return f"more than {self.settings.memory_mb} MB of memory"
        if self.free - free_bytes(self.folder) > self.settings.disk_mb * MIB:
            return f"more than {self.settings.disk_mb} MB of disk"
        return ""


def free_bytes(folder: str) -> int:
    """Return how much of the disk that a folder is on is free."""
    about = os.statvfs(folder)
    return about.f_bavail * about.f_frsize


def descendants(pid: int) -> Iterator[int]:
    """Yield all processes below one."""
    waiting = [pid]
    while waiting:
        at = waiting.pop()
        below = list(_children(at))
        yield from below
        waiting += below


def _children(pid: int) -> Iterator[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        for thread in threads:
            with open(f"/proc/{pid}/task/{thread}/children") as children:
                yield from map(int, children.read().split())
    except (FileNotFoundError, ProcessLookupError):
        return


def _memory(pid: int) -> int:
    """Return the bytes that are this process's alone."""
    try:
        with open(f"/proc/{pid}/statm") as statm:
            _, resident, shared, *_ = map(int, statm.read().split())
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (resident - shared) * _PAGE
