"""How every fault reaches somebody, as an exception would travel: and silence likewise.

The rule this file guards: whoever waits for a thread is told exactly one of: the answer, a
fault, or that nothing will come. A listener that does not declare ``SystemError`` fails with
what it called, and so on up to the outside.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from xml_pipeline import errors
from xml_pipeline.audit.trail import Trail
from xml_pipeline.errors import FaultCode, Rejected, Unanswered
from xml_pipeline.events import Events, FaultEvent
from xml_pipeline.inbox import Inbox
from xml_pipeline.journal import Journal
from xml_pipeline.message import Addressed, Delivery, Envelope, Fault, Wire
from xml_pipeline.payload import Codec, codec_of
from xml_pipeline.payload.text import carried
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.threads import Threads
from xml_pipeline.registries.waiters import Waiter, waiting_in
from xml_pipeline.spent import Spends, Spent, total
from xml_pipeline.steps.seal import seal
from xml_pipeline.system import NEUTRAL_WORDS, SYSTEM, Huh, SystemError, ThreadEnded
from xml_pipeline.thread import Conversation, Thread, ThreadStatus

log = logging.getLogger(__name__)

_FAULT = codec_of(SystemError)
_ENDED = codec_of(ThreadEnded)
_HUH = codec_of(Huh)
_HUH_BYTES = 1024

_UNANSWERED: dict[FaultCode, type[Unanswered]] = {
    "handler": errors.HandlerFailed,
    "timeout": errors.Timeout,
    "budget": errors.BudgetExhausted,
}

_ATTEMPTS: dict[type[Rejected], str] = {
    errors.SignatureRefused: "signature_refused",
    errors.Denied: "denied",
}
"""What the audit log calls somebody's attempt at more than is allowed."""


class Faults:
    """Makes faults, and carries them, and the news that nothing will come, to who waits."""

    __slots__ = ("_audit", "_inbox", "_listeners", "_threads", "events", "journal", "redact")

    def __init__(
        self,
        listeners: Listeners,
        threads: Threads,
        inbox: Inbox,
        events: Events,
        journal: Journal,
        audit: Trail,
    ) -> None:
        self._audit = audit
        self.redact = audit.redact
        self._listeners = listeners
        self._threads = threads
        self._inbox = inbox
        self.journal = journal
        self.events = events

    def make(
        self,
        thread: Thread | Conversation,
        error: Rejected,
        from_id: str,
        to_id: str,
        original: bytes = b"",
        message: int = 0,
    ) -> Fault:
        """Record a fault: in the log with its details, and as exactly one event.

        Secrets are taken out of its words and its details, wherever those go.
        ``message`` is the number of the message that failed, where it was one.
        """
        code = error.code or "internal"
        told = self.redact(carried(error.words) or NEUTRAL_WORDS[code])
        id, detail = secrets.token_hex(8), self.redact(error.detail)
        fault = Fault(id, code, detail, from_id, to_id, original, told, error.final)
        home = thread.conversation if isinstance(thread, Thread) else thread
        about = {"thread_id": thread.id, "conversation_id": home.id, "listener": to_id}
        message_id = f"{home.id}.{message}" if message else ""
        if message:
            about["message_id"] = message_id
        words = "fault %s (%s) from %s to %s: %s"
        log.warning(words, fault.id, code, from_id, to_id, fault.detail, extra=about)
        if self.journal.keeps:
            self.journal.failed(home, fault)
        if self._audit.on:
            self._write_down(fault, error, thread.id)
        if self.events.heard:
            who = (thread.id, home.id, from_id, to_id)
            self.events.emit(FaultEvent(fault.id, code, *who, fault.detail, message_id))
        return fault

    def _write_down(self, fault: Fault, error: Rejected, thread_id: str) -> None:
        """Tell the audit log of a fault that was somebody's attempt at more than is allowed."""
        action = _ATTEMPTS.get(type(error), "budget_exhausted" if fault.code == "budget" else "")
        if action:
            about = {"thread": thread_id, "to": fault.to_id, "fault": fault.id}
            self._audit.tell(fault.from_id, action, why=fault.detail, **about)

    def refuse(self, station: Wire | Envelope | Addressed, error: Rejected) -> None:
        """Settle a message that a step refused: its sender is told, on the sender's thread.

        Where it was refused after a thread had been opened for it, that thread closes.
        """
        wire = _wire_of(station)
        thread = wire.thread
        if self.journal.keeps:
            self.journal.refused(wire)
        to = station.to if isinstance(station, Envelope) else wire.to
        text = wire.raw if wire.origin == "text" else b""
        home = thread or wire.conversation
        fault = self.make(home, error, wire.sender, to or "", text, wire.id)
        if thread is None:
            waiters = waiting_in(wire.conversation)
            self._tell(waiters.left(wire.id) if waiters else (), _failure(fault))
            return
        if not thread.open:
            return
        child = station.thread if isinstance(station, Addressed) else None
        if child is not None and child is not thread:
            thread.pending += 1
            self._threads.close(child, "error")
        if wire.kind == "inject":
            several = child not in (thread, None)
            self._answer_outsider(thread, fault, wire.id, one_of_several=several)
        elif wire.kind == "fault" or error.code == "budget":
            # Whoever cannot be told, or has spent everything, must not be asked to try again.
            self.pass_up(thread, fault)
        else:
            self.tell(thread, fault, wire.in_reply_to or wire.key, wire.hops + 1)

    def tell(self, thread: Thread, fault: Fault, about: int | str, hops: int) -> None:
        """Deliver a fault to a thread's callee, or pass it on where that does not listen.

        The fault takes the place of the refused message in the thread's count.
        """
        callee = self._listeners.find(thread.callee)
        if callee is not None and fault.original and _HUH.tag in callee.codecs:
            huh = Huh(fault.words, fault.original[:_HUH_BYTES])
            self._put(thread, _HUH, huh, about, hops)
        elif callee is not None and _FAULT.tag in callee.codecs:
            said = (fault.code, fault.words, fault.retry_allowed, fault.id, fault.spent)
            self._put(thread, _FAULT, SystemError(*said), about, hops)
        else:
            self.pass_up(thread, fault)

    def say(self, thread: Thread, payload: object) -> None:
        """Let the pump say something to a thread's callee, which is counted already."""
        self._put(thread, codec_of(type(payload)), payload, 0, thread.hops + 1)

    def pass_up(self, thread: Thread, fault: Fault, status: ThreadStatus = "error") -> Fault:
        """Fail a thread and tell its caller; a caller that does not listen fails likewise.

        A caller that has its answer already hears no more. Who is told learns also what the work
        has taken: of what is stopped with it, as far as its last delivery that was settled.
        Returns what was told last.
        """
        hops = thread.hops + 1
        while True:
            if thread.answered:
                self.end(thread, status)
                return fault
            fault = fault.after(self._spent_on(thread))
            parent, about = caller_of(thread), thread.request
            if parent is None:
                self._fail_for_outside(thread, fault, status)
                return fault
            parent.pending += 1
            self._threads.close(thread, status)
            status = "error"
            callee = self._listeners.find(parent.callee)
            if callee is not None and _FAULT.tag in callee.codecs:
                self.tell(parent, fault, about, hops)
                return fault
            thread = parent

    def end(self, thread: Thread, status: ThreadStatus = "completed") -> None:
        """Close a thread that has gone quiet; tell a caller that listens and has no answer."""
        hops = thread.hops + 1
        while True:
            parent, about = thread.parent, thread.request
            if parent is None:
                self._threads.close(thread, status)
                self.leave_unanswered(thread.conversation)
                return
            waits = caller_of(thread) is not None and not thread.answered
            callee = self._listeners.find(parent.callee) if waits else None
            listens = callee is not None and _ENDED.tag in callee.codecs
            parent.pending += listens
            self._threads.close(thread, status)
            status = "completed"
            if listens:
                self._put(parent, _ENDED, ThreadEnded(thread.callee, thread.id), about, hops)
                return
            if parent.pending:
                return
            thread = parent

    def _spent_on(self, thread: Thread) -> Spent | None:
        """Return what was taken on a thread that fails, and below it where that has no answer."""
        said = (self._account(each) for each in thread.subtree() if not each.answered)
        taken = [each for each in said if each is not None]
        return total(taken) if taken else None

    def _account(self, thread: Thread) -> Spent | None:
        handler: object = getattr(self._listeners.find(thread.callee), "handler", None)
        if not thread.state or not isinstance(handler, Spends):
            return None
        return handler.spent_so_far(thread.state)

    def leave(self, delivery: Delivery) -> None:
        """Hand a reply to those outside who wait for it."""
        if self.journal.keeps:
            self.journal.left(delivery)
        waiters = waiting_in(delivery.conversation)
        told = [each for each in waiters.left(delivery.id) if not each.done()] if waiters else ()
        self._once_written(told, partial(_answer, told, delivery))

    def leave_unanswered(self, conversation: Conversation) -> None:
        """Tell those whom a conversation that is over will not answer."""
        waiters, root = waiting_in(conversation), conversation.root
        if waiters is not None and root is not None and not root.open:
            self._tell(waiters.others(), errors.NoReply("everything went quiet without a reply"))

    def dismiss(self, conversation: Conversation, error: Unanswered) -> None:
        """Tell everybody who waits in a conversation that nothing will come any more."""
        waiters = waiting_in(conversation)
        _fail(waiters.everybody() if waiters else (), error)

    def _answer_outsider(
        self, thread: Thread, fault: Fault, message: int, *, one_of_several: bool
    ) -> None:
        """Tell the outside of a message of its own, and close the thread if nothing goes on."""
        thread.pending -= 1
        if not thread.pending:
            self._fail_for_outside(thread, fault, "error")
        elif thread.callee or not one_of_several:
            self._tell_outside(thread.conversation, fault, message)

    def _fail_for_outside(self, thread: Thread, fault: Fault, status: ThreadStatus) -> None:
        """Close a thread that the outside waits for.

        Of a broadcast from outside, the last to fail speaks for all that failed.
        """
        above = thread.parent
        self._threads.close(thread, status)
        if above is None or above.callee or not above.pending:
            self._tell_outside(thread.conversation, fault, thread.request)
        if above is not None and above.open and not above.pending:
            self._threads.close(above, "error")
            self.leave_unanswered(thread.conversation)

    def _tell_outside(self, conversation: Conversation, fault: Fault, message: int | str) -> None:
        """Tell who asked with a message; where the conversation is over, all who wait."""
        waiters, root = waiting_in(conversation), conversation.root
        if waiters is not None:
            over = root is None or not root.open
            told = waiters.others() if over else waiters.about(message)
            self._tell(told, _failure(fault))

    def _tell(self, waiters: Iterable[Waiter], error: Unanswered) -> None:
        told = [each for each in waiters if not each.done()]
        self._once_written(told, partial(_fail, told, error))

    def _once_written(self, waiters: Sequence[Waiter], tell: Callable[[], None]) -> None:
        """Tell those who wait, as soon as what they are told is written down."""
        if waiters and self.journal.keeps:
            self.journal.then(waiters, tell)
        else:
            tell()

    def _put(
        self, thread: Thread, codec: Codec[Any], payload: object, about: int | str, hops: int
    ) -> None:
        conversation = thread.conversation
        conversation.messages += 1
        raw = seal(codec, payload, SYSTEM, thread.callee, thread.id)
        self._inbox.put(
            Wire(
                raw,
                "sealed",
                "fault",
                SYSTEM,
                conversation,
                thread,
                conversation.messages,
                in_reply_to=about,
                hops=hops,
                made=codec,
                to=thread.callee,
            )
        )


def caller_of(thread: Thread) -> Thread | None:
    """Return the thread on which a thread's caller waits, None where that is the outside."""
    parent = thread.parent
    return parent if parent is not None and thread.caller == parent.callee else None


def _wire_of(station: Wire | Envelope | Addressed) -> Wire:
    if isinstance(station, Addressed):
        return station.envelope.wire
    return station.wire if isinstance(station, Envelope) else station


def _answer(waiters: Iterable[Waiter], delivery: Delivery) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(delivery)


def _fail(waiters: Iterable[Waiter], error: Unanswered) -> None:
    """Let those who wait hear an error: each one of their own, for it gets their traceback."""
    for waiter in waiters:
        if not waiter.done():
            about: Any = {"code": error.code, "id": error.id, "spent": error.spent}
            waiter.set_exception(type(error)(*error.args, **about))


def _failure(fault: Fault) -> Unanswered:
    return failure(fault.code, fault.words, fault.id, fault.spent)


def failure(code: FaultCode, words: str, id: str, spent: Spent | None = None) -> Unanswered:
    """Return what those outside are told of a fault."""
    return _UNANSWERED.get(code, errors.Undeliverable)(words, code=code, id=id, spent=spent)
