"""Entries of the audit log, and the chain that they form.

Each is one line of canonical JSON: sorted keys, no blanks, ASCII. ``hash`` is the SHA-256 of the
line as it would be without it, and ``previous`` the ``hash`` of the line before; so whoever
changes, removes or moves a line would have to write every line after it anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BEGIN = "0" * 64
"""What the first entry has for the hash of the one before."""

MOST = 64 * 1024
"""Bytes of a line; longer ones say so instead of what they were to say."""

_TYPES = {"n": int, "time": str, "actor": str, "action": str, "what": dict, "previous": str}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: at what time who did what; the ``n``-th of its log."""

    n: int
    time: str
    actor: str
    action: str
    what: Mapping[str, Any]
    previous: str

    @property
    def hash(self) -> str:
        """Return what seals it, and everything before it."""
        return hashlib.sha256(_canonical(self._members())).hexdigest()

    def line(self) -> bytes:
        """Return it as it is written, with the end of its line."""
        return _canonical({**self._members(), "hash": self.hash}) + b"\n"

    def _members(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "time": self.time,
            "actor": self.actor,
            "action": self.action,
            "what": self.what,
            "previous": self.previous,
        }


def read(line: bytes) -> Entry | None:
    """Return the entry that a line is, None where one byte of it is not as it was written."""
    try:
        said = json.loads(line)
        members = {key: said[key] for key in _TYPES}
        if any(type(members[key]) is not kind for key, kind in _TYPES.items()):
            return None
        entry = Entry(**members)
        return entry if entry.line() == line else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def bounded(what: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is to be told; where that is too much, how much it is and its digest."""
    text = _canonical(what)
    if len(text) <= MOST:
        return what
    return {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}


def _canonical(members: Mapping[str, Any]) -> bytes:
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")
