"""The handler of a listener that stands for an agent elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from a2a.types import Message

from xml_pipeline.a2a.cards import Card
from xml_pipeline.a2a.connection import Connection
from xml_pipeline.a2a.failures import AgentFailed
from xml_pipeline.a2a.payloads import A2aMessage
from xml_pipeline.a2a.results import answer_of, failed, message_of, words_of
from xml_pipeline.errors import Retryable
from xml_pipeline.events import ToolProgress
from xml_pipeline.listener import HandlerMetadata, HandlerResponse

ATTEMPTS = 3
"""How often an agent is tried that is not there; the last time, whoever asked is told."""

DELAYS = (0.5, 5.0)
"""Seconds between the attempts; the pump waits them, and nobody is held up."""

LONGEST_WORDS = 1_000
"""Characters of what an agent says of its progress."""


@dataclass(frozen=True, slots=True)
class AgentHandler:
    """Passes a message on; ``most`` is how many bytes an answer may have."""

    connection: Connection
    card: Card
    most: int

    async def __call__(self, payload: A2aMessage, metadata: HandlerMetadata) -> HandlerResponse:
        """Answer with what the agent says; try again later where it was not there."""
        steps = 0

        def tell(said: Message) -> None:
            nonlocal steps
            steps += 1
            if metadata.watched:
                metadata.tell(_progress(metadata, steps, words_of(said.parts)))

        message = message_of(payload, metadata.message_id)
        try:
            heard = await self.connection.converse(self.card, message, tell)
        except AgentFailed as error:
            if error.unsent and metadata.attempt < ATTEMPTS:
                raise Retryable(str(error)) from None
            return HandlerResponse.respond(failed(str(error)))
        return HandlerResponse.respond(answer_of(self.connection.name, heard, self.most))


def _progress(metadata: HandlerMetadata, done: int, words: str) -> ToolProgress:
    return ToolProgress(
        metadata.own_name,
        metadata.thread_id,
        metadata.conversation_id,
        float(done),
        None,
        words[:LONGEST_WORDS],
    )
