"""The newest that a number of tokens holds."""

from __future__ import annotations

from collections.abc import Sequence

from xml_pipeline.agents.context.groups import Messages, grouped, is_request
from xml_pipeline.llm.base import Message
from xml_pipeline.llm.tokens import of_messages


def window(messages: Sequence[Message], max_tokens: int) -> Messages:
    """Return the beginning and the newest groups that ``max_tokens`` hold, without gaps.

    But what the user asked for last stays in sight, as the beginning does: in a long session that
    is the task. The beginning is there even where it alone is too long.
    """
    first, groups = grouped(messages)
    left = max_tokens - of_messages(first)
    kept = _newest_request(groups)
    left -= sum(of_messages(groups[index]) for index in kept)
    if left < 0:
        return first
    for index in reversed(range(len(groups))):
        if index in kept:
            continue
        left -= of_messages(groups[index])
        if left < 0:
            break
        kept.add(index)
    return first + sum((groups[index] for index in sorted(kept)), ())


def _newest_request(groups: Sequence[Messages]) -> set[int]:
    return set([index for index, each in enumerate(groups) if is_request(each)][-1:])
