"""Context: what has been said to a listener on one thread."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import overload

from xml_pipeline.message import Delivery

log = logging.getLogger(__name__)


def remember(delivery: Delivery, limit: int) -> None:
    """Append a delivery to its thread's slots; beyond ``limit`` it is left out, and logged once.

    The delivery itself is the slot: it is immutable already, one for each hop.
    """
    thread = delivery.thread
    slots = thread.slots
    if slots is None:
        thread.slots = [delivery]
    elif delivery.attempt > 1 and slots and slots[-1].id == delivery.id:
        slots[-1] = delivery  # The same message once more.
    elif len(slots) < limit:
        slots.append(delivery)
        if len(slots) == limit:
            log.warning("thread %s: its context is full at %d slots", thread.id, limit)


class Context(Sequence[Delivery]):
    """The deliveries on one thread so far, oldest first. A view that cannot change them."""

    __slots__ = ("_slots",)

    def __init__(self, slots: list[Delivery] | None) -> None:
        self._slots = slots if slots is not None else []

    def __len__(self) -> int:
        return len(self._slots)

    @overload
    def __getitem__(self, index: int) -> Delivery: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Delivery]: ...
    def __getitem__(self, index: int | slice) -> Delivery | Sequence[Delivery]:
        return tuple(self._slots[index]) if isinstance(index, slice) else self._slots[index]

    def __iter__(self) -> Iterator[Delivery]:
        return iter(tuple(self._slots))

    def of_type(self, *payloads: type) -> tuple[Delivery, ...]:
        """Return the deliveries whose payload is of one of these classes."""
        return tuple(each for each in self._slots if isinstance(each.payload, payloads))

    def sent_by(self, name: str) -> tuple[Delivery, ...]:
        """Return the deliveries that came from that sender."""
        return tuple(each for each in self._slots if each.sender == name)
