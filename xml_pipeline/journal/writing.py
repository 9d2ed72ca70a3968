"""Taking notes of what happens, and committing them before anything depends on them.

The rule this file guards: a handler starts only after its delivery is written, as often as it
was handed over; and nobody outside is told of anything that a restart would not know.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from json import dumps
from typing import Any

from xml_pipeline.backends import Backend, Commit, DeadLetter, Mark
from xml_pipeline.errors import BackendUnavailable, TakenOver, XmlPipelineError
from xml_pipeline.journal import lines
from xml_pipeline.journal.besides import Besides
from xml_pipeline.journal.notes import Notes, entry_of
from xml_pipeline.message import Delivery, Fault, Wire
from xml_pipeline.thread import Conversation, Thread

log = logging.getLogger(__name__)

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 1.0

PATIENCE = 4.0
"""Seconds that whoever wants something written waits at most: then its outcome is unknown."""

_LONG = 2.0  # Seconds after which a commit that goes on and on is trouble.


class Journal:
    """Notes, synchronously, and commits of all that was noted since the last one.

    ``wake`` is called when there is something to commit: the pump has to come by. ``clock``
    gives seconds since 1970. Unless it ``keeps`` what happens, it takes dead letters and marks
    only: nobody may note anything else. ``on_trouble`` is called when it cannot be written any
    more, and ``on_taken_over`` when others work by now on what was to be written; while it is
    ``suspended``, nothing new is to be taken in.
    """

    def __init__(
        self,
        backend: Backend,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.time,
        *,
        keeps: bool = True,
    ) -> None:
        self.backend = backend
        self.keeps = keeps
        self.clock = clock
        self.trouble: BackendUnavailable | None = None
        self.closing = False
        self.on_trouble: Callable[[BackendUnavailable], None] = _bear
        self.on_taken_over: Callable[[TakenOver], None] = _give_up
        self.suspended: BackendUnavailable | None = None
        self._wake = wake
        self._began: float | None = None
        self._dirty: list[Notes] = []
        self._under_way: list[Notes] = []
        self._besides = Besides()
        self._afterwards: list[tuple[Sequence[asyncio.Future[Any]], Callable[[], None]]] = []
        self._number = 0

    # ── what can be noted ───────────────────────────────────────────────────────────────────

    def begins(self, conversation: Conversation, seconds: float | None) -> None:
        """Note that a conversation has opened, and how long it may last, None for ever."""
        expires = self.clock() + seconds if seconds is not None else 0.0
        notes = conversation.notes = Notes(conversation, opens=True)
        tenant = lines.text(conversation.tenant)
        self._add(notes, f"c\t{conversation.channel}\t{tenant}\t{expires}\n".encode())

    def resumes(self, conversation: Conversation, leaving: int, *, ended: bool) -> None:
        """Take further notes of a conversation that was written about by somebody else.

        Its root thread has closed if it has ``ended``; ``leaving`` of its answers are on their
        way out.
        """
        notes = conversation.notes = Notes(conversation, opens=False)
        notes.leaving, notes.ended = leaving, ended
        notes.traceparent = conversation.traceparent

    def opened(self, thread: Thread) -> None:
        """Note that a thread has opened below another."""
        self._add(thread.conversation.notes, lines.opened(thread))

    def closed(self, thread: Thread) -> None:
        """Note that a thread has closed, and with it all below it."""
        notes = thread.conversation.notes
        self._add(notes, f"x\t{thread.id}\t{thread.status}\n".encode())
        if thread.parent is None:
            notes.ended = True

    def sent(self, wire: Wire) -> None:
        """Note that a message is on its way."""
        notes = wire.conversation.notes
        if wire.thread is None:
            notes.leaving += 1
        self._add(notes, lines.sent(wire))

    def unfolded(self, wire: Wire) -> None:
        """Note what a message written as text has become; the first takes its place."""
        self._add(wire.conversation.notes, lines.sent(wire))

    def authenticated(self, wire: Wire) -> None:
        """Note who signed a message from outside, and so whose conversation it is."""
        notes = wire.conversation.notes
        self._add(notes, f"i\t{wire.conversation.principal}\n".encode())
        self._add(notes, lines.sent(wire))

    def traced(self, conversation: Conversation) -> None:
        """Note which work outside a conversation is said to be a part of, if that is news."""
        notes = conversation.notes
        if notes.traceparent != conversation.traceparent:
            notes.traceparent = conversation.traceparent
            self._add(notes, f"g\t{conversation.traceparent}\n".encode())

    def arrived(self, delivery: Delivery) -> None:
        """Note that a message stands at a listener's door."""
        where = f"a\t{delivery.id}\t{delivery.thread.id}\t{delivery.listener.name}\n"
        self._add(delivery.conversation.notes, where.encode())

    def handed_over(self, delivery: Delivery) -> None:
        """Note that a handler is about to be given a message."""
        said = f"s\t{delivery.id}\t{delivery.thread.id}\t{delivery.attempt}\t{delivery.hops}\n"
        notes = delivery.conversation.notes
        notes.due = True
        self._add(notes, said.encode())

    def not_handed_over(self, delivery: Delivery) -> None:
        """Note that an attempt does not count: it was us who ended it."""
        said = f"u\t{delivery.id}\t{delivery.thread.id}\n"
        self._add(delivery.conversation.notes, said.encode())

    def postponed(self, delivery: Delivery, seconds: float) -> None:
        """Note that a message is to be handed over again in so many seconds."""
        said = f"y\t{delivery.id}\t{delivery.thread.id}\t{self.clock() + seconds}\n"
        self._add(delivery.conversation.notes, said.encode())

    def settled(self, delivery: Delivery) -> None:
        """Note that a message has been handled, with or without success."""
        said = f"d\t{delivery.id}\t{delivery.thread.id}\n"
        self._add(delivery.conversation.notes, said.encode())

    def refused(self, wire: Wire) -> None:
        """Note that a message goes no further."""
        self._gone(wire.conversation.notes, "r", wire.id, leaving=wire.thread is None)

    def left(self, delivery: Delivery) -> None:
        """Note that a message has left the organism."""
        self._gone(delivery.conversation.notes, "l", delivery.id, leaving=True)

    def remembers(self, thread: Thread, state: bytes, *, whole: bool = True) -> None:
        """Note what a listener remembers on a thread: the ``whole``, or what has changed of it."""
        letter = "z" if whole else "Z"
        self._add(thread.conversation.notes, lines.of_thread(letter, thread, (), state))

    def owes(self, thread: Thread, seconds: float) -> None:
        """Note that an answer is owed within so many seconds."""
        said = f"o\t{thread.id}\t{self.clock() + seconds}\n"
        self._add(thread.conversation.notes, said.encode())

    def owes_no_more(self, thread: Thread) -> None:
        """Note that an answer is not owed any more, though it was not given."""
        self._add(thread.conversation.notes, f"q\t{thread.id}\n".encode())

    def delayed(self, thread: Thread, number: int, seconds: float, what: lines.Delayed) -> None:
        """Note that a message will set out in so many seconds."""
        said = lines.delayed(thread, number, self.clock() + seconds, what)
        self._add(thread.conversation.notes, said)

    def set_out(self, thread: Thread, number: int) -> None:
        """Note that a message which was delayed has set out."""
        self._add(thread.conversation.notes, f"v\t{thread.id}\t{number}\n".encode())

    def answered(self, thread: Thread) -> None:
        """Note whether a thread's caller has its answer, though the thread goes on."""
        self._add(thread.conversation.notes, f"p\t{thread.id}\t{thread.answered:d}\n".encode())

    def spent(self, conversation: Conversation) -> None:
        """Note what a conversation has spent, and what it has set aside."""
        it = conversation.budget
        said = (
            f"b\t{it.spent_tokens}\t{it.spent_usd}\t{it.requests}"
            f"\t{it.reserved_tokens}\t{it.reserved_usd}\n"
        )
        self._add(conversation.notes, said.encode())

    def waits_for(self, thread: Thread, todos: Sequence[Sequence[str]]) -> None:
        """Note the todos of a thread, all there are."""
        self._add(thread.conversation.notes, f"n\t{thread.id}\t{dumps(todos)}\n".encode())

    def writes(self, thread: Thread, key: str, value: str) -> None:
        """Note what a thread's blackboard has under a key, as JSON."""
        self._add(thread.conversation.notes, lines.of_thread("k", thread, (key,), value))

    def wipes(self, thread: Thread) -> None:
        """Note that a thread's blackboard is empty."""
        self._add(thread.conversation.notes, f"e\t{thread.id}\n".encode())

    def noted(self, thread: Thread, listener: str, name: str, text: str) -> None:
        """Note what a listener has noted for a thread; an empty text is no note."""
        self._add(thread.conversation.notes, lines.of_thread("h", thread, (listener, name), text))

    def failed(self, conversation: Conversation, fault: Fault) -> None:
        """Note a fault."""
        self._add(conversation.notes, lines.failure(fault))

    def lay_aside(self, letter: DeadLetter) -> None:
        """Keep a message that was given up."""
        self._besides.letters.append(letter)
        self._wake()

    def drop(self, letter_id: str) -> None:
        """Keep a dead letter no longer."""
        self._besides.dropped.append(letter_id)
        self._wake()

    def mark(self, mark: Mark) -> None:
        """Keep a mark."""
        self._besides.marks.append(mark)
        self._wake()

    # ── when it is written ──────────────────────────────────────────────────────────────────

    def then(self, waiters: Sequence[asyncio.Future[Any]], tell: Callable[[], None]) -> None:
        """Call ``tell`` once all that has been noted is written: it tells these who wait."""
        self._afterwards.append((waiters, tell))
        self._wake()

    async def written(self) -> None:
        """Wait until all that has been noted is written; XmlPipelineError if it will not be.

        Raises BackendUnavailable where, for want of a backend, nothing is known of it in time.
        """
        if self.is_clean:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.then((done,), partial(_acknowledge, done))
        while not done.done():
            await asyncio.wait({done}, timeout=PATIENCE)
            if self.refusal is not None and not done.done():
                words = f"not written within {PATIENCE:g} s; whether it will be is not known"
                raise BackendUnavailable(words)
        done.result()

    @property
    def refusal(self) -> BackendUnavailable | None:
        """Return why nothing more should be taken in: what there is cannot be written."""
        if self.trouble is None and self._began is not None:
            since = asyncio.get_running_loop().time() - self._began
            if since > _LONG:
                return BackendUnavailable(f"a commit has been going on for {since:.0f} s")
        return self.trouble or self.suspended

    def abandon(self, error: XmlPipelineError) -> None:
        """Tell those who wait for something to be written that it will not be."""
        afterwards, self._afterwards = self._afterwards, []
        for waiters, _ in afterwards:
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(error)

    def forget(self, error: XmlPipelineError) -> None:
        """Drop all that has been noted and not written; those who wait for it are told."""
        for notes in self._dirty:
            notes.over, notes.lines = True, []
        self._dirty, self._besides = [], Besides()
        self.abandon(error)

    @property
    def unwritten(self) -> Iterator[Conversation]:
        """Yield the conversations of which something is noted and not written yet."""
        return (notes.conversation for notes in (*self._dirty, *self._under_way))

    @property
    def is_clean(self) -> bool:
        """Tell whether all is written, and nobody is still to be told that it was."""
        return not (self._dirty or self._afterwards or self._besides) and self._began is None

    async def commit(self, going_on: Collection[Conversation] = ()) -> None:
        """Write all that has been noted, and tell those who wait for it.

        Conversations that are ``going_on`` soon are written about then, unless anybody waits: that
        is half as much. While the backend cannot, nothing goes on; BackendUnavailable if it closes.
        """
        if not self.is_clean:
            try:
                await self._commit(going_on)
            except TakenOver as error:
                self.on_taken_over(error)

    async def _commit(self, going_on: Collection[Conversation]) -> None:
        left = self._set_aside(going_on)
        self._under_way = self._dirty
        commit, self._dirty = self._take(), left
        if left:
            self._wake()
        afterwards, self._afterwards = self._afterwards, []
        if commit is not None:
            written = False
            try:
                await self._write(commit)
                written = True
            finally:
                self._under_way = []
                if not written:
                    self._afterwards = afterwards + self._afterwards
        for _, tell in afterwards:
            tell()

    async def _write(self, commit: Commit) -> None:
        self._began = asyncio.get_running_loop().time()
        try:
            await self.backend.append(commit)
        except TakenOver:
            raise
        except BackendUnavailable as error:
            await self._insist(commit, error)
        finally:
            self._began = None

    def _set_aside(self, going_on: Collection[Conversation]) -> list[Notes]:
        """Take out what is better written later: nothing, where anybody waits."""
        if not going_on or self._afterwards or self._besides:
            return []
        due, left = list[Notes](), list[Notes]()
        for notes in self._dirty:
            (due if notes.due or notes.conversation not in going_on else left).append(notes)
        self._dirty = due
        return left

    def _take(self) -> Commit | None:
        """Take out what there is to write."""
        besides, self._besides = self._besides, Besides()
        if not (self._dirty or besides):
            return None
        entries = [entry_of(notes) for notes in self._dirty]
        self._number += 1
        kept = besides.letters, besides.marks, besides.dropped
        return Commit(self._number, self.clock(), entries, *kept)

    async def _insist(self, commit: Commit, error: BackendUnavailable) -> None:
        wait = _FIRST_WAIT
        while True:
            if self.trouble is None:
                log.critical("the journal cannot be written, nothing goes on: %s", error)
                self.on_trouble(error)
            self.trouble = error
            if self.closing:
                raise error
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            try:
                await self.backend.append(commit)
            except TakenOver:
                self.trouble = None
                raise
            except BackendUnavailable as again:
                error = again
                continue
            self.trouble = None
            log.warning("the journal is written again")
            return

    def _gone(self, notes: Notes, letter: str, number: int, *, leaving: bool) -> None:
        if leaving:
            notes.leaving -= 1
        self._add(notes, f"{letter}\t{number}\n".encode())

    def _add(self, notes: Notes, line: bytes) -> None:
        if notes.over:
            return
        if not notes.lines:
            if not self._dirty:
                self._wake()
            self._dirty.append(notes)
        notes.lines.append(line)


def _bear(error: BackendUnavailable) -> None:
    """Do nothing more about trouble than what is done anyway."""


def _give_up(error: TakenOver) -> None:
    """Die of it: whoever holds all there is alone has lost everything."""
    raise error


def _acknowledge(sender: asyncio.Future[None]) -> None:
    if not sender.done():
        sender.set_result(None)
