"""What is ordered of an organism is done on all its nodes: here at once, on the others next.

The rule this file guards: whoever waits for an order hears that every node which lived when it
was given has done it, or what one of them has said against it. What holds until it is taken back,
a pause, is written down before the others are looked for, and is read by whoever comes once it is
to be seen: so there is nobody who is neither told nor reads it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from xml_pipeline.backends import Mark
from xml_pipeline.control import Control
from xml_pipeline.errand import Errand
from xml_pipeline.errands import Errands, done
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.events import ReloadEvent
from xml_pipeline.kernel import Kernel

_PAUSED = "paused"
_FOR_EVER = 100 * 365 * 86_400.0

Reload = Callable[[Path | None, str], Awaitable[ReloadEvent]]
"""Reads the organism's file again, or another one, and swaps it in as a whole, for somebody."""


class Killed(int):
    """How many threads were stopped here; awaited, how many on all nodes."""

    _everywhere: asyncio.Future[int]

    def __new__(cls, here: int, everywhere: asyncio.Future[int]) -> Self:
        """Count what was stopped here, and hear of the others."""
        self = super().__new__(cls, here)
        self._everywhere = everywhere
        return self

    def __await__(self) -> Generator[Any, None, int]:
        return self._everywhere.__await__()


class Orders:
    """Gives orders to all nodes, and does what another has ordered.

    ``reloader`` reads this node's file, if there is one.
    """

    def __init__(self, kernel: Kernel, control: Control, errands: Errands) -> None:
        self.reloader: Reload | None = None
        self._kernel = kernel
        self._control = control
        self._errands = errands
        self._heard = 0
        errands.orders = self._carry_out

    async def learn(self) -> None:
        """Pause what was paused before this process, or this node, began. BackendUnavailable."""
        journal, listeners = self._kernel.journal, tuple(self._kernel.listeners)
        while True:
            heard = self._heard
            marks = (
                journal.backend.marked(_PAUSED, each.name, journal.clock()) for each in listeners
            )
            found = await asyncio.gather(*marks)
            if heard == self._heard:  # Else what was read may be older than what was ordered.
                break
        for listener, by in zip(listeners, found, strict=True):
            if by is not None:
                self._control.set_paused(listener.name, True, by.decode(errors="replace"))

    def set_paused(self, listener: str, paused: bool, by: str) -> asyncio.Future[Any]:
        """Let a listener start nothing new, or go on."""
        self._control.set_paused(listener, paused, by)
        self._keep(listener, paused, by)
        if self._errands.is_alone:
            return done(None)
        errand = Errand("pause" if paused else "resume", "", by, listener)
        return self._errands.begin(self._spread(errand))

    def kill_all(self, listener: str | None, tenant: str | None, by: str) -> Killed:
        """Stop all there is of a listener, of a tenant, of both, or at all."""
        killed = self._control.kill_all(listener, tenant, by)
        if listener is not None:
            self._keep(listener, True, by)
        if self._errands.is_alone:
            return Killed(killed, done(killed))
        errand = Errand("kill_all", "", by, json.dumps((listener, tenant)))
        return Killed(killed, self._errands.begin(self._sum(killed, errand)))

    async def reload(self, path: Path | None, by: str) -> ReloadEvent:
        """Read the organism's file again, and have the others read theirs if this one will do.

        Or read another file here.
        """
        event = await self._reread(path, by)
        if not event.applied or path is not None:
            return event
        told = await self._errands.everywhere(Errand("reload", "", by))
        return replace(event, elsewhere=tuple(each for some in told for each in json.loads(some)))

    async def _reread(self, path: Path | None, by: str) -> ReloadEvent:
        if self.reloader is None:
            raise XmlPipelineError("this organism was not loaded from a file")
        event = await self.reloader(path, by)
        self._kernel.events.emit(event)
        return event

    def _keep(self, listener: str, paused: bool, by: str) -> None:
        """Write down what is paused, for those who come later."""
        self._heard += 1
        now = self._kernel.journal.clock()
        until = now + _FOR_EVER if paused else now
        self._kernel.journal.mark(Mark(_PAUSED, listener, by.encode(), until))

    async def _spread(self, errand: Errand) -> list[str]:
        await self._kernel.journal.written()
        return await self._errands.everywhere(errand)

    async def _sum(self, killed: int, errand: Errand) -> int:
        return killed + sum(map(int, await self._spread(errand)))

    async def _carry_out(self, errand: Errand) -> str:
        self._heard += 1
        match errand.kind:
            case "pause" | "resume":
                self._control.set_paused(errand.text, errand.kind == "pause", errand.by)
                return ""
            case "kill_all":
                listener, tenant = json.loads(errand.text)
                return str(self._control.kill_all(listener, tenant, errand.by))
            case "reload":
                return json.dumps((await self._reread(None, errand.by)).problems)
            case _:
                raise ValueError(f"nobody knows what {errand.kind!r} is")
