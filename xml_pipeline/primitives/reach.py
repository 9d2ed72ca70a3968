"""Whom a primitive may address on behalf of its requester, and what to say where it may not."""

from __future__ import annotations

from xml_pipeline.listener import HandlerMetadata, Listener
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.threads import Threads


class Reach:
    """Finds listeners for a primitive, by name, before it sends them anything.

    The pump checks every message again when it is sent; this check comes first so that
    nothing begins that could not end.
    """

    __slots__ = ("_listeners", "_threads")

    def __init__(self, listeners: Listeners, threads: Threads) -> None:
        self._listeners = listeners
        self._threads = threads

    def find(self, name: str, metadata: HandlerMetadata) -> Listener | None:
        """Return the listener of that name, None where the requester may not address it.

        A primitive does not address itself: that would be a message on its own thread.
        """
        target = self._listeners.find(name)
        if target is None or name == metadata.own_name:
            return None
        sender = self._listeners.find(metadata.own_name)
        thread = self._threads.get(metadata.thread_id)
        return target if self._listeners.permitted(sender, thread, (target,)) else None


def unreachable(name: str) -> str:
    """Say that a name cannot be addressed, whether it is absent or forbidden."""
    return f"{name!r} cannot be addressed: check whom you may address"
