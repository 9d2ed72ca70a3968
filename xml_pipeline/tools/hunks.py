"""Applies the hunks of a unified diff where their lines are found, not only where they say.

Models count lines badly and copy spaces and quotes loosely. So a hunk is looked for around the
place that it names, first exactly, then less and less so; what it leaves as it is stays as the
file has it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from xml_pipeline.tools.base import ToolFailed

_LOOSE = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "),
    }
)


def _normalised(line: str) -> str:
    return unicodedata.normalize("NFKC", line.translate(_LOOSE)).strip()


LEVELS: tuple[Callable[[str], str], ...] = (str, str.rstrip, str.strip, _normalised)
"""How lines are compared, from exactly to without regard to spaces, quotes and dashes."""


@dataclass(frozen=True, slots=True)
class HunkLine:
    """A line of a hunk: ``" "`` stays, ``"-"`` goes, ``"+"`` comes."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A hunk: its lines, and the line of the file, from 0, at which it says it begins."""

    start: int
    lines: tuple[HunkLine, ...]

    @property
    def before(self) -> list[str]:
        """Return the lines that must be there."""
        return [each.text for each in self.lines if each.kind != "+"]


def applied(lines: Sequence[str], changes: Sequence[Change]) -> list[str]:
    """Return the lines of a file after all changes; ToolFailed where one finds no place."""
    after, done, shift = list[str](), 0, 0
    for number, change in enumerate(sorted(changes, key=lambda each: each.start), 1):
        at = _place(lines, change, done, change.start + shift)
        if at is None:
            raise ToolFailed(_not_found(number, change, overlaps=_place(lines, change, 0, 0)))
        shift = at - change.start
        after += lines[done:at]
        after += _changed(lines[at : at + len(change.before)], change)
        done = at + len(change.before)
    return [*after, *lines[done:]]


def _place(lines: Sequence[str], change: Change, first: int, expected: int) -> int | None:
    """Return where the lines of a hunk stand, nearest to where they are expected."""
    before = change.before
    if not before:
        return min(max(expected, first), len(lines))
    for level in LEVELS:
        wanted, here = [level(each) for each in before], [level(each) for each in lines]
        for at in _outwards(expected, first, len(lines) - len(before)):
            if here[at] == wanted[0] and here[at : at + len(wanted)] == wanted:
                return at
    return None


def _outwards(middle: int, first: int, last: int) -> Iterator[int]:
    """Yield the places from ``first`` to ``last``, the nearest to ``middle`` first."""
    yield from sorted(range(first, last + 1), key=lambda at: abs(at - middle))


def _changed(there: Sequence[str], change: Change) -> Iterator[str]:
    waiting = iter(there)
    ending = "\r" if there and all(each.endswith("\r") for each in there) else ""
    for line in change.lines:
        if line.kind == "+":
            yield line.text.removesuffix(ending) + ending
        elif line.kind == "-":
            next(waiting)
        else:
            yield next(waiting)


def _not_found(number: int, change: Change, overlaps: int | None) -> str:
    if overlaps is not None:
        return f"hunk {number} overlaps the one before it"
    beginning = next((each for each in change.before if each.strip()), "")
    return f"hunk {number} does not fit: its lines, such as {beginning!r}, are not in the file"
