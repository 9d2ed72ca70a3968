"""What a handler may answer: HandlerResponse."""

from __future__ import annotations

from typing import Literal, NamedTuple

from xml_pipeline.spent import Spent


class HandlerResponse(NamedTuple):
    """What a handler wants to happen next.

    ``HandlerResponse(payload, to="name")`` forwards, ``HandlerResponse(payload)`` goes to
    whoever may hear such a payload, ``HandlerResponse.respond(payload)`` answers the caller
    and ends this thread; ``acknowledge`` answers too, and lets the work below go on; ``pass_on``
    fails as what it called has failed. A payload
    of ``bytes`` is untrusted XML text: repaired, split, validated; a ``RawPayload`` goes on as
    such text. ``key`` comes back as
    ``metadata.in_reply_to`` of the reply. ``seconds`` is a delay before the message sets out,
    or the patience of ``defer``. ``spent`` is what an answer took, for a payload that does not say
    so itself, or not all of it: whoever hears it finds it in ``metadata.spent``.
    """

    payload: object
    to: str | None = None
    key: str | None = None
    seconds: float = 0.0
    kind: Literal["send", "respond", "acknowledge", "defer", "pass_on"] = "send"
    spent: Spent | None = None

    @classmethod
    def respond(cls, payload: object, spent: Spent | None = None) -> HandlerResponse:
        """Answer the caller; this thread and everything below it end."""
        return cls(payload, None, None, 0.0, "respond", spent)

    @classmethod
    def acknowledge(cls, payload: object, spent: Spent | None = None) -> HandlerResponse:
        """Answer the caller now; this thread ends, unheard, when the work below it has ended.

        It lives no longer than the caller's own thread does.
        """
        return cls(payload, kind="acknowledge", spent=spent)

    @classmethod
    def defer(cls, within: float) -> HandlerResponse:
        """Owe the answer: ``organism.answer`` gives it within so many seconds, else a timeout."""
        return cls(None, seconds=_time(within), kind="defer")

    @classmethod
    def pass_on(cls) -> HandlerResponse:
        """Fail with the fault that has just been delivered: the caller is told of that very one.

        For a listener that hears of faults, and cannot do without what has failed. Answering
        anything but a ``SystemError`` with it is a failure of its own.
        """
        return cls(None, kind="pass_on")

    def after(self, seconds: float) -> HandlerResponse:
        """Return the same response, setting out so many seconds later."""
        return self._replace(seconds=_time(seconds))


def _time(seconds: float) -> float:
    if not seconds >= 0:  # nor NaN, which would put the event loop's timers out of order
        raise ValueError(f"seconds must not be below zero: {seconds!r}")
    return seconds
