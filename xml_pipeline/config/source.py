"""Where in the file each value stands, so that whoever finds a problem can say where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way to a value: ``("listeners", 2, "peers", 0)``."""

LONGEST_SENTENCE = 400
"""Characters of a problem, for what it quotes may be as long as the file."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file, the places of its keys and values, and how its unquoted values are written."""

    file: str
    values: Mapping[KeyPath, Place] = field(default_factory=dict, repr=False)
    keys: Mapping[KeyPath, Place] = field(default_factory=dict, repr=False)
    unquoted: Mapping[KeyPath, str] = field(default_factory=dict, repr=False)

    def place(self, path: KeyPath, *, at_key: bool = False) -> Place:
        """Return where the value, or its key, stands; of what is not there, its section's."""
        if at_key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Place(1, 1))

    def problem(self, path: KeyPath, text: str, *, hint: str = "", at_key: bool = False) -> str:
        """Return ``file:line:column: key: text``, with a next step where one is known."""
        named = f"{key_text(path)}: {text}" if path else text
        return self.sentence(self.place(path, at_key=at_key), named, hint)

    def sentence(self, place: Place, text: str, hint: str = "") -> str:
        """Return ``file:line:column: text; hint``, on one line and not too long to read."""
        words = f"{text}{hint and f'; {hint}'}".replace("\n", " ")
        if len(words) > LONGEST_SENTENCE:
            words = f"{words[:LONGEST_SENTENCE]}…"
        return f"{self.file}:{place.line}:{place.column}: {words}"


def key_text(path: KeyPath) -> str:
    """Write a way as people do: ``listeners[2].peers[0]``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")
