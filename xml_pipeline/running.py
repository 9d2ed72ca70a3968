"""An organism at work: from what an earlier process has left, to the last that is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from xml_pipeline.backends import Shared
from xml_pipeline.errors import BackendUnavailable, Undeliverable, XmlPipelineError
from xml_pipeline.kernel import Kernel
from xml_pipeline.nodes import Nodes, NodeSeen, alone
from xml_pipeline.recovery import recover

log = logging.getLogger(__name__)

_STOPPED = "the organism has stopped"


class Run:
    """The one time that an organism runs.

    If its pump ever dies, everybody who waits is told, and so is whoever stops it. ``learn`` finds
    out what was ordered before, and ``beside`` is what runs as long as messages move.
    """

    def __init__(self, kernel: Kernel, organism: str) -> None:
        self._kernel = kernel
        store = kernel.journal.backend
        self._nodes = Nodes(kernel, store, organism) if isinstance(store, Shared) else None
        self.learn: Callable[[], Coroutine[Any, Any, None]] = _nothing
        self.beside: Callable[[], Coroutine[Any, Any, None]] = _nothing
        self._pump: asyncio.Task[None] | None = None
        self._at_rest: list[asyncio.Future[None]] = []

    async def start(self, name: str, note: Callable[[], None]) -> None:
        """Go on with what was left, and let messages move. Raises BackendUnavailable.

        ``note`` writes into the audit log that it starts, before anything else.
        """
        if self._pump is not None:
            raise XmlPipelineError("an organism runs once; make another one")
        kernel = self._kernel
        kernel.scheduler.clock = asyncio.get_running_loop().time
        kernel.journal.on_trouble = kernel.door.close
        with ExitStack() as undone:
            undone.callback(kernel.audit.end)
            note()
            await self._take_up()
            undone.pop_all()
        self._pump = asyncio.create_task(self._live(), name=name)
        self._pump.add_done_callback(_cry_out)

    async def _take_up(self) -> None:
        """Take up the work: all there is, or one part of it among others."""
        kernel, nodes = self._kernel, self._nodes
        await (nodes.join(self.learn) if nodes is not None else kernel.journal.backend.open())
        taken_up = False
        try:
            await kernel.offload.start()
            if nodes is not None:
                await nodes.settle_in()
            else:
                await self.learn()
                await recover(kernel)
            taken_up = True
        finally:
            if not taken_up:
                await kernel.journal.backend.close()

    async def stop(self) -> None:
        """Cancel what still runs, write down what has happened, and let go of the store."""
        kernel = self._kernel
        kernel.journal.closing = True
        kernel.inbox.stop()
        await kernel.dispatch.stop()
        await kernel.offload.stop()
        try:
            if self._pump is not None:
                await self._pump
            await kernel.journal.commit()
        finally:
            self._dismiss_everybody()
            kernel.events.end()
            await kernel.journal.backend.close()

    @property
    def is_on(self) -> bool:
        """Tell whether messages move: it was started, is not being stopped, and its pump lives."""
        running = self._pump is not None and not self._pump.done()
        return running and not self._kernel.inbox.stopped

    @property
    def nodes(self) -> tuple[NodeSeen, ...]:
        """Return those who share the work; where nobody could, this process."""
        if self._nodes is not None:
            return self._nodes.seen
        return (alone(self._kernel),)

    async def look_round(self) -> tuple[NodeSeen, ...]:
        """Return those who share the work at this very moment. BackendUnavailable."""
        return await self._nodes.look_round() if self._nodes is not None else self.nodes

    def holds(self, id: str) -> bool:
        """Tell whether a conversation or thread of this id would be in this process's memory."""
        return self._nodes is None or self._nodes.holds(id)

    def check(self) -> None:
        """Raise XmlPipelineError where no message would move."""
        if self._pump is None:
            raise XmlPipelineError("the organism does not run: use `async with`")
        if self._pump.done():
            raise XmlPipelineError(_STOPPED)

    def admit(self) -> None:
        """Let a new message in; XmlPipelineError where it would not move.

        BackendUnavailable where it could not be written down.
        """
        self.check()
        refusal = self._kernel.journal.refusal
        if refusal is not None and self._kernel.journal.keeps:
            raise BackendUnavailable(f"nothing more is taken in: {refusal}")

    async def ended(self) -> None:
        """Wait until no message moves any more: it was stopped, or the pump has died."""
        if self._pump is not None:
            await asyncio.wait({self._pump})

    async def drain(self) -> None:
        """Wait until nothing is in flight: no message on its way, waiting or being handled."""
        self.check()
        resting = asyncio.get_running_loop().create_future()
        self._at_rest.append(resting)
        self._kernel.inbox.poke()
        await resting

    async def _live(self) -> None:
        stopped = False
        try:
            async with asyncio.TaskGroup() as group:
                living = [group.create_task(self.beside())]
                if self._nodes is not None:
                    living.append(group.create_task(self._nodes.live()))
                await self._kernel.pump.run(self._between)
                for each in living:
                    each.cancel()
            stopped = True  # Whoever stops it writes down the rest first, and tells of that.
        finally:
            if not stopped:
                self._dismiss_everybody()
            if not self._kernel.inbox.stopped:
                self._kernel.events.end()

    def _between(self) -> None:
        """Let those at the door in, and tell those who wait for quiet when it has come."""
        kernel = self._kernel
        if kernel.door.line:
            kernel.door.open()
        if self._nodes is not None:
            self._nodes.between()
        if (
            self._at_rest
            and not len(kernel.inbox)
            and not kernel.scheduler.running
            and not kernel.scheduler.waiting
            and kernel.journal.is_clean
        ):
            resting, self._at_rest = self._at_rest, []
            for waiter in resting:
                if not waiter.done():
                    waiter.set_result(None)

    def _dismiss_everybody(self) -> None:
        kernel = self._kernel
        kernel.threads.stop_clocks()
        open_ones = {thread.conversation for thread in kernel.threads}
        for conversation in open_ones | {wire.conversation for wire in kernel.inbox.clear()}:
            kernel.faults.dismiss(conversation, Undeliverable(_STOPPED))
        kernel.journal.abandon(Undeliverable(_STOPPED))
        kernel.door.close(XmlPipelineError(_STOPPED))
        for resting in self._at_rest:
            if not resting.done():
                resting.set_exception(XmlPipelineError(_STOPPED))


async def _nothing() -> None:
    """Have nothing to learn, and nothing beside the pump."""


def _cry_out(pump: asyncio.Task[None]) -> None:
    """Say at once that the pump has died; whoever stops it is told again."""
    if not pump.cancelled() and (error := pump.exception()) is not None:
        log.critical("the pump has died; nothing moves any more", exc_info=error)
