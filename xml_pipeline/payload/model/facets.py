"""Constraints on a field, gathered from its ``Annotated`` metadata.

They are known by their attributes, not by their classes, so annotated-types, pydantic's ``Field``
and ``StringConstraints``, ``re.compile`` and our own `Pattern` all work, and none is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from xml_pipeline.payload.regex.automaton import Automaton
from xml_pipeline.payload.regex.rendering import json_pattern, xsd_pattern
from xml_pipeline.payload.regex.syntax import parse

Number: TypeAlias = int | float | Decimal

MAX_TEXT = 65_536
"""The longest text of a field, in characters or octets, unless it says otherwise."""

_BOUNDS = (("ge", True, True), ("gt", True, False), ("le", False, True), ("lt", False, False))
_REFUSED = (
    "multiple_of", "max_digits", "decimal_places", "strip_whitespace", "to_lower", "to_upper",
    "func", "tz",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """The least or the greatest value; ``inclusive`` when it is itself allowed."""

    value: Number
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Expression:
    """A pattern as the projections need it.

    ``xsd`` is nothing where the pattern is left out of the XSD. libxml2 tries one way after the
    other: ``[a-z]+[0-9a-z]*-`` costs it 16 s on 60,000 characters. So only a pattern whose way
    one look decides goes in; the reader holds the text against the automaton otherwise.
    """

    json: str
    xsd: str
    automaton: Automaton = field(compare=False)

    @classmethod
    def of(cls, pattern: str) -> Expression:
        """Parse a pattern. Raises ValueError for what no automaton, or no XML, can do."""
        node = parse(pattern)
        automaton = Automaton(node)
        xsd = xsd_pattern(node) if automaton.deterministic else ""
        return cls(json_pattern(node), xsd, automaton)


@dataclass(frozen=True, slots=True)
class Facets:
    """Bounds on a value or on a length; None where there is none."""

    low: Bound | None = None
    high: Bound | None = None
    min_length: int = 0
    max_length: int | None = None
    pattern: Expression | None = None

    @property
    def bounded(self) -> bool:
        """Whether the value, rather than its length, is bounded."""
        return self.low is not None or self.high is not None

    @property
    def sized(self) -> bool:
        """Whether the length is bounded."""
        return self.min_length > 0 or self.max_length is not None

    def check_number(self, value: Number) -> None:
        """Raise ValueError for a value out of bounds."""
        if (low := self.low) and not (value > low.value or (low.inclusive and value == low.value)):
            raise ValueError(f"must be {'at least' if low.inclusive else 'over'} {low.value}")
        high = self.high
        if high and not (value < high.value or (high.inclusive and value == high.value)):
            raise ValueError(f"must be {'at most' if high.inclusive else 'under'} {high.value}")

    def check_length(self, length: int) -> None:
        """Raise ValueError for a length out of bounds."""
        if length < self.min_length:
            raise ValueError(f"must have a length of at least {self.min_length}")
        if self.max_length is not None and length > self.max_length:
            raise ValueError(f"must have a length of at most {self.max_length}")

    def check_text(self, value: str) -> None:
        """Raise ValueError for a text of a bad length or form."""
        self.check_length(len(value))
        if self.pattern and not self.pattern.automaton.matches(value):
            raise ValueError("does not match its pattern")


FREE: Final = Facets()
"""No constraint at all."""


def facets_of(metadata: Iterable[object]) -> Facets:
    """Merge every constraint, the tighter of two.

    Raises:
        ValueError: a constraint has no counterpart in XSD, or two contradict each other.
    """
    facets = Facets()
    for each in _flat(metadata):
        for name in _REFUSED:
            if getattr(each, name, None):
                raise ValueError(f"the constraint {name} has no counterpart in XSD")
        facets = merge(facets, _facets(each))
    check_sense(facets)
    return facets


def _flat(metadata: Iterable[object]) -> Iterator[object]:
    """Yield each item, those that pydantic's ``Field`` holds among them."""
    for each in metadata:
        yield each
        held = getattr(each, "metadata", None)
        if isinstance(held, list | tuple):
            yield from _flat(held)


def _facets(each: object) -> Facets:
    lows: list[Bound] = []
    highs: list[Bound] = []
    for name, is_low, inclusive in _BOUNDS:
        value = getattr(each, name, None)
        if isinstance(value, int | float | Decimal):
            (lows if is_low else highs).append(Bound(value, inclusive))
        elif value is not None and not callable(value):
            raise ValueError(f"a bound must be a number, not {value!r}")
    least, most = getattr(each, "min_length", None), getattr(each, "max_length", None)
    return Facets(
        _tighter(lows, largest=True),
        _tighter(highs, largest=False),
        least if isinstance(least, int) else 0,
        most if isinstance(most, int) else None,
        _expression(getattr(each, "pattern", None), getattr(each, "flags", re.UNICODE)),
    )


def _expression(pattern: object, flags: object) -> Expression | None:
    if isinstance(pattern, re.Pattern):
        return _expression(pattern.pattern, pattern.flags)
    if not isinstance(pattern, str):
        return None
    if flags != re.UNICODE:
        raise ValueError("flags of a pattern have no counterpart in XSD")
    return Expression.of(pattern)


def merge(one: Facets, other: Facets) -> Facets:
    """Return the tighter of each two bounds. Raises ValueError for two patterns."""
    if one.pattern and other.pattern:
        raise ValueError("two patterns have no counterpart in XSD")
    lengths = [most for most in (one.max_length, other.max_length) if most is not None]
    return Facets(
        _tighter([bound for bound in (one.low, other.low) if bound], largest=True),
        _tighter([bound for bound in (one.high, other.high) if bound], largest=False),
        max(one.min_length, other.min_length),
        min(lengths, default=None),
        one.pattern or other.pattern,
    )


def _tighter(bounds: list[Bound], *, largest: bool) -> Bound | None:
    # Of two equal values the exclusive bound is the tighter one.
    ordered = sorted(bounds, key=lambda bound: (bound.value, bound.inclusive != largest))
    return None if not ordered else ordered[-1] if largest else ordered[0]


def check_sense(facets: Facets) -> None:
    """Raise ValueError where nothing could ever satisfy the facets."""
    low, high = facets.low, facets.high
    for bound in (low, high):
        if bound and not Decimal(bound.value).is_finite():
            raise ValueError("a bound must be finite")
    if low and high:
        touching = low.value == high.value and low.inclusive and high.inclusive
        if low.value >= high.value and not touching:
            raise ValueError("no value lies within these bounds")
    if facets.max_length is not None and facets.min_length > facets.max_length:
        raise ValueError("no length lies within these bounds")
