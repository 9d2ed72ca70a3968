"""A conversation as lines of text, for a model that is to summarize it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from json import dumps

from xml_pipeline.agents.cutting import cut
from xml_pipeline.llm.base import Audio, Block, Image, Message, Text, ToolCall, ToolResult

LONGEST = 4_000
"""Bytes that a line may have: one huge result must not crowd out all the rest."""

_MARK = "[{} bytes omitted]"
_SIDES = {"user": "User", "assistant": "Assistant"}


def lines(messages: Iterable[Message]) -> Iterator[str]:
    """Yield a line for each block that says something.

    A line may have lines of its own; these are set in, so that nothing that was said in it reads as
    if another one had said it.
    """
    for message in messages:
        for block in message.blocks:
            if told := _told(block):
                line = f"{_SIDES[message.role]}: {told}".replace("\n", "\n  ")
                yield cut(line, LONGEST, _MARK)


def _told(block: Block) -> str:
    match block:
        case Text(text):
            return text.strip()
        case ToolCall(name=name, arguments=arguments, malformed=malformed):
            return f"[calls {name} {malformed or dumps(dict(arguments), ensure_ascii=False)}]"
        case ToolResult(content=content, is_error=is_error):
            return f"[{'error' if is_error else 'result'}: {content}]"
        case Image() | Audio():
            return f"[{type(block).__name__.lower()}]"
        case _:
            return ""  # What it thought helps nobody else.
