"""What listeners answer, as MCP clients are told it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from mcp import types

from xml_pipeline.errors import InvalidPayload, Unanswered
from xml_pipeline.mcp.payloads import McpResult, Media, Resource
from xml_pipeline.payload import ABSENT, RawPayload, codec_of
from xml_pipeline.tool_error import ToolError


def result_of(payload: Any, *, structured: bool) -> types.CallToolResult:
    """Return an answer; ``structured`` says that the tool promises its answers for programs."""
    if isinstance(payload, ToolError):
        return failed(payload.message)
    if isinstance(payload, McpResult):
        return _passed_on(payload)
    if isinstance(payload, RawPayload):
        return types.CallToolResult(content=[types.TextContent(text=payload.xml.decode())])
    try:
        said = codec_of(type(payload)).to_json(payload)
    except InvalidPayload:  # XML has what JSON has not: infinity, and what is not a number.
        return failed(payload.to_xml().decode())
    return types.CallToolResult(
        content=[types.TextContent(text=_text(said))],
        structured_content=said if structured else None,
    )


def failed(words: str) -> types.CallToolResult:
    """Return why there is no answer, for a client's model to read."""
    return types.CallToolResult(content=[types.TextContent(text=words)], is_error=True)


def unanswered(error: Unanswered) -> types.CallToolResult:
    """Return how a call ended without an answer."""
    about = ", ".join(filter(None, (error.code, error.id)))
    return failed(f"{error} ({about})" if about else str(error))


def contents(resource: Resource) -> types.TextResourceContents | types.BlobResourceContents:
    """Return what is in a resource."""
    kind = resource.media_type or None
    if resource.data is not None:
        blob = b64encode(resource.data).decode()
        return types.BlobResourceContents(uri=resource.uri, mime_type=kind, blob=blob)
    return types.TextResourceContents(uri=resource.uri, mime_type=kind, text=resource.text or "")


def _text(said: dict[str, Any]) -> str:
    """Return an answer in words: its text where it has one, else all of it."""
    text = said.get("text") if "text" in said else next(iter(said.values()), "")
    is_text = isinstance(text, str) and ("text" in said or len(said) == 1)
    return str(text) if is_text else json.dumps(said, ensure_ascii=False)


def _passed_on(result: McpResult) -> types.CallToolResult:
    blocks: list[types.ContentBlock] = []
    if result.text:
        blocks.append(types.TextContent(text=result.text))
    blocks += map(_medium, result.media)
    blocks += map(_resource, result.resources)
    structured = None if result.structured is ABSENT else result.structured
    return types.CallToolResult(content=blocks, structured_content=structured)


def _medium(medium: Media) -> types.ContentBlock:
    data = b64encode(medium.data).decode()
    if medium.media_type.startswith("audio/"):
        return types.AudioContent(data=data, mime_type=medium.media_type)
    return types.ImageContent(data=data, mime_type=medium.media_type)


def _resource(resource: Resource) -> types.ContentBlock:
    if resource.text is not None or resource.data is not None:
        return types.EmbeddedResource(resource=contents(resource))
    return types.ResourceLink(
        uri=resource.uri,
        name=resource.name or resource.uri,
        description=resource.description or None,
        mime_type=resource.media_type or None,
    )
