"""R1: the process is killed under load, again and again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.checker import Verdict, judge, missing
from tests.faults.load import Load
from tests.faults.processes import PATIENCE, Runner, looks_at
from tests.faults.project import HANDS, write_project


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of it: the verdict, the seconds of each restart, the code of the last exit."""

    verdict: Verdict
    kills: int
    restarts: tuple[float, ...]
    code: int


async def kill_under_load(
    folder: Path, *, kills: int, orders: int, seed: int, backend: str | None = None
) -> Killed:
    """Send orders, and kill the process at random moments; then let it finish, and judge."""
    write_project(folder) if backend is None else write_project(folder, backend)
    runner = Runner(folder)
    moments = sorted(Random(seed).sample(range(1, orders * 9 // 10), kills))
    due = asyncio.Event()
    waiting = iter(moments)
    following = next(waiting, None)

    def count(acknowledged: int) -> None:
        nonlocal following
        if following is not None and acknowledged >= following:
            following = next(waiting, None)
            due.set()

    load = Load(runner, orders, when_ok=count)
    restarts: list[float] = []
    await runner.start()
    async with asyncio.TaskGroup() as group:
        loading = group.create_task(load.run())
        while not loading.done():
            coming = asyncio.ensure_future(due.wait())
            await asyncio.wait({coming, loading}, return_when=asyncio.FIRST_COMPLETED)
            coming.cancel()
            if due.is_set():
                due.clear()
                await runner.kill()
                restarts.append(await runner.start())
    await _finished(load, folder / "effects")
    code = await runner.stop()
    verdict = judge(load.outcomes, folder / "effects", HANDS)
    return Killed(verdict, len(restarts), tuple(restarts), code)


async def _finished(load: Load, effects: Path) -> None:
    """Wait until the last hand has done all that was acknowledged, or nothing comes any more."""
    watching = looks_at(effects)
    with suppress(TimeoutError):  # Then the verdict will say what is lost.
        async with asyncio.timeout(PATIENCE):
            while missing(load.outcomes, effects, HANDS[-1]):
                await anext(watching)
    await watching.aclose()
