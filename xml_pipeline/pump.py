"""The message pump: the one way that every message goes."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiostream import pipable_operator, streamcontext

from xml_pipeline.dispatch.local import LocalDispatch
from xml_pipeline.events import Events, MessageReceived, MessageSent
from xml_pipeline.faults import Faults
from xml_pipeline.inbox import Inbox
from xml_pipeline.message import Delivery, Wire
from xml_pipeline.schedule import Scheduler, schedule
from xml_pipeline.steps.decode import Decode
from xml_pipeline.steps.envelope import ReadEnvelope
from xml_pipeline.steps.rail import Step, rail, same_station, spread
from xml_pipeline.steps.route import OUTSIDE, Route
from xml_pipeline.steps.unfold import Unfold


@dataclass(frozen=True, slots=True)
class Inserts:
    """Steps of others, such as guardrails: at the envelope, and at the delivery."""

    envelope: tuple[Step, ...] = ()
    delivery: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Stations:
    """The steps between the inbox and the schedule, in their order."""

    unfold: Unfold
    read: ReadEnvelope
    route: Route
    decode: Decode


class StreamPump:
    """Moves messages from the inbox to their handlers, and their outputs back to the inbox.

    Batches of ready messages travel one aiostream composition. Only its source waits, and
    every operator in it is synchronous: what needs concurrency, the handlers, runs beside
    the stream, and settles by putting its outputs into the inbox.
    """

    def __init__(
        self,
        inbox: Inbox,
        stations: Stations,
        scheduler: Scheduler,
        dispatch: LocalDispatch,
        faults: Faults,
        events: Events,
    ) -> None:
        self.inbox = inbox
        self.dispatch = dispatch
        self._stations = stations
        self._at_envelope: list[Step] = []
        self._at_delivery: list[Step] = []
        self._scheduler = scheduler
        self._faults = faults
        self._events = events

    def insert(self, inserts: Inserts) -> None:
        """Put the steps of others in place of the present ones, from the next message on."""
        self._at_envelope[:] = checked(inserts.envelope)
        self._at_delivery[:] = checked(inserts.delivery)

    async def run(self, between: Callable[[], None]) -> None:
        """Move messages until the inbox is stopped; ``between`` is called after each batch."""
        way, refuse = self._stations, self._faults.refuse
        composition = over(
            self.inbox.batches(between),
            self._unfold,
            rail(way.read, self._at_envelope, refuse),
            spread(way.route, refuse),
            rail(way.decode, self._at_delivery, refuse),
            self._part,
        ) | schedule.pipe(self._scheduler)
        async with composition.stream() as flow:
            async for starting in flow:
                self.dispatch.start(starting)

    def _unfold(self, batch: list[Wire]) -> list[Wire]:
        """Put the messages that a handler wrote as text in the place of that text."""
        if all(wire.origin != "text" for wire in batch):
            return batch
        return spread(self._stations.unfold, self._faults.refuse)(batch)

    def _part(self, batch: list[Delivery]) -> list[Delivery]:
        """Tell of what was accepted, and let go of what leaves the organism."""
        self._stations.decode.forget()
        staying = []
        for delivery in batch:
            if self._events.heard:
                self._announce(delivery)
            if delivery.listener is OUTSIDE:
                self._faults.leave(delivery)
            else:
                staying.append(delivery)
        return staying

    def _announce(self, delivery: Delivery) -> None:
        conversation, leaving = delivery.conversation, delivery.listener is OUTSIDE
        said = (
            conversation.id if leaving else delivery.thread.id,
            conversation.id,
            f"{conversation.id}.{delivery.id}",
            delivery.sender,
            conversation.principal if leaving else delivery.listener.name,
            type(delivery.payload).__name__,
            delivery.payload,
        )
        self._events.emit(MessageSent(*said, delivery.notes, delivery.size))
        if leaving:
            self._events.emit(MessageReceived(*said))


@pipable_operator
async def over(source: AsyncIterable[Any], *stations: Callable[[Any], Any]) -> AsyncIterator[Any]:
    """Take each batch of the stream through one synchronous function after the other.

    A row of ``map``, in one operator: each operator costs a little for each batch, and that
    is felt when messages come one at a time.
    """
    async with streamcontext(source) as batches:
        async for batch in batches:
            for station in stations:
                batch = station(batch)
            yield batch


def checked(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Wrap inserted steps, so that none can turn a message into something else."""
    return tuple(same_station(step) for step in steps)
