"""Matches text against a regular expression in time linear in the text.

The automaton is Glushkov's: one state per character class in the expression, kept as bits of
one integer, so that a step is a look-up and an ``and``. See V. M. Glushkov, "The abstract theory
of automata" (1961), and A. Brüggemann-Klein and D. Wood, "One-unambiguous regular languages"
(1998) for `Automaton.deterministic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_
from typing import NamedTuple, TypeAlias

MAX_POSITIONS = 2_000
_CACHE = 2_000
_WIDTH = 200


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of these ranges of code points, which are sorted and disjoint."""

    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.ranges)

    def overlaps(self, other: Chars) -> bool:
        """Tell whether a character is in both."""
        return any(
            low <= other_high and other_low <= high
            for low, high in self.ranges
            for other_low, other_high in other.ranges
        )


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other; none at all is the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one of the options."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The part from ``low`` to ``high`` times; None is without end."""

    part: Node
    low: int
    high: int | None


Node: TypeAlias = Chars | Sequence | Choice | Repeat


class _Fragment(NamedTuple):
    """What Glushkov's construction knows of a part: sets of positions are bits."""

    nullable: bool
    first: int
    last: int


_EMPTY = _Fragment(True, 0, 0)


class Automaton:
    """Matches whole texts. Raises ValueError for an expression of over 2,000 positions."""

    def __init__(self, node: Node) -> None:
        self._classes: list[Chars] = []
        self._follow: list[int] = []
        whole = self._build(node)
        self._first, self._last, self._nullable = whole.first, whole.last, whole.nullable
        self._by_char: dict[str, int] = {}
        self._by_state: dict[int, int] = {}

    def matches(self, text: str) -> bool:
        """Tell whether the expression describes the whole text."""
        if not text:
            return self._nullable
        reachable, state = self._first, 0
        for char in text:
            state = reachable & self._of_char(char)
            if not state:
                return False
            reachable = self._after(state)
        return bool(state & self._last)

    @property
    def deterministic(self) -> bool:
        """Whether one look at the next character always decides the way."""
        return all(self._disjoint(positions) for positions in (self._first, *self._follow))

    def shortest(self, least: int = 0, most: int = 1_000) -> str | None:
        """Return a shortest text that matches, of ``least`` to ``most`` characters, if any."""
        if least == 0 and self._nullable:
            return ""
        layer = self._successors(self._first, "")
        for length in range(1, most + 1):
            if length >= least:
                for state, text in layer.items():
                    if state & self._last:
                        return text
            layer = {
                state: text
                for before, prefix in islice(layer.items(), _WIDTH)
                for state, text in self._successors(self._after(before), prefix).items()
            }
        return None

    def _successors(self, reachable: int, prefix: str) -> dict[int, str]:
        classes = [self._classes[position] for position in _bits(reachable)]
        samples = {_sample(chars) for chars in classes if chars.ranges}
        return {reachable & self._of_char(char): prefix + char for char in sorted(samples)}

    def _disjoint(self, positions: int) -> bool:
        classes = [self._classes[position] for position in _bits(positions)]
        return not any(
            one.overlaps(other) for n, one in enumerate(classes) for other in classes[:n]
        )

    def _of_char(self, char: str) -> int:
        positions = self._by_char.get(char)
        if positions is None:
            if len(self._by_char) >= _CACHE:
                self._by_char.clear()
            code = ord(char)
            positions = sum(1 << n for n, chars in enumerate(self._classes) if code in chars)
            self._by_char[char] = positions
        return positions

    def _after(self, state: int) -> int:
        reachable = self._by_state.get(state)
        if reachable is None:
            if len(self._by_state) >= _CACHE:
                self._by_state.clear()
            reachable = reduce(or_, (self._follow[position] for position in _bits(state)), 0)
            self._by_state[state] = reachable
        return reachable

    def _build(self, node: Node) -> _Fragment:
        match node:
            case Chars():
                return self._position(node)
            case Sequence(parts):
                return reduce(self._joined, map(self._build, parts), _EMPTY)
            case Choice(options):
                built = [self._build(option) for option in options]
                return _Fragment(
                    any(each.nullable for each in built),
                    reduce(or_, (each.first for each in built), 0),
                    reduce(or_, (each.last for each in built), 0),
                )
            case Repeat(part, low, high):
                return self._repeated(part, low, high)

    def _position(self, chars: Chars) -> _Fragment:
        if len(self._classes) == MAX_POSITIONS:
            raise ValueError(f"a pattern may not have more than {MAX_POSITIONS} positions")
        bit = 1 << len(self._classes)
        self._classes.append(chars)
        self._follow.append(0)
        return _Fragment(False, bit, bit)

    def _repeated(self, part: Node, low: int, high: int | None) -> _Fragment:
        copies = max(low, 1) if high is None else high
        if copies == 0:
            return _EMPTY
        built = [self._build(part)]
        if not built[0].first:  # repeating nothing is nothing, however often
            return _EMPTY
        built += (self._build(part) for _ in range(copies - 1))
        if high is None:
            loop = built.pop()
            self._connect(loop.last, loop.first)
            built.append(loop if low else loop._replace(nullable=True))
            return reduce(self._joined, built, _EMPTY)
        # x{0,3} is (x(x(x)?)?)?, built from the inside, so that one look decides.
        tail = _EMPTY
        for each in reversed(built[low:]):
            tail = self._joined(each, tail)._replace(nullable=True)
        return self._joined(reduce(self._joined, built[:low], _EMPTY), tail)

    def _joined(self, left: _Fragment, right: _Fragment) -> _Fragment:
        self._connect(left.last, right.first)
        return _Fragment(
            left.nullable and right.nullable,
            left.first | (right.first if left.nullable else 0),
            right.last | (left.last if right.nullable else 0),
        )

    def _connect(self, before: int, after: int) -> None:
        for position in _bits(before):
            self._follow[position] |= after


def _bits(positions: int) -> Iterator[int]:
    while positions:
        lowest = positions & -positions
        yield lowest.bit_length() - 1
        positions ^= lowest


def _sample(chars: Chars) -> str:
    """Return a character of the class, a plain one where it has one."""
    for code in b"a0A-_ ":
        if code in chars:
            return chr(code)
    return chr(chars.ranges[0][0])
