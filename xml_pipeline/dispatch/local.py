"""Running handlers as tasks of this event loop.

The rule this file guards: a delivery is settled exactly once. ``_unsettled`` maps those that
are not to the task of their handler, None before it has one; whoever takes a delivery out of
it settles it. A handler that outlives its timeout or its thread goes on unheard, and what it
returns is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Iterable
from math import inf
from types import CoroutineType
from typing import Any

from xml_pipeline.audit.trail import Trail
from xml_pipeline.dispatch.answers import code_of, responses_of
from xml_pipeline.dispatch.deadlines import Deadlines
from xml_pipeline.dispatch.jobs import JobFailed, JobUndone
from xml_pipeline.dispatch.offload import Offload, Turn
from xml_pipeline.dispatch.relay import Relay
from xml_pipeline.errors import Denied, InvalidState, Rejected, Retryable
from xml_pipeline.events import AgentState, Events, MessageReceived
from xml_pipeline.hooks import DispatchHook
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Surroundings
from xml_pipeline.message import Delivery
from xml_pipeline.registries.context import remember
from xml_pipeline.registries.threads import Threads
from xml_pipeline.registries.todos import Todos
from xml_pipeline.schedule import Scheduler
from xml_pipeline.settle import Settlement
from xml_pipeline.system import SystemError
from xml_pipeline.thread import Thread

log = logging.getLogger(__name__)

_SETTLED: Any = object()
"""Stands for the task of a delivery that somebody has settled already."""


class LocalDispatch:
    """Starts the handler of each delivery and settles what becomes of it.

    ``offload`` has those of listeners ``apart``; whoever makes a dispatch gives it one.
    """

    offload: Offload

    def __init__(
        self,
        settlement: Settlement,
        scheduler: Scheduler,
        threads: Threads,
        todos: Todos,
        events: Events,
        surroundings: Surroundings,
    ) -> None:
        self.hooks: list[DispatchHook] = []
        self.context_slots = 10_000
        self.audit = Trail()
        self._settlement = settlement
        self._scheduler = scheduler
        self._threads = threads
        self._todos = todos
        self._events = events
        self.surroundings = surroundings
        self._deadlines = Deadlines(scheduler, self._expire)
        self._relay = Relay(self._work)
        self._unsettled: dict[Delivery, Any] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._stopped = False
        threads.on_close.append(self._thread_closed)

    def start(self, batch: list[Delivery]) -> None:
        """Begin to handle deliveries that the schedule lets start."""
        if self._stopped:  # While what came before was written down.
            self._hand_back(batch)
        else:
            self._begin(batch)

    def _begin(self, batch: list[Delivery]) -> None:
        lanes, deadlines = self._scheduler.lanes, self._deadlines
        now = self._scheduler.clock()  # The time that it took to write this down is not theirs.
        for delivery in batch:
            thread = delivery.thread
            if not thread.open:  # It has closed while what came before was written down.
                self._settlement.release(delivery)
                continue
            if thread.status == "created":
                thread.hops = delivery.hops
                self._threads.activate(thread)
            elif not delivery.listener.keeps_depth or _is_of_depth(delivery):
                thread.hops = delivery.hops
            remember(delivery, self.context_slots)
            if delivery.conversation.watched:
                self._todos.notice(delivery)
            if self._events.heard:
                self._announce(delivery)
            lane = lanes[delivery.listener.name]
            lane.running[delivery] = now
            late = now + lane.timeout
            if late < deadlines.earliest:
                deadlines.arm(late)
            self._unsettled[delivery] = None
        self._relay.add(batch)

    async def stop(self) -> None:
        """Cancel every handler and wait until all have ended."""
        self._stopped = True
        self._deadlines.stop()
        self._hand_back(self._unsettled)
        self._unsettled.clear()
        await self._relay.stop()
        for telling in tuple(self._telling):
            telling.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _hand_back(self, deliveries: Iterable[Delivery]) -> None:
        """Note that these were not handed over after all."""
        if self._settlement.journal.keeps:
            for delivery in deliveries:
                if delivery.thread.open:
                    self._settlement.journal.not_handed_over(delivery)

    def _work(self, delivery: Delivery, task: asyncio.Task[Any]) -> Awaitable[object] | None:
        """Return what handles a delivery, None where that was settled before it began."""
        if delivery not in self._unsettled:
            return None
        self._unsettled[delivery] = task
        return self._run_hooked(delivery) if self.hooks else self._run(delivery)

    async def _run(self, delivery: Delivery) -> str | None:
        """Run a handler and settle its delivery; return what went wrong, None where nothing."""
        metadata = HandlerMetadata(delivery, self.surroundings)
        try:
            if delivery.listener.apart:
                answer: Any = self._in_a_process(delivery, metadata)
            else:
                answer = delivery.listener.handler(delivery.payload, metadata)
            if answer.__class__ is CoroutineType or not hasattr(answer, "__aiter__"):
                answer = await answer
            else:
                answer = [each async for each in answer]
            responses = responses_of(answer)
        except asyncio.CancelledError:
            if self._take(delivery):
                self._fail(delivery, Rejected("handler", "the handler cancelled itself"))
            return "cancelled"
        except (Exception, SystemExit) as error:
            if self._take(delivery):
                self._raised(delivery, error, metadata.changed_state())
            return f"{type(error).__name__}: {error}"
        if self._unsettled.pop(delivery, _SETTLED) is _SETTLED:
            return "too late"
        return self._succeed(delivery, metadata, responses)

    async def _in_a_process(
        self, delivery: Delivery, metadata: HandlerMetadata
    ) -> tuple[HandlerResponse, ...]:
        """Have a worker process handle a delivery; its time begins when one is free for it."""
        lane = self._scheduler.lanes[delivery.listener.name]
        lane.running[delivery] = inf

        def begins() -> None:
            if delivery in lane.running:
                began = lane.running[delivery] = self._scheduler.clock()
                if began + lane.timeout < self._deadlines.earliest:
                    self._deadlines.arm(began + lane.timeout)

        return await self.offload.run(delivery, metadata, Turn(lane.timeout, begins))

    def _succeed(
        self, delivery: Delivery, metadata: HandlerMetadata, responses: Iterable[HandlerResponse]
    ) -> str | None:
        try:
            self._settlement.succeed(delivery, metadata, responses)
        except InvalidState as error:
            self._fail(delivery, Rejected("handler", str(error)), metadata.changed_state())
            return f"{type(error).__name__}: {error}"
        except Exception as error:  # A response that holds what nobody could expect in one.
            self._raised(delivery, error, metadata.changed_state())
            return f"{type(error).__name__}: {error}"
        if self._events.heard:
            thread, name = delivery.thread, delivery.listener.name
            owes = thread.open and thread.owed is not None
            self._events.emit(AgentState(name, "waiting" if owes else "idle", thread.id))
        return None

    def _take(self, delivery: Delivery) -> bool:
        """Tell whether a delivery is still to be settled; whoever asks settles it."""
        return self._unsettled.pop(delivery, _SETTLED) is not _SETTLED

    async def _run_hooked(self, delivery: Delivery) -> None:
        """Run a handler between its hooks.

        A failing ``on_intent`` stops this dispatch: the journal of it could not be written.
        Whoever has noted an intent is told what became of it.
        """
        noted: list[tuple[DispatchHook, object]] = []
        failure: str | None = "cancelled"
        try:
            failure = await self._run_noted(delivery, noted)
        except asyncio.CancelledError:
            if self._take(delivery):
                self._fail(delivery, Rejected("handler", "cancelled before its handler began"))
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            if self._take(delivery):
                self._note_veto(delivery, failure)
                self._raised(delivery, error)
        for hook, entry in noted:
            await _heed(hook.on_failed(entry, failure) if failure else hook.on_acknowledged(entry))

    def _note_veto(self, delivery: Delivery, why: str) -> None:
        to, thread = delivery.listener.name, delivery.thread.id
        self.audit.tell(delivery.sender, "hook_vetoed", to=to, thread=thread, why=why)

    async def _run_noted(
        self, delivery: Delivery, noted: list[tuple[DispatchHook, object]]
    ) -> str | None:
        payload = delivery.payload
        name, target = type(payload).__name__, delivery.listener.name
        said = (delivery.thread.id, delivery.sender, target, name, payload.to_xml())
        for hook in tuple(self.hooks):
            noted.append((hook, await hook.on_intent(*said)))
        for hook, entry in noted:
            await _heed(hook.on_dispatched(entry))
        return await self._run(delivery)

    def _raised(
        self, delivery: Delivery, error: BaseException, state: dict[str, Any] | None = None
    ) -> None:
        detail = error.detail if isinstance(error, JobFailed | JobUndone) else _trace(error)
        if isinstance(error, Retryable):
            self._tell_idle(delivery)
            seconds = max(error.after, delivery.listener.delay_after(delivery.attempt))
            self._settlement.retry(delivery, seconds, detail)
        elif isinstance(error, Denied):
            self._fail(delivery, error, state)
        elif isinstance(error, JobFailed):
            self._fail(delivery, Rejected(error.code, detail))
        else:
            self._fail(delivery, Rejected(code_of(error), detail), state)

    def _fail(
        self, delivery: Delivery, error: Rejected, state: dict[str, Any] | None = None
    ) -> None:
        self._tell_idle(delivery)
        self._settlement.fail(delivery, error, state)

    def _tell_idle(self, delivery: Delivery) -> None:
        """Tell that a listener has failed at a delivery, and is free again."""
        if self._events.heard:
            name, thread_id = delivery.listener.name, delivery.thread.id
            self._events.emit(AgentState(name, "error", thread_id))
            self._events.emit(AgentState(name, "idle", thread_id))

    def _expire(self, delivery: Delivery) -> None:
        task = self._unsettled.pop(delivery, _SETTLED)
        if task is not _SETTLED:
            _cancel(task)
            name = delivery.listener.name
            detail = f"{name} took longer than {self._scheduler.lanes[name].timeout} s"
            self._fail(delivery, Rejected("timeout", detail))

    def _thread_closed(self, thread: Thread) -> None:
        if thread.conversation.watched:
            self._todos.forget(thread)
        if thread.queue or thread.current is not None:
            self._settlement.forget(thread)
        delivery, task = thread.current, _SETTLED
        if delivery is not None:
            task = self._unsettled.pop(delivery, _SETTLED)
            if task is not _SETTLED:
                _cancel(task)
                self._settlement.release(delivery)
        if self._events.heard and (task is not _SETTLED or thread.owed is not None):
            self._events.emit(AgentState(thread.callee, "idle", thread.id))
        for hook in self.hooks:
            telling = asyncio.get_running_loop().create_task(_complete(hook, thread.id))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    def _announce(self, delivery: Delivery) -> None:
        self._events.emit(
            MessageReceived(
                delivery.thread.id,
                delivery.conversation.id,
                f"{delivery.conversation.id}.{delivery.id}",
                delivery.sender,
                delivery.listener.name,
                type(delivery.payload).__name__,
                delivery.payload,
            )
        )
        self._events.emit(AgentState(delivery.listener.name, "processing", delivery.thread.id))


def _is_of_depth(delivery: Delivery) -> bool:
    """Tell whether this is the news that a budget is spent, such as that of hops.

    Whoever keeps its depth stands as deep as that then: it could ask the same again for ever.
    """
    told = delivery.payload
    return isinstance(told, SystemError) and told.code == "budget"


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _cancel(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        task.cancel()


async def _heed(told: Awaitable[None]) -> None:
    """Await what a hook does; an error in it is the hook's own affair."""
    try:
        await told
    except Exception:
        log.exception("a dispatch hook failed")


async def _complete(hook: DispatchHook, thread_id: str) -> None:
    await _heed(hook.on_thread_complete(thread_id))
