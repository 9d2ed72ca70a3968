#!/usr/bin/env python
"""Measures the pump against the floor, in one process and run."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.games import fan_out, idle_hop, ping_pong, xml_alone
from benchmarks.measuring import Case, measured


def _some(number: float) -> int:
    return max(1, round(number))


CASES = (
    Case("xml", "the XML of one message alone", lambda scale: xml_alone(_some(2000 * scale))),
    Case(
        "rally-100",
        "ping-pong, 100 in flight",
        lambda scale: ping_pong(100, 2 * _some(50 * scale)),
        most=2.2,
    ),
    Case(
        "rally-1",
        "ping-pong, 1 in flight",
        lambda scale: ping_pong(1, 2 * _some(2000 * scale)),
        most=3.5,
    ),
    Case(
        "broadcast",
        "broadcast to 10, gather, 100 in flight",
        lambda scale: fan_out(100, _some(6 * scale), broadcast=True),
        most=1.3,
    ),
    Case(
        "directed",
        "directed to 10, gather, 100 in flight",
        lambda scale: fan_out(100, _some(6 * scale)),
        most=2.0,
    ),
    Case(
        "idle-hop",
        "one hop through an idle pump",
        lambda scale: idle_hop(_some(4000 * scale)),
        most=3.5,
    ),
    Case(
        "heard",
        "ping-pong, 100 in flight, events heard",
        lambda scale: ping_pong(100, 2 * _some(50 * scale), heard=True),
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    measured(CASES, __doc__, arguments)


if __name__ == "__main__":
    main()
