"""The stations of a message's way stand fast, and carry on what was stamped."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.flows.payloads import Task
from xml_pipeline.errors import FAULT_CODES
from xml_pipeline.listener import HandlerMetadata, Listener
from xml_pipeline.message import Addressed, Delivery, Envelope, Fault, Station, Wire
from xml_pipeline.thread import Conversation, Thread


async def nothing(payload: Any, metadata: HandlerMetadata) -> None: ...


LISTENER = Listener("worker", Task, nothing, description="Does nothing.")


def way() -> tuple[Wire, Envelope, Addressed, Delivery]:
    conversation = Conversation(1, "c1", "outside", "acme")
    thread = Thread("t1", conversation, None, "outside", "worker", 1)
    wire = Wire(b"<m/>", "outside", "inject", "outside", conversation, thread, 4, hops=2)
    envelope = Envelope(wire, "worker", "t1", "Task", etree.Element("Task"), ("a note",))
    addressed = Addressed(envelope, LISTENER, thread, None)
    return wire, envelope, addressed, Delivery(addressed, Task("x"))


@pytest.mark.parametrize("station", way(), ids=lambda each: type(each).__name__)
def test_a_station_cannot_be_changed_once_it_stands(station: Station) -> None:
    slots: list[str] = [*type(station).__slots__]
    assert slots
    for name in slots:
        before = getattr(station, name)
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(station, name, None)
        with pytest.raises(AttributeError, match="cannot be changed"):
            delattr(station, name)
        assert getattr(station, name) is before


@pytest.mark.parametrize("station", way(), ids=lambda each: type(each).__name__)
def test_a_station_has_no_room_for_anything_more(station: Station) -> None:
    assert not hasattr(station, "__dict__")
    with pytest.raises(AttributeError):
        setattr(station, "extra", 1)  # noqa: B010  # mypy knows that it has none


def test_stations_are_compared_by_identity() -> None:
    wire, other = way()[0], way()[0]
    assert wire == wire
    assert wire != other
    assert len({wire, other}) == 2


def test_a_delivery_carries_on_what_was_stamped_and_lets_go_of_the_tree() -> None:
    wire, envelope, addressed, delivery = way()
    assert delivery.listener is LISTENER
    assert delivery.thread is addressed.thread
    assert delivery.conversation is wire.conversation
    assert (delivery.sender, delivery.kind, delivery.id) == ("outside", "inject", 4)
    assert (delivery.hops, delivery.attempt, delivery.in_reply_to) == (2, 1, 0)
    assert (delivery.notes, delivery.size) == (envelope.notes, len(wire.raw))
    held = [getattr(delivery, name) for name in Delivery.__slots__]
    assert not any(isinstance(each, etree._Element | Envelope | Wire) for each in held)


def test_a_wire_without_a_key_is_answered_by_its_number() -> None:
    wire = way()[0]
    keyed = Wire(b"", "sealed", "send", "a", wire.conversation, None, 9, key="call 1")
    assert (wire.key, keyed.key) == (4, "call 1")


def test_trying_again_may_help_where_the_sender_can_change_something() -> None:
    allowed = {code for code in FAULT_CODES if Fault("1", code, "", "a", "b").retry_allowed}
    assert allowed == {"routing", "validation", "overload", "timeout"}
