"""Writes what a model is asked as a chat completion wants it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from xml_pipeline.llm.base import (
    Audio,
    Block,
    Choice,
    Function,
    Image,
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from xml_pipeline.llm.openai.thoughts import sealed

_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Dialect:
    """In what those who speak like OpenAI differ.

    ``limit`` is what the most tokens of an answer are called; ``effort`` is how the effort is
    written: ``{"reasoning": {"effort": "low"}}``, or ``{"reasoning_effort": "low"}``.
    """

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    effort: Literal["reasoning", "reasoning_effort"] = "reasoning_effort"


def written(dialect: Dialect, request: Request, streamed: bool) -> dict[str, Any]:
    """Return the body of a request."""
    system = [{"role": "system", "content": request.system}] if request.system else []
    body: dict[str, Any] = {
        "model": request.model,
        dialect.limit: request.max_tokens,
        "messages": [*system, *(each for one in request.messages for each in _messages(one))],
    }
    if request.functions:
        body["tools"] = [_function(each) for each in request.functions]
        body |= _choice(request.choice)
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.effort is not None:
        nested = dialect.effort == "reasoning"
        body[dialect.effort] = {"effort": request.effort} if nested else request.effort
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _messages(message: Message) -> list[dict[str, Any]]:
    """Return what one message is here: each result is one of its own, before the words."""
    if message.role == "assistant":
        return [_answer(message)]
    results = [_result(each) for each in message.blocks if isinstance(each, ToolResult)]
    content = _content(message)
    return [*results, {"role": "user", "content": content}] if content else results


def _content(message: Message) -> str | list[dict[str, Any]]:
    """Return words as they are, and in a list where there is something to see or to hear."""
    parts = [found for each in message.blocks if (found := _part(each))]
    return message.text if all(each["type"] == "text" for each in parts) else parts


def _part(block: Block) -> dict[str, Any] | None:
    match block:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(media_type, data):
            url = f"data:{media_type};base64,{data}"
            return {"type": "image_url", "image_url": {"url": url}}
        case Audio(format, data):
            return {"type": "input_audio", "input_audio": {"data": data, "format": format}}
    return None


def _result(result: ToolResult) -> dict[str, Any]:
    content = f"[ERROR] {result.content}" if result.is_error else result.content
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _answer(message: Message) -> dict[str, Any]:
    calls = [_call(each) for each in message.calls]
    answer: dict[str, Any] = {"role": "assistant", "content": message.text or None}
    if calls:
        answer["tool_calls"] = calls
    elif not message.text:
        answer["content"] = ""  # only beside calls may there be none
    thoughts = [each for each in message.blocks if isinstance(each, Thinking)]
    if details := sealed(thoughts):
        answer["reasoning_details"] = details
    return answer


def _call(call: ToolCall) -> dict[str, Any]:
    text = _encode(dict(call.arguments))
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": text}}


def _function(function: Function) -> dict[str, Any]:
    described = {
        "name": function.name,
        "description": function.description,
        "parameters": dict(function.schema),
    }
    return {"type": "function", "function": described}


def _choice(choice: Choice) -> dict[str, Any]:
    match choice.kind:
        case "auto":
            return {}
        case "any":
            return {"tool_choice": "required"}
        case "none":
            return {"tool_choice": "none"}
        case "function":
            return {"tool_choice": {"type": "function", "function": {"name": choice.name}}}
