"""What became of a message is read off the journal, as the sender was told it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.journal.outcomes import outcome_of
from xml_pipeline.journal.reading import read
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.payload import xmlify
from xml_pipeline.steps.seal import envelope_bytes
from xml_pipeline.testing import Probe


def wide() -> type:
    @xmlify
    @dataclass(frozen=True, slots=True)
    class News:
        """Something new, told at length."""

        text: str
        more: str = ""

    return News


def narrow() -> type:
    @xmlify
    @dataclass(frozen=True, slots=True)
    class News:
        """Something new."""

        text: str

    return News


async def test_a_broadcast_that_one_refuses_goes_on_with_the_other() -> None:
    def owe(payload: Any, metadata: Any) -> HandlerResponse:
        return HandlerResponse.defer(within=60)

    backend = MemoryBackend()
    hears = Probe("hears", wide(), owe, broadcast=True)
    deaf = Probe("deaf", narrow(), broadcast=True)
    async with Organism([hears.listener, deaf.listener], backend=backend) as organism:
        news = b"<News><text>peace</text><more>at last</more></News>"
        thread = await organism.inject(envelope_bytes(news, "outside", None, ""))
        await hears.next()
        await organism.drain()
        past = await backend.conversation(thread)
        assert past is not None
        assert not outcome_of(read(past), 1).is_over
    assert deaf.seen == []
