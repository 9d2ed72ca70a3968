"""What was said, as JSON text: how a conversation with a model is kept from turn to turn.

Every block comes back exactly as it was: a model refuses its own thoughts if a letter of them has
changed. A message is a line, a list of its role and its blocks; a block is a list of its kind and
fields: no name is repeated in a text that is read at every turn. What is said later is added at the
end, so of a long conversation only that has to be written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from xml_pipeline.llm.base import (
    Audio,
    Block,
    Image,
    Message,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
"""Writes ASCII only: half of a surrogate pair, which a cut-off stream can leave, stands it."""

_END = "\n"  # Within a line of JSON it is written otherwise.
_ROLES: Mapping[str, Role] = {"u": "user", "a": "assistant"}

_WRITERS: Mapping[type[Block], Callable[[Any], list[Any]]] = {
    Text: lambda each: ["t", each.text],
    Thinking: lambda each: ["k", each.text, each.signature, each.redacted],
    ToolCall: lambda each: ["c", each.id, each.name, dict(each.arguments), each.malformed],
    ToolResult: lambda each: ["r", each.call_id, each.content, each.is_error],
    Image: lambda each: ["i", each.media_type, each.data],
    Audio: lambda each: ["s", each.format, each.data],
}
_READERS: Mapping[str, Callable[..., Block]] = {
    "t": Text,
    "k": Thinking,
    "c": ToolCall,
    "r": ToolResult,
    "i": Image,
    "s": Audio,
}


def to_json(messages: Iterable[Message]) -> str:
    """Return the messages as lines of JSON."""
    return _END.join(_encode([each.role[0], *map(_written, each.blocks)]) for each in messages)


def appended(text: str, messages: Iterable[Message]) -> str:
    """Return the text of a transcript with more messages at its end; "" is one of none."""
    return _END.join(filter(None, (text, to_json(messages))))


def from_json(text: str) -> tuple[Message, ...]:
    """Return the messages that ``to_json`` wrote; raises ValueError where it did not."""
    try:
        return tuple(_message(*each) for each in json.loads(f"[{text.replace(_END, ',')}]"))
    except (TypeError, KeyError) as error:
        raise ValueError(f"this is no transcript of ours: {error!r}") from error


def _written(block: Block) -> list[Any]:
    return _WRITERS[type(block)](block)


def _message(role: str, *blocks: list[Any]) -> Message:
    return Message(_ROLES[role], tuple(_READERS[kind](*fields) for kind, *fields in blocks))
