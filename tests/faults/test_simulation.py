"""R19: random organisms in random storms, whose process dies at random; an auditor reads the books.

The seed of each run decides everything; a failure names it, and it comes again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest

from tests.cases import measured_once
from tests.faults.books import Books
from tests.faults.dying import Died, Dying
from tests.flows.storms import SOME, Storm
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.organism import Organism

pytestmark = pytest.mark.virtual_clock  # Each run has a loop of its own, of that kind.

SEEDS = 200
AT_ONCE = 20


class Simulation:
    """The lives of one organism: each begins with what the last one left, and ends somewhere."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._storm = Storm(self._random, [f"l{n}" for n in range(self._random.randint(1, 5))])
        self._listeners = self._storm.listeners()
        self._store = MemoryBackend()
        self._accepted: list[str] = []

    async def run(self) -> list[str]:
        """Live, die, and live on to the end; return what is wrong with the books."""
        for _ in range(self._random.randint(1, 5)):
            commit = self._random.choice((2, 5, 10, 20, 40))
            await self._live(Dying(self._store, commit, written=self._random.random() < 0.5))
        await self._live(Dying(self._store), to_the_end=True)
        return [*self._storm.faults, *await self._audit()]

    async def _live(self, backend: Dying, *, to_the_end: bool = False) -> None:
        organism = Organism(self._listeners, config=self._config(), backend=backend)
        with suppress(Died, ExceptionGroup):
            async with organism:
                living = asyncio.ensure_future(self._busy(organism, meddles=not to_the_end))
                ended = asyncio.ensure_future(organism.ended())
                await asyncio.wait({living, ended}, return_when=asyncio.FIRST_COMPLETED)
                living.cancel()
                ended.cancel()
                await asyncio.gather(living, ended, return_exceptions=True)

    async def _busy(self, organism: Organism, *, meddles: bool) -> None:
        pick = self._random
        with suppress(XmlPipelineError):
            for _ in range(pick.randint(1, 6)):
                to = pick.choice((*self._storm.names, "crowd"))
                self._accepted.append(await organism.send(to, pick.choice(SOME)))
            if meddles:
                await self._storm.meddle(organism)
            for name in self._storm.names:  # Somebody may have been paused in an earlier life.
                organism.resume(name)
            await organism.drain()
            await asyncio.sleep(1_000)  # Nothing deferred or delayed is left after that.
            await organism.drain()

    async def _audit(self) -> list[str]:
        wrong = [f"{each.id} has not ended" async for each in self._store.unfinished()]
        known = {each.id for each in await self._store.conversations(1_000_000)}
        wrong += [
            f"{each} was accepted, and is not known" for each in self._accepted if each not in known
        ]
        for id in known:
            past = await self._store.conversation(id)
            assert past is not None
            wrong += Books(id).audit(records for _, records in past.entries)
        return wrong

    def _config(self) -> OrganismConfig:
        return OrganismConfig.model_validate(
            {
                "max_concurrent_handlers": self._random.choice((1, 2, 20)),
                "max_concurrent_pipelines": self._random.choice((1, 2, 50)),
                "thread_scheduling": self._random.choice(("breadth-first", "depth-first")),
                "budget": {"hops": 8, "messages": 150, "seconds": 100_000},
            }
        )


@pytest.mark.parametrize("first", measured_once(range(0, SEEDS, AT_ONCE)))
def test_whatever_dies_when_the_books_are_right_in_the_end(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
            wrong = runner.run(asyncio.wait_for(Simulation(seed).run(), 100_000))
        assert wrong == [], f"seed {seed}"
