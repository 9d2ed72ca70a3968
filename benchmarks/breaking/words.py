"""R6, R7, R8, R11, R17, R21: bytes that are wrong, clients that are rude, files that change."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.breaking.outcome import SEED, Fault, Outcome, some
from tests.assembly.projects import project_in
from tests.faults.test_crash_points import Town
from tests.flows.test_growth import come_and_go, resident_bytes
from tests.flows.test_malformed import BATCH, Desk, hushed, shower, staff
from tests.flows.test_replay import HISTORIES
from tests.reload.test_under_load import is_broken, reload_under_load
from tests.server.test_events import outrun
from tests.server.test_raw_sockets import AT_ONCE, pour
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.cli.story import past_of
from xml_pipeline.organism import Organism
from xml_pipeline.replay import Replay, replay
from xml_pipeline.testing import memory_organism

MOST_HANG = 0.25
MOST_GROWTH = 50.0


def malformed(scale: float) -> Outcome:
    """Change real envelopes at random, and follow each to its end."""
    count = max(1, round(1_000_000 * scale / BATCH)) * BATCH

    async def run() -> tuple[dict[str, int], float, float, int]:
        random = Random(SEED)
        async with memory_organism(*staff()) as organism:
            desk = Desk(organism)
            await shower(desk, random, 2_000)
            gc.freeze()
            before = resident_bytes()
            became, worst = await shower(desk, random, count)
            grown = (resident_bytes() - before) / 1e6
            return became, worst, grown, len(organism.kernel.threads)

    with hushed():
        became, worst, grown, left = asyncio.run(run())
    gc.unfreeze()
    fates = ", ".join(f"{number:,} {fate}" for fate, number in sorted(became.items()))
    return Outcome(
        f"{count:,} mutants of real envelopes, seed {SEED}",
        f"{fates}; {left} left over; a hundred took {1_000 * worst:.0f} ms of processor time at "
        f"worst; {grown:+.0f} MB",
        sum(became.values()) == count and set(became) <= {"delivered", "validation", "routing"},
        worst < MOST_HANG and grown < MOST_GROWTH,
    )


def mangled(scale: float) -> Outcome:
    """Send requests with a few things wrong over raw sockets."""
    inputs = max(1, round(100_000 * scale / AT_ONCE)) * AT_ONCE
    more = asyncio.run(pour(inputs))
    return Outcome(
        f"{inputs:,} mangled requests",
        f"each refused or ended, none with a word about the inside; {more:+d} files open",
        more <= 2,
    )


def reloaded(scale: float) -> Outcome:
    """Reload while messages are under way; every fifth configuration is broken."""
    reloads, messages = some(100 * scale), some(100_000 * scale)
    _reload(1, messages)  # So many answers at a time take their room, reload or not.
    before = resident_bytes()
    applied = _reload(reloads, messages)
    broken = sum(map(is_broken, range(1, reloads + 1)))
    grown = resident_bytes() / before
    return Outcome(
        f"{reloads:,} reloads, {broken} of them broken, {messages:,} messages",
        f"0 dropped, 0 handled by half a configuration; {applied} took effect; memory {grown:.2f} "
        "times what it was",
        applied == reloads - broken,
        grown < 1.2,
    )


def _reload(reloads: int, messages: int) -> int:
    with TemporaryDirectory() as folder, project_in(Path(folder)) as project:
        return asyncio.run(reload_under_load(project, reloads, messages))


def unread(scale: float) -> Outcome:
    """Open streams of events and never read them."""
    readers = some(200 * scale)
    events = asyncio.run(outrun(readers))
    return Outcome(
        f"{readers} streams that nobody reads",
        f"all cut off within {events} events; one that reads got each of them",
        events > 0,
    )


def replayed(_: float) -> Outcome:
    """Decide what earlier versions recorded once more."""
    results = [asyncio.run(_again(said)) for said in HISTORIES.values()]
    other = [step for each in results for step in each.steps if not each.same]
    return Outcome(
        f"{len(HISTORIES)} recorded histories",
        f"{len(other)} of {sum(len(each.steps) for each in results)} decisions are others",
        not other,
    )


async def _again(said: Mapping[str, Any]) -> Replay:
    sandbox = Organism(Town().listeners(), backend=MemoryBackend())
    return await replay(sandbox.kernel, past_of(said))


def forgotten(scale: float) -> Outcome:
    """Let conversations come and go."""
    thousands = some(1_000 * scale)
    grown = asyncio.run(come_and_go(thousands)) / 2**20
    return Outcome(
        f"{1_000 * thousands:,} conversations",
        f"none left; an old id is unknown, and not taken up again; {grown:+.1f} MiB in the last "
        "seven tenths of them",
        True,
        grown < 6,
    )


WORDS = (
    Fault(
        "R6",
        "envelopes are malformed",
        "each answered or accepted; none holds up the loop for 250 ms; less than 50 MB more",
        malformed,
    ),
    Fault(
        "R7",
        "requests are malformed",
        "each refused or ended, no file left open",
        mangled,
    ),
    Fault(
        "R8",
        "the file is reloaded under load",
        "nothing dropped, nothing half-loaded; memory less than 1.2 times",
        reloaded,
    ),
    Fault(
        "R11",
        "readers of events do not read",
        "cut off at a cap, others unaffected",
        unread,
    ),
    Fault(
        "R17",
        "recorded histories are replayed",
        "byte for byte the same decisions",
        replayed,
    ),
    Fault(
        "R21",
        "very many conversations come and go",
        "memory bounded; an id that is over is unknown",
        forgotten,
    ),
)
