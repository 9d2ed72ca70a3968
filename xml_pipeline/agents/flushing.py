"""What is told to a memory before it vanishes from a conversation: what was found out in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xml_pipeline.agents.cutting import head, size
from xml_pipeline.agents.payloads import Remember
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.llm.base import Message, ToolResult
from xml_pipeline.payload.text import carried

FEWEST, MOST = 50, 500
"""Bytes that a result must have to be worth it, and those of it that are told."""


def flushed(gone: Iterable[Message], to: str) -> Iterator[HandlerResponse]:
    """Yield what is told of messages that vanish: each result in them that is no error."""
    for message in gone:
        for block in message.blocks:
            if isinstance(block, ToolResult) and _is_worth_it(block):
                yield HandlerResponse(_remembered(block.content), to=to)


def _is_worth_it(result: ToolResult) -> bool:
    return not result.is_error and size(result.content) >= FEWEST


def _remembered(text: str) -> Remember:
    said = carried(head(text, MOST))
    return Remember(said, tags=("auto-flush",), importance=3, strength=0.8)
