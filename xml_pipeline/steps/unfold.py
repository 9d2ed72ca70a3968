"""Free text of a handler to envelopes: repaired, and split into one message per root element."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from xml_pipeline.errors import Rejected
from xml_pipeline.message import Wire
from xml_pipeline.steps.repair import repair
from xml_pipeline.steps.seal import envelope_bytes


class Unfold:
    """The step that lets a handler write XML by hand, as language models do.

    Only text of our own handlers is repaired, never bytes from outside. Whatever it contains
    is payload: the envelope around each element is ours, so that no handler can name another
    sender or thread. ``number`` gives a further message of a conversation its id and counts
    it on its thread.
    """

    __slots__ = ("_number",)

    def __init__(self, number: Callable[[Wire], int]) -> None:
        self._number = number

    def __call__(self, wire: Wire) -> Iterable[Wire]:
        if wire.origin != "text":
            return (wire,)
        repaired = repair(wire.raw)
        if wire.kind == "reply" and len(repaired.payloads) != 1:
            raise Rejected("validation", f"an answer is one element, not {len(repaired.payloads)}")
        return [
            self._enveloped(wire, payload, repaired.repairs, wire.id if not at else 0)
            for at, payload in enumerate(repaired.payloads)
        ]

    def _enveloped(self, wire: Wire, payload: bytes, repairs: tuple[str, ...], id: int) -> Wire:
        thread_id = wire.thread.id if wire.thread is not None else wire.conversation.id
        return Wire(
            envelope_bytes(payload, wire.sender, wire.to, thread_id),
            "outside",
            wire.kind,
            wire.sender,
            wire.conversation,
            wire.thread,
            id or self._number(wire),
            wire.in_reply_to,
            wire.hops,
            key=wire.key if id else 0,
            to=wire.to,
            repairs=repairs,
            spent=wire.spent if id else None,
        )
