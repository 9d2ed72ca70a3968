"""R1 and R9: the process is ended under load, again and again: by force, or asked to stop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.checker import Verdict, judge, missing
from tests.faults.load import Load
from tests.faults.processes import PATIENCE, Runner, looks_at
from tests.faults.project import HANDS, write_project


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it: the verdict, the code of each exit, the seconds of each end and restart.

    ``worked`` are those that a restart took of the processor, until the process answered.
    """

    verdict: Verdict
    restarts: tuple[float, ...]
    worked: tuple[float, ...]
    endings: tuple[float, ...]
    codes: tuple[int, ...]


async def end_under_load(
    folder: Path, how: Callable[[Runner], Awaitable[int]], *, times: int, orders: int, seed: int
) -> Ended:
    """Send orders, and end the process at random moments; then let it finish, and judge."""
    write_project(folder)
    runner = Runner(folder)
    moments = sorted(Random(seed).sample(range(1, orders * 9 // 10), times))
    due: asyncio.Queue[int] = asyncio.Queue()
    to_come = deque(moments)

    def count(acknowledged: int) -> None:
        while to_come and acknowledged >= to_come[0]:
            due.put_nowait(to_come.popleft())

    load = Load(runner, orders, when_ok=count)
    restarts: list[float] = []
    worked: list[float] = []
    endings: list[float] = []
    codes: list[int] = []
    clock = asyncio.get_running_loop().time
    await runner.start()
    async with asyncio.TaskGroup() as group:
        loading = group.create_task(load.run())
        while len(codes) < times and not (loading.done() and due.empty()):
            coming = asyncio.ensure_future(due.get())
            await asyncio.wait({coming, loading}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                began = clock()
                codes.append(await how(runner))
                endings.append(clock() - began)
                restarts.append(await runner.start())
                worked.append(runner.worked)
            coming.cancel()
    await finished(load, folder / "effects")
    codes.append(await runner.stop())
    verdict = judge(load.outcomes, folder / "effects", HANDS)
    return Ended(verdict, tuple(restarts), tuple(worked), tuple(endings), tuple(codes))


async def finished(load: Load, effects: Path) -> None:
    """Wait until the last hand has done all that was acknowledged, or nothing comes any more."""
    watching = looks_at(effects)
    with suppress(TimeoutError):  # Then the verdict will say what is lost.
        async with asyncio.timeout(PATIENCE):
            while missing(load.outcomes, effects, HANDS[-1]):
                await anext(watching)
    await watching.aclose()
