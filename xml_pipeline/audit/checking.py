"""Whether an audit log is as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from xml_pipeline.audit.chain import BEGIN, MOST, read
from xml_pipeline.audit.file import BROKEN, Head, read_head


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written, at a line of the file."""

    line: int
    text: str


@dataclass(slots=True)
class Check:
    """What was found in a log: where its chain ends, and what is wrong with it."""

    head: Head
    findings: list[Finding]


def check(file: Path, head: Path | None, noted: str | None = None) -> Check:
    """Read a log from end to end, and compare its end with the head that was kept of it.

    ``noted`` is the hash of an entry, as somebody has it. Raises OSError where the log cannot be
    read.
    """
    known = _known(head)
    missing = {each for each in (known.hash if known else None, noted) if each}
    number, found = 0, Check(Head(), [])
    with file.open("rb") as opened:
        for number, line in enumerate(_lines(opened), start=1):
            found.findings.extend(_wrong(found, number, line))
            missing.discard(found.head.hash)
    for each in sorted(missing):
        which = f"entry {known.n}" if known and each == known.hash else "an entry"
        text = f"ends here, and {which}, with hash {each}, was written and is not there"
        found.findings.append(Finding(number, text))
    return found


def _lines(opened: BinaryIO) -> Iterator[bytes]:
    while line := opened.readline(2 * MOST):
        yield line


def _wrong(found: Check, number: int, line: bytes) -> Iterator[Finding]:
    """Yield what is wrong with a line, and go on from it."""
    entry = read(line)
    if entry is None:
        yield Finding(number, "is not as it was written" if line.endswith(b"\n") else "unfinished")
        return
    before, found.head = found.head, Head(entry.n, entry.hash)
    if (entry.n, entry.previous) != (before.n + 1, before.hash):
        expected = "the first entry" if before.hash == BEGIN else f"entry {before.n + 1}"
        yield Finding(number, f"is not {expected}: a line is missing, moved or changed before it")
    if entry.action == BROKEN:
        yield Finding(number, f"says that {entry.what.get('problem')}")


def _known(head: Path | None) -> Head | None:
    if head is None:
        return None
    try:
        return read_head(head.read_bytes())
    except OSError:
        return None
