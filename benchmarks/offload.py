#!/usr/bin/env python
"""Measures handlers that compute in worker processes against a bare pool of processes.

Jobs of 5 ms of processor time each go to two processes: through the pump, as messages to a
`cpu_bound` listener, and through `concurrent.futures.ProcessPoolExecutor`, in turn, in the
same run. The processes of both give way to others alike. A heartbeat of 1 ms tells how late the
event loop is while it hands out jobs.

With `--redis URL` they go to a worker elsewhere, over that Redis: another process with two of its
own, on this machine. The organism then keeps its journal there as well. Keys begin with
`xp-bench:`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from subprocess import PIPE, Popen
from tempfile import NamedTemporaryFile
from time import perf_counter

from benchmarks.burning import SECONDS, burn, burn_and_return
from benchmarks.floor import BALL, Ball
from xml_pipeline import Listener, Organism, OrganismConfig
from xml_pipeline.backends.redis import RedisBackend
from xml_pipeline.dispatch.worker import GIVES_WAY

WORKERS = 2
LEAST_RATIO = 0.85
MOST_LATE_MS = 3.0
BEAT = 0.001
PREFIX = "xp-bench:"


@dataclass(frozen=True, slots=True)
class Report:
    """Jobs a second, both ways; the ratio of the two; and how late the heartbeat was, in ms.

    ``bare_late_p99_ms`` is of the rounds in which the event loop had only the bare pool to wait
    for: so late is it on this machine anyway.
    """

    jobs_per_second: float
    bare_jobs_per_second: float
    ratio: float
    late_p50_ms: float
    late_p99_ms: float
    bare_late_p99_ms: float
    load: float


class Heartbeat:
    """Beats every millisecond, and notes how late each beat was."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Heartbeat:
        self._due = self._loop.time()
        self._beat()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        now = self._loop.time()
        self.late.append(now - self._due)
        self._due = now + BEAT
        self._timer = self._loop.call_at(self._due, self._beat)


async def measure(rounds: int, jobs: int, redis: str | None = None) -> Report:
    """Play both ways in turn; the ratio is the median over the rounds."""
    late: list[float] = []
    bare_late: list[float] = []
    rates: list[tuple[float, float]] = []
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, spawning, os.nice, (GIVES_WAY,)) as bare:
        async with organism_on(redis) as organism:
            await through_the_pump(organism, 2 * WORKERS)
            await through_the_executor(bare, 2 * WORKERS)
            for _ in range(rounds):
                with Heartbeat() as heartbeat:
                    ours = await through_the_pump(organism, jobs)
                late += heartbeat.late
                with Heartbeat() as heartbeat:
                    rates.append((ours, await through_the_executor(bare, jobs)))
                bare_late += heartbeat.late
    return Report(
        median(ours for ours, _ in rates),
        median(theirs for _, theirs in rates),
        median(ours / theirs for ours, theirs in rates),
        1000 * percentile(late, 50),
        1000 * percentile(late, 99),
        1000 * percentile(bare_late, 99),
        os.getloadavg()[0],
    )


@asynccontextmanager
async def organism_on(redis: str | None) -> AsyncIterator[Organism]:
    """Give an organism with workers here, or else elsewhere, over Redis."""
    if redis is None:
        async with Organism([burner()], config=config()) as organism:
            yield organism
        return
    with worker_on(redis):
        backend = RedisBackend(redis, PREFIX, keep=0)
        async with Organism([burner()], config=config(), backend=backend) as organism:
            assert organism.kernel.offload.places == WORKERS
            yield organism


@contextmanager
def worker_on(redis: str) -> Iterator[None]:
    """Keep a worker elsewhere that may import what stands here, from when it serves on."""
    with NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("allow_imports: [benchmarks]\nlisteners: []\n")
        file.flush()
        where = ("--redis", redis, "--prefix", PREFIX, "--processes", str(WORKERS))
        command = (sys.executable, "-m", "xml_pipeline", "worker", file.name, *where)
        with Popen(command, stderr=PIPE, text=True) as worker:
            assert worker.stderr is not None
            try:
                assert any("serves (" in line for line in worker.stderr)
                yield
            finally:
                worker.terminate()


def percentile(times: list[float], percent: int) -> float:
    """Return the time that so many per cent of them do not exceed."""
    return sorted(times)[min(len(times) * percent // 100, len(times) - 1)]


def burner() -> Listener:
    """Return the listener that computes."""
    return Listener("burner", Ball, burn_and_return, description="Burns.", cpu_bound=True)


def config() -> OrganismConfig:
    """Return the default configuration, with two processes."""
    return OrganismConfig.model_validate({"process_pool": {"workers": WORKERS}})


async def through_the_pump(organism: Organism, jobs: int) -> float:
    """Ask so many times, all at once; return jobs a second."""
    began = perf_counter()
    await asyncio.gather(*(organism.ask("burner", BALL) for _ in range(jobs)))
    return jobs / (perf_counter() - began)


async def through_the_executor(bare: ProcessPoolExecutor, jobs: int) -> float:
    """Have so many jobs done by the bare pool; return jobs a second."""
    loop = asyncio.get_running_loop()
    began = perf_counter()
    await asyncio.gather(*(loop.run_in_executor(bare, burn) for _ in range(jobs)))
    return jobs / (perf_counter() - began)


def table(report: Report) -> str:
    """Write the report for people."""
    ideal = WORKERS / SECONDS
    return "\n".join(
        (
            f"{'jobs a second, through the pump':40}{report.jobs_per_second:8.1f}",
            f"{'the same, by a bare process pool':40}{report.bare_jobs_per_second:8.1f}",
            f"{'ratio':40}{report.ratio:8.3f}   at least {LEAST_RATIO}",
            f"{'heartbeat late, median (ms)':40}{report.late_p50_ms:8.2f}",
            f"{'heartbeat late, 99 % (ms)':40}{report.late_p99_ms:8.2f}   at most {MOST_LATE_MS}",
            f"{'the same, beside the bare pool':40}{report.bare_late_p99_ms:8.2f}",
            f"{WORKERS} processes, {ideal:.0f} jobs a second at best; load {report.load:.1f}",
        )
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="how often each way is played")
    parser.add_argument("--jobs", type=int, default=400, help="jobs in each round")
    parser.add_argument(
        "--redis", metavar="URL", help="measure a worker elsewhere, over this Redis"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    report = asyncio.run(measure(options.rounds, options.jobs, options.redis))
    print(json.dumps(asdict(report), indent=2) if options.json else table(report))


if __name__ == "__main__":
    main()
