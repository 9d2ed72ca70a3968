"""What the names in an organism file may look like, and which one was meant.

A listener's name travels in envelopes and in logs, so it is plain ASCII; an import path is
code that will run, so it is judged as text, before anything is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz, process

LISTENER_NAME = r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*"
"""Letters, digits, ``_`` and ``-``, in parts joined by dots; begins with a letter or ``_``."""

LISTENER_NAME_LENGTH = 100
"""Characters that a listener's name may have."""

RESERVED_NAMES = frozenset({"system", "outside"})
"""First parts that name the pump itself and the world around it."""

PRINCIPAL = re.compile(r"[\w.:@/+\-]{1,200}", re.ASCII)
"""The name of somebody outside: letters, digits and ``_ . : @ / + -``, at most 200."""

SYSTEM_LISTENERS = (
    "system.approval",
    "system.blackboard",
    "system.boot",
    "system.buffer",
    "system.sequence",
    "system.sequence.factory",
    "system.squad",
    "system.timer",
    "system.todo",
    "system.todo-complete",
)
"""The listeners that every organism has."""

ADDRESSABLE = tuple(each for each in SYSTEM_LISTENERS if each != "system.approval")
"""Those of them that a file may list as peers."""

HANDLER_ROOMS = ("tools", "agents", "mcp")
"""Rooms whose plug-ins may be named as handlers, as in ``tools:shell``."""

ALIKE = 70.0
"""How alike two names are, in percent, when one is taken for a slip of the other."""

_PLUGIN_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SEGMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ImportPath:
    """Where an object is found: ``name`` in ``module``."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"

    def prefix(self, allowed: Iterable[str]) -> str | None:
        """Return the longest of the ``allowed`` packages that the module is in, if any."""
        within = (each for each in allowed if f"{self.module}.".startswith(f"{each}."))
        return max(within, key=len, default=None)


def listener_name(text: str) -> str:
    """Return a listener's or group's name unchanged; ValueError says what is wrong with it."""
    if len(text) > LISTENER_NAME_LENGTH:
        raise ValueError(f"must have at most {LISTENER_NAME_LENGTH} characters")
    if not re.fullmatch(LISTENER_NAME, text):
        raise ValueError(
            f'"{text}" is not a name: it begins with a letter, then letters, digits, "_", "-",'
            " in parts joined by single dots"
        )
    if (first := text.partition(".")[0].lower()) in RESERVED_NAMES:
        raise ValueError(f'"{text}" is reserved: no name of yours begins with "{first}"')
    return text


def package_name(text: str) -> str:
    """Return a dotted package name unchanged; ValueError if an import could not mean it."""
    _check_segments(text.split("."), text)
    return text


def import_path(text: str) -> ImportPath:
    """Read ``pkg.module:name`` or ``pkg.module.name``.

    Raises ValueError for anything else: one segment, other characters, dunder segments.
    """
    module, colon, name = text.partition(":")
    if not colon:
        module, _, name = text.rpartition(".")
    if not module or not name:
        raise ValueError(f'"{text}" is not an import path: write "package.module:name"')
    _check_segments([*module.split("."), name], text)
    return ImportPath(module, name)


def plugin_name(text: str) -> str:
    """Return the name of a plug-in unchanged; ValueError if no module could have it."""
    if not _PLUGIN_NAME.fullmatch(text):
        raise ValueError(f'"{text}" is not a plug-in name: small letters, digits and "_" only')
    return text


def plugin_handler(text: str) -> tuple[str, str] | None:
    """Return (room, name) of a handler such as ``tools:shell``, or None for an import path."""
    room, colon, name = text.partition(":")
    if not colon or room not in HANDLER_ROOMS:
        return None
    return room, plugin_name(name)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean "x"?`` with the known name most like ``name``, or nothing."""
    nearest = most_like(name, known)
    return "" if nearest is None else f'did you mean "{nearest}"?'


def most_like(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` is most likely a slip of, if any.

    A part of a longer name counts as alike (``todo`` for ``system.todo``) from three
    characters on; shorter ones are part of too many.
    """
    alike = process.extract(
        name, tuple(known), scorer=_likeness, processor=str.lower, score_cutoff=ALIKE, limit=None
    )
    nearest = max(alike, key=lambda each: (each[1], fuzz.ratio(name, each[0])), default=None)
    return nearest[0] if nearest else None


def _likeness(a: str, b: str, *, score_cutoff: float | None = None) -> float:
    likeness = fuzz.WRatio if min(len(a), len(b)) > 2 else fuzz.ratio
    return likeness(a, b, score_cutoff=score_cutoff)


def _check_segments(segments: Iterable[str], text: str) -> None:
    """Raise ValueError unless each segment is an ordinary identifier without dunders."""
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise ValueError(f'"{text}" is not an import path: "{segment}" is not an identifier')
        if segment.startswith("__"):
            raise ValueError(f'"{text}" is refused: "{segment}" is internal to Python')
