"""Who runs next: in order on each thread, fair between conversations, bounded everywhere.

The rule this file guards: a thread holds at most one running delivery, a listener at most
its limit, the organism at most its own; and a delivery that cannot start waits where the
room is missing, so that a busy listener never delays an idle one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Container
from math import inf

from aiostream import pipable_operator, streamcontext

from xml_pipeline.fairness import FairQueue
from xml_pipeline.listener import Listener
from xml_pipeline.message import Delivery
from xml_pipeline.thread import Thread

_FEW = 64
"""So many dead deliveries are not worth looking for."""


class Lane:
    """One listener's place in the schedule; it outlives a reload of the listener.

    ``running`` maps each delivery under way to the time it began: infinity while it waits for
    a worker process. All deliveries of a listener share one timeout.
    """

    __slots__ = ("limit", "parked", "paused", "running", "timeout")

    def __init__(self, limit: int | None, timeout: float, depth_first: bool) -> None:
        self.running: dict[Delivery, float] = {}
        self.parked: FairQueue[Delivery] = FairQueue(depth_first)
        self.limit = limit
        self.timeout = timeout
        self.paused = False

    @property
    def full(self) -> bool:
        """Tell whether no further delivery of this listener may start now."""
        return self.paused or (self.limit is not None and len(self.running) >= self.limit)


class Scheduler:
    """Decides which deliveries may start.

    ``max_concurrent`` bounds the whole organism, ``per_agent`` each agent that names no
    limit of its own, ``per_pooled`` each listener that works in processes, whose deliveries
    take ``pool_deadline`` seconds at most. ``most_parked`` deliveries may wait for one listener
    before nothing more from outside is let in for it. ``lanes`` has the lane of each listener
    by its name. ``clock`` gives the event loop's time.
    """

    def __init__(
        self,
        max_concurrent: int,
        per_agent: int,
        clock: Callable[[], float],
        depth_first: bool = False,
    ) -> None:
        self.max_concurrent = max_concurrent
        self.per_agent = per_agent
        self.per_pooled = 1
        self.per_sandbox = 1
        self.pool_deadline = inf
        self.most_parked = inf
        self.running = 0
        self.waiting = 0
        self.waiting_bytes = 0
        self.clock = clock
        self._depth_first = depth_first
        self.lanes: dict[str, Lane] = {}
        self._common = Lane(None, inf, depth_first)  # Where only the organism has no room.
        self._hungry: dict[Lane, None] = {}  # Lanes where somebody is parked, in turn.
        self._away: set[Delivery] = set()  # Deliveries that wait for a time.
        self._dead = 0  # Deliveries that are parked though their thread has closed.

    def lane(self, listener: Listener) -> Lane:
        """Return the listener's lane, with the limits of the listener as it is now."""
        limit = listener.max_concurrent
        if limit is None and listener.agent:
            limit = self.per_agent
        timeout = listener.timeout
        if listener.cpu_bound:
            limit = min(self.per_pooled, limit or self.per_pooled)
            timeout = min(self.pool_deadline, timeout)
        elif listener.sandbox is not None:
            limit = limit or self.per_sandbox
        lane = self.lanes.get(listener.name)
        if lane is None:
            lane = self.lanes[listener.name] = Lane(limit, timeout, self._depth_first)
        lane.limit, lane.timeout = limit, timeout
        return lane

    def crowded(self, listener: Listener, party: str) -> bool:
        """Tell whether enough waits for a listener, and some of it is this party's."""
        lane = self.lanes.get(listener.name)
        if lane is None or len(lane.parked) < self.most_parked:
            return False
        return lane.parked.waiting(party) > 0

    def forget_lanes(self, present: Container[str]) -> None:
        """Drop the lanes of listeners that are gone, once nothing is in them."""
        for name, lane in tuple(self.lanes.items()):
            if name not in present and not lane.running and not lane.parked:
                del self.lanes[name]

    def admit(self, arrived: list[Delivery]) -> list[Delivery]:
        """Take in what arrived and return what may start now, those that waited first.

        Where somebody waits, what arrives takes its turn among them.
        """
        starting: list[Delivery] = []
        crowded = bool(self._hungry)
        if not arrived and not crowded:
            return starting
        lanes, now = self.lanes, self.clock()
        for delivery in arrived:
            thread = delivery.thread
            if not thread.open:
                continue
            if thread.current is None:
                thread.current = delivery
                lane = lanes.get(delivery.listener.name) or self.lane(delivery.listener)
                if not crowded and self.running < self.max_concurrent and not lane.full:
                    self.running += 1
                    lane.running[delivery] = now
                    starting.append(delivery)
                else:
                    self._wait(delivery)
                    self._park(delivery, lane)
            else:
                self._wait(delivery)
                if thread.queue is None:
                    thread.queue = deque((delivery,))
                else:
                    thread.queue.append(delivery)
        if crowded:
            self._fill(starting)
        return starting

    def restore(self, delivery: Delivery) -> None:
        """Take in a delivery that stood at its listener's door before; it waits for a slot."""
        thread = delivery.thread
        self._wait(delivery)
        if thread.current is None:
            thread.current = delivery
            self._park(delivery, self._lane_of(delivery))
        elif thread.queue is None:
            thread.queue = deque((delivery,))
        else:
            thread.queue.append(delivery)

    def finish(self, delivery: Delivery) -> bool:
        """Free the slot of a running delivery; True where the pump should look at it.

        That is when somebody waits for a slot, or nothing runs any more.
        """
        lane = self.lanes.get(delivery.listener.name)
        if lane is None or lane.running.pop(delivery, None) is None:
            return False
        self.running -= 1
        thread = delivery.thread
        thread.current = None
        if thread.queue:
            following = thread.queue.popleft()
            thread.current = following
            self._park(following, self._lane_of(following))
        return not self.running or bool(self._hungry)

    def postpone(self, delivery: Delivery, again: Delivery) -> bool:
        """Free the slot of a running delivery that is to be handed over again, and keep its turn.

        What waits on its thread goes on waiting; it counts as waiting itself. Returns whether
        the pump should look.
        """
        lane = self._lane_of(delivery)
        del lane.running[delivery]
        self.running -= 1
        self.wait_outside(again)
        return not self.running or bool(self._hungry)

    def wait_outside(self, delivery: Delivery) -> None:
        """Let a delivery hold its thread, and wait for a time rather than for a slot."""
        delivery.thread.current = delivery
        self._away.add(delivery)
        self._wait(delivery)

    def come_back(self, delivery: Delivery) -> None:
        """Let a delivery that was postponed wait for a slot."""
        if delivery in self._away:
            self._away.remove(delivery)
            self._park(delivery, self._lane_of(delivery))

    @property
    def parties(self) -> Collection[str]:
        """Return those who began what waits here."""
        return {party for lane in self._hungry for party in lane.parked.parties}

    def conversations(self, party: str) -> int:
        """Return how many conversations of a party wait here."""
        return sum(lane.parked.waiting(party) for lane in self._hungry)

    def is_running(self, delivery: Delivery) -> bool:
        """Tell whether a delivery has started and not finished."""
        return delivery in self._lane_of(delivery).running

    def forget(self, thread: Thread) -> bool:
        """Take what waits on a thread that has closed out of the count of what waits.

        A parked delivery stays in its queue until its turn comes, and is dropped then; all
        such are dropped at once when they are more than those that wait. Returns whether
        anything waited.
        """
        before = self.waiting
        for delivery in thread.queue or ():
            self._unwait(delivery)
        thread.queue = None
        parked = thread.current
        if parked is not None and not self.is_running(parked):
            thread.current = None
            self._unwait(parked)
            if parked in self._away:
                self._away.remove(parked)
                return True
            self._dead += 1
            if self._dead > self.waiting + _FEW:
                self._bury()
        return self.waiting < before

    def _bury(self) -> None:
        for lane in tuple(self._hungry):
            lane.parked.remove(lambda delivery: not delivery.thread.open)
            if not lane.parked:
                del self._hungry[lane]
        self._dead = 0

    def _lane_of(self, delivery: Delivery) -> Lane:
        return self.lanes.get(delivery.listener.name) or self.lane(delivery.listener)

    def _park(self, delivery: Delivery, lane: Lane) -> None:
        place = lane if lane.full or lane.parked else self._common
        place.parked.put(delivery.conversation, delivery)
        self._hungry[place] = None

    def _fill(self, starting: list[Delivery]) -> None:
        """Give the free slots away, to one lane after the other: none is starved by another."""
        while self.running < self.max_concurrent:
            lane = next((each for each in self._hungry if not each.full), None)
            if lane is None:
                return
            del self._hungry[lane]
            self._start(lane.parked.take(), starting)
            if lane.parked:
                self._hungry[lane] = None

    def _start(self, delivery: Delivery, starting: list[Delivery]) -> None:
        if not delivery.thread.open:
            self._dead -= 1
            return
        self._unwait(delivery)
        lane = self._lane_of(delivery)
        if lane.full:
            self._wait(delivery)
            self._park(delivery, lane)
            return
        self.running += 1
        lane.running[delivery] = self.clock()
        starting.append(delivery)

    def _wait(self, delivery: Delivery) -> None:
        self.waiting += 1
        self.waiting_bytes += delivery.size

    def _unwait(self, delivery: Delivery) -> None:
        self.waiting -= 1
        self.waiting_bytes -= delivery.size


@pipable_operator
async def schedule(
    source: AsyncIterable[list[Delivery]], scheduler: Scheduler
) -> AsyncIterator[list[Delivery]]:
    """Turn batches of deliveries that arrived into batches of deliveries that may start."""
    async with streamcontext(source) as arrivals:
        async for arrived in arrivals:
            yield scheduler.admit(arrived)
