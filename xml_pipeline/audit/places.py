"""Where audit logs lie, and where it is kept how long they were at least."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from xml_pipeline.places import state_directory

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def folder() -> Path:
    """Return the folder of the logs of this account, and of the heads of all logs."""
    return state_directory() / "audit"


def logs_of(organism_file: Path, name: str) -> Iterator[Path]:
    """Yield the files for the log of an organism that names none: one for each that runs."""
    slug, digest = _UNSAFE.sub("-", name)[:40].strip("."), _digest(organism_file)
    for number in count(1):
        suffix = "" if number == 1 else f"-{number}"
        yield folder() / f"{slug}-{digest}{suffix}.jsonl"


def head_of(log: Path) -> Path:
    """Return the file for the head of a log: not beside it, unless it lies there already."""
    return folder() / f"{_digest(log)}.head"


def _digest(file: Path) -> str:
    return hashlib.sha256(str(file.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
