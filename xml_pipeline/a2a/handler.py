"""The handler of a listener that stands for an agent elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from a2a.types import Message

from xml_pipeline.a2a.cards import Card
from xml_pipeline.a2a.connection import Connection
from xml_pipeline.a2a.exchange import Heard
from xml_pipeline.a2a.failures import AgentFailed
from xml_pipeline.a2a.payloads import A2aAnswer, A2aMessage
from xml_pipeline.a2a.results import answer_of, asks, failed, id_of, message_of, words_of
from xml_pipeline.errors import Retryable
from xml_pipeline.events import ToolProgress
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.tool_error import ToolError

ATTEMPTS = 3
"""How often an agent is tried that is not there; the last time, whoever asked is told."""

DELAYS = (0.5, 5.0)
"""Seconds between the attempts; the pump waits them, and nobody is held up."""

LONGEST_WORDS = 1_000
"""Characters of what an agent says of its progress."""

Answer = A2aAnswer | ToolError


@dataclass(frozen=True, slots=True)
class AgentHandler:
    """Passes a message on; ``most`` is how many bytes an answer may have.

    What the agent was told last by the same requester, and what it asked, is noted: so the next
    message goes on with that.
    """

    connection: Connection
    card: Card
    most: int

    async def __call__(self, payload: A2aMessage, metadata: HandlerMetadata) -> HandlerResponse:
        """Answer with what the agent says; try again later where it was not there."""
        call = _Call(metadata)
        try:
            answer = await self._answer(call.completed(payload), call)
        except AgentFailed as error:
            if error.unsent and metadata.attempt < ATTEMPTS:
                raise Retryable(str(error)) from None
            call.refused(lasting=not error.passing)
            answer = failed(str(error))
        return HandlerResponse.respond(answer)

    async def _answer(self, said: A2aMessage, call: _Call) -> Answer:
        message = message_of(said, call.id)
        heard = await self.connection.converse(self.card, message, call, call.task)
        call.heard(heard)
        return answer_of(self.connection.name, heard, self.most)


class _Call:
    """One call, and what is noted of it."""

    def __init__(self, metadata: HandlerMetadata) -> None:
        self._metadata = metadata
        self._notes = metadata.notes
        self._begun = f"begun by {metadata.message_id}"
        self._steps = 0

    @property
    def id(self) -> str:
        """Return the message's id: the same at every attempt."""
        return self._metadata.message_id

    @property
    def task(self) -> str:
        """Return the task that an earlier attempt has begun, if one has."""
        return self._notes.get(self._begun)

    def completed(self, said: A2aMessage) -> A2aMessage:
        """Return a message that goes on with what was said before, unless it says itself."""
        if said.context or said.task:
            return said
        return replace(said, context=self._notes.get("context"), task=self._notes.get("asking"))

    def begun(self, task: str) -> None:
        """Note which task has been made of it."""
        self._notes.put(self._begun, id_of(task))

    def told(self, words: Message) -> None:
        """Tell how far it is."""
        self._steps += 1
        if self._metadata.watched:
            self._metadata.tell(_progress(self._metadata, self._steps, words_of(words.parts)))

    def heard(self, heard: Heard) -> None:
        """Note what the next message goes on with."""
        self._notes.put(self._begun, "")
        self._notes.put("context", id_of(heard.context_id))
        self._notes.put("asking", id_of(heard.id) if asks(heard) else "")

    def refused(self, *, lasting: bool) -> None:
        """Note that nothing came of it; what the agent does not want to go on with is forgotten."""
        self._notes.put(self._begun, "")
        if lasting:
            self._notes.put("context", "")
            self._notes.put("asking", "")


def _progress(metadata: HandlerMetadata, done: int, words: str) -> ToolProgress:
    return ToolProgress(
        metadata.own_name,
        metadata.thread_id,
        metadata.conversation_id,
        float(done),
        None,
        words[:LONGEST_WORDS],
    )
