"""Patterns for paths: ``*``, ``?``, ``[…]``, ``**`` and ``{a,b}``, matched in linear time.

The rule this file guards: a pattern comes from whoever asks, so it never becomes a regular
expression that could try for ever. One component is matched by ``fnmatch``'s own rules with a
single way back, and ``**`` by a table of places.
"""

from __future__ import annotations

from collections.abc import Sequence

from xml_pipeline.tools.base import ToolFailed

LONGEST = 500
MOST_ALTERNATIVES = 64


def alternatives(pattern: str) -> list[str]:
    """Return the patterns that ``{a,b}`` stands for."""
    if len(pattern) > LONGEST:
        raise ToolFailed(f"a pattern has at most {LONGEST} characters")
    waiting, done = [pattern], list[str]()
    while waiting:
        each = waiting.pop()
        opening = each.find("{")
        closing = each.find("}", opening)
        if opening < 0 or closing < 0:
            done.append(each)
        else:
            inside = each[opening + 1 : closing].split(",")
            waiting += [each[:opening] + one + each[closing + 1 :] for one in reversed(inside)]
        if len(waiting) + len(done) > MOST_ALTERNATIVES:
            raise ToolFailed(f"a pattern stands for at most {MOST_ALTERNATIVES} others")
    return done


def fits_path(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether a path fits a pattern, component by component; ``**`` is any number of them."""
    reached = {0}
    for part in (*parts, None):
        for at in sorted(reached):
            while at < len(pattern) and pattern[at] == "**":
                at += 1
                reached.add(at)
        if part is None:
            break
        reached = {
            at if pattern[at] == "**" else at + 1
            for at in reached
            if at < len(pattern) and (pattern[at] == "**" or fits_name(part, pattern[at]))
        }
    return len(pattern) in reached


def fits_name(name: str, pattern: str) -> bool:
    """Tell whether a name fits a pattern; only the last ``*`` is ever gone back to."""
    at = here = 0
    star = kept = -1
    while at < len(name):
        length = _one(name[at], pattern, here)
        if length:
            at, here = at + 1, here + length
        elif here < len(pattern) and pattern[here] == "*":
            star, kept, here = here, at, here + 1
        elif star >= 0:
            kept += 1
            at, here = kept, star + 1
        else:
            return False
    return not pattern[here:].strip("*")


def _one(char: str, pattern: str, at: int) -> int:
    """Return how much of a pattern one character fits, 0 where it does not."""
    if at >= len(pattern) or pattern[at] == "*":
        return 0
    if pattern[at] == "?":
        return 1
    end = pattern.find("]", at + 2) if pattern[at] == "[" else -1
    if end < 0:
        return int(pattern[at] == char)
    inside = pattern[at + 1 : end]
    negated = inside[0] in "!^"
    return (end + 1 - at) * int(_in_set(char, inside[negated:]) != negated)


def _in_set(char: str, inside: str) -> bool:
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            if inside[at] <= char <= inside[at + 2]:
                return True
            at += 3
        else:
            if inside[at] == char:
                return True
            at += 1
    return False
