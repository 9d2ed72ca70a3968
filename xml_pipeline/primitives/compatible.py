"""Whether the steps of a sequence fit together, as far as they declare what they answer with."""

from __future__ import annotations

from collections.abc import Sequence

from xml_pipeline.listener import Listener
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.primitives.payloads import BufferError, SequenceComplete, SequenceError

_ENDING = frozenset((SequenceError, BufferError))
"""Answers that end a sequence, so that no step ever gets them."""


def misfit(
    tag: str, steps: Sequence[Listener], receiver: Listener | None
) -> tuple[int, str] | None:
    """Return the first step that does not accept what it would get, and why; else None.

    ``tag`` is that of the first payload; ``receiver`` gets the result after the last step.
    A listener that declares no ``output``, or one of any kind, fits in front of everybody:
    what it answers is validated when it comes.
    """
    offered: Sequence[str] = (tag,)
    by = "the payload"
    for index, step in enumerate(steps):
        if unwanted := _unwanted(offered, step):
            return index, f"{step.name} does not accept <{unwanted}>: {by}"
        offered, by = _declared(step), f"the output of {step.name}"
    if receiver is not None and (unwanted := _unwanted((SequenceComplete.__name__,), receiver)):
        return len(steps), f"{receiver.name} does not accept <{unwanted}>: the result"
    return None


def _unwanted(offered: Sequence[str], listener: Listener) -> str:
    if listener.generic:
        return ""
    return next((tag for tag in offered if tag not in listener.codecs), "")


def _declared(listener: Listener) -> tuple[str, ...]:
    if RawPayload in listener.outputs:
        return ()
    return tuple(codec_of(each).tag for each in listener.outputs if each not in _ENDING)
