#!/usr/bin/env python
"""Breaks an organism in every way that is promised to hold, and prints what came of it.

The same machinery as in ``tests/faults``, at full size; ``--scale 0.2`` is a fifth of it. A row
fails where anything was lost, doubled or left over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.faults.killing import Ended, end_under_load
from tests.faults.processes import Runner
from tests.faults.test_simulation import Simulation
from tests.faults.test_spending_survives import spree
from tests.virtual_clock import VirtualClockLoop

SEED = 20261127


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a fault: what was done, what was found, and whether that is as promised."""

    done: str
    found: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, by its number in the list of what must hold, and a way to bring it about."""

    id: str
    about: str
    bring_about: Callable[[float], Outcome]


def _some(number: float) -> int:
    return max(1, round(number))


def killed(scale: float) -> Outcome:
    """Kill the process under load."""
    return _ended(Runner.kill, 100, 100_000, scale, "kills")


def stopped(scale: float) -> Outcome:
    """Ask the process to stop under load."""
    return _ended(Runner.stop, 100, 50_000, scale, "stops")


def _ended(
    how: Callable[[Runner], object], times: int, orders: int, scale: float, what: str
) -> Outcome:
    times, orders = _some(times * scale), _some(orders * scale)
    with TemporaryDirectory() as folder:
        ended: Ended = asyncio.run(
            end_under_load(Path(folder), how, times=times, orders=orders, seed=SEED)  # type: ignore[arg-type]
        )
    verdict, restarts = ended.verdict, sorted(ended.restarts)
    late = restarts[int(0.95 * (len(restarts) - 1))] if restarts else 0.0
    return Outcome(
        f"{times} {what}, {orders:,} orders",
        f"{len(verdict.lost)} lost of {verdict.acknowledged:,} acknowledged, "
        f"{len(verdict.doubled)} doubled, {verdict.unknown} unknown, {verdict.repeated} calls "
        f"repeated under their id; up again in {late:.1f} s (p95)",
        verdict.is_clean,
    )


def simulated(scale: float) -> Outcome:
    """Let random organisms die at random, and audit their books."""
    seeds = _some(10_000 * scale)
    wrong = [seed for seed in range(seeds) if _run(Simulation(seed).run())]
    return Outcome(
        f"{seeds:,} seeds", f"{len(wrong)} with something wrong{_first(wrong)}", not wrong
    )


def overspent(scale: float) -> Outcome:
    """Let a hundred spend from one budget, and their process die."""
    seeds = _some(1_000 * scale)
    wrong = [seed for seed in range(seeds) if _run(spree(seed))]
    return Outcome(f"{seeds:,} seeds", f"{len(wrong)} out of balance{_first(wrong)}", not wrong)


def _run(life: object) -> object:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(life)  # type: ignore[arg-type]  # a coroutine


def _first(wrong: Sequence[int]) -> str:
    return f", first {wrong[0]}" if wrong else ""


FAULTS = (
    Fault("R1", "the process is killed under load", killed),
    Fault("R9", "the process is asked to stop under load", stopped),
    Fault("R19", "random organisms die at random commits", simulated),
    Fault("R22", "a hundred spend from one budget and die", overspent),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Bring the faults about, and print what came of them; exit code 1 where a promise broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of each; 1 is full size")
    parser.add_argument("--only", choices=[each.id for each in FAULTS], help="this fault only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # What breaks is loud; here only the outcome is of interest.
    rows = []
    for fault in FAULTS:
        if options.only not in (None, fault.id):
            continue
        began = perf_counter()
        outcome = fault.bring_about(options.scale)
        took = perf_counter() - began
        rows.append({"id": fault.id, "about": fault.about, "seconds": took, **asdict(outcome)})
        if not options.json:
            mark = "holds" if outcome.holds else "BROKEN"
            print(f"{fault.id:4} {fault.about}: {outcome.done}, {took:.0f} s")
            print(f"     {mark}: {outcome.found}", flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))
    sys.exit(0 if all(row["holds"] for row in rows) else 1)


if __name__ == "__main__":
    main()
