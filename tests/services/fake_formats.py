"""What a completion looks like on each wire, written after the public documentation of both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from xml_pipeline.llm.base import Block, Completion, Text, Thinking, ToolCall, Usage

_WORDS = re.compile(r"\s*\S+|\s+\Z")


class Format(Protocol):
    """One wire: a reply as it comes at once, and as it comes in events."""

    def reply(self, completion: Completion) -> dict[str, Any]: ...
    def stream(self, completion: Completion) -> Iterator[bytes]: ...


def event(data: Mapping[str, Any], name: str = "") -> bytes:
    """Return a server-sent event."""
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def words_of(text: str) -> list[str]:
    """Return pieces that add up to the text."""
    return _WORDS.findall(text)


class AnthropicMessages:
    """Anthropic Messages."""

    def reply(self, completion: Completion) -> dict[str, Any]:
        """Return a message."""
        return {
            "id": "msg_01",
            "type": "message",
            "role": "assistant",
            "model": completion.model,
            "content": [self._block(each) for each in completion.message.blocks],
            "stop_reason": completion.stop,
            "stop_sequence": None,
            "usage": self._usage(completion.usage),
        }

    def stream(self, completion: Completion) -> Iterator[bytes]:
        """Yield the events of a message."""
        usage = self._usage(completion.usage)
        begun = self.reply(completion) | {"content": [], "stop_reason": None}
        begun["usage"] = usage | {"output_tokens": 1}
        yield self._event("message_start", message=begun)
        yield self._event("ping")
        for index, block in enumerate(completion.message.blocks):
            empty, deltas = self._pieces(block)
            yield self._event("content_block_start", index=index, content_block=empty)
            for delta in deltas:
                yield self._event("content_block_delta", index=index, delta=delta)
            yield self._event("content_block_stop", index=index)
        ended = {"stop_reason": completion.stop, "stop_sequence": None}
        spent = {"output_tokens": usage["output_tokens"]}
        yield self._event("message_delta", delta=ended, usage=spent)
        yield self._event("message_stop")

    def _event(self, type: str, **rest: Any) -> bytes:
        return event({"type": type, **rest}, type)

    def _usage(self, usage: Usage) -> dict[str, Any]:
        return {
            "input_tokens": usage.input,
            "cache_creation_input_tokens": usage.cache_write,
            "cache_read_input_tokens": usage.cache_read,
            "output_tokens": usage.output,
        }

    def _block(self, block: Block) -> dict[str, Any]:
        match block:
            case Text(text):
                return {"type": "text", "text": text}
            case Thinking(_, signature, redacted=True):
                return {"type": "redacted_thinking", "data": signature}
            case Thinking(text, signature):
                return {"type": "thinking", "thinking": text, "signature": signature}
            case ToolCall(id, name, arguments):
                return {"type": "tool_use", "id": id, "name": name, "input": dict(arguments)}
        raise ValueError(f"no model says {block}")

    def _pieces(self, block: Block) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        whole = self._block(block)
        match block:
            case Text(text):
                return whole | {"text": ""}, [
                    {"type": "text_delta", "text": each} for each in words_of(text)
                ]
            case Thinking(text, signature, redacted=False):
                seal = {"type": "signature_delta", "signature": signature}
                return whole | {"thinking": "", "signature": ""}, [
                    *({"type": "thinking_delta", "thinking": each} for each in words_of(text)),
                    seal,
                ]
            case ToolCall(_, _, arguments):
                pieces = ["", *words_of(block.malformed or json.dumps(dict(arguments)))]
                return whole | {"input": {}}, [
                    {"type": "input_json_delta", "partial_json": each} for each in pieces
                ]
        return whole, []


class ChatCompletions:
    """Chat completions, as OpenRouter gives them."""

    def reply(self, completion: Completion) -> dict[str, Any]:
        """Return a chat completion."""
        message: dict[str, Any] = {"role": "assistant", "content": completion.message.text or None}
        thoughts = self._thoughts(completion)
        if thoughts:
            message["reasoning"] = thoughts
        if completion.message.calls:
            message["tool_calls"] = [self._call(each) for each in completion.message.calls]
        choice = {"index": 0, "message": message, "finish_reason": self._finish(completion)}
        return self._about(completion, "chat.completion") | {
            "choices": [choice],
            "usage": self._usage(completion.usage),
        }

    def stream(self, completion: Completion) -> Iterator[bytes]:
        """Yield the chunks of a chat completion."""
        yield b": OPENROUTER PROCESSING\n\n"
        yield self._chunk(completion, {"role": "assistant", "content": ""})
        for each in words_of(self._thoughts(completion)):
            yield self._chunk(completion, {"reasoning": each})
        for each in words_of(completion.message.text):
            yield self._chunk(completion, {"content": each})
        for index, call in enumerate(completion.message.calls):
            whole = self._call(call)
            arguments = whole["function"]["arguments"]
            begun = {**whole, "index": index, "function": {"name": call.name, "arguments": ""}}
            yield self._chunk(completion, {"tool_calls": [begun]})
            for each in words_of(arguments):
                piece = {"index": index, "function": {"arguments": each}}
                yield self._chunk(completion, {"tool_calls": [piece]})
        yield self._chunk(completion, {}, self._finish(completion))
        about = self._about(completion, "chat.completion.chunk")
        yield event(about | {"choices": [], "usage": self._usage(completion.usage)})
        yield b"data: [DONE]\n\n"

    def _chunk(self, of: Completion, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event(self._about(of, "chat.completion.chunk") | {"choices": [choice]})

    def _about(self, completion: Completion, kind: str) -> dict[str, Any]:
        return {"id": "gen-1", "object": kind, "created": 1, "model": completion.model}

    def _thoughts(self, completion: Completion) -> str:
        blocks = completion.message.blocks
        return "".join(each.text for each in blocks if isinstance(each, Thinking))

    def _call(self, call: ToolCall) -> dict[str, Any]:
        arguments = call.malformed or json.dumps(dict(call.arguments))
        function = {"name": call.name, "arguments": arguments}
        return {"id": call.id, "type": "function", "function": function}

    def _finish(self, completion: Completion) -> str:
        return {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}[
            completion.stop
        ]

    def _usage(self, usage: Usage) -> dict[str, Any]:
        asked = usage.input + usage.cache_read + usage.cache_write
        return {
            "prompt_tokens": asked,
            "completion_tokens": usage.output,
            "total_tokens": asked + usage.output,
            "prompt_tokens_details": {
                "cached_tokens": usage.cache_read,
                "cache_write_tokens": usage.cache_write,
            },
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }


BY_PATH: Mapping[str, Format] = {
    "/messages": AnthropicMessages(),
    "/chat/completions": ChatCompletions(),
}


def functions_in(body: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the functions that a request offers, each with the schema of its arguments."""
    tools = [each.get("function", each) for each in body.get("tools", ())]
    return [(each["name"], each.get("parameters") or each["input_schema"]) for each in tools]


def has_results(body: Mapping[str, Any]) -> bool:
    """Tell whether the last message of a request brings results of calls."""
    last = body["messages"][-1]
    blocks: Sequence[Any] = last["content"] if isinstance(last["content"], list) else ()
    return last["role"] == "tool" or any(each["type"] == "tool_result" for each in blocks)


_EXAMPLES = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "null": None}


def example(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with what a schema demands, and nothing more."""
    properties = schema.get("properties", {})
    return {name: _example(properties.get(name, {})) for name in schema.get("required", ())}


def _example(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return example(schema)
    return _EXAMPLES.get(str(schema.get("type")), "something")
