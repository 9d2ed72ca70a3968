"""Regular expressions that mean the same in XSD, in JSON Schema and here.

The dialect is the part of ECMA-262 that JSON Schema recommends (RFC 8259 texts, section 6.4 of
the 2020-12 draft): literals, classes, ``. \\d \\w \\s``, groups, ``|``, counted repeats, and
``^`` and ``$`` around the whole. As in JSON Schema, a pattern without anchors may match anywhere
in the text. Look-around, back-references and word boundaries are refused: no automaton has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from string import hexdigits

from xml_pipeline.payload.regex.automaton import Chars, Choice, Node, Repeat, Sequence

_LAST = 0x10FFFF
_DIGITS = ((0x30, 0x39),)
_WORD = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
# ECMA-262, WhiteSpace and LineTerminator.
_SPACE = (
    (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_LINE_ENDS = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_NAMED = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROLS = {"n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B, "0": 0x00}
_PUNCTUATION = frozenset("\\^$.*+?()[]{}|/-\"'#&~,:;<=>@!%` _")


def parse(expression: str) -> Node:
    """Return the node that describes every text in which the expression is found.

    Raises:
        ValueError: the expression is not of the dialect.
    """
    try:
        return _Parser(expression).whole()
    except RecursionError:
        raise ValueError("groups are nested too deeply") from None


class _Parser:
    """One pass over the expression, from left to right."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self._at = 0

    def whole(self) -> Node:
        options = [self._branch()]
        while self._take("|"):
            options.append(self._branch())
        if self._at < len(self._text):
            raise self._error("unbalanced )")
        return Choice(tuple(options)) if options[1:] else options[0]

    def _branch(self) -> Node:
        """Return a top-level alternative, which may lack anchors."""
        anything = Repeat(Chars(((0, _LAST),)), 0, None)
        head = () if self._take("^") else (anything,)
        part = self._sequence()
        tail = () if self._take("$") else (anything,)
        return Sequence((*head, part, *tail)) if head or tail else part

    def _group(self) -> Node:
        if self._take("?") and not self._take(":"):
            raise self._error("look-around and named groups are refused")
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        if not self._take(")"):
            raise self._error("missing )")
        return Choice(tuple(options)) if options[1:] else options[0]

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while (char := self._peek()) and char not in "|)$":
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Node:
        char = self._next()
        match char:
            case "(":
                return self._group()
            case "[":
                return Chars(self._class())
            case ".":
                return Chars(complement(_LINE_ENDS))
            case "\\":
                return Chars(self._escape())
            case "^" | "*" | "+" | "?":
                raise self._error(f"{char} does not belong here")
        return Chars(((ord(char), ord(char)),))

    def _repeated(self, atom: Node) -> Node:
        bounds = self._quantifier()
        if bounds is None:
            return atom
        self._take("?")  # lazy or not, the same texts match
        if self._peek() in ("*", "+", "?") or self._quantifier():
            raise self._error("a repeat of a repeat needs a group")
        return Repeat(atom, *bounds)

    def _quantifier(self) -> tuple[int, int | None] | None:
        for symbol, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(symbol):
                return bounds
        if not self._take("{"):
            return None
        body, closed, _ = self._text[self._at :].partition("}")
        low, comma, high = body.partition(",")
        if not closed or not low.isdecimal() or (high and not high.isdecimal()):
            raise self._error("{ begins no counted repeat")
        self._at += len(body) + 1
        most = int(high) if high else None if comma else int(low)
        if most is not None and most < int(low):
            raise self._error("a repeat counts down")
        return int(low), most

    def _class(self) -> tuple[tuple[int, int], ...]:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            low = self._class_member()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                ranges.append(self._range(low, self._class_member()))
            else:
                ranges += low
        if not ranges:
            raise self._error("an empty class")
        merged = _merge(ranges)
        return complement(merged) if negated else merged

    def _range(
        self, low: tuple[tuple[int, int], ...], high: tuple[tuple[int, int], ...]
    ) -> tuple[int, int]:
        bounds = [code for pair in (*low, *high) for code in pair]
        first, last = bounds[0], bounds[-1]
        if len(bounds) != 4 or bounds[1] != first or bounds[2] != last or last < first:
            raise self._error("a range needs two characters in order")
        return first, last

    def _class_member(self) -> tuple[tuple[int, int], ...]:
        char = self._next()
        if char == "\\":
            return ((8, 8),) if self._take("b") else self._escape()
        return ((ord(char), ord(char)),)

    def _escape(self) -> tuple[tuple[int, int], ...]:
        char = self._next()
        if named := _NAMED.get(char.lower()):
            return named if char.islower() else complement(named)
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),)
        if char in "xu":
            return self._hexadecimal(2 if char == "x" else 4)
        if char in _PUNCTUATION:
            return ((ord(char), ord(char)),)
        raise self._error(f"\\{char} is not of the dialect")

    def _hexadecimal(self, width: int) -> tuple[tuple[int, int], ...]:
        digits = self._text[self._at : self._at + width]
        if len(digits) < width or not set(digits) <= set(hexdigits):
            raise self._error(f"{width} hexadecimal digits are needed")
        self._at += width
        return ((int(digits, 16), int(digits, 16)),)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        if not (char := self._peek()):
            raise self._error("it ends too early")
        self._at += 1
        return char

    def _take(self, char: str) -> bool:
        found = self._peek() == char
        self._at += found
        return found

    def _error(self, reason: str) -> ValueError:
        return ValueError(f"pattern {self._text!r}, character {self._at}: {reason}")


def _merge(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the ranges sorted, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    bounds = [0, *(code for low, high in ranges for code in (low, high + 1)), _LAST + 1]
    return tuple(
        (low, high - 1) for low, high in zip(bounds[::2], bounds[1::2], strict=True) if low < high
    )


@dataclass(frozen=True, slots=True)
class Pattern:
    """A constraint for ``Annotated[str, Pattern(...)]``: the text must match.

    The expression is found anywhere in the text, unless it is anchored by ``^`` and ``$``.
    """

    pattern: str
