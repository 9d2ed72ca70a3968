"""Messages of conversations that another node has in memory: they are taken in there.

The rule this file guards: what is told here of such a message is what stands in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from xml_pipeline.errors import BackendUnavailable
from xml_pipeline.server.desk import Desk, crowded
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.problems import Problem
from xml_pipeline.thread import Conversation, Thread

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class Elsewhere:
    """Sends messages to the nodes that hold their conversations, and looks for the answers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._errands = desk.organism.errands

    def thread(self, raw: bytes) -> str:
        """Return which thread an envelope belongs to that another node holds; empty if none."""
        return self._errands.elsewhere(raw)

    async def submit(
        self, thread: str, raw: bytes, key: str = "", fingerprint: bytes = b""
    ) -> Exchange:
        """Have an envelope taken in, with its Idempotency-Key; Problem where it was not."""
        desk = self._desk
        desk.check_running()
        mark = desk.repeats.mark(key, fingerprint) if key else None
        with crowded():
            try:
                id = await self._errands.say(thread, raw, desk.sender, mark=mark)
            except BackendUnavailable as error:
                words = (
                    "Whether the node that holds this conversation has taken the message in is not"
                    " known. Ask again with the same Idempotency-Key."
                )
                after = error.retry_after
                raise Problem(503, words, code="overload", retry_after=after) from None
        try:
            return await desk.repeats.exchange(id)
        except Problem:  # Its answer is on its way out, or is not kept: it was taken in.
            return _taken_in(id, desk.sender)

    def is_followed(self, exchange: Exchange) -> bool:
        """Tell whether an exchange hears of its answer by looking into the journal only."""
        return not exchange.answer.done() and self._errands.is_elsewhere(exchange.thread.id)

    @contextmanager
    def following(self, exchange: Exchange) -> Iterator[None]:
        """Look for the answer to a message while the context is open."""
        if not self.is_followed(exchange):
            yield
            return
        looking = asyncio.create_task(self._look_for(exchange))
        try:
            yield
        finally:
            looking.cancel()

    async def _look_for(self, exchange: Exchange) -> None:
        pause = _FIRST_PAUSE
        while not exchange.answer.done():
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                found = await self._desk.repeats.exchange(exchange.id)
            except Problem:
                continue  # It is on its way out, or cannot be read at present.
            if found.answer.done() and not exchange.answer.done():
                exchange.end(found.answer)


def _taken_in(id: str, sender: str) -> Exchange:
    """Return the exchange of a message of which no more is known than that it was taken in."""
    conversation = Conversation(0, id.rpartition(".")[0], sender, "")
    thread = Thread(conversation.id, conversation, None, sender, "", 1)
    thread.open = False
    exchange = Exchange(thread, id)
    exchange.reached.set_result(True)
    return exchange
