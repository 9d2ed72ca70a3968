#!/usr/bin/env python
"""Measures how long the command line takes to begin, in real processes."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Start:
    """The best time of a process, in seconds, and how often the bare interpreter fits in it."""

    about: str
    seconds: float
    ratio: float
    most: float


def best_time(rounds: int, *arguments: str) -> float:
    """Return the seconds that a Python process with these arguments takes at best."""
    command = [sys.executable, *arguments]
    return min(_time(command) for _ in range(rounds))


def _time(command: Sequence[str]) -> float:
    began = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="how often each process is started")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    bare = best_time(options.rounds, "-c", "pass")
    shown = best_time(options.rounds, "-m", "xml_pipeline", "--help")
    starts = (
        Start("python -c pass", bare, 1.0, 1.0),
        Start("python -m xml_pipeline --help", shown, shown / bare, 10.0),
    )
    if options.json:
        print(json.dumps([asdict(start) for start in starts], indent=2))
        return
    print(f"{'':34}{'ms':>8}{'times bare':>12}{'at most':>10}")
    for start in starts:
        print(f"{start.about:34}{1e3 * start.seconds:8.1f}{start.ratio:12.1f}{start.most:10.0f}")


if __name__ == "__main__":
    main()
