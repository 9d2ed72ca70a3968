"""The message pump: the one way that every message goes.

The rule this file guards: nothing starts that is not written down. And one commit is under way at
a time, in the order in which things came to pass; what is read meanwhile waits for the next one,
which is the larger the longer this one takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

from aiostream import pipable_operator
from aiostream.aiter_utils import aitercontext

from xml_pipeline.dispatch.local import LocalDispatch
from xml_pipeline.events import MessageReceived, MessageSent
from xml_pipeline.faults import Faults
from xml_pipeline.inbox import Inbox
from xml_pipeline.journal import Journal
from xml_pipeline.message import Delivery
from xml_pipeline.schedule import Scheduler, schedule
from xml_pipeline.steps.rail import Rail
from xml_pipeline.steps.route import OUTSIDE


class StreamPump:
    """Moves messages from the inbox to their handlers, and their outputs back to the inbox.

    Batches of ready messages travel one aiostream composition. Only its source waits, and
    every operator in it is synchronous: what needs concurrency, the handlers, runs beside
    the stream, and settles by putting its outputs into the inbox.
    """

    def __init__(
        self,
        inbox: Inbox,
        rail: Rail,
        scheduler: Scheduler,
        dispatch: LocalDispatch,
        faults: Faults,
        journal: Journal,
    ) -> None:
        self.inbox = inbox
        self.rail = rail
        self.dispatch = dispatch
        self._scheduler = scheduler
        self._faults = faults
        self._events = faults.events
        self._journal = journal
        self._writing: asyncio.Task[None] | None = None
        self._ready: list[Delivery] = []

    async def run(self, between: Callable[[], None]) -> None:
        """Move messages until the inbox is stopped; ``between`` is called after each batch."""
        composition = over(
            self.inbox.batches(between),  # ready messages, as they come
            self.rail,  # unfold, read, route, decode
            self._part,  # what leaves the organism leaves here
        ) | schedule.pipe(self._scheduler)  # who may start
        try:
            async with composition.stream() as flow:
                async for starting in flow:
                    if self._journal.keeps:
                        for delivery in starting:
                            self._journal.handed_over(delivery)
                    if self._writing is None and self._journal.is_clean:
                        self.inbox.poked = False
                        self.dispatch.start(starting)
                        continue
                    self._ready += starting
                    if not (self.is_writing and self._reads_on):
                        await self._write()
            await self._end()
        finally:
            if self._writing is not None:
                self._writing.cancel()
                await asyncio.wait({self._writing})

    @property
    def is_writing(self) -> bool:
        """Tell whether something is being written while what comes next is read."""
        return self._writing is not None and not self._writing.done()

    @property
    def _reads_on(self) -> bool:
        return self.inbox.has_batch and self._journal.refusal is None

    async def _write(self) -> None:
        """Let start what is ready once it is written, after what is being written before it."""
        self.inbox.poked = False  # What was noted so far is written now; who pokes later is heard.
        await self._written()
        ready, self._ready = self._ready, []
        if self._journal.is_clean:
            self.dispatch.start(ready)
        elif self._reads_on:
            self._writing = asyncio.create_task(self._write_meanwhile(ready))
        else:
            await self._commit(ready)

    async def _end(self) -> None:
        """Write what was read last, while something was written."""
        await self._written()
        if self._ready:
            ready, self._ready = self._ready, []
            await self._commit(ready)

    async def _written(self) -> None:
        """Wait for what is being written; what went wrong with it is raised here."""
        if self._writing is not None:
            await self._writing
            self._writing = None

    async def _write_meanwhile(self, ready: list[Delivery]) -> None:
        try:
            await self._commit(ready)
        finally:
            self.inbox.poke()  # The pump may be asleep by now.

    async def _commit(self, ready: list[Delivery]) -> None:
        await self._journal.commit(self.inbox.about_to_go_on)
        self.dispatch.start(ready)

    def _part(self, batch: list[Delivery]) -> list[Delivery]:
        """Tell of what was accepted, and let go of what leaves the organism."""
        staying = []
        for delivery in batch:
            if self._events.heard:
                self._announce(delivery)
            if delivery.listener is OUTSIDE:
                self._faults.leave(delivery)
                continue
            if self._journal.keeps:
                self._journal.arrived(delivery)
            staying.append(delivery)
        return staying

    def _announce(self, delivery: Delivery) -> None:
        conversation, leaving = delivery.conversation, delivery.listener is OUTSIDE
        said = (
            conversation.id if leaving else delivery.thread.id,
            conversation.id,
            f"{conversation.id}.{delivery.id}",
            delivery.sender,
            conversation.principal if leaving else delivery.listener.name,
            type(delivery.payload).__name__,
            delivery.payload,
        )
        trace = conversation.traceparent
        self._events.emit(MessageSent(*said, delivery.notes, delivery.size, trace))
        if leaving:
            self._events.emit(MessageReceived(*said))


@pipable_operator
async def over(source: AsyncIterable[Any], *stations: Callable[[Any], Any]) -> AsyncIterator[Any]:
    """Take each batch of the stream through one synchronous function after the other.

    A row of ``map``, in one operator: each operator costs a little for each batch, and that
    is felt when messages come one at a time.
    """
    batches = aiter(source)
    async with aitercontext(batches):  # That closes it; the iterator itself is quicker.
        async for batch in batches:
            for station in stations:
                batch = station(batch)
            yield batch
