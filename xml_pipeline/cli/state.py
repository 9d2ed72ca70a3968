"""What running organisms leave on disk, so that other commands of the same account find them.

One file a process in ``$XDG_STATE_HOME/xml-pipeline/``, for its owner only, because it holds
the token. Whoever was killed cannot remove its file: the next one who looks sees that the
process is gone, and removes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from xml_pipeline.places import state_directory


@dataclass(frozen=True, slots=True)
class Running:
    """A running organism: where it answers, for whom, and which file it was made from."""

    pid: int
    name: str
    file: str
    url: str
    token: str = field(repr=False)


@contextmanager
def announced(running: Running) -> Iterator[Path]:
    """Let other commands find this organism while the context is open."""
    file = _write(running)
    try:
        yield file
    finally:
        forget(running.pid)


def forget(pid: int) -> None:
    """Remove what a process has left, if it has."""
    _entry(pid).unlink(missing_ok=True)


def running_organisms() -> list[Running]:
    """Return the organisms that run on this machine and account; clear away the dead."""
    found = []
    for file in sorted(state_directory().glob("*.json")):
        running = _read(file)
        if running is None:
            continue
        if _is_alive(running.pid):
            found.append(running)
        else:
            forget(running.pid)
    return found


def _entry(pid: int) -> Path:
    return state_directory() / f"{pid}.json"


def _write(running: Running) -> Path:
    """Write an entry at once and as a whole; mode 0600, in a directory of mode 0700."""
    file = _entry(running.pid)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump(asdict(running), opened)
    draft.replace(file)
    return file


def _read(file: Path) -> Running | None:
    """Read an entry; None for what is no entry, or is not for us to read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        entry = json.loads(file.read_text(encoding="utf-8"))
        return Running(**entry) if type(entry["pid"]) is int else None
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # alive, and somebody else's
        return True
    return True
