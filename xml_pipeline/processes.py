"""Processes of this machine: which one it is, and whether it has died.

The rule this file guards: a process is said to be dead only where that is certain. Of one that
ran on another machine, before the last boot, in another container, or on a system that does not
tell, nothing is said.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_PROC = Path("/proc")
_STATE, _STARTED = 0, 19
"""Fields of ``/proc/PID/stat``, counted from the one after the command (proc_pid_stat(5))."""

_GONE = frozenset("ZX")
_PID = re.compile("[1-9][0-9]{0,8}")


def this_process() -> str:
    """Return what tells this process from any other; empty where the system does not tell."""
    place, started = _place(), _stat(os.getpid())
    return f"{place} {os.getpid()} {started[_STARTED]}" if place and started else ""


def has_died(process: object) -> bool:
    """Tell whether a process, as it once told of itself, is certainly dead."""
    told = process.rsplit(" ", 2) if isinstance(process, str) else []
    if len(told) != len(("place", "pid", "started")) or told[0] != _place():
        return False
    pid = int(told[1]) if _PID.fullmatch(told[1]) else 0
    if not pid:
        return False
    stat = _stat(pid)
    if not stat:
        return not _exists(pid)
    return stat[_STATE] in _GONE or stat[_STARTED] != told[2]


def _place() -> str:
    """Return which boot of which machine this is, and who counts the processes there."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    """Tell whether there is such a process, even one that the system does not show us."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _stat(pid: int) -> list[str]:
    """Return what the system tells of a process; nothing where it does not tell us."""
    try:
        said = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    fields = said.rpartition(")")[2].split()
    return fields if len(fields) > _STARTED else []
