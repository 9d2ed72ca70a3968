"""About how many tokens something takes, before whoever counts them has told.

Four bytes a token, and for what is no text what providers take for it. It is a guess: budgets
and rate limits are settled with what was really counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from xml_pipeline.llm.base import (
    Audio,
    Block,
    Function,
    Image,
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
)

BYTES_PER_TOKEN = 4
MESSAGE = 4
"""What a message takes beside what is in it."""
MEDIA_CHARACTERS_PER_TOKEN = 750
IMAGE = 85
AUDIO = 50

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
"""Made once: requests are measured often."""


def of_request(request: Request) -> int:
    """Return the tokens that a model has to read: instructions, messages, and functions."""
    functions = sum(map(of_function, request.functions))
    return of_text(request.system) + of_messages(request.messages) + functions


def of_messages(messages: Iterable[Message]) -> int:
    """Return the tokens of some messages."""
    return sum(map(of_message, messages))


def of_message(message: Message) -> int:
    """Return the tokens of one message."""
    return MESSAGE + of_output(message)


def of_output(message: Message) -> int:
    """Return the tokens that a model said where it said this message."""
    return sum(map(of_block, message.blocks))


def of_block(block: Block) -> int:
    """Return the tokens of a part of a message."""
    match block:
        case Image():
            return _of_media(block.data) + IMAGE
        case Audio():
            return _of_media(block.data) + AUDIO
        case Text():
            return of_text(block.text)
        case Thinking():
            return of_text(block.text + block.signature)
        case ToolCall():
            return of_text(block.name + (block.malformed or _json(block.arguments)))
    return of_text(block.content)


def of_function(function: Function) -> int:
    """Return the tokens of a function that a model may call."""
    return of_text(function.name + function.description + _json(function.schema))


def of_text(text: str) -> int:
    """Return the tokens of some text."""
    # An ASCII text knows its length: a long conversation is not copied to be measured.
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return _ceiling(size, BYTES_PER_TOKEN)


def _of_media(data: str) -> int:
    return _ceiling(len(data), MEDIA_CHARACTERS_PER_TOKEN)


def _json(value: object) -> str:
    return _ENCODER.encode(value)


def _ceiling(amount: int, unit: int) -> int:
    return -(-amount // unit)
