"""Requests that an earlier process was sent under the same Idempotency-Key.

The rule this file guards: a key is written down in the same step as its message. So whoever
repeats a request, across any number of restarts, finds that message or there never was one.
"""

from __future__ import annotations

import asyncio

from xml_pipeline.backends import Mark
from xml_pipeline.errors import BackendUnavailable, NoReply, Rejected
from xml_pipeline.faults import failure
from xml_pipeline.journal.outcomes import PastOutcome, outcome_of
from xml_pipeline.journal.reading import PastMessage, Story, UnreadableJournal, read
from xml_pipeline.message import Delivery, Wire
from xml_pipeline.organism import Organism
from xml_pipeline.registries.waiters import wait_again
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.keys import check_same
from xml_pipeline.server.problems import Problem
from xml_pipeline.system import NEUTRAL_WORDS
from xml_pipeline.thread import Conversation, Thread

KIND = "idempotency"
_FINGERPRINT = 32


class Repeats:
    """The keys of one sender in the journal; ``seconds`` is for how long they are kept."""

    def __init__(self, organism: Organism, sender: str, seconds: float) -> None:
        self._kernel = organism.kernel
        self._errands = organism.errands
        self._sender = sender
        self._seconds = seconds

    def note(self, key: str, fingerprint: bytes, exchange: Exchange) -> None:
        """Write down the key of a message that was taken in just now, in the same commit."""
        journal = self._kernel.journal
        if journal.keeps:
            kind, name, head, until = self.mark(key, fingerprint)
            journal.mark(Mark(kind, name, head + exchange.id.encode(), until))

    def mark(self, key: str, fingerprint: bytes) -> Mark:
        """Return under what a message will be found; its value is to be followed by its id."""
        until = self._kernel.journal.clock() + self._seconds
        return Mark(KIND, self._key(key), fingerprint, until)

    async def find(self, key: str, fingerprint: bytes) -> Exchange | None:
        """Return the exchange of an earlier process; None where there was none.

        Raises Problem where that was another request, or nothing can be told of it.
        """
        journal = self._kernel.journal
        if not journal.keeps:
            return None
        try:
            value = await journal.backend.marked(KIND, self._key(key), journal.clock())
            if value is None:
                return None
        except BackendUnavailable as error:
            raise _unreadable(error) from None
        check_same(value[:_FINGERPRINT], fingerprint)
        return await self.exchange(value[_FINGERPRINT:].decode())

    async def exchange(self, id: str) -> Exchange:
        """Return the exchange of a message that was written down; Problem as above."""
        conversation, _, number = id.rpartition(".")
        try:
            past = await self._kernel.journal.backend.conversation(conversation)
            if past is None:
                raise _gone()
            return self._joined(read(past), int(number))
        except BackendUnavailable as error:
            raise _unreadable(error) from None
        except (UnreadableJournal, LookupError):
            raise _gone() from None

    def _key(self, key: str) -> str:
        return f"{self._sender} {key}"

    def _joined(self, story: Story, number: int) -> Exchange:
        """Return the exchange of a message, with its answer if that is there."""
        outcome = outcome_of(story, number)
        open_thread = self._kernel.threads.find(story.id)
        exchange = Exchange(open_thread or _past_thread(story), f"{story.id}.{number}")
        message = story.messages[number]
        exchange.reached.set_result(not message.refused)
        exchange.malformed = message.refused and not self._kernel.read.is_document(message.raw)
        if outcome.answer is not None and outcome.answer.left:
            exchange.answer.set_result(self._delivery(story, outcome.answer))
        elif outcome.is_over:
            _end(exchange, outcome)
        elif open_thread is not None and outcome.answer is None:
            waiter = wait_again(open_thread.conversation, number, overtaken=outcome.overtaken)
            waiter.add_done_callback(exchange.end)
        elif outcome.answer is not None or not self._errands.is_elsewhere(story.id):
            words = "Its answer is on its way out: ask again."
            raise Problem(503, words, code="overload", retry_after=1.0)
        return exchange

    def _delivery(self, story: Story, answer: PastMessage) -> Delivery:
        """Return an answer as it left, or as near to that as can be."""
        wire = Wire(
            answer.raw,
            answer.origin,
            answer.kind,
            answer.sender,
            _past_thread(story).conversation,
            None,
            answer.number,
            answer.in_reply_to,
            answer.hops,
            repairs=answer.repairs,
            spent=answer.spent,
        )
        try:
            return self._kernel.pump.rail.out_again(wire)
        except Rejected:
            raise _gone() from None


def _end(exchange: Exchange, outcome: PastOutcome) -> None:
    """End an exchange that came to no answer."""
    waiter: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
    fault = outcome.fault
    if fault is None:
        waiter.set_exception(NoReply("everything went quiet without a reply"))
    else:
        waiter.set_exception(failure(fault.code, NEUTRAL_WORDS[fault.code], fault.id))
    exchange.end(waiter)


def _past_thread(story: Story) -> Thread:
    """Return the root thread of a conversation that is over."""
    conversation = Conversation(0, story.id, story.channel, story.tenant)
    conversation.principal = story.principal
    root = story.root
    thread = Thread(root.id, conversation, None, root.caller, root.callee, root.request)
    thread.open, thread.status = False, root.status
    return thread


def _unreadable(error: BackendUnavailable) -> Problem:
    words = "What was written down cannot be read at present."
    return Problem(503, words, code="overload", retry_after=error.retry_after)


def _gone() -> Problem:
    return Problem(410, "This message was taken in before; its answer is not kept any more.")
