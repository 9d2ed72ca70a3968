"""Timers: a payload that sets out later.

A timer is a delayed message, or a delayed answer, of a thread of ``system.timer``: it ends
with that thread. Seconds are counted by the event loop, so that setting the clock on the
wall moves no timer; a time of day is turned into seconds when it arrives.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.primitives.fragments import element
from xml_pipeline.primitives.outcome import clipped, leave_out
from xml_pipeline.primitives.payloads import MOST_SECONDS, TimerError, TimerStart
from xml_pipeline.primitives.reach import Reach, unreachable


class SetTimer:
    """The handler of ``system.timer``.

    What the addressee answers goes on to the requester, as it is; so does a fault.
    """

    __slots__ = ("_reach",)

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse | None:
        """Set a timer on a fresh thread; on one under way pass the addressee's answer on."""
        if metadata.in_reply_to is not None:
            return HandlerResponse.respond(payload.to_xml())
        if metadata.state:
            leave_out(payload, metadata)
            return None
        try:
            return self._set(payload, metadata)
        except ValueError as error:
            return HandlerResponse.respond(TimerError(clipped(str(error))))

    def _set(self, start: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if not isinstance(start, TimerStart):
            raise ValueError(f"it begins with <{TimerStart.__name__}>")
        seconds = _seconds(start)
        _, text = element(start.payload)
        metadata.state["set"] = True
        if start.to in ("", metadata.from_id):
            return HandlerResponse.respond(text.encode()).after(seconds)
        if self._reach.find(start.to, metadata) is None:
            raise ValueError(unreachable(start.to))
        return HandlerResponse(text.encode(), to=start.to).after(seconds)


def _seconds(start: TimerStart) -> float:
    """Return how long to wait; ValueError where that is not said, or said twice."""
    if (start.seconds is None) == (start.at is None):
        raise ValueError("say either in how many seconds, or at what time")
    if start.at is None:
        return start.seconds or 0.0
    at = start.at if start.at.tzinfo is not None else start.at.replace(tzinfo=UTC)
    seconds = (at - datetime.now(UTC)).total_seconds()
    if seconds > MOST_SECONDS:
        raise ValueError("that is more than a year ahead")
    return max(0.0, seconds)
