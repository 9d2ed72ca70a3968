"""The message pump: the one way that every message goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiostream import pipe, stream

from xml_pipeline.dispatch.local import LocalDispatch
from xml_pipeline.events import Events, MessageReceived, MessageSent
from xml_pipeline.faults import Faults
from xml_pipeline.inbox import Inbox
from xml_pipeline.message import Delivery
from xml_pipeline.schedule import Scheduler, schedule
from xml_pipeline.steps.decode import Decode
from xml_pipeline.steps.envelope import ReadEnvelope
from xml_pipeline.steps.rail import Step, rail, same_station, spread
from xml_pipeline.steps.route import Route
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
    inserts: Inserts


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
        self._scheduler = scheduler
        self._faults = faults
        self._events = events

    async def run(self, at_rest: Callable[[], None]) -> None:
        """Move messages until the inbox is stopped; ``at_rest`` is called when all is still."""
        way, refuse = self._stations, self._faults.refuse
        composition = (
            stream.iterate(self.inbox.batches(at_rest))
            | pipe.map(spread(way.unfold, refuse))
            | pipe.map(rail((way.read, *checked(way.inserts.envelope)), refuse))
            | pipe.map(spread(way.route, refuse))
            | pipe.map(rail((way.decode, *checked(way.inserts.delivery)), refuse))
            | pipe.map(self._part)
            | schedule.pipe(self._scheduler)
            | pipe.map(self.dispatch.start)
        )
        async with composition.stream() as flow:
            async for _ in flow:
                pass

    def _part(self, batch: list[Delivery]) -> list[Delivery]:
        """Tell of what was accepted, and let go of what leaves the organism."""
        self._stations.decode.forget()
        staying = []
        for delivery in batch:
            if self._events.heard:
                self._announce(delivery)
            if delivery.thread is None:
                self._faults.leave(delivery)
            else:
                staying.append(delivery)
        return staying

    def _announce(self, delivery: Delivery) -> None:
        conversation, thread = delivery.conversation, delivery.thread
        said = (
            thread.id if thread is not None else conversation.id,
            conversation.id,
            f"{conversation.id}.{delivery.id}",
            delivery.sender,
            delivery.listener.name if thread is not None else conversation.principal,
            type(delivery.payload).__name__,
            delivery.payload,
        )
        self._events.emit(MessageSent(*said, delivery.repairs))
        if thread is None:
            self._events.emit(MessageReceived(*said))


def checked(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Wrap inserted steps, so that none can turn a message into something else."""
    return tuple(same_station(step) for step in steps)
