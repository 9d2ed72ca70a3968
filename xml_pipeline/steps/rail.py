"""The rail that messages travel on: what fails in one of them never reaches another.

One exception would end an aiostream stream for everyone. Here, and in the dispatcher, are
the only two places that catch broadly: a ``Rejected`` becomes a fault with its code, and
anything else a logged ``internal`` fault.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from xml_pipeline.errors import Rejected
from xml_pipeline.journal import Journal
from xml_pipeline.listener import Listener
from xml_pipeline.message import Addressed, Delivery, Envelope, Station, Wire
from xml_pipeline.steps.decode import Decode
from xml_pipeline.steps.envelope import ReadEnvelope
from xml_pipeline.steps.route import Route
from xml_pipeline.steps.unfold import Unfold
from xml_pipeline.thread import Thread

log = logging.getLogger(__name__)

Step = Callable[[Any], Any]
"""Takes a message at one station and returns it there, the same or another; or refuses it."""

Refuse = Callable[[Wire | Envelope | Addressed, Rejected], None]


@dataclass(frozen=True, slots=True)
class Inserts:
    """Steps of others, such as guardrails: at the envelope, and at the delivery."""

    envelope: tuple[Step, ...] = ()
    delivery: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Stations:
    """Our own steps from wire to delivery, in their order."""

    unfold: Unfold
    read: ReadEnvelope
    route: Route
    decode: Decode


class Rail:
    """Takes a batch of wires through all stations, and returns the deliveries they became.

    One message after another goes the whole way, rather than all of them to each station:
    its tree dies while it is still in the processor's cache. A message that fails goes to
    ``refuse``, at the last station that still has its bytes; of a broadcast, the addressee
    that cannot read it fails alone.
    """

    __slots__ = (
        "_at_delivery",
        "_at_envelope",
        "_decode",
        "_read",
        "_refuse",
        "_route",
        "_unfold",
        "journal",
    )

    def __init__(self, stations: Stations, refuse: Refuse) -> None:
        self._unfold = stations.unfold
        self._read = stations.read
        self._route = stations.route
        self._decode = stations.decode
        self._refuse = refuse
        self.journal: Journal | None = None
        self._at_envelope: tuple[Step, ...] = ()
        self._at_delivery: tuple[Step, ...] = ()

    def insert(self, inserts: Inserts) -> None:
        """Put the steps of others in place of the present ones, from the next message on."""
        self._at_envelope = tuple(same_station(step) for step in inserts.envelope)
        self._at_delivery = tuple(same_station(step) for step in inserts.delivery)

    def __call__(self, batch: Iterable[Wire]) -> list[Delivery]:
        arrived: list[Delivery] = []
        for wire in batch:
            if wire.origin != "text":
                self._travel(wire, arrived)
            else:
                for each in self._unfolded(wire):
                    self._travel(each, arrived)
        self._decode.forget()
        return arrived

    def _travel(self, wire: Wire, arrived: list[Delivery]) -> None:
        at: Any = wire
        try:
            at = self._read(wire)
            if wire.kind == "inject":
                self._note(wire, at.wire)
            for step in self._at_envelope:
                at = step(at)
            addressees = self._route(at)
        except Rejected as rejected:
            self._refuse(at, rejected)
            return
        except Exception as error:
            self._refuse(at, unexpected(at, error))
            return
        self._deliver(addressees, arrived)

    def _note(self, came: Wire, read: Wire) -> None:
        """Note what is known of a message from outside only once it is read."""
        if self.journal is None:
            return
        if read is not came:
            self.journal.authenticated(read)
        self.journal.traced(read.conversation)

    def _deliver(self, addressees: Iterable[Addressed], arrived: list[Delivery]) -> None:
        for addressed in addressees:
            try:
                delivery = self._decode(addressed)
                for step in self._at_delivery:
                    delivery = step(delivery)
            except Rejected as rejected:
                self._refuse(addressed, rejected)
            except Exception as error:
                self._refuse(addressed, unexpected(addressed, error))
            else:
                arrived.append(delivery)

    def again(self, wire: Wire, listener: Listener, thread: Thread) -> Delivery:
        """Take a message to a listener it stood before already, when it was written down.

        Raises Rejected where it can no longer be read, whatever the reason.
        """
        return self._once_more(wire, lambda envelope: self._route.on(envelope, listener, thread))

    def out_again(self, wire: Wire) -> Delivery:
        """Take an answer out that has left before; Rejected where it can no longer be read."""
        return self._once_more(wire, self._route.out)

    def _once_more(self, wire: Wire, address: Callable[[Envelope], Addressed]) -> Delivery:
        at: Any = wire
        try:
            at = self._read(wire)
            for step in self._at_envelope:
                at = step(at)
            at = self._decode(address(at))
            for step in self._at_delivery:
                at = step(at)
        except Rejected:
            raise
        except Exception as error:
            raise unexpected(at, error) from None
        self._decode.forget()
        return at  # type: ignore[no-any-return]  # the last step returns a delivery

    def _unfolded(self, wire: Wire) -> Iterable[Wire]:
        try:
            unfolded = self._unfold(wire)
            if self.journal is not None:
                for each in unfolded:
                    self.journal.unfolded(each)
            return unfolded
        except Rejected as rejected:
            self._refuse(wire, rejected)
        except Exception as error:
            self._refuse(wire, unexpected(wire, error))
        return ()


def same_station(step: Step) -> Step:
    """Wrap a step that somebody else wrote, so that it can only return what it was given.

    An insert may replace a message by another of the same station; a different thing is an
    error of the insert, not of the sender. What it makes of a payload is validated again.
    """

    def checked(station: Station) -> Station:
        result = step(station)
        if type(result) is not type(station):
            raise TypeError(
                f"{step!r} was given a {type(station).__name__} "
                f"and returned a {type(result).__name__}"
            )
        return _doubted(result) if isinstance(result, Envelope) else result

    return checked


def _doubted(envelope: Envelope) -> Envelope:
    """Return an envelope whose payload is still to be validated."""
    wire, to, thread_id = envelope.wire, envelope.to, envelope.thread_id
    return Envelope(wire, to, thread_id, envelope.tag, envelope.payload, envelope.notes)


def unexpected(station: Station, error: Exception) -> Rejected:
    """Turn an error nobody foresaw into a refusal, with its traceback in the log."""
    log.exception("a step failed on a %s", type(station).__name__)
    return Rejected("internal", f"{type(error).__name__}: {error}")
