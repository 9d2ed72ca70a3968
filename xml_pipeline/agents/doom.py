"""Whether an agent goes round in circles: asks for the same again and again, or for A, B, A, B.

What is kept of a turn is a fingerprint of its calls, so that it can be kept with the transcript.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from xml_pipeline.llm.base import ToolCall

LONGEST = 3
"""Turns in the longest pattern that is recognised: A, B, C, A, B, C."""

_DIGITS = 16
_encode = json.JSONEncoder(sort_keys=True).encode


def fingerprint(calls: Sequence[ToolCall]) -> str:
    """Return what is equal for equal calls, in whatever order and under whatever ids."""
    asked = sorted(_encode([each.name, dict(each.arguments), each.malformed]) for each in calls)
    return sha256("\n".join(asked).encode()).hexdigest()[:_DIGITS]


def remembered(earlier: Sequence[str], calls: Sequence[ToolCall], limit: int) -> tuple[str, ...]:
    """Return the newest fingerprints, those of a turn's calls the last, as many as matter."""
    return (*earlier, fingerprint(calls))[-LONGEST * _times(limit) :]


def circle(fingerprints: Sequence[str], limit: int | None) -> int:
    """Return how many turns long the pattern is that the newest repeat, 0 where there is none.

    ``limit`` is how often it must have come, the last time included; None: nothing counts. What
    came once has not been repeated, so it is two at least.
    """
    if limit is None or not fingerprints:
        return 0
    for period in range(1, LONGEST + 1):
        newest = tuple(fingerprints[-period * _times(limit) :])
        if newest == newest[:period] * _times(limit):
            return period
    return 0


def objection(period: int) -> str:
    """Return what a model is told in place of the results of calls that go round in circles."""
    same = "the same calls" if period == 1 else f"the same {period} turns of calls"
    return (
        f"Not executed: you have asked for {same} again and again, and nothing changes by that."
        " Try another approach, or say what you have and what is missing."
    )


def _times(limit: int) -> int:
    return max(limit, 2)
