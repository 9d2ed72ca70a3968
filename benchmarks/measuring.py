"""How the pump is measured: cases between rounds of the floor, in one process and run.

Each round of a case stands between two rounds of the floor, so that whatever slows the machine
down slows both; a case's ratio is the median over its rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import platform
import pstats
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from statistics import median
from time import process_time

from lxml import etree

from benchmarks.floor import envelope, floor
from benchmarks.games import Clock, Game, Play

GC_THRESHOLDS = (50_000, 20, 50)
"""As `run` sets them, after it has frozen what is loaded."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way of using the pump; ``most`` is the figure to reach, in times the floor.

    ``game`` makes it ready at a scale: 1.0 takes about a quarter of a second a round.
    """

    name: str
    about: str
    game: Callable[[float], Game]
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """What a case came to: µs a delivery at best, and times the floor in the median."""

    name: str
    about: str
    us: float
    ratio: float
    most: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """All that is printed."""

    python: str
    lxml: str
    gc_thresholds: tuple[int, int, int]
    envelope_bytes: int
    floor_us: float
    cases: tuple[Figure, ...]


def measured(
    cases: Sequence[Case],
    about: str | None,
    arguments: Sequence[str] | None,
    *,
    clock: Clock = process_time,
    foot: str = "",
) -> None:
    """Measure what the command line asks for, and print it."""
    names = [case.name for case in cases]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is played")
    parser.add_argument("--scale", type=float, default=1.0, help="how long each round is")
    parser.add_argument("--only", choices=names, help="measure this case only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--profile", choices=names, help="print where this case spends its time")
    options = parser.parse_args(arguments)
    chosen = [case for case in cases if (options.profile or options.only) in (None, case.name)]
    if options.profile:
        asyncio.run(profile(chosen[0], options.scale))
        return
    report = asyncio.run(measure(chosen, options.rounds, options.scale, clock))
    print(json.dumps(asdict(report), indent=2) if options.json else table(report) + foot)


async def measure(
    cases: Sequence[Case], rounds: int, scale: float, clock: Clock = process_time
) -> Report:
    """Play all cases round by round, each between two rounds of the floor."""
    raw = envelope()
    play_floor = _floor_game(raw, max(1, round(1500 * scale)), clock)
    async with AsyncExitStack() as stack:
        games = [await stack.enter_async_context(case.game(scale)) for case in cases]
        for play in (play_floor, *games):
            await play()
        settle_garbage()
        floors = [await play_floor()]
        times: list[list[float]] = [[] for _ in cases]
        ratios: list[list[float]] = [[] for _ in cases]
        for _ in range(rounds):
            for number, play in enumerate(games):
                times[number].append(await play())
                floors.append(await play_floor())
                ratios[number].append(2 * times[number][-1] / sum(floors[-2:]))
    return Report(
        python=platform.python_version(),
        lxml=etree.__version__,
        gc_thresholds=gc.get_threshold(),
        envelope_bytes=len(raw),
        floor_us=1e6 * min(floors),
        cases=tuple(
            Figure(case.name, case.about, 1e6 * min(took), median(compared), case.most)
            for case, took, compared in zip(cases, times, ratios, strict=True)
        ),
    )


async def profile(case: Case, scale: float, lines: int = 40) -> None:
    """Print where one case spends its time, by the functions that spend it."""
    profiler = cProfile.Profile()
    async with case.game(scale) as play:
        await play()
        settle_garbage()
        with profiler:
            await play()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(lines)


def settle_garbage() -> None:
    """Set the garbage collector as `run` does: what is loaded stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def table(report: Report) -> str:
    """Write the report for people."""
    head = f"{'':44}{'µs':>8}{'floors':>10}{'at most':>10}"
    rows = [f"{f'the floor ({report.envelope_bytes} bytes)':44}{report.floor_us:8.2f}{1:10.2f}"]
    for each in report.cases:
        most = f"{each.most:10.1f}" if each.most is not None else ""
        rows.append(f"{each.about:44}{each.us:8.2f}{each.ratio:10.2f}{most}")
    foot = f"Python {report.python}, lxml {report.lxml}, gc.freeze(), {report.gc_thresholds}"
    return "\n".join((head, *rows, foot))


def _floor_game(raw: bytes, messages: int, clock: Clock) -> Play:
    answer = floor()

    async def play() -> float:
        began = clock()
        for _ in range(messages):
            answer(raw)
        return (clock() - began) / messages

    return play
