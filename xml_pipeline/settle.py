"""Settling: what a delivery came to.

The rule this file guards: every message that was counted as pending on a thread leaves that
count exactly once, by being handled, refused, or closed together with its thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from xml_pipeline.errors import FaultCode, PayloadDefinitionError, Rejected
from xml_pipeline.faults import Faults, caller_of
from xml_pipeline.inbox import Inbox
from xml_pipeline.journal.lines import Delayed
from xml_pipeline.letters import dead_letter
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.message import Delivery, Fault, Wire
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.registries import state as states
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.threads import Threads
from xml_pipeline.registries.waiters import note_answered, note_handled
from xml_pipeline.schedule import Scheduler
from xml_pipeline.spent import Spent
from xml_pipeline.steps.seal import check_name, seal
from xml_pipeline.system import SystemError
from xml_pipeline.thread import Thread

log = logging.getLogger(__name__)


class Settlement:
    """Puts the outcome of deliveries into the threads, and what follows into the inbox.

    All of it is synchronous: between two turns of the event loop the books are balanced.
    """

    __slots__ = (
        "_faults",
        "_inbox",
        "_listeners",
        "_scheduler",
        "_threads",
        "journal",
        "state_bytes",
    )

    def __init__(
        self,
        listeners: Listeners,
        threads: Threads,
        scheduler: Scheduler,
        inbox: Inbox,
        faults: Faults,
    ) -> None:
        self.journal = faults.journal
        self._listeners = listeners
        self._threads = threads
        self._scheduler = scheduler
        self._inbox = inbox
        self._faults = faults
        self.state_bytes = 1 << 20

    def succeed(
        self, delivery: Delivery, metadata: HandlerMetadata, responses: Iterable[HandlerResponse]
    ) -> None:
        """Settle a delivery whose handler returned: state kept, outputs on their way.

        Raises InvalidState, and settles nothing, where the state cannot be kept.
        """
        thread = delivery.thread
        state, before = metadata.changed_state(), thread.state
        if state is not None:
            states.check(state, self.state_bytes, delivery.listener)
            thread.state = state
        self.release(delivery)
        if state is not None and self.journal.keeps:
            self._remember(delivery, before, state)
        if delivery.kind == "inject":
            thread.request = delivery.id
            thread.answered = False  # This is another question.
        for response in responses:
            if not thread.open:
                log.warning("%s said something after its answer: dropped", thread.callee)
                break
            if response.kind == "pass_on":
                self._pass_on(delivery)
            else:
                self._say(thread, response)
        if thread.open:
            self._leave_count(delivery)

    def _remember(
        self, delivery: Delivery, before: dict[str, Any] | None, state: dict[str, Any]
    ) -> None:
        """Note what a listener remembers: what has changed of it, where anything was noted."""
        thread, lookup = delivery.thread, delivery.listener.payload
        change = states.encode_change(before, state, lookup) if before is not None else None
        if change is None:
            self.journal.remembers(thread, states.encode(state, lookup))
        elif change:
            self.journal.remembers(thread, change, whole=False)

    def _pass_on(self, delivery: Delivery) -> None:
        """Fail a thread with the fault that was delivered on it: there is no other one to tell of.

        Only the pump makes what is delivered as one, so nobody can make up a fault with this.
        """
        thread, told = delivery.thread, delivery.payload
        if isinstance(told, SystemError):
            who = (delivery.sender, thread.callee)
            fault = Fault(told.id, told.code, "", *who, b"", told.message, spent=told.spent)
            self._faults.pass_up(thread, fault)
        else:
            self.give_up(thread, "handler", f"{thread.callee} was told of no fault to pass on")

    def _leave_count(self, delivery: Delivery) -> None:
        """Take a delivery out of the count of what may still happen on its thread."""
        thread = delivery.thread
        thread.pending -= 1
        if delivery.kind == "inject":
            note_handled(thread)
        if not thread.pending:
            self._faults.end(thread)

    def fail(
        self, delivery: Delivery, error: Rejected, state: dict[str, Any] | None = None
    ) -> None:
        """Settle a delivery whose handler did not return: its thread fails, its caller is told.

        ``state`` is as the handler has left it, where it did: it is kept no longer than that
        what the work has taken is read off it.
        """
        thread = delivery.thread
        self.release(delivery)
        if thread.open:
            thread.state = thread.state if state is None else state
            to, number = delivery.listener.name, delivery.id
            fault = self._faults.make(thread, error, delivery.sender, to, message=number)
            self._faults.pass_up(thread, fault)

    def retry(self, delivery: Delivery, seconds: float, detail: str) -> None:
        """Hand a delivery over again in so many seconds, or give it up if that was often enough.

        Meanwhile it keeps its turn: nothing overtakes it on its thread. Who gives up lays the
        message with the dead letters, and tells its caller.
        """
        listener = delivery.listener
        if not delivery.thread.open:
            self.release(delivery)
        elif delivery.attempt >= listener.max_deliveries:
            self.journal.lay_aside(dead_letter(delivery, self._faults.redact(detail)))
            words = f"given up after attempt {delivery.attempt}: {detail}"
            self.fail(delivery, Rejected("handler", words))
        else:
            words = "%s did not succeed, attempt %d; again in %.3g s: %s"
            log.warning(words, listener.name, delivery.attempt, seconds, detail)
            if self.journal.keeps:
                self.journal.postponed(delivery, seconds)
            self._return_unspent(delivery)
            again = delivery.again()
            looks = self._scheduler.postpone(delivery, again)
            asyncio.get_running_loop().call_later(seconds, self.come_back, again)
            if looks:
                self._inbox.poke()

    def come_back(self, delivery: Delivery) -> None:
        """Let a delivery that was put off be handed over as soon as there is room."""
        self._scheduler.come_back(delivery)
        self._inbox.poke()

    def release(self, delivery: Delivery) -> None:
        """Free the slot of a delivery, and what it has set aside of the budget.

        That is all there is to settle where its thread has closed.
        """
        if self.journal.keeps and delivery.thread.open:
            self.journal.settled(delivery)
        if self._scheduler.finish(delivery):
            self._inbox.poke()
        self._return_unspent(delivery)

    def _return_unspent(self, delivery: Delivery) -> None:
        budget = delivery.conversation.budget
        if budget is not None:
            budget.finished(delivery)
            if self.journal.keeps:
                self.journal.spent(delivery.conversation)

    def forget(self, thread: Thread) -> None:
        """Drop what waits on a thread that has closed."""
        if self._scheduler.forget(thread):
            self._inbox.poke()

    def answer(
        self,
        thread: Thread,
        payload: object,
        *,
        closing: bool = True,
        spent: Spent | None = None,
    ) -> None:
        """Answer for a thread's callee: the thread closes, its caller gets the payload.

        Unless ``closing``, the thread stays open until what it asked for has ended. A payload
        that cannot be written is a fault for the caller, who waits for it.
        """
        if thread.answered:
            log.warning("%s answered twice: dropped", thread.callee)
            if closing:
                self._faults.end(thread)
        else:
            self._answer(thread, payload, spent, closing=closing)

    def _answer(
        self, thread: Thread, payload: object, spent: Spent | None, *, closing: bool
    ) -> None:
        parent = caller_of(thread)
        to = parent.callee if parent is not None else thread.conversation.principal
        try:
            wire = self._wire(thread, parent, payload, to, spent=spent)
        except (Rejected, PayloadDefinitionError) as error:
            fault = self._faults.make(thread, _rejection(error), thread.callee, to)
            self._faults.pass_up(thread, fault)
            return
        above = thread.parent
        thread.answered = True
        if parent is not None:
            parent.pending += 1
        else:
            note_answered(thread, wire.id)
        if closing:
            self._threads.close(thread, "completed")
        elif self.journal.keeps:
            self.journal.answered(thread)
        self._inbox.put(wire)
        if above is not None and above.open and not above.pending:
            self._threads.close(above, "completed")  # The last of a broadcast from outside.
        if parent is None:
            self._faults.leave_unanswered(thread.conversation)

    def give_up(self, thread: Thread, code: FaultCode, detail: str) -> None:
        """Fail an open thread because time or money is up; its caller is told."""
        fault = self._faults.make(thread, Rejected(code, detail), thread.caller, thread.callee)
        self._faults.pass_up(thread, fault)

    def kill(self, thread: Thread, detail: str, code: FaultCode = "handler") -> Fault:
        """Stop an open thread and everything below it, now; its caller is told."""
        error = Rejected(code, detail)
        fault = self._faults.make(thread, error, thread.caller, thread.callee)
        return self._faults.pass_up(thread, fault, "killed")

    def number(self, wire: Wire) -> int:
        """Count one more message on its conversation and thread, and return its number."""
        wire.conversation.messages += 1
        if wire.thread is not None:
            wire.thread.pending += 1
        return wire.conversation.messages

    def _say(self, thread: Thread, response: HandlerResponse) -> None:
        kind = response.kind
        if kind == "defer":
            self._owe(thread, response.seconds)
        elif response.seconds > 0.0:
            self._delay(thread, response)
        elif kind == "send":
            self._send(thread, response)
        else:
            about, closing = response.spent, kind == "respond"
            self.answer(thread, response.payload, closing=closing, spent=about)

    def _send(self, thread: Thread, response: HandlerResponse) -> None:
        thread.pending += 1
        try:
            wire = self._wire(thread, thread, response.payload, response.to, response.key)
            self._inbox.put(wire)
        except (Rejected, PayloadDefinitionError) as error:
            rejection = _rejection(error)
            fault = self._faults.make(thread, rejection, thread.callee, response.to or "")
            about = response.key or thread.conversation.messages
            self._faults.tell(thread, fault, about, thread.hops + 1)

    def _wire(  # of what its answer took, few know
        self,
        thread: Thread,
        home: Thread | None,
        payload: Any,
        to: str | None,
        key: str | None = None,
        spent: Spent | None = None,
    ) -> Wire:
        """Write what a thread's callee says into bytes, ready to go the way of all messages.

        ``home`` is the thread it is said on: its own, or for a reply its caller's.
        """
        conversation = thread.conversation
        number = conversation.messages = conversation.messages + 1
        sending = home is thread
        kind = payload.__class__
        if kind is bytes or kind is RawPayload:
            codec, raw = None, payload if kind is bytes else payload.xml
        else:
            codec = codec_of(type(payload))
            if to is not None and (to.__class__ is not str or to not in self._listeners):
                check_name(to)
            home_id = home.id if home is not None else conversation.id
            raw = seal(codec, payload, thread.callee, to, home_id)
        return Wire(
            raw,
            "text" if codec is None else "sealed",
            "send" if sending else "reply",
            thread.callee,
            conversation,
            home,
            number,
            0 if sending else thread.request,
            thread.hops + 1,
            codec,
            key or number,
            to,
            spent=spent,
        )

    def _owe(self, thread: Thread, within: float) -> None:
        """Count an answer that is owed; a second promise replaces the first."""
        if not within >= 0:  # NaN would put the event loop's timers out of order.
            raise ValueError(f"an answer cannot be owed within {within!r} s")
        if thread.owed is not None:
            thread.owed.cancel()
        else:
            thread.pending += 1
        if self.journal.keeps:
            self.journal.owes(thread, within)
        self.await_answer(thread, within)

    def say_instead(self, thread: Thread, payload: object) -> None:
        """Let the pump say something to a thread's callee, and owe no answer any more."""
        if thread.owed is None:
            raise ValueError(f"no answer is owed on thread {thread.id}")
        thread.owed.cancel()
        thread.owed = None
        if self.journal.keeps:
            self.journal.owes_no_more(thread)
        self._faults.say(thread, payload)

    def await_answer(self, thread: Thread, within: float) -> None:
        """Fail a thread, unless its answer is given within so many seconds."""
        loop = asyncio.get_running_loop()
        words = f"{thread.callee} owed an answer and did not give it in time"
        thread.owed = loop.call_later(within, self.give_up, thread, "timeout", words)

    def _delay(self, thread: Thread, response: HandlerResponse) -> None:
        thread.pending += 1
        number = thread.conversation.messages = thread.conversation.messages + 1
        if self.journal.keeps:
            self.journal.delayed(thread, number, response.seconds, _as_written(response))
        self.say_later(thread, number, response.seconds, response._replace(seconds=0.0))

    def say_later(
        self, thread: Thread, number: int, seconds: float, response: HandlerResponse
    ) -> None:
        """Let a response set out in so many seconds, unless its thread has closed by then."""
        if thread.delayed is None:
            thread.delayed = {}
        thread.delayed[number] = asyncio.get_running_loop().call_later(
            seconds, self._say_now, thread, number, response
        )

    def _say_now(self, thread: Thread, number: int, response: HandlerResponse) -> None:
        if thread.delayed is not None:
            del thread.delayed[number]
        if self.journal.keeps:
            self.journal.set_out(thread, number)
        self._say(thread, response)
        if thread.open:
            thread.pending -= 1
            if not thread.pending:
                self._faults.end(thread)


def _as_written(response: HandlerResponse) -> Delayed:
    """Return a response as it can be written down; one that cannot be sets out as nothing."""
    payload: Any = response.payload
    if isinstance(payload, RawPayload):
        payload = payload.xml
    try:
        xml = payload if isinstance(payload, bytes) else payload.to_xml()
    except (Rejected, AttributeError):  # It is no payload; who sends it then is told so.
        xml = b""
    return Delayed(response.kind, response.to, response.key, xml)


def _rejection(error: Rejected | PayloadDefinitionError) -> Rejected:
    return error if isinstance(error, Rejected) else Rejected("validation", str(error))
