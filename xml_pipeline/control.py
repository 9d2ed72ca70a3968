"""What operators may do to an organism that runs: written down first, then done.

The rule this file guards: nothing here takes effect before it is in the audit log.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from xml_pipeline.audit.changes import reach
from xml_pipeline.audit.parts import extent_of
from xml_pipeline.audit.places import head_of
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import UnknownThread
from xml_pipeline.kernel import Kernel
from xml_pipeline.schedule import Lane
from xml_pipeline.thread import Thread

log = logging.getLogger(__name__)

KILLED = "killed by an operator"


class Control:
    """Kills, pauses, and gives answers that were deferred; ``by`` is always who ordered it."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def begin(self, config: OrganismConfig, by: str) -> None:
        """Open the audit log, if the configuration names one, and write down what starts."""
        audit, wanted = self._kernel.audit, config.audit
        if wanted.path and wanted.enabled and not audit.on:
            path = Path(wanted.path)
            audit.begin(path, head_of(path), extent=extent_of(wanted))
        if audit.on:
            who = {"organism": config.organism.name, "process": os.getpid()}
            audit.order(by, "start", {**who, "listeners": reach(self._kernel.listeners)})

    def end(self, by: str) -> None:
        """Write down that it has stopped: the one thing that nothing can prevent."""
        self._kernel.audit.tell(by, "stop", process=str(os.getpid()))
        self._kernel.audit.end()

    def kill(self, thread_id: str, by: str) -> None:
        """Stop a thread and everything below it, now; UnknownThread where it is not open."""
        thread = self._kernel.threads.get(thread_id)
        about = {"thread": thread.id, "caller": thread.caller, "callee": thread.callee}
        self._kernel.audit.order(by, "kill", about)
        self._kernel.settlement.kill(thread, KILLED)

    def kill_all(self, listener: str | None, tenant: str | None, by: str) -> int:
        """Stop all there is of a listener, of a tenant, of both, or at all; returns how much.

        A listener is paused first, so that nothing new begins there. UnknownListener where
        there is none of that name.
        """
        lane = self._lane(listener) if listener is not None else None
        which = {"listener": listener, "tenant": tenant}
        self._kernel.audit.order(by, "kill_all", {k: v for k, v in which.items() if v is not None})
        if lane is not None:
            lane.paused = True
        killed = 0
        for thread in self._kernel.threads:
            if thread.open and _is_meant(thread, listener, tenant):
                self._kernel.settlement.kill(thread, KILLED)
                killed += 1
        log.warning("%s killed %d threads: %s", by, killed, which)
        return killed

    def set_paused(self, listener: str, paused: bool, by: str) -> None:
        """Let a listener start nothing new, or go on; UnknownListener where there is none."""
        lane = self._lane(listener)
        action = "pause" if paused else "resume"
        self._kernel.audit.order(by, action, {"listener": listener})
        lane.paused = paused
        self._kernel.inbox.poke()

    def answer(self, thread_id: str, payload: object, by: str) -> None:
        """Give the answer that a listener deferred; UnknownThread where none is owed."""
        thread = self._kernel.threads.get(thread_id)
        if thread.owed is None:
            raise UnknownThread(f"no answer is owed on thread {thread_id!r}")
        about = {"thread": thread.id, "for": thread.callee, "payload": type(payload).__name__}
        self._kernel.audit.order(by, "answer", about)
        self._kernel.settlement.answer(thread, payload)

    def _lane(self, listener: str) -> Lane:
        return self._kernel.scheduler.lane(self._kernel.listeners.get(listener))


def _is_meant(thread: Thread, listener: str | None, tenant: str | None) -> bool:
    """Tell whether a thread is to be stopped; without a listener, those at the root are."""
    if tenant is not None and thread.conversation.tenant != tenant:
        return False
    return thread.parent is None if listener is None else thread.callee == listener
