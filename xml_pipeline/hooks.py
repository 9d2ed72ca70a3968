"""Hooks around every dispatch, for journals and audits."""

from __future__ import annotations

from typing import Protocol


class DispatchHook(Protocol):
    """What a hook may implement; each method is awaited, in this order, for each delivery.

    ``on_intent`` comes before anything has happened and returns the hook's own entry id; if
    it raises, this dispatch does not take place and the caller gets a fault. The others are
    told that id. An error in them is reported and changes nothing. ``payload_bytes`` is the
    payload as canonical XML. ``on_acknowledged`` follows once all outputs of the handler are
    on their way. ``on_thread_complete`` is called once, when a thread has closed with
    everything below it.
    """

    async def on_intent(
        self, thread_id: str, from_id: str, to_id: str, payload_type: str, payload_bytes: bytes
    ) -> object: ...
    async def on_dispatched(self, entry: object) -> None: ...
    async def on_acknowledged(self, entry: object) -> None: ...
    async def on_failed(self, entry: object, error: str) -> None: ...
    async def on_thread_complete(self, thread_id: str) -> None: ...
