"""About how many tokens a conversation takes, before a provider has counted them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from xml_pipeline.agents.cutting import size
from xml_pipeline.llm.base import Audio, Block, Image, Message, Text, Thinking, ToolCall

BYTES_PER_TOKEN = 4
_MESSAGE = 4
_IMAGE, _AUDIO, _MEDIA_BYTES_PER_TOKEN = 85, 50, 750


def estimate(messages: Iterable[Message]) -> int:
    """Return the tokens that messages take: a guess, from their bytes."""
    return sum(_MESSAGE + sum(map(_tokens, each.blocks)) for each in messages)


def _tokens(block: Block) -> int:
    match block:
        case Text(text) | Thinking(text):
            return _of(text)
        case ToolCall(name=name, arguments=arguments):
            return _of(name) + _of(json.dumps(dict(arguments)))
        case Image(data=data):
            return len(data) // _MEDIA_BYTES_PER_TOKEN + _IMAGE
        case Audio(data=data):
            return len(data) // _MEDIA_BYTES_PER_TOKEN + _AUDIO
        case _:
            return _of(block.content)


def _of(text: str) -> int:
    return -(-size(text) // BYTES_PER_TOKEN)
