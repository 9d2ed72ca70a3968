"""What an organism tells of its messages, kept for a test to look at."""

from __future__ import annotations

import asyncio

from xml_pipeline.events import Event, FaultEvent, MessageReceived, MessageSent
from xml_pipeline.organism import Organism


class Watch:
    """Keeps what was sent, received and refused."""

    def __init__(self, organism: Organism) -> None:
        self.sent: list[MessageSent] = []
        self.received: list[MessageReceived] = []
        self.faults: list[FaultEvent] = []
        organism.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, MessageSent):
            self.sent.append(event)
        elif isinstance(event, MessageReceived):
            self.received.append(event)
        elif isinstance(event, FaultEvent):
            self.faults.append(event)


async def settled(organism: Organism) -> None:
    await organism.drain()
    await asyncio.sleep(0)
