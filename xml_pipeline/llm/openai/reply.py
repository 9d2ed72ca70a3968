"""Reads chat completions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from xml_pipeline.llm.base import (
    Block,
    Completion,
    Message,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
from xml_pipeline.llm.openai.thoughts import thoughts_in
from xml_pipeline.llm.wire.http import Complaint, sentence
from xml_pipeline.llm.wire.reading import Json, arguments, branch, branches, count, words

NOTHING_SAID = 502
"""A reply without a choice: whoever passed it on got none from the model."""


def completion(reply: Json, model: str) -> Completion:
    """Return what a whole reply says; ``model`` was asked."""
    check(reply)
    choices = branches(reply, "choices")
    if not choices:
        raise Complaint("the reply has no choices", NOTHING_SAID)
    check(choices[0])
    message = branch(choices[0], "message")
    calls = [_call(each) for each in branches(message, "tool_calls")]
    said: list[Block] = [Text(text)] if (text := _text(message)) else []
    blocks: tuple[Block, ...] = (*thoughts_in(message), *said, *calls)
    return Completion(
        Message("assistant", blocks),
        usage_in(branch(reply, "usage")),
        _stop(words(choices[0], "finish_reason"), bool(calls)),
        words(reply, "model") or model,
        _cost(branch(reply, "usage")),
    )


def check(part: Json) -> None:
    """Raise the error that stands in a reply, though its status was 200."""
    if not part.get("error"):
        return
    code = str(branch(part, "error").get("code"))
    status = int(code) if code.isdecimal() else NOTHING_SAID
    raise Complaint(sentence(part) or "an error", status)


def usage_in(usage: Json) -> Usage:
    """Return what was spent.

    `prompt_tokens` count what came from a cache or went into it. Some leave what was thought out of
    `completion_tokens`, but nobody leaves it out of `total_tokens`.
    """
    asked, answered = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    details = branch(usage, "prompt_tokens_details")
    read, write = count(details, "cached_tokens"), count(details, "cache_write_tokens")
    return Usage(
        input=max(0, asked - read - write),
        output=max(answered, count(usage, "total_tokens") - asked),
        cache_write=write,
        cache_read=read,
        reasoning=count(branch(usage, "completion_tokens_details"), "reasoning_tokens"),
    )


def _cost(usage: Json) -> float | None:
    """Return US dollars, where a provider says what it charges."""
    cost = usage.get("cost")
    return float(cost) if isinstance(cost, int | float) else None


def _stop(finish: str, calls: bool) -> StopReason:
    if finish == "length":
        return "max_tokens"
    return "tool_use" if calls else "end_turn"


def _call(call: Json) -> ToolCall:
    function = branch(call, "function")
    given: Any = function.get("arguments")
    if isinstance(given, dict):  # some give what they should write
        found, malformed = given, ""
    else:
        found, malformed = arguments(given if isinstance(given, str) else "")
    # Some have no name for a call, but its result has to have one.
    name = words(call, "id") or f"call_{uuid4().hex}"
    return ToolCall(name, words(function, "name"), found, malformed)


def _text(message: Json) -> str:
    parts = branches(message, "content")
    return words(message, "content") or "".join(words(each, "text") for each in parts)
