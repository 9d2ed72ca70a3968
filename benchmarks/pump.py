#!/usr/bin/env python
"""Measures the pump against the floor, in one process and run."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.games import fan_out, idle_hop, ping_pong
from benchmarks.measuring import Case, measure, profile, table


def _some(number: float) -> int:
    return max(1, round(number))


CASES = (
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
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is played")
    parser.add_argument("--scale", type=float, default=1.0, help="how long each round is")
    parser.add_argument("--only", choices=names, help="measure this case only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--profile", choices=names, help="print where this case spends its time")
    options = parser.parse_args(arguments)
    chosen = [case for case in CASES if (options.profile or options.only) in (None, case.name)]
    if options.profile:
        asyncio.run(profile(chosen[0], options.scale))
        return
    report = asyncio.run(measure(chosen, options.rounds, options.scale))
    print(json.dumps(asdict(report), indent=2) if options.json else table(report))


if __name__ == "__main__":
    main()
