"""A restart at any moment finds exactly what there was: seen by making one, beside the living."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest

from tests.cases import measured_once
from tests.faults.mirror import picture
from tests.faults.wild import PRINCIPALS, SOME, TENANTS, Wild
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.organism import Organism
from xml_pipeline.recovery import recover

pytestmark = pytest.mark.virtual_clock  # Each run has a loop of its own, of that kind.

CONFIG = {"budget": {"hops": 8, "messages": 150, "seconds": 100_000, "tokens": 300}}


class Mirrored:
    """An organism that is compared with its mirror image now and then."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.wild = Wild(self.random)
        self.listeners = self.wild.listeners()
        self.store = MemoryBackend()
        self.wrong: list[str] = []

    def _organism(self) -> Organism:
        config = OrganismConfig.model_validate(
            {
                **CONFIG,
                "max_concurrent_handlers": self.random.choice((1, 2, 20)),
                "max_concurrent_pipelines": self.random.choice((1, 2, 50)),
            }
        )
        return Organism(self.listeners, config=config, backend=self.store)

    async def run(self) -> list[str]:
        for _ in range(self.random.randint(1, 3)):
            await self._live()
        return self.wrong

    async def _live(self) -> None:
        async with self._organism() as organism:
            await self._compare(organism)
            for _ in range(self.random.randint(2, 8)):
                with suppress(XmlPipelineError):
                    await self._say(organism)
                await asyncio.sleep(self.random.choice((0.0, 0.05, 0.5, 1.0)))
                await self._meddle(organism)
                await self._compare(organism)

    async def _say(self, organism: Organism) -> None:
        pick = self.random
        to = pick.choice((*self.wild.names, "crowd"))
        threads = [each for each in organism.kernel.threads if each.parent is None]
        if threads and pick.random() < 0.5:
            root = pick.choice(threads)
            said = pick.choice(SOME).to_xml().decode()
            raw = (
                '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>x</from>'
                f"{pick.choice(('', f'<to>{to}</to>'))}<thread>{root.id}</thread></meta>"
                f"{said.replace('>', chr(32) + 'xmlns=' + chr(34) * 2 + '>', 1)}</message>"
            )
            conversation = root.conversation
            await organism.inject(raw.encode(), conversation.channel, tenant=conversation.tenant)
        else:
            principal, tenant = pick.choice(PRINCIPALS), pick.choice(TENANTS)
            await organism.send(to, pick.choice(SOME), sender=principal, tenant=tenant)

    async def _meddle(self, organism: Organism) -> None:
        pick = self.random
        for thread in organism.kernel.threads:
            if thread.open and thread.owed is not None and pick.random() < 0.3:
                organism.answer(thread.id, pick.choice(SOME))
        threads = list(organism.kernel.threads)
        if threads and pick.random() < 0.1:
            organism.kill(pick.choice(threads).id)

    async def _compare(self, organism: Organism) -> None:
        kernel = organism.kernel
        for _ in range(1_000):
            if kernel.journal.is_clean:
                break
            await asyncio.sleep(0)
        mirror = self._organism().kernel
        before = picture(kernel, live=True)
        await recover(mirror)
        after = picture(mirror, live=False)
        for part in before:
            for id in {*before[part], *after[part]}:
                was, is_ = before[part].get(id), after[part].get(id)
                if was != is_:
                    self.wrong.append(f"{part} {id}: {_difference(was, is_)}")
        for thread in mirror.threads:
            if thread.open:
                mirror.threads.close(thread, "killed")


def _difference(was: object, is_: object) -> str:
    if isinstance(was, dict) and isinstance(is_, dict):
        return "; ".join(
            f"{key}: {was[key]!r} became {is_[key]!r}" for key in was if was[key] != is_[key]
        )
    return f"{was!r} became {is_!r}"


@pytest.mark.parametrize("first", measured_once(range(0, 100, 10)))
def test_a_restart_finds_what_there_was(first: int) -> None:
    for seed in range(first, first + 10):
        with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
            wrong = runner.run(asyncio.wait_for(Mirrored(seed).run(), 100_000))
        assert wrong == [], f"seed {seed}"
