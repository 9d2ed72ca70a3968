"""Writes what a model is asked as the Messages API wants it."""

from __future__ import annotations

import re
from typing import Any

from xml_pipeline.llm.base import (
    Audio,
    Block,
    Choice,
    Effort,
    Function,
    Image,
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    alternating,
)

EPHEMERAL = {"cache_control": {"type": "ephemeral"}}
LEAST_BUDGET = 1024
"""Tokens of thinking, below which the API takes no budget."""
MOST_OF_IT = 0.75
"""The share of `max_tokens` that thinking may take: what it takes is not there for the answer."""
SHARES: dict[Effort, float] = {"high": MOST_OF_IT, "medium": 0.5, "low": 0.25}
"""Which share of `max_tokens` goes into thinking, by the effort."""
THINKS_BY_ITSELF = (4, 7)
"""From this version on a model takes an effort, and refuses a budget."""

# claude-sonnet-4-20250514, claude-opus-4-7, claude-3-7-sonnet-latest: the date is no version.
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:-(\d{1,2})(?!\d))?")


def written(request: Request, streamed: bool) -> dict[str, Any]:
    """Return the body of a request."""
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": _messages(request),
    }
    if request.system:
        block = {"type": "text", "text": request.system}
        body["system"] = [block | EPHEMERAL] if request.cached else request.system
    if request.functions:
        body |= _functions(request)
    thinking = _thinking(request)
    body |= thinking
    if request.temperature is not None and not thinking:  # a thinking model takes none
        body["temperature"] = request.temperature
    return body | ({"stream": True} if streamed else {})


def _messages(request: Request) -> list[dict[str, Any]]:
    told = alternating([each for each in request.messages if _content(each)])
    contents = [_content(each) for each in told]
    asked = [content for each, content in zip(told, contents, strict=True) if each.role == "user"]
    if request.cached and len(asked) > 1:
        asked[-2][-1] |= EPHEMERAL
    return [
        {"role": each.role, "content": content}
        for each, content in zip(told, contents, strict=True)
    ]


def _content(message: Message) -> list[dict[str, Any]]:
    """Return the blocks of a message; results come first in it, as the API demands."""
    ordered = sorted(message.blocks, key=lambda each: not isinstance(each, ToolResult))
    return [found for each in ordered if (found := _block(each))]


def _block(block: Block) -> dict[str, Any] | None:
    """Return a block, None for one that the API would refuse."""
    match block:
        case Text(text):
            return {"type": "text", "text": text} if text.strip() else None
        case Thinking():
            return _thought(block)
        case ToolCall(id, name, arguments):
            return {"type": "tool_use", "id": id, "name": name, "input": dict(arguments)}
        case ToolResult():
            return _result(block)
        case Image(media_type, data):
            source = {"type": "base64", "media_type": media_type, "data": data}
            return {"type": "image", "source": source}
        case Audio(format):
            return {"type": "text", "text": f"[A sound ({format}), which this model cannot hear.]"}


def _result(block: ToolResult) -> dict[str, Any]:
    result = {"type": "tool_result", "tool_use_id": block.call_id, "content": block.content}
    if not block.is_error:
        return result
    # An error that says nothing is refused.
    return result | {"content": block.content or "It failed.", "is_error": True}


def _thought(block: Thinking) -> dict[str, Any] | None:
    """Return what was thought, None if it was not thought here.

    Without the seal of this API it is refused. A seal is base64; another wire's is JSON.
    """
    if not block.signature or block.signature.startswith("{"):
        return None
    if block.redacted:
        return {"type": "redacted_thinking", "data": block.signature}
    return {"type": "thinking", "thinking": block.text, "signature": block.signature}


def _functions(request: Request) -> dict[str, Any]:
    tools = [_function(each) for each in request.functions]
    if request.cached:
        tools[-1] |= EPHEMERAL
    return {"tools": tools} | _choice(request.choice)


def _function(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "description": function.description,
        "input_schema": dict(function.schema),
    }


def _choice(choice: Choice) -> dict[str, Any]:
    if choice.kind == "auto":
        return {}
    named = {"type": "tool", "name": choice.name}
    return {"tool_choice": named if choice.kind == "function" else {"type": choice.kind}}


def _thinking(request: Request) -> dict[str, Any]:
    """Return how hard to think; a call that is demanded leaves no room for it.

    Thinking counts as output: of ``max_tokens`` it gets its share, ``LEAST_BUDGET`` at least. Where
    even that would leave too little of them for the answer, nothing is thought.
    """
    demanded = bool(request.functions) and request.choice.kind in ("any", "function")
    if request.effort in (None, "none") or demanded:
        return {}
    if _version(request.model) >= THINKS_BY_ITSELF:
        return {"thinking": {"type": "adaptive"}, "output_config": {"effort": request.effort}}
    budget = max(LEAST_BUDGET, int(request.max_tokens * SHARES[request.effort]))
    if budget > request.max_tokens * MOST_OF_IT:
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _version(model: str) -> tuple[int, int]:
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
