"""The file that the chain lies in, and the head that is kept of it elsewhere.

The rule this file guards: an entry is in the file, whole, when ``add`` returns; and when it
raises, the file is as it was. The head says how long the chain was at least: whoever shortens
the file has to change that too.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xml_pipeline.audit.chain import BEGIN, MOST, Entry, read
from xml_pipeline.audit.parts import Extent, full_parts, next_part
from xml_pipeline.errors import AuditFailed, AuditInUse

log = logging.getLogger(__name__)

_HEAD = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")
TORN, BROKEN = "audit_torn", "audit_broken"
"""Actions: what was found to be unfinished, and what is not as it was written."""

RESERVE = 16 * 1024 * 1024
"""Bytes of the disk that are left for orders: whoever floods it with messages stops no order."""

_FLAGS = os.O_RDWR | os.O_APPEND

_LAST = 2 * MOST
"""Bytes at the end of a file in which its last line must be."""


class HeadFailed(AuditFailed):
    """There is no telling elsewhere how long the log was."""


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries there are, and the hash of the last."""

    n: int = 0
    hash: str = BEGIN


class ChainFile:
    """An audit log, open to be added to by this process alone.

    An entry beyond the ``extent`` of a part begins another one. ``found`` is what was noticed
    when it was opened, each with the action to write it down as. Without a ``head`` nobody can
    tell whether its end is missing. Raises AuditFailed where it cannot be opened, or somebody else
    has it open.
    """

    def __init__(
        self,
        file: Path,
        head: Path | None,
        reserve: int = RESERVE,
        extent: Extent = Extent(),  # noqa: B008  # it is frozen
    ) -> None:
        self.file = file
        self._reserve = reserve
        self._extent = extent
        self.found: list[tuple[str, str]] = []
        self._broken = False
        self._log = _opened(file)
        _undo_half_a_part(file)
        self._first = read(os.pread(self._log, _LAST, 0).partition(b"\n")[0] + b"\n")
        self._head_file: int | None = None
        try:
            self._head_file = _opened_head(head) if head is not None else None
            self.head = self._resume()
        except AuditFailed:
            self.close()
            raise

    def add(self, make: Callable[[Head], Entry], *, durable: bool) -> None:
        """Add an entry that follows the head; ``durable`` waits until it is on the disk.

        What is not durable may not take the last room. Raises AuditFailed, and leaves everything
        as it was.
        """
        if self._broken:
            raise AuditFailed(f"{self.file} could not be restored after an error")
        if not durable and self._room() < self._reserve:
            raise AuditFailed(f"{self.file}: the room that is left is for orders")
        entry = make(self.head)
        line = entry.line()
        if self._extent.is_over(os.fstat(self._log).st_size, self._first, entry):
            self._begin_part()
        before = os.fstat(self._log).st_size
        try:
            if os.write(self._log, line) != len(line):
                raise OSError(0, "there is no room")
            if durable:
                os.fsync(self._log)
        except OSError as error:
            self._restore(before)
            raise AuditFailed(f"{self.file}: {error.strerror}") from None
        self.head = Head(entry.n, entry.hash)
        self._first = self._first or entry
        self._note_head(durable)

    def close(self) -> None:
        """Let others have the file."""
        for descriptor in (self._log, self._head_file):
            if descriptor is not None:
                os.close(descriptor)
        self._broken = True

    def _room(self) -> int:
        disk = os.fstatvfs(self._log)
        return disk.f_bavail * disk.f_frsize

    def _begin_part(self) -> None:
        """Go on in a new file; where there can be none, in the old one.

        There is always a file of that name, and whoever holds it is this process.
        """
        fresh, new = None, self.file.with_name(f"{self.file.name}.new")
        try:
            fresh = _opened(new, _FLAGS | os.O_TRUNC)
            part = next_part(self.file)
            os.fsync(self._log)
            os.link(self.file, part)
            os.replace(new, self.file)
            os.chmod(part, 0o400)
        except (OSError, AuditFailed) as error:
            log.error("%s goes on in the same file: %s", self.file, error)
            self._extent = Extent()
            if fresh is not None:
                os.close(fresh)
        else:
            os.close(self._log)
            self._log, self._first = fresh, None

    def _restore(self, size: int) -> None:
        try:
            os.ftruncate(self._log, size)
        except OSError:
            self._broken = True

    def _note_head(self, durable: bool) -> None:
        if self._head_file is None:
            return
        try:
            os.pwrite(self._head_file, head_record(self.head), 0)
            if durable:
                os.fsync(self._head_file)
        except OSError:
            self._head_file = None  # It says less from now on, and never anything wrong.

    def _resume(self) -> Head:
        """Find the end of the chain; cut off what was never finished."""
        size = os.fstat(self._log).st_size
        tail = os.pread(self._log, _LAST, max(0, size - _LAST))
        whole, _, torn = tail.rpartition(b"\n")
        if torn:
            digest = hashlib.sha256(torn).hexdigest()
            text = f"an unfinished line of {len(torn)} bytes was cut off; its SHA-256 is {digest}"
            self.found.append((TORN, text))
            os.ftruncate(self._log, size - len(torn))
        known = read_head(os.pread(self._head_file, 128, 0)) if self._head_file else None
        whole = whole or self._end_of_last_part()
        last = read(whole.rpartition(b"\n")[2] + b"\n") if whole else None
        if whole and last is None:
            raise AuditFailed(f"{self.file}: its last line has been changed; move it away")
        head = Head(last.n, last.hash) if last is not None else Head()
        if known is not None and (head.n < known.n or (head.n == known.n and head != known)):
            text = (
                f"entry {known.n}, {known.hash}, was the last and is not there:"
                " lines were removed, or a power cut took them"
            )
            self.found.append((BROKEN, text))
        return head

    def _end_of_last_part(self) -> bytes:
        """Return how the part before this one ends, without the end of its last line."""
        parts = full_parts(self.file)
        if not parts:
            return b""
        with parts[-1].open("rb") as part:
            part.seek(max(0, os.fstat(part.fileno()).st_size - _LAST))
            return part.read().removesuffix(b"\n")


def head_record(head: Head) -> bytes:
    """Return a head as it is written."""
    return b"%020d %s\n" % (head.n, head.hash.encode())


def read_head(record: bytes) -> Head | None:
    """Return the head that is written there, None where there is none."""
    found = _HEAD.match(record)
    return Head(int(found[1]), found[2].decode()) if found else None


def _opened_head(head: Path) -> int:
    try:
        return _opened(head, os.O_RDWR)
    except AuditInUse:
        raise
    except AuditFailed as error:
        raise HeadFailed(error.detail) from None


def _opened(file: Path, flags: int = _FLAGS) -> int:
    """Open a file of ours, for its owner only, and keep others from it."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AuditFailed(f"{file} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise AuditInUse(f"{file} is another organism's: give each its own") from None
    return descriptor


def _undo_half_a_part(file: Path) -> None:
    """Let a file have one name, where a process has died just when it gave it another."""
    for part in full_parts(file)[-1:]:
        with suppress(OSError):
            if part.samefile(file):
                part.unlink()
