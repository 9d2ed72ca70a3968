"""Going on with conversations that another process has left, exactly where it left them.

The rule this file guards: what was settled stays settled; what was not is handed over once
more, and counted; what has been tried too often is laid aside, so that no message can bring
the organism down for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from itertools import islice
from typing import Any

from xml_pipeline.backends import PastConversation
from xml_pipeline.errors import InvalidState, Rejected
from xml_pipeline.identity.nonces import kept_nonces
from xml_pipeline.journal.lines import NOBODY, Delayed
from xml_pipeline.journal.reading import (
    PastDelivery,
    PastMessage,
    PastThread,
    Story,
    UnreadableJournal,
    read,
)
from xml_pipeline.kernel import Kernel
from xml_pipeline.letters import dead_letter
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.message import Delivery, Wire
from xml_pipeline.registries import state
from xml_pipeline.thread import Conversation, Thread

log = logging.getLogger(__name__)


async def recover(kernel: Kernel) -> int:
    """Go on with every conversation that has not ended; return how many there were.

    What was signed and heard before is known from now on.
    """
    if kernel.journal.keeps:
        kernel.signatures.remember_in(await kept_nonces(kernel.journal))
    count = 0
    async for past in kernel.journal.backend.unfinished():
        count += resume(kernel, past)
    if count:
        log.info("%d conversations go on where they were left", count)
        kernel.inbox.poke()
    return count


def resume(kernel: Kernel, past: PastConversation) -> bool:
    """Go on with one conversation; one whose log cannot be read is left as it is, loudly."""
    try:
        story = read(past)
    except UnreadableJournal as error:
        log.critical("left as it is: %s", error)
        return False
    Resumption(kernel, story).go_on()
    return True


class Resumption:
    """Makes of a story the conversation, threads and messages that it tells of."""

    def __init__(self, kernel: Kernel, story: Story) -> None:
        self._kernel = kernel
        self._story = story
        self._now = kernel.journal.clock()
        self._conversation = _conversation(story)
        self._threads: dict[str, Thread] = {}
        for past in story.threads.values():
            if past.open:
                self._threads[past.id] = self._thread(past)

    def go_on(self) -> None:
        """Put everything in its place; what fails at that fails as if it were handled."""
        kernel, story = self._kernel, self._story
        under_way = self._bring_back()
        for past in story.threads.values():
            if past.open:
                self._restore(past, self._threads[past.id])
        for message in under_way:
            wire = self._wire(message)
            if message.kind == "inject" and message.origin == "outside":
                kernel.signatures.heard(wire, message.at)
            kernel.inbox.restore(wire)
        for standing in list(story.standing()):
            self._stand(standing)
        self._watch_time()
        for thread in self._threads.values():
            if thread.open and not thread.pending:
                kernel.faults.end(thread)

    def look_at(self, past: PastDelivery) -> Delivery:
        """Bring the conversation back to one message of it; Rejected where that cannot be read.

        Nothing goes on by itself: no timer runs, and nothing is in the inbox.
        """
        self._bring_back()
        for thread in self._threads.values():
            thread.pending += 1  # The message itself, and so nothing ends before its time.
        home, told = self._threads[past.thread], self._story.threads[past.thread]
        if self._remember(told, home) and told.todos:
            self._kernel.todos.restore(home, told.todos)
        for id, thread in self._threads.items():
            self._kernel.blackboards.restore(thread, self._story.threads[id].blackboard)
            self._kernel.notes.restore(thread, self._story.threads[id].notes)
        return self._delivery(past, home, past.attempts)

    def leave(self) -> None:
        """Forget what was brought back."""
        root = self._conversation.root
        if root is not None and root.open:
            self._kernel.threads.close(root, "killed")
        self._kernel.inbox.clear()

    def _bring_back(self) -> list[PastMessage]:
        """Put the threads in their place; return the messages that are on their way."""
        kernel, story = self._kernel, self._story
        under_way = list(story.under_way())
        leaving = sum(each.thread == NOBODY for each in under_way)
        kernel.journal.resumes(self._conversation, leaving, ended=not story.root.open)
        self._count(under_way)
        kernel.threads.restore(self._threads.values())
        self._spend()
        return under_way

    def _thread(self, past: PastThread) -> Thread:
        parent = self._threads[past.parent] if past.parent != NOBODY else None
        thread = Thread(past.id, self._conversation, parent, past.caller, past.callee, past.request)
        if parent is None:
            self._conversation.root = thread
        thread.status, thread.answered = past.status, past.answered
        listener = self._kernel.listeners.find(past.callee)
        keeps_depth = listener is not None and listener.keeps_depth
        thread.hops = past.first_hops if keeps_depth else past.last_hops
        return thread

    def _count(self, under_way: list[PastMessage]) -> None:
        """Count what may still happen in each thread."""
        pending = Counter(each.thread for each in under_way)
        pending.update(each.thread for each in self._story.standing())
        pending.update(each.parent.id for each in self._threads.values() if each.parent)
        for id, thread in self._threads.items():
            past = self._story.threads[id]
            thread.pending = pending[id] + len(past.delayed) + bool(past.owed)

    def _spend(self) -> None:
        spent = self._story.spent
        if spent is not None:
            budget = self._kernel.budgets.of(self._conversation)
            budget.restore(spent.tokens, spent.usd, spent.requests)

    def _restore(self, past: PastThread, thread: Thread) -> None:
        """Give a thread its memory, its context, its todos and its timers."""
        if not self._remember(past, thread):
            return
        settlement = self._kernel.settlement
        if past.todos:
            self._kernel.todos.restore(thread, past.todos)
        self._kernel.blackboards.restore(thread, past.blackboard)
        self._kernel.notes.restore(thread, past.notes)
        if past.owed:
            settlement.await_answer(thread, max(0.0, past.owed - self._now))
        for number, (at, what) in past.delayed.items():
            settlement.say_later(thread, number, max(0.0, at - self._now), _response(what))

    def _remember(self, past: PastThread, thread: Thread) -> bool:
        listener = self._kernel.listeners.find(past.callee)
        if listener is None or not thread.open:
            return thread.open
        try:
            if remembered := past.state.data:
                thread.state = state.decode(remembered, listener.payload)
        except InvalidState as error:
            words = f"what {past.callee} remembers cannot be read any more: {error}"
            self._kernel.settlement.give_up(thread, "internal", words)
            return False
        said = (
            delivery
            for each in self._story.deliveries.values()
            if each.thread == past.id and each.settled and each.attempts
            if (delivery := self._past_delivery(each, thread)) is not None
        )
        thread.slots = [*islice(said, self._kernel.dispatch.context_slots)] or None
        return True

    def _past_delivery(self, past: PastDelivery, thread: Thread) -> Delivery | None:
        try:
            return self._delivery(past, thread, past.attempts)
        except Rejected as error:
            log.warning("thread %s: its context lacks a message: %s", thread.id, error.detail)
            return None

    def _stand(self, past: PastDelivery) -> None:
        """Put a message before the door where it stood."""
        thread, kernel = self._threads[past.thread], self._kernel
        if not thread.open:
            return
        try:
            delivery = self._delivery(past, thread, past.attempts + 1)
        except Rejected as error:
            kernel.settlement.give_up(thread, error.code or "internal", error.detail)
            return
        if past.attempts >= delivery.listener.max_deliveries:
            self._lay_aside(self._delivery(past, thread, past.attempts))
        elif past.again > self._now and thread.current is None:
            kernel.scheduler.wait_outside(delivery)
            wait = past.again - self._now
            asyncio.get_running_loop().call_later(wait, kernel.settlement.come_back, delivery)
        else:
            kernel.scheduler.restore(delivery)

    def _lay_aside(self, delivery: Delivery) -> None:
        """Give up a message that was being handled each time the process ended."""
        reason = f"the process ended each of the {delivery.attempt} times it was handled"
        self._kernel.journal.lay_aside(dead_letter(delivery, reason))
        self._kernel.settlement.fail(delivery, Rejected("handler", reason))

    def _delivery(self, past: PastDelivery, thread: Thread, attempt: int) -> Delivery:
        listener = self._kernel.listeners.find(past.listener)
        if listener is None:
            raise Rejected("routing", f"{past.listener!r} is not here any more")
        wire = self._wire(past.message, attempt)
        return self._kernel.pump.rail.again(wire, listener, thread)

    def _wire(self, past: PastMessage, attempt: int = 1) -> Wire:
        return Wire(
            past.raw,
            past.origin,
            past.kind,
            past.sender,
            self._conversation,
            self._threads.get(past.thread),
            past.number,
            past.in_reply_to,
            past.hops,
            key=past.key,
            to=past.to,
            repairs=past.repairs,
            attempt=attempt,
            spent=past.spent,
        )

    def _watch_time(self) -> None:
        """Let the conversation end when its seconds are spent."""
        root, expires = self._conversation.root, self._story.expires
        if root is not None and root.open and expires:
            self._conversation.timer = asyncio.get_running_loop().call_later(
                max(0.0, expires - self._now),
                self._kernel.settlement.give_up,
                root,
                "budget",
                "its seconds are up",
            )


def _conversation(story: Story) -> Conversation:
    conversation = Conversation(0, story.id, story.channel, story.tenant)
    conversation.principal = story.principal
    conversation.messages = story.number
    conversation.traceparent = story.traceparent
    return conversation


def _response(what: Delayed) -> HandlerResponse:
    kind: Any = what.kind
    return HandlerResponse(what.payload, what.to, what.key, 0.0, kind)
