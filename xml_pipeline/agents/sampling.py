"""What an MCP server asks a model, as an agent's model can read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.llm.base import Audio, Block, Image, Text
from xml_pipeline.mcp.payloads import Sample


def sampling_blocks(sample: Sample) -> Iterator[Block]:
    """Yield what is asked; InvalidPayload where the messages are none.

    The words of a single message stand as they are; of several, each says whose it is.
    """
    messages: Any = sample.messages
    if not isinstance(messages, list) or not messages:
        raise InvalidPayload("there are no messages")
    if sample.system_prompt:
        yield Text(sample.system_prompt)
    for message in messages:
        try:
            role, content = message["role"], message["content"]
        except (LookupError, TypeError):
            raise InvalidPayload("a message has no role or no content") from None
        head = f"{role}: " if len(messages) > 1 else ""
        for part in content if isinstance(content, list) else (content,):
            yield _block(part, head)


def _block(part: Any, head: str) -> Block:
    """Return one part; what is neither words nor a picture nor a sound is named in brackets."""
    kind = part.get("type") if isinstance(part, dict) else None
    match kind, part:
        case "text", {"text": str(text)}:
            return Text(f"{head}{text}")
        case "image", {"mimeType": str(media), "data": str(data)}:
            return Image(media, data)
        case "audio", {"mimeType": str(media), "data": str(data)}:
            return Audio(media.partition("/")[2], data)
    return Text(f"{head}[{kind}]")
