"""Reads replies of the Messages API, and puts those together that come in pieces."""

from __future__ import annotations

from typing import Any

from xml_pipeline.llm.base import (
    Block,
    Completion,
    Hear,
    Message,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    Usage,
)
from xml_pipeline.llm.wire.http import Complaint
from xml_pipeline.llm.wire.reading import Json, arguments, branch, branches, count, words

STOPS: dict[str, StopReason] = {
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
}
"""Why a model stopped; whatever is not here, or new, ends its turn."""

STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The HTTP status of an error that a stream ends with."""

GROWS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""Which part of a block grows with which piece. ``partial_json`` is ours: `input` as text."""


def completion(reply: Json, model: str) -> Completion:
    """Return what a whole reply says; ``model`` was asked."""
    if not isinstance(reply.get("content"), list):
        raise Complaint("the reply has no content")
    return Completion(
        Message("assistant", tuple(filter(None, map(_block, branches(reply, "content"))))),
        usage_in(branch(reply, "usage")),
        STOPS.get(words(reply, "stop_reason"), "end_turn"),
        words(reply, "model") or model,
    )


def usage_in(usage: Json) -> Usage:
    """Return what was spent. What the model thought is in its output, and not told apart."""
    return Usage(
        input=count(usage, "input_tokens"),
        output=count(usage, "output_tokens"),
        cache_write=count(usage, "cache_creation_input_tokens"),
        cache_read=count(usage, "cache_read_input_tokens"),
    )


def _block(block: Json) -> Block | None:
    """Return a block; None for one that is empty, or of a kind that we never ask for."""
    match block.get("type"):
        case "text":
            return Text(words(block, "text")) if words(block, "text") else None
        case "thinking":
            return Thinking(words(block, "thinking"), words(block, "signature"))
        case "redacted_thinking":
            return Thinking("", words(block, "data"), redacted=True)
        case "tool_use":
            found, malformed = arguments(words(block, "partial_json"))
            given = found or branch(block, "input")
            return ToolCall(words(block, "id"), words(block, "name"), given, malformed)
    return None


class Assembly:
    """Puts a reply together from the events of a stream, and lets it be heard meanwhile."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._reply: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._complete = False

    @property
    def usage(self) -> Usage:
        """Return what was spent as far as it is known."""
        return usage_in(self._usage)

    def take(self, event: Json | None) -> bool:
        """Take one event, and tell whether it was the last one."""
        if event is None:
            return False
        match event.get("type"):
            case "message_start":
                self._reply = dict(branch(event, "message"))
                self._count(branch(self._reply, "usage"))
            case "content_block_start":
                self._blocks[count(event, "index")] = dict(branch(event, "content_block"))
            case "content_block_delta":
                self._grow(count(event, "index"), branch(event, "delta"))
            case "message_delta":
                self._reply |= branch(event, "delta")
                self._count(branch(event, "usage"))
            case "message_stop":
                self._complete = True
            case "error":
                raise _failure(branch(event, "error"))
        return self._complete

    def whole(self) -> Json:
        """Return the reply as it would have come at once."""
        if not self._complete or not self._reply:
            raise Complaint("the stream was cut off", reason="network")
        for (index, part), pieces in self._pieces.items():
            block = self._blocks.setdefault(index, {})
            block[part] = "".join((words(block, part), *pieces))
        content = [block for _, block in sorted(self._blocks.items())]
        return self._reply | {"content": content, "usage": self._usage}

    def _count(self, usage: Json) -> None:
        # Each count is of all tokens so far; one that is null leaves the last one as it was.
        self._usage |= {name: value for name, value in usage.items() if value is not None}

    def _grow(self, index: int, delta: Json) -> None:
        part = GROWS.get(words(delta, "type"))
        if part is None or not (piece := words(delta, part)):
            return
        self._pieces.setdefault((index, part), []).append(piece)
        if part == "text":
            self._hear(TextDelta(piece))
        elif part == "thinking":
            self._hear(ThinkingDelta(piece))


def _failure(error: Json) -> Complaint:
    kind = words(error, "type")
    return Complaint(words(error, "message") or kind or "an error", STATUS.get(kind, 500))
