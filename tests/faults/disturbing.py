"""Load that is disturbed, again and again, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.faults.checker import Verdict, judge, missing
from tests.faults.load import Load, Target
from tests.faults.processes import PATIENCE, looks_at
from tests.faults.project import HANDS

MOST = 1_000_000


class Disturbance:
    """Sends orders to a target, and waits for them to be acknowledged."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._effects = folder / "effects"
        self._acknowledged = 0
        self._changed = asyncio.Event()
        self.failed = asyncio.Event()
        self.load = Load(target, MOST, when_ok=self._count, when_not=self.failed.set)

    async def acknowledged(self, more: int) -> None:
        """Wait until so many more orders are acknowledged."""
        goal = self._acknowledged + more
        async with asyncio.timeout(PATIENCE):
            while self._acknowledged < goal:
                self._changed.clear()
                await self._changed.wait()

    async def verdict(self) -> Verdict:
        """Judge, once the last hand has done all that was acknowledged, or nothing comes."""
        watching = looks_at(self._effects)
        with suppress(TimeoutError):  # Then the verdict will say what is lost.
            async with asyncio.timeout(PATIENCE):
                while missing(self.load.outcomes, self._effects, HANDS[-1]):
                    await anext(watching)
        await watching.aclose()
        return judge(self.load.outcomes, self._effects, HANDS)

    def _count(self, number: int) -> None:
        self._acknowledged = number
        self._changed.set()


@asynccontextmanager
async def under_load(target: Target, folder: Path) -> AsyncIterator[Disturbance]:
    """Send orders until the block ends, and then let the last of them come to an end."""
    disturbance = Disturbance(target, folder)
    loading = asyncio.create_task(disturbance.load.run())
    try:
        yield disturbance
        disturbance.load.enough = True
        async with asyncio.timeout(PATIENCE):
            await loading
    finally:
        loading.cancel()


async def again_and_again(
    disturbance: Disturbance, times: int, every: int, disturb: Callable[[int], Awaitable[None]]
) -> None:
    """Disturb so many times, each after so many further acknowledgements."""
    for number in range(times):
        await disturbance.acknowledged(every)
        await disturb(number)
    await disturbance.acknowledged(every)
