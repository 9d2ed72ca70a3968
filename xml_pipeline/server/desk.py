"""The desk: what the routes share, which is the organism and what the server remembers of it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from xml_pipeline.errors import BackendUnavailable, Overloaded, Rejected, ShareExhausted
from xml_pipeline.events import Event, FaultEvent, MessageSent
from xml_pipeline.message import Delivery
from xml_pipeline.organism import Organism
from xml_pipeline.server.bounds import Bounds
from xml_pipeline.server.exchange import Exchange, is_dismissal
from xml_pipeline.server.feed import Feed
from xml_pipeline.server.history import History
from xml_pipeline.server.keys import Keys
from xml_pipeline.server.metrics import Metrics
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.repeats import Repeats
from xml_pipeline.subject import Subject
from xml_pipeline.system import NEUTRAL_WORDS

log = logging.getLogger(__name__)

RETRY_AFTER = BackendUnavailable.retry_after


class Desk:
    """Takes messages in, and listens to everything the organism tells.

    ``sender`` is who everybody is that comes with the token. ``closing`` is set when the
    server is about to stop: then nothing new is taken in, and nobody is kept waiting.
    """

    def __init__(self, organism: Organism, sender: str, bounds: Bounds) -> None:
        kernel = organism.kernel
        self.organism = organism
        self.sender = sender
        self.bounds = bounds
        self.closing = asyncio.Event()
        self.feed = Feed(bounds.events, bounds.event_bytes, organism.kernel.redacting)
        self.history = History(
            kernel.threads, bounds.conversations, bounds.messages, bounds.history_bytes
        )
        self.metrics = Metrics(kernel, self.feed)
        self.keys = Keys(
            bounds.keys,
            bounds.key_bytes,
            bounds.key_seconds,
            lambda: asyncio.get_running_loop().time(),
        )
        self.repeats = Repeats(organism, sender, bounds.key_seconds)
        self._streams = 0
        self._on_their_way: dict[str, Exchange] = {}
        self._leave = organism.subscribe(self._hear)

    def close(self) -> None:
        """Take in nothing more, let all who wait or watch go, and stop listening."""
        self.closing.set()
        self._leave()

    @property
    def ready(self) -> bool:
        """Tell whether a message would be taken in now."""
        organism = self.organism
        return (
            organism.running
            and not self.closing.is_set()
            and not organism.kernel.door.full
            and not self.in_trouble
        )

    @property
    def keeps(self) -> bool:
        """Tell whether what is taken in outlives this process."""
        return self.organism.kernel.journal.keeps

    @property
    def in_trouble(self) -> bool:
        """Tell whether what must outlive the process cannot be written at present."""
        return self.keeps and self.organism.kernel.journal.refusal is not None

    @property
    def leaving(self) -> bool:
        """Tell whether nothing is taken in any more: the organism stops."""
        return self.closing.is_set() or self.organism.kernel.door.is_shut

    def check_running(self) -> None:
        """Raise Problem where no message would move."""
        if self.organism.kernel.door.is_shut:
            words = "The organism is stopping, so nothing is taken in."
            raise Problem(503, words, retry_after=5.0)
        if self.closing.is_set() or not self.organism.running:
            raise Problem(503, "The organism is not running.", retry_after=5.0)

    @asynccontextmanager
    async def heard_once(self, raw: bytes) -> AsyncIterator[None]:
        """Let no other node hear an envelope that is submitted in this context."""
        with _written():
            async with self.organism.kernel.signatures.claimed(raw):
                yield

    def submit(self, raw: bytes, subject: Subject | None = None, traceparent: str = "") -> Exchange:
        """Put an envelope on its way, for a person; Problem where it cannot be taken in.

        ``traceparent`` is the work that its request is a part of; what the envelope says of that
        itself goes before. What is signed may have to be ``heard_once``.
        """
        self.check_running()
        with _written(), crowded():
            thread = self.organism.accept(raw, self.sender, subject=subject)
        conversation = thread.conversation
        conversation.traceparent = traceparent or conversation.traceparent
        id = f"{conversation.id}.{conversation.messages}"
        exchange = self._on_their_way[id] = Exchange(thread, id)
        waiter = self.organism.waiter(thread)
        waiter.add_done_callback(lambda _: self._over(exchange, raw, waiter))
        return exchange

    def refuse(self, error: Rejected, status: int = 422, words: str = "") -> Problem:
        """Record that a request was refused before there was a message; return what to say."""
        code = error.code or "validation"
        fault = FaultEvent(secrets.token_hex(8), code, "", "", self.sender, "", error.detail)
        log.warning("fault %s (%s) from %s: %s", fault.id, code, self.sender, error.detail)
        self.organism.kernel.events.emit(fault)
        return Problem(status, words or NEUTRAL_WORDS[code], code=code, id=fault.id)

    def abandon(self, exchange: Exchange, why: str = "the client hung up") -> None:
        """Stop the work on a message whose answer nobody wants any more."""
        if exchange.thread.open:
            self.organism.kernel.settlement.kill(exchange.thread, why)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count one more who watches; Problem where there are too many."""
        if self._streams >= self.bounds.streams:
            raise Problem(429, "Too many are watching.", retry_after=5.0)
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def unknown(self, exchange: Exchange) -> Problem:
        """Return what to say of a message that was taken in, and may or may not be written."""
        words = (
            "Whether this message was written down is not known. Ask again with the same"
            " Idempotency-Key, or look whether its thread is there."
        )
        where = exchange.members()
        return Problem(503, words, code="overload", retry_after=RETRY_AFTER, more=where)

    def _hear(self, event: Event) -> None:
        self.feed.add(event)
        self.history.hear(event)
        self.metrics.hear(event)
        if isinstance(event, MessageSent) and event.message_id in self._on_their_way:
            self._has_reached(self._on_their_way.pop(event.message_id))

    def _has_reached(self, exchange: Exchange) -> None:
        """Note that a listener is to be given a message: once that would outlive the process."""
        if self.keeps:
            journal = self.organism.kernel.journal
            journal.then((exchange.reached,), exchange.note_reached)
        else:
            exchange.note_reached()

    def _over(self, exchange: Exchange, raw: bytes, waiter: asyncio.Future[Delivery]) -> None:
        """Note how an exchange ended."""
        error = waiter.exception()
        waits = self._on_their_way.pop(exchange.id, None) is not None
        if error is not None and is_dismissal(error) and not exchange.reached.done():
            exchange.reached.set_exception(error)  # Nobody refused it: it may be written.
        elif waits:
            # Read once more, at nobody else's cost: the pump says the same of both kinds.
            readable = error is None or self.organism.kernel.read.is_document(raw)
            exchange.malformed = not readable
            exchange.reached.set_result(False)
        exchange.end(waiter)


@contextmanager
def _written() -> Iterator[None]:
    """Say of a message that it cannot be written, and so is not taken in."""
    try:
        yield
    except BackendUnavailable as error:
        words = "Nothing can be written down at present, so nothing is taken in."
        raise Problem(503, words, code="overload", retry_after=error.retry_after) from None


@contextmanager
def crowded() -> Iterator[None]:
    """Say of a message that was refused for want of room whose fault that is."""
    try:
        yield
    except Overloaded as error:
        status = 429 if isinstance(error, ShareExhausted) else 503
        words, after = NEUTRAL_WORDS["overload"], error.retry_after
        raise Problem(status, words, code="overload", retry_after=after) from None
