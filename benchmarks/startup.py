#!/usr/bin/env python
"""Measures how long the command line takes to begin, in real processes."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Start:
    """The best time of a process, in seconds, and how often the bare interpreter fits in it.

    ``limit`` says what it should be at most.
    """

    about: str
    seconds: float
    ratio: float
    limit: str


def best_time(rounds: int, *arguments: str) -> float:
    """Return the seconds that a Python process with these arguments takes at best."""
    command = [sys.executable, *arguments]
    return min(_time(command) for _ in range(rounds))


def _time(command: Sequence[str]) -> float:
    began = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began


def best_time_to_first_message(rounds: int) -> float:
    """Return the seconds until the default organism, HTTP and all, has moved a message at best.

    That is its boot message, and the log says when it is handed to its listener.
    """
    with TemporaryDirectory() as state:
        return min(_time_to_first_message(state) for _ in range(rounds))


def _time_to_first_message(state: str) -> float:
    command = [sys.executable, "-m", "xml_pipeline", "run", "config/organism.yaml"]
    environment = os.environ | {"XDG_STATE_HOME": state, "XML_PIPELINE_PORT": "0"}
    began = perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        log = process.stderr or ()
        taken = next(perf_counter() - began for line in log if '"event": "message"' in line)
        process.terminate()
        process.communicate()
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="how often each process is started")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    bare = best_time(options.rounds, "-c", "pass")
    shown = best_time(options.rounds, "-m", "xml_pipeline", "--help")
    moved = best_time_to_first_message(options.rounds)
    starts = (
        Start("python -c pass", bare, 1.0, ""),
        Start("python -m xml_pipeline --help", shown, shown / bare, "10 times bare"),
        Start("python -m xml_pipeline run, first message", moved, moved / bare, "1000 ms"),
    )
    if options.json:
        print(json.dumps([asdict(start) for start in starts], indent=2))
        return
    print(f"{'':43}{'ms':>7}{'times bare':>12}{'at most':>16}")
    for start in starts:
        print(f"{start.about:43}{1e3 * start.seconds:7.0f}{start.ratio:12.1f}{start.limit:>16}")


if __name__ == "__main__":
    main()
