"""Servers that ask us something in mid-call: what they ask becomes a message to a listener.

The call goes on in a task of its own meanwhile, for its handler returns with the question and is
called again with the answer. The rule this file guards: a call ends when its thread does, however
that comes, and a question that nobody answers is told the server as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.mcp.handlers import Answer, answered
from xml_pipeline.mcp.payloads import Elicited, Sampled
from xml_pipeline.mcp.questions import Answered, Ask, Asked
from xml_pipeline.mcp.results import ENVELOPE, failed
from xml_pipeline.payload import codec_of

LOST = (
    "The call was lost while its server waited for an answer; it may have done something, or not."
)

_KEY = "asked"


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Something that a server asks, the key of its message, and where the answer is put."""

    key: str
    payload: Asked
    answer: asyncio.Future[Answered]


class Call:
    """A call under way, and what is asked meanwhile.

    ``most`` is how many bytes a message may have; what is longer, or cannot be written, is asked
    of nobody.
    """

    def __init__(self, run: Callable[[Ask], Awaitable[Answer]], most: int) -> None:
        self._most = most - ENVELOPE
        self._new: asyncio.Queue[Question] = asyncio.Queue()
        self._put: dict[str, Question] = {}
        self._numbers = 0
        self._task = asyncio.ensure_future(run(self._ask))
        self._task.add_done_callback(_heed)

    async def asks(self) -> list[Question]:
        """Wait for what is asked next, or for the end: then nothing is."""
        coming = asyncio.ensure_future(self._new.get())
        try:
            await asyncio.wait((coming, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            coming.cancel()
        found = [coming.result()] if coming.done() and not coming.cancelled() else []
        while not self._new.empty():
            found.append(self._new.get_nowait())
        self._put |= {each.key: each for each in found}
        return found

    @property
    def waits(self) -> bool:
        """Tell whether something is asked that has no answer yet."""
        return bool(self._put) and not self._task.done()

    def answer(self, key: str, payload: Any) -> None:
        """Take an answer in; what is none says that nobody has answered."""
        question = self._put.pop(key, None)
        if question is not None and not question.answer.done():
            question.answer.set_result(payload if isinstance(payload, Elicited | Sampled) else None)

    async def result(self) -> Answer:
        """Return what the call has come to, or raise what it has raised."""
        return await self._task

    def stop(self) -> None:
        """End it, and have its server told."""
        self._task.cancel()

    async def _ask(self, payload: Asked) -> Answered:
        if not self._fits(payload):
            return None
        self._numbers += 1
        loop = asyncio.get_running_loop()
        question = Question(f"{_KEY}.{self._numbers}", payload, loop.create_future())
        self._new.put_nowait(question)
        return await question.answer

    def _fits(self, payload: Asked) -> bool:
        try:
            return len(codec_of(type(payload)).to_xml(payload)) <= self._most
        except InvalidPayload:
            return False


class Calls:
    """The calls under way, by the thread that each is made on."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}

    def find(self, thread: str) -> Call | None:
        """Return the call of a thread, None where there is none."""
        return self._calls.get(thread)

    def add(self, metadata: HandlerMetadata, call: Call) -> Call:
        """Keep a call until its thread is over; the one it takes the place of ends."""
        self._stop(metadata.thread_id)
        self._calls[metadata.thread_id] = call
        metadata.when_over(partial(self._stop, metadata.thread_id))
        return call

    def _stop(self, thread: str) -> None:
        call = self._calls.pop(thread, None)
        if call is not None:
            call.stop()

    async def aclose(self) -> None:
        """End all of them."""
        for thread in tuple(self._calls):
            self._stop(thread)


class Part(Protocol):
    """A part of a server; a message may have ``most`` bytes."""

    @property
    def most(self) -> int: ...

    async def call(self, payload: Any, metadata: HandlerMetadata, ask: Ask | None) -> Answer:
        """Return what it answers; ``ask`` puts what its server asks meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """Calls a part, and asks ``whom`` is named for what its server asks, by its payload class."""

    part: Part
    whom: Mapping[type, str]
    calls: Calls

    async def __call__(
        self, payload: Any, metadata: HandlerMetadata
    ) -> HandlerResponse | list[HandlerResponse] | None:
        """Begin a call, or go on with it: until it asks something, or has come to its end."""
        replied_to = metadata.in_reply_to
        if replied_to is None:
            call = self.calls.add(metadata, self._begun(payload, metadata))
        elif (known := self.calls.find(metadata.thread_id)) is not None:
            call = known
            call.answer(replied_to, payload)
            if call.waits:
                return None  # The other answers are still to come.
        else:
            return HandlerResponse.respond(failed(LOST))
        questions = await call.asks()
        if questions:
            return [self._message(each) for each in questions]
        return await answered(call.result, metadata, again=replied_to is None)

    def _begun(self, payload: Any, metadata: HandlerMetadata) -> Call:
        async def run(ask: Ask) -> Answer:
            return await self.part.call(payload, metadata, ask)

        return Call(run, self.part.most)

    def _message(self, question: Question) -> HandlerResponse:
        return HandlerResponse(question.payload, self.whom[type(question.payload)], question.key)


def _heed(task: asyncio.Future[Any]) -> None:
    """Look at how a call has ended: nobody else may."""
    if not task.cancelled():
        task.exception()
