"""Envelope to addressees: one, several, or none; this is where peers, hops and budgets count."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from xml_pipeline.errors import Rejected, SignatureRefused
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.message import Addressed, Envelope
from xml_pipeline.payload import Codec, RawPayload
from xml_pipeline.registries.budgets import Budgets
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.threads import Threads
from xml_pipeline.steps.guard import Guard
from xml_pipeline.system import APPROVAL, SYSTEM, SYSTEM_PAYLOADS
from xml_pipeline.thread import Thread


async def _nobody(payload: Any, metadata: HandlerMetadata) -> HandlerResponse | None:
    """Stand in as the handler of the outside, which is answered and never called."""


OUTSIDE = Listener("outside", RawPayload, _nobody, description="Whoever asked from outside.")
"""The addressee of what leaves the organism."""


class Route:
    """The step from envelope to addressees.

    A reply, a fault, or a message to oneself stays on the thread it was sent on. Anything
    else opens a child thread for each addressee, which takes the place of the message in its
    parent's count. "Absent" and "forbidden" are refused alike. Where somebody has to be asked
    first, the message goes to ``system.approval`` instead.

    ``crowded`` tells of a listener that nothing more of somebody outside should wait for.

    Raises Rejected: "routing" where nobody may hear it, "budget" where the conversation or
    the causal depth is spent, "overload" where too much from outside waits for somebody.
    """

    __slots__ = (
        "_budgets",
        "_crowded",
        "_guard",
        "_listeners",
        "_reserved",
        "_reserved_tags",
        "_threads",
    )

    def __init__(
        self,
        listeners: Listeners,
        threads: Threads,
        budgets: Budgets,
        guard: Guard,
        crowded: Callable[[Listener, str], bool] = lambda listener, party: False,
    ) -> None:
        self._crowded = crowded
        self._guard = guard
        self._listeners = listeners
        self._threads = threads
        self._budgets = budgets
        self._reserved = frozenset(SYSTEM_PAYLOADS)
        self._reserved_tags = frozenset(each.__name__ for each in SYSTEM_PAYLOADS)

    def __call__(self, envelope: Envelope) -> Iterable[Addressed]:
        wire = envelope.wire
        thread = wire.thread
        if thread is None:
            return (Addressed(envelope, OUTSIDE, None, wire.made or self._declared(envelope)),)
        if not thread.open:
            return ()
        if wire.kind == "send":
            sender = self._listeners.find(thread.callee)
            self._check_limits(envelope, thread, sender)
            if envelope.to == thread.callee and sender is not None:
                return (self.on(envelope, sender, thread),)
            targets = self._listeners.permitted(sender, thread, self._targets(envelope))
            return self._children(envelope, thread, targets)
        if wire.kind == "inject":
            self._check_limits(envelope, thread, None)
            return self._from_outside(envelope, thread)
        return (self.on(envelope, self._callee(thread), thread),)

    def out(self, envelope: Envelope) -> Addressed:
        """Address an answer to the outside, to be read as what its listener knows by that name."""
        sender = self._listeners.find(envelope.wire.sender)
        known = sender.codecs.get(envelope.tag) if sender is not None else None
        return Addressed(envelope, OUTSIDE, None, self._declared(envelope) or known)

    def _declared(self, envelope: Envelope) -> Codec[Any] | None:
        """Return what reads an answer that was written as text, where its listener says so."""
        sender = self._listeners.find(envelope.wire.sender)
        return sender.answers.get(envelope.tag) if sender is not None else None

    def _callee(self, thread: Thread) -> Listener:
        callee = self._listeners.find(thread.callee)
        if callee is None:
            raise Rejected("routing", f"{thread.callee!r} is not here any more")
        return callee

    def _check_limits(self, envelope: Envelope, thread: Thread, sender: Listener | None) -> None:
        limits = self._budgets.limits
        if thread.conversation.messages > limits.messages:
            raise Rejected("budget", f"the conversation's {limits.messages} messages are spent")
        depth = limits.hops if sender is None or sender.max_hops is None else sender.max_hops
        if envelope.wire.hops > depth:
            raise Rejected("budget", f"more than {depth} hops deep")

    def _targets(self, envelope: Envelope) -> Sequence[Listener]:
        if envelope.to is None:
            return self._listeners.accepting(envelope.tag)
        return self._listeners.named(envelope.to)

    def _children(
        self, envelope: Envelope, thread: Thread, targets: Sequence[Listener]
    ) -> list[Addressed]:
        readers = [
            (each, self._codec(envelope, each))
            for each in targets
            if each.generic or envelope.tag in each.codecs
        ]
        if not readers:
            raise Rejected("routing", f"nobody for <{envelope.tag}> to {envelope.to!r}")
        asked = self._to_be_asked(envelope, thread, readers)
        child, sender, key = self._threads.child, envelope.wire.sender, envelope.wire.key
        thread.pending += len(readers) - 1
        return [
            Addressed(envelope, listener, child(thread, sender, listener.name, key), codec)
            if listener not in asked
            else self._to_approval(envelope, thread, listener)
            for listener, codec in readers
        ]

    def _to_be_asked(
        self,
        envelope: Envelope,
        thread: Thread,
        readers: Sequence[tuple[Listener, Codec[Any] | None]],
    ) -> Collection[Listener]:
        """Return those for whom somebody has to be asked first; Denied, if for one, then for all.

        What comes from outside is nobody's call, and is not asked about.
        """
        if envelope.wire.kind != "send" or not self._guard.active:
            return ()
        must_ask = self._guard.must_ask
        return [each for each, codec in readers if must_ask(envelope, thread, each, codec)]

    def _to_approval(self, envelope: Envelope, thread: Thread, tool: Listener) -> Addressed:
        """Address a message to whoever has it decided on, who knows for whom it is meant."""
        sender, key = envelope.wire.sender, envelope.wire.key
        child = self._threads.child(thread, sender, APPROVAL, key, {"tool": tool.name})
        return Addressed(envelope, self._listeners.get(APPROVAL), child, None)

    def _from_outside(self, envelope: Envelope, thread: Thread) -> list[Addressed]:
        origin = envelope.wire.origin
        if origin != "sealed" and thread.callee and envelope.thread_id != thread.id:
            raise Rejected("validation", "the thread it names is not the thread it seemed to name")
        answers = thread.callee and envelope.to in (None, thread.callee)
        targets = (self._callee(thread),) if answers else self._targets(envelope)
        if origin == "outside":
            _check_unsigned(targets)
        self._check_room(targets, thread.conversation.party)
        if answers:
            return [self.on(envelope, targets[0], thread)]
        if len(targets) == 1 and not thread.callee:
            addressed = self.on(envelope, targets[0], thread)
            thread.callee = targets[0].name
            return [addressed]
        return self._children(envelope, thread, targets)

    def _check_room(self, targets: Sequence[Listener], party: str) -> None:
        """Refuse what somebody can take no more of, while there is room for the others."""
        for each in targets:
            if self._crowded(each, party):
                raise Rejected("overload", f"too much is waiting for {each.name}")

    def on(self, envelope: Envelope, listener: Listener, thread: Thread) -> Addressed:
        """Address an envelope to a listener, on that listener's thread."""
        return Addressed(envelope, listener, thread, self._codec(envelope, listener))

    def _codec(self, envelope: Envelope, listener: Listener) -> Codec[Any] | None:
        """Return what reads this payload for this listener, None where it takes it raw."""
        codec = listener.codecs.get(envelope.tag)
        if codec is None and not listener.generic:
            raise Rejected("validation", f"{listener.name} does not accept <{envelope.tag}>")
        reserved = codec.cls in self._reserved if codec else envelope.tag in self._reserved_tags
        if reserved and envelope.wire.sender != SYSTEM:
            raise Rejected("routing", f"only the pump sends <{envelope.tag}>")
        return codec


def _check_unsigned(targets: Sequence[Listener]) -> None:
    """Refuse what is not signed where one of those it is meant for hears nothing unsigned."""
    for each in targets:
        if each.require_signature:
            raise SignatureRefused(f"there is none, and {each.name} requires one")
