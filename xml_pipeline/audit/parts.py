"""The parts of an audit log: the one that is written to, and those that were full before it.

An older part has the name of the log and a number behind it: ``audit.jsonl.00001`` is the first.
The chain goes on from the last entry of one to the first of the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from xml_pipeline.audit.chain import Entry
from xml_pipeline.config import AuditConfig

_NUMBER = re.compile(r"[0-9]{5,}")
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much one part holds: bytes, and seconds from its first entry on; None for any."""

    bytes: int | None = None
    seconds: float | None = None

    def is_over(self, size: int, first: Entry | None, now: Entry) -> bool:
        """Tell whether an entry begins another part."""
        if first is None:
            return False
        if self.bytes is not None and size >= self.bytes:
            return True
        return self.seconds is not None and _at(now) - _at(first) >= self.seconds


def extent_of(config: AuditConfig) -> Extent:
    """Return how much a part holds, as the configuration says."""
    days = config.part_days
    return Extent(
        int(config.part_mb * 1e6) if config.part_mb is not None else None,
        days * _DAY if days is not None else None,
    )


def full_parts(log: Path) -> list[Path]:
    """Return the parts of a log that are full, the oldest first."""
    head = f"{log.name}."
    found = [
        (int(number), each)
        for each in log.parent.glob(f"{_escaped(head)}*")
        if _NUMBER.fullmatch(number := each.name.removeprefix(head))
    ]
    return [each for _, each in sorted(found)]


def next_part(log: Path) -> Path:
    """Return how the present part is to be called when it is full."""
    parts = full_parts(log)
    number = int(parts[-1].name.rpartition(".")[2]) + 1 if parts else 1
    return log.with_name(f"{log.name}.{number:05}")


def _escaped(name: str) -> str:
    """Return a name as a pattern that means just that."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _at(entry: Entry) -> float:
    try:
        return datetime.fromisoformat(entry.time).timestamp()
    except ValueError:
        return 0.0
