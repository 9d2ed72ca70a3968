"""R1, R9, R14, R20: a process of `run` is killed, stopped, starved of disk, or left running."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.breaking.outcome import SEED, Fault, Outcome, percentile, some
from tests.cli.shell import Shell, make_project
from tests.faults.checker import Verdict, judge
from tests.faults.killing import Ended, end_under_load, finished
from tests.faults.load import Load
from tests.faults.processes import Runner
from tests.faults.project import HANDS, write_project
from tests.faults.test_full_disk import fail_to_sync, fill

MOST_RESTART = 2.0
MOST_STOP = 30.0
MOST_GROWTH = 1.0
"""MB an hour."""


def killed(scale: float) -> Outcome:
    """Kill the process under load."""
    ended, done = _ended(Runner.kill, 100, 100_000, scale, "kills")
    late = percentile(ended.restarts, 95)
    found = (
        f"{_told(ended.verdict)}; up again in {late:.1f} s (p95), of which the process worked for "
        f"{percentile(ended.worked, 95):.1f}"
    )
    return Outcome(done, found, ended.verdict.is_clean, late <= MOST_RESTART)


def stopped(scale: float) -> Outcome:
    """Ask the process to stop under load."""
    ended, done = _ended(Runner.stop, 100, 50_000, scale, "stops")
    other = [code for code in ended.codes if code != 128 + 15]
    slowest = max(ended.endings)
    found = (
        f"{_told(ended.verdict)}; the slowest stop took {slowest:.1f} s, {len(other)} with "
        "another exit code than 143"
    )
    return Outcome(done, found, ended.verdict.is_clean and not other, slowest <= MOST_STOP)


def _ended(
    how: Callable[[Runner], Awaitable[int]], times: int, orders: int, scale: float, what: str
) -> tuple[Ended, str]:
    times, orders = some(times * scale), some(orders * scale)
    with TemporaryDirectory() as folder:
        ended = asyncio.run(
            end_under_load(Path(folder), how, times=times, orders=orders, seed=SEED)
        )
    return ended, f"{times} {what}, {orders:,} orders"


def _told(verdict: Verdict) -> str:
    return (
        f"{len(verdict.lost)} lost of {verdict.acknowledged:,} acknowledged, "
        f"{len(verdict.doubled)} doubled, {verdict.unknown} unknown, {verdict.repeated} calls "
        "repeated under their id"
    )


def starved(scale: float) -> Outcome:
    """Let the disk be full, and then let it fail to keep what it was given."""
    ways = [(fill, some(45 * scale))]
    if shutil.which("strace"):
        ways.append((fail_to_sync, some(5 * scale)))
    lost, acknowledged = 0, 0
    for bring_about, times in ways:
        with TemporaryDirectory() as folder:
            make_project(Path(folder) / "project")
            told, written = bring_about(Shell(Path(folder) / "project", Path(folder)), times)
        lost += len({*told} - {*written})
        acknowledged += len(told)
    return Outcome(
        f"{ways[0][1]} times a full disk, "
        + (f"{ways[1][1]} times EIO on fsync" if ways[1:] else "no EIO: there is no strace"),
        f"{lost} lost of {acknowledged} acknowledged; 503 each time, and ready again each time",
        lost == 0,
    )


@dataclass
class Vitals:
    """What a process holds, looked at now and then: hours, MB and open files."""

    process: Path
    hours: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def look(self, hours: float) -> None:
        """Look at it."""
        pages = int((self.process / "statm").read_text().split()[1])
        self.hours.append(hours)
        self.megabytes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        self.files.append(len(os.listdir(self.process / "fd")))

    def growth(self) -> float:
        """Return the slope of the second half, in MB an hour, by least squares."""
        hours, held = (each[len(each) // 2 :] for each in (self.hours, self.megabytes))
        at, size = sum(hours) / len(hours), sum(held) / len(held)
        spread = sum((each - at) ** 2 for each in hours) or 1.0
        pairs = zip(hours, held, strict=True)
        return sum((hour - at) * (one - size) for hour, one in pairs) / spread


def soaked(scale: float) -> Outcome:
    """Let a process run at half of what it can take."""
    with TemporaryDirectory() as folder:
        verdict, vitals, rate = asyncio.run(_soak(Path(folder), 8 * 3600 * scale))
    growth, files = vitals.growth(), max(vitals.files[1:]) - vitals.files[1]
    return Outcome(
        f"{vitals.hours[-1] * 60:.0f} min at {rate:.0f} orders/s, half of what it took before",
        f"{_told(verdict)}; {growth:+.1f} MB an hour in the second half, {files:+d} files",
        verdict.is_clean and files <= 2,
        growth < MOST_GROWTH,
    )


async def _soak(folder: Path, seconds: float) -> tuple[Verdict, Vitals, float]:
    write_project(folder)
    runner, clock = Runner(folder), asyncio.get_running_loop().time
    await runner.start()
    vitals = Vitals(Path(f"/proc/{runner.pid}"))
    load = Load(runner, 10**9)
    loading = asyncio.create_task(load.run())
    warming = min(10.0, seconds / 10)
    await asyncio.sleep(warming)
    rate = load.acknowledged / warming / 2
    began, due = clock(), clock()

    async def pace() -> None:
        nonlocal due
        due += 1 / rate
        await asyncio.sleep(due - clock())

    load.pace = pace
    while clock() - began < seconds:
        vitals.look((clock() - began) / 3600)
        await asyncio.sleep(seconds / 50)
    load.enough = True
    await loading
    await finished(load, folder / "effects")
    await runner.stop()
    return judge(load.outcomes, folder / "effects", HANDS), vitals, rate


PROCESSES = (
    Fault(
        "R1",
        "the process is killed under load",
        "nothing lost or doubled; up again within 2 s (p95)",
        killed,
    ),
    Fault(
        "R9",
        "the process is asked to stop under load",
        "nothing lost or doubled; gone within 30 s, in order",
        stopped,
    ),
    Fault(
        "R14",
        "the disk is full, or fails to sync",
        "nothing acknowledged that is not written; it recovers",
        starved,
    ),
    Fault(
        "R20",
        "it runs for long, at half load",
        "nothing lost, files flat, less than 1 MB an hour",
        soaked,
    ),
)
