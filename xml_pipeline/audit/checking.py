"""Whether an audit log is as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from xml_pipeline.audit.chain import BEGIN, MOST, read
from xml_pipeline.audit.file import BROKEN, Head, read_head
from xml_pipeline.audit.parts import full_parts


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written, at a line of a part of the log."""

    line: int
    text: str
    file: Path


@dataclass(frozen=True, slots=True)
class Noted:
    """Hashes of entries, as somebody has them: of one that is there, ``head``; and ``after``.

    The latter is of the last entry of the parts that are kept elsewhere.
    """

    head: str | None = None
    after: str | None = None


@dataclass(slots=True)
class Check:
    """What was found in a log: where its chain ends, and what is wrong with it."""

    head: Head
    findings: list[Finding]


def check(file: Path, head: Path | None, noted: Noted = Noted()) -> Check:  # frozen
    """Read a log from end to end, all its parts, and compare its end with the head kept of it.

    Raises OSError where the log cannot be read.
    """
    known = _known(head)
    missing = {each for each in (known.hash if known else None, noted.head) if each}
    number, found = 0, Check(Head(), [])
    for part in (*full_parts(file), file):
        number = 0
        with part.open("rb") as opened:
            for number, line in enumerate(_lines(opened), start=1):
                found.findings.extend(_wrong(found, Place(part, number), line, noted.after))
                missing.discard(found.head.hash)
    for each in sorted(missing):
        which = f"entry {known.n}" if known and each == known.hash else "an entry"
        text = f"ends here, and {which}, with hash {each}, was written and is not there"
        found.findings.append(Finding(number, text, file))
    return found


class Place(NamedTuple):
    """Where a line is."""

    file: Path
    line: int


def _lines(opened: BinaryIO) -> Iterator[bytes]:
    while line := opened.readline(2 * MOST):
        yield line


def _wrong(found: Check, at: Place, line: bytes, after: str | None) -> Iterator[Finding]:
    """Yield what is wrong with a line, and go on from it."""
    entry = read(line)
    if entry is None:
        text = "is not as it was written" if line.endswith(b"\n") else "unfinished"
        yield Finding(at.line, text, at.file)
        return
    before, found.head = found.head, Head(entry.n, entry.hash)
    if before.hash == BEGIN and entry.previous == after:
        before = Head(entry.n - 1, after)
    if (entry.n, entry.previous) != (before.n + 1, before.hash):
        expected = "the first entry" if before.hash == BEGIN else f"entry {before.n + 1}"
        text = f"is not {expected}: a line is missing, moved or changed before it"
        yield Finding(at.line, text, at.file)
    if entry.action == BROKEN:
        yield Finding(at.line, f"says that {entry.what.get('problem')}", at.file)


def _known(head: Path | None) -> Head | None:
    if head is None:
        return None
    try:
        return read_head(head.read_bytes())
    except OSError:
        return None
