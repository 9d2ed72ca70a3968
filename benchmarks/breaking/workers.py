"""R4, R5, R24: worker processes crash, are poisoned, or are no longer waited for."""

from __future__ import annotations

import asyncio

from benchmarks.breaking.outcome import Fault, Outcome, first, percentile, some
from tests.faults.crashing import cancel, crash_among, poison_among, seconds_until_replaced

MOST_TIMES_QUIET = 3.0
MOST_BACK = 1.0
SHARES = {"segfault": 0.30, "kill": 0.30, "exit": 0.25, "hoard": 0.10, "loop": 0.05}


def crash(scale: float) -> Outcome:
    """Let jobs crash their worker among others."""
    jobs = some(50_000 * scale)
    crashes = {what: some(1_000 * scale * share) for what, share in SHARES.items()}
    done = asyncio.run(crash_among(jobs, crashes))
    quiet = asyncio.run(crash_among(min(jobs, 10_000), {}))
    back = max(asyncio.run(seconds_until_replaced(some(20 * scale))))
    times = percentile(done.took, 99) / percentile(quiet.took, 99)
    return Outcome(
        f"{sum(crashes.values()):,} crashes in {jobs:,} jobs",
        f"{len(done.wrong)} other jobs harmed{first(done.wrong)}, {done.left} left over; the "
        f"others' p99 {times:.1f} times the quiet one; a lone worker back in {back:.1f} s at most",
        not done.wrong and not done.left and dict(done.told) == crashes,
        times <= MOST_TIMES_QUIET and back <= MOST_BACK,
    )


def poison(scale: float) -> Outcome:
    """Let messages kill their worker each time."""
    jobs, poisonous = some(100_000 * scale), some(1_000 * scale)
    done = asyncio.run(poison_among(jobs, poisonous))
    complete = [
        each
        for each in done.letters
        if each.attempts == 5 and b"segfault" in each.payload and "SIGSEGV" in each.reason
    ]
    return Outcome(
        f"{poisonous:,} poisonous in {jobs:,}",
        f"{len(done.wrong)} good ones harmed{first(done.wrong)}; {len(complete):,} laid aside "
        "after five deliveries, with bytes and reason",
        not done.wrong and len(complete) == len(done.letters) == poisonous,
    )


def forsake(scale: float) -> Outcome:
    """Cancel jobs in the middle."""
    times = some(1_000 * scale)
    it = asyncio.run(cancel(times))
    return Outcome(
        f"{times:,} cancelled in the middle, half by whoever waits, half by a kill",
        f"{it.late} ended later than 1 s, {it.held} budgets not given back, {it.left} left over",
        not it.held and not it.left,
        not it.late,
    )


WORKERS = (
    Fault(
        "R4",
        "jobs crash, kill, exhaust or never leave their worker process",
        "only they fail; others' p99 at most 3 times the quiet one; a worker is back within 1 s",
        crash,
    ),
    Fault(
        "R5",
        "messages kill their worker each time",
        "each laid aside after exactly five deliveries, nothing good lost",
        poison,
    ),
    Fault(
        "R24",
        "nobody waits any more for a job that never ends",
        "ended within 1 s, its budget given back, no process left",
        forsake,
    ),
)
