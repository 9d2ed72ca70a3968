"""Writes a parsed pattern out again, as XSD and as JSON Schema want it."""

from __future__ import annotations

from collections.abc import Callable

from xml_pipeline.payload.regex.automaton import Chars, Choice, Node, Repeat, Sequence
from xml_pipeline.payload.regex.syntax import complement

_EVERYTHING = ((0, 0x10FFFF),)
# XML 1.0, Char: an XSD can name no other characters.
_XML = ((0x09, 0x0A), (0x0D, 0x0D), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
_CONTROLS = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}
_COUNTS = {(0, None): "*", (1, None): "+", (0, 1): "?"}

Ranges = tuple[tuple[int, int], ...]
Dialect = Callable[[int], str]


def xsd_pattern(node: Node) -> str:
    """Return the value of ``xs:pattern``, which always describes the whole text."""
    return _text(node, _xsd_char)


def json_pattern(node: Node) -> str:
    """Return an anchored ECMA-262 pattern.

    ``(?!\\n)$`` is the end of the text in every dialect; Python's ``$`` alone is not.
    """
    return f"^{_part(node, _ecma_char, '(?:')}(?!\\n)$"


def _text(node: Node, dialect: Dialect) -> str:
    opening = "(?:" if dialect is _ecma_char else "("
    match node:
        case Chars(ranges):
            return _class(ranges, dialect)
        case Choice(options):
            return "|".join(_text(option, dialect) for option in options)
        case Sequence(parts):
            return "".join(
                _part(part, dialect, opening) if isinstance(part, Choice) else _text(part, dialect)
                for part in parts
            )
        case Repeat(part, low, high):
            exactly = f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}"
            return _part(part, dialect, opening) + _COUNTS.get((low, high), exactly)


def _part(node: Node, dialect: Dialect, opening: str) -> str:
    """Return the text of a node, grouped unless it is a single class."""
    text = _text(node, dialect)
    return text if isinstance(node, Chars) else f"{opening}{text})"


def _class(ranges: Ranges, dialect: Dialect) -> str:
    if ranges == _EVERYTHING:
        return "[\\s\\S]"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return dialect(ranges[0][0])
    rest = complement(ranges)
    if dialect is _xsd_char:
        ranges, rest = _carried(ranges), _carried(rest)
    if not ranges:
        raise ValueError("the pattern names only characters that XML cannot carry")
    sign, shown = ("^", rest) if rest and len(rest) < len(ranges) else ("", ranges)
    members = "".join(
        dialect(low) if low == high else f"{dialect(low)}-{dialect(high)}" for low, high in shown
    )
    return f"[{sign}{members}]"


def _carried(ranges: Ranges) -> Ranges:
    return tuple(
        (max(low, first), min(high, last))
        for low, high in ranges
        for first, last in _XML
        if low <= last and first <= high
    )


def _xsd_char(code: int) -> str:
    if code in _CONTROLS:
        return _CONTROLS[code]
    return f"\\{chr(code)}" if chr(code) in "\\^.*+?()[]{}|-" else chr(code)


def _ecma_char(code: int) -> str:
    if code in _CONTROLS:
        return _CONTROLS[code]
    char = chr(code)
    if char in "\\^$.*+?()[]{}|-/":
        return f"\\{char}"
    if char.isprintable() or code > 0xFFFF:
        return char
    return f"\\u{code:04X}"
