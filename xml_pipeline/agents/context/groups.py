"""A conversation in the parts that may be left out of it without breaking it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from xml_pipeline.llm.base import Message, Text, ToolResult, alternating

Messages = tuple[Message, ...]


def grouped(messages: Sequence[Message]) -> tuple[Messages, tuple[Messages, ...]]:
    """Return how a conversation begins, and the groups that follow.

    A group is what a model said and what it was told next: its calls and their results, most
    often. Without some of them the sides still take turns, and no call lacks its result.
    """
    turns = alternating(messages)
    starts = [index for index in range(1, len(turns)) if turns[index].role == "assistant"]
    edges = [*starts, len(turns)]
    return turns[: edges[0]], tuple(turns[start:end] for start, end in pairwise(edges))


def is_request(group: Messages) -> bool:
    """Tell whether a group ends with words of the user alone: something new was asked."""
    last = group[-1]
    has_words = any(isinstance(each, Text) for each in last.blocks)
    has_results = any(isinstance(each, ToolResult) for each in last.blocks)
    return last.role == "user" and has_words and not has_results
