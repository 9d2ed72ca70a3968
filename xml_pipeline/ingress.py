"""How messages of those outside come in: who they may be, and which conversation is theirs."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.inbox import Inbox
from xml_pipeline.message import Delivery, Wire
from xml_pipeline.names import PRINCIPAL
from xml_pipeline.payload import codec_of
from xml_pipeline.registries.budgets import Budgets
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.threads import Threads
from xml_pipeline.registries.waiters import wait_in
from xml_pipeline.settle import Settlement
from xml_pipeline.steps.route import OUTSIDE
from xml_pipeline.steps.seal import check_name, seal
from xml_pipeline.subject import Subject, same_person
from xml_pipeline.system import SYSTEM
from xml_pipeline.thread import Thread

_THREAD = re.compile(rb"<(?:[\w.\-]+:)?thread>\s*([0-9a-f\-]{36})\s*<")
_GLANCE = 4096


class Ingress:
    """Opens conversations for principals, and puts what they say into the inbox."""

    __slots__ = ("_budgets", "_inbox", "_listeners", "_settlement", "_threads")

    def __init__(
        self,
        listeners: Listeners,
        threads: Threads,
        budgets: Budgets,
        settlement: Settlement,
        inbox: Inbox,
    ) -> None:
        self._listeners = listeners
        self._threads = threads
        self._budgets = budgets
        self._settlement = settlement
        self._inbox = inbox

    def open(self, sender: str, tenant: str = "", subject: Subject | None = None) -> Thread:
        """Open a conversation; ValueError where nobody outside may have that name."""
        if sender != OUTSIDE.name:
            self._check_principal(sender)
        seconds = self._budgets.limits.seconds
        thread = self._threads.root(sender, "", tenant, seconds)
        thread.conversation.subject = subject
        if seconds is not None:
            thread.conversation.timer = asyncio.get_running_loop().call_later(
                seconds, self._settlement.give_up, thread, "budget", f"{seconds} s are up"
            )
        return thread

    def say(self, thread: Thread, payload: object, to: str | None) -> None:
        """Put a payload object on its way on a conversation just opened.

        Where it cannot be written the conversation closes again, and InvalidPayload or
        PayloadDefinitionError says why.
        """
        conversation = thread.conversation
        number = conversation.messages = conversation.messages + 1
        principal = conversation.principal
        try:
            codec = codec_of(type(payload))
            if to is not None and to not in self._listeners:
                check_name(to)
            raw = seal(codec, payload, principal, to, thread.id)
        except XmlPipelineError:
            self._threads.close(thread, "error")
            raise
        self._inbox.put(
            Wire(
                raw, "sealed", "inject", principal, conversation, thread, number, 0, 0, codec, 0, to
            )
        )

    def say_as_system(self, payload: object) -> None:
        """Put a payload of the pump's own on its way, to whoever hears such a one."""
        self.say(self._threads.root(SYSTEM), payload, None)

    def take_in(
        self, raw: bytes, sender: str, tenant: str = "", subject: Subject | None = None
    ) -> Thread:
        """Put an envelope, as bytes, on its way, and return its thread.

        A ``<thread>`` in it is followed if it is the sender's own open conversation, held for the
        same person; the route checks what this glance at the bytes finds.
        """
        thread = self._own_conversation(raw, sender, tenant)
        if thread is None or not same_person(thread.conversation.subject, subject):
            thread = self.open(sender, tenant, subject)
        else:
            thread.conversation.subject = subject  # A newer token of theirs, or the same.
            thread.pending += 1
            thread.answered = False  # This is another question.
            if self._threads.journal is not None:
                self._threads.journal.answered(thread)
        conversation = thread.conversation
        number = conversation.messages = conversation.messages + 1
        self._inbox.put(Wire(raw, "outside", "inject", sender, conversation, thread, number))
        return thread

    def take_in_again(self, raw: bytes, sender: str, tenant: str) -> Thread:
        """Put an envelope that we wrote ourselves on its way, as a new conversation."""
        thread = self.open(sender, tenant)
        conversation = thread.conversation
        conversation.messages = 1
        self._inbox.put(Wire(raw, "sealed", "inject", sender, conversation, thread, 1))
        return thread

    def waiter(self, thread: Thread) -> asyncio.Future[Delivery]:
        """Return a future of the answer to the message that came in last, or of its fault."""
        return wait_in(thread.conversation)

    def abandon(self, thread: Thread, why: str) -> dict[str, Any]:
        """Stop the work that nobody waits for any more; returns what there is to tell of it."""
        fault = self._settlement.kill(thread, why, "timeout") if thread.open else None
        return {"id": fault.id, "spent": fault.spent} if fault is not None else {}

    def _check_principal(self, sender: str) -> None:
        if not PRINCIPAL.fullmatch(sender):
            raise ValueError(f"{sender!r} is no sender's name: {PRINCIPAL.pattern}")
        if sender.partition(".")[0] == SYSTEM or sender in self._listeners:
            raise ValueError(f"nobody outside may be called {sender!r}")

    def _own_conversation(self, raw: bytes, sender: str, tenant: str) -> Thread | None:
        named = named_thread(raw)
        thread = self._threads.find(named) if named is not None else None
        if thread is None or thread.parent is not None:
            return None
        conversation = thread.conversation
        mine = conversation.channel == sender and conversation.tenant == tenant
        return thread if mine else None


def named_thread(raw: bytes) -> str | None:
    """Return which thread an envelope seems to name, at a glance."""
    named = _THREAD.search(raw, 0, _GLANCE)
    return named[1].decode() if named else None
