"""JSON from outside, read without its traps.

The rule this file guards: what passes means the same to every reader, and reading it takes
bounded time and memory. Python keeps the last of two equal keys, so that ``to`` could be
overridden; it recurses to read nesting, takes ``NaN``, and turns ``1e999`` into infinity.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from xml_pipeline.server.unreadable import Unreadable

DEPTH = 64
"""Arrays and objects within one another, the outermost counted as 1."""

DIGITS = 1_000
"""Digits of one integer: reading them takes time that grows with their square."""

# An unclosed string takes all that is left, so that no quote is looked at twice.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def loads(raw: bytes) -> Any:
    """Read one JSON document in UTF-8.

    Raises Unreadable where it is not JSON, or JSON that cannot be taken at its word.
    """
    try:
        text = raw.decode("utf-8")
        _check_depth(text)
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise _unreadable("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _unreadable(f"it is not JSON from {place} on") from None


def _check_depth(text: str) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        mark = found[0]
        if mark in "[{":
            depth += 1
            if depth > DEPTH:
                raise _unreadable(f"it is nested more than {DEPTH} deep")
        elif mark in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _unreadable("an object has the same key twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise _unreadable(f"{name} is no JSON")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS:
        raise _unreadable(f"an integer has more than {DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _unreadable("a number is too large")
    return number


def _unreadable(why: str) -> Unreadable:
    return Unreadable(f"The JSON cannot be read: {why}.")
