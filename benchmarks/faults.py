#!/usr/bin/env python
"""Breaks an organism in every way that is promised to hold, and prints what came of it.

The same machinery as in ``tests/faults``, at full size; ``--scale 0.2`` is a fifth of it. A row is
BROKEN where anything was lost, doubled or left over, and misses its figure where it took longer
than is asked, which a busy machine brings about as well.

Rows R are brought about and judged here. Rows S (security) and C (faults of the reference design)
are proved by tests of the suite, which are run: each row names its own. What is not built is
named as such. Progress goes to stderr, the table to stdout.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter

import pytest

from benchmarks.breaking.clocks import CLOCKS
from benchmarks.breaking.networks import NETWORKS
from benchmarks.breaking.outcome import Fault, Outcome
from benchmarks.breaking.processes import PROCESSES
from benchmarks.breaking.proofs import SECURITY, Proof
from benchmarks.breaking.reference import REFERENCE
from benchmarks.breaking.running_tests import names, outcomes, verdict
from benchmarks.breaking.words import WORDS
from benchmarks.breaking.workers import WORKERS

ALL: tuple[Fault, ...] = (*PROCESSES, *NETWORKS, *WORKERS, *WORDS, *CLOCKS)
FAULTS = sorted(ALL, key=lambda fault: int(fault.id[1:]))
PROOFS = (*SECURITY, *sorted(REFERENCE, key=lambda proof: int(proof.id[1:])))
IDS = [*(each.id for each in FAULTS), *(each.id for each in PROOFS)]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table."""

    id: str
    about: str
    asked: str
    done: str
    found: str
    verdict: str
    holds: bool
    seconds: float

    def __str__(self) -> str:
        """Write it in Markdown."""
        cells = (self.id, self.about, self.asked, self.done, self.found, self.verdict)
        took = f"{self.seconds:,.0f}" if self.seconds else ""
        return f"| {' | '.join((*cells, took))} |"


HEAD = """\
| | fault | asked | done | found | verdict | s |
|---|---|---|---|---|---|---|"""


def brought_about(fault: Fault, scale: float) -> Row:
    """Bring a fault about."""
    _progress(f"{fault.id}: {fault.about} …")
    began = perf_counter()
    try:
        outcome = fault.bring_about(scale)
    except pytest.skip.Exception as reason:
        outcome = Outcome(f"not done: {reason}", "", holds=True, reached=False)
    except (AssertionError, TimeoutError, ExceptionGroup) as error:
        outcome = Outcome("not finished", f"{type(error).__name__}: {error}", holds=False)
    took = perf_counter() - began
    row = Row(
        fault.id,
        fault.about,
        fault.asked,
        outcome.done,
        outcome.found,
        outcome.verdict,
        outcome.holds,
        took,
    )
    _progress(f"{fault.id}: {row.verdict}, {took:.0f} s; {row.found}")
    return row


def proved(proofs: Collection[Proof]) -> list[Row]:
    """Run the tests of some proofs."""
    if proofs:
        _progress(f"the tests of {len(proofs)} rows …")
    came = outcomes(proofs)
    rows = []
    for proof in proofs:
        found, word = verdict(proof, came)
        rows.append(
            Row(
                proof.id,
                proof.about,
                "",
                names(proof.tests),
                found,
                word,
                not word.startswith("BROKEN"),
                0.0,
            )
        )
    return rows


def machine(scale: float) -> str:
    """Say where and how this was run."""
    load = os.getloadavg()[0]
    return (
        f"{platform.system()}, {os.cpu_count()} cores, which others may use as well: load "
        f"{load:.1f} at the beginning. Python {platform.python_version()}, scale {scale:g}."
    )


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Bring the faults about, and print what came of them; exit code 1 where a promise broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of each; 1 is full size")
    parser.add_argument("--only", nargs="+", choices=IDS, metavar="ID", help="these rows only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    wanted = options.only or IDS
    # What breaks is loud; here only the outcome is of interest.
    logging.getLogger().addHandler(logging.NullHandler())
    rows: list[Row] = []
    if not options.json:
        print(f"{machine(options.scale)}\n\n{HEAD}", flush=True)
    for fault in FAULTS:
        if fault.id in wanted:
            rows.append(brought_about(fault, options.scale))
            if not options.json:
                print(rows[-1], flush=True)
    more = proved([each for each in PROOFS if each.id in wanted])
    if options.json:
        print(json.dumps([asdict(row) for row in (*rows, *more)], indent=2))
    else:
        print("\n".join(map(str, more)))
    sys.exit(0 if all(row.holds for row in (*rows, *more)) else 1)


if __name__ == "__main__":
    main()
