"""Old results, of which the model is shown the beginning only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xml_pipeline.agents.context.groups import Messages
from xml_pipeline.agents.cutting import cut, size
from xml_pipeline.llm.base import Block, Message, ToolResult

MARK = "[pruned: {} bytes omitted]"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is shown, how many results were cut for it, and how many bytes that saved."""

    messages: Messages
    results: int = 0
    saved: int = 0


def pruned(messages: Sequence[Message], keep_recent: int, limit: int | None) -> Pruned:
    """Cut results to ``limit`` bytes that are older than the newest ``keep_recent`` pairs.

    The mark that says so is within the limit. None: everything stays.
    """
    old = max(0, len(messages) - 2 * keep_recent)
    if limit is None or not old:
        return Pruned(tuple(messages))
    shown = *(_cut(each, limit) for each in messages[:old]), *messages[old:]
    changed = [
        size(before.content) - size(after.content)
        for before, after in zip(_results(messages), _results(shown), strict=True)
        if before is not after
    ]
    return Pruned(shown, len(changed), sum(changed))


def _cut(message: Message, limit: int) -> Message:
    blocks = tuple(_shortened(each, limit) for each in message.blocks)
    return replace(message, blocks=blocks)


def _shortened(block: Block, limit: int) -> Block:
    if not isinstance(block, ToolResult) or size(block.content) <= limit:
        return block
    return replace(block, content=cut(block.content, limit, MARK))


def _results(messages: Sequence[Message]) -> list[ToolResult]:
    return [each for turn in messages for each in turn.blocks if isinstance(each, ToolResult)]
