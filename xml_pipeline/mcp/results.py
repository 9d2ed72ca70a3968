"""What a server answers, as payloads.

The rule this file guards: whatever a server sends, its answer can be written and is not too long
for a message. What is left out is said.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable
from typing import Any, TypeVar

from mcp import types

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.mcp.payloads import McpResult, Media, Resource
from xml_pipeline.payload import ABSENT, codec_of
from xml_pipeline.payload.text import carried
from xml_pipeline.tool_error import ToolError

ENVELOPE = 16_384
"""Bytes of a message that are kept for all but its payload."""

LONGEST_ERROR = 100_000
"""Characters of an error that are told."""

_CODEC = codec_of(McpResult)

Fitting = TypeVar("Fitting")

Part = types.TextContent | types.ImageContent | types.AudioContent | Any


def answer_of(result: types.CallToolResult, most: int) -> McpResult | ToolError:
    """Return what a call came to, in a message of at most ``most`` bytes."""
    text = "\n".join(map(_words, result.content))
    if result.is_error:
        return failed(text or "The tool failed, and does not say why.")
    structured = _structured(result.structured_content)
    if not text and structured is not ABSENT:
        text = carried(json.dumps(structured, ensure_ascii=False))
    resources = tuple(map(resource_of, filter(_is_resource, result.content)))
    return fitting(McpResult(text, structured, _media(result.content), resources), most)


def prompt_of(result: types.GetPromptResult) -> McpResult:
    """Return a prompt: who says what in words, and for programs as it was sent."""
    said = (f"{each.role}: {_words(each.content)}" for each in result.messages)
    plain: Any = [
        each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in result.messages
    ]
    text = "\n\n".join(filter(None, (carried(result.description or ""), *said)))
    return McpResult(text, structured=plain)


def read_of(result: types.ReadResourceResult) -> McpResult:
    """Return what is in a resource, or in each of several."""
    found = tuple(map(contents_of, result.contents))
    texts = (
        f"[{each.uri} {each.media_type}, {len(each.data or b'')} bytes]"
        if each.text is None
        else each.text
        for each in found
    )
    return McpResult("\n\n".join(texts), resources=found)


def failed(words: str) -> ToolError:
    """Return the answer of a tool that could not do what it was asked."""
    return ToolError(carried(words)[:LONGEST_ERROR])


def fitting(result: Fitting, most: int) -> Fitting | McpResult:
    """Return the result, or as much of it as goes into a message of ``most`` bytes.

    Other answers than results are short as they are.
    """
    most -= ENVELOPE
    if not isinstance(result, McpResult) or _size(result) <= most:
        return result
    left_out = "\n\n[left out, for it is too long for a message: all but the text]"
    short = McpResult(result.text + left_out)
    if _size(short) <= most:
        return short
    kept = result.text[: max(0, most // 8)]  # A character takes up to 5 bytes, or 4.
    return McpResult(f"{kept}\n\n[cut: {len(result.text) - len(kept)} characters left out]")


def resource_of(part: Any) -> Resource:
    """Return a resource that is embedded, or the way to one."""
    if isinstance(part, types.EmbeddedResource):
        return contents_of(part.resource)
    return Resource(
        carried(part.uri),
        carried(part.mime_type or ""),
        carried(part.title or part.name),
        carried(part.description or ""),
    )


def contents_of(read: types.TextResourceContents | types.BlobResourceContents) -> Resource:
    """Return what is in a resource."""
    uri, kind = carried(read.uri), carried(read.mime_type or "")
    if isinstance(read, types.TextResourceContents):
        return Resource(uri, kind, text=carried(read.text))
    return Resource(uri, kind, data=_bytes(read.blob))


def _words(part: Part) -> str:
    """Return a part of an answer in words."""
    if isinstance(part, types.TextContent):
        return carried(part.text)
    if isinstance(part, types.ImageContent | types.AudioContent):
        return carried(f"[{part.type} {part.mime_type}, {len(_bytes(part.data))} bytes]")
    found = resource_of(part)
    if found.text is not None:
        return f"[{found.uri}]\n{found.text}"
    about = ": ".join(filter(None, (found.name, found.description)))
    return f"[resource {found.uri}{f', {about}' if about else ''}]"


def _media(parts: Iterable[Part]) -> tuple[Media, ...]:
    seen = (each for each in parts if isinstance(each, types.ImageContent | types.AudioContent))
    return tuple(Media(carried(each.mime_type), _bytes(each.data)) for each in seen)


def _is_resource(part: Part) -> bool:
    return isinstance(part, types.EmbeddedResource | types.ResourceLink)


def _structured(value: Any) -> Any:
    return ABSENT if value is None else value


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


def _size(result: McpResult) -> int:
    """Return the bytes of a result; no number is that large where it cannot be written."""
    try:
        return len(_CODEC.to_xml(result))
    except InvalidPayload:
        return 1 << 62
