"""Answers that are owed: to what, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xml_pipeline.kernel import Kernel
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.thread import Thread


@dataclass(frozen=True, slots=True)
class Owed:
    """What an answer is owed to: ``payload``, as XML, that ``caller`` has sent on a thread.

    ``id`` is the thread, on which ``Organism.answer`` gives the answer.
    """

    id: str
    conversation_id: str
    caller: str
    principal: str
    tenant: str
    payload: str


def owed(kernel: Kernel, tag: str) -> Iterator[Owed]:
    """Yield what an answer is owed to on this node, of payloads of one tag."""
    for thread in kernel.threads:
        if thread.owed is not None and (xml := _last(thread, tag)) is not None:
            whose = thread.conversation
            about = (whose.id, thread.caller, whose.principal, whose.tenant)
            yield Owed(thread.id, *about, xml.decode())


def _last(thread: Thread, tag: str) -> bytes | None:
    """Return what a thread was given last, None where that has another tag."""
    payload = thread.slots[-1].payload if thread.slots else None
    if payload is None:
        return None
    if isinstance(payload, RawPayload):
        return payload.xml if payload.tag == tag else None
    codec = codec_of(type(payload))
    return codec.to_xml(payload) if codec.tag == tag else None
