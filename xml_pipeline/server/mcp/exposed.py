"""Which listeners MCP clients see, and as what.

The rule this file guards: what is not exposed is not there, neither to be listed nor to be called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp import types

from xml_pipeline.listener import Listener
from xml_pipeline.mcp.payloads import (
    Complete,
    Elicit,
    Elicited,
    GetPrompt,
    ListPrompts,
    ListResources,
    ListRoots,
    McpResult,
    ReadResource,
    Roots,
    Sample,
    Sampled,
    SubscribeResource,
    UnsubscribeResource,
)
from xml_pipeline.payload import Codec, RawPayload, codec_of
from xml_pipeline.system import SYSTEM_PAYLOADS
from xml_pipeline.tool_error import ToolError

FACE = "mcp"

NO_TOOLS = frozenset(
    {
        GetPrompt,
        ListPrompts,
        ListResources,
        ReadResource,
        SubscribeResource,
        UnsubscribeResource,
        Complete,
        Elicit,
        Elicited,
        Sample,
        Sampled,
        ListRoots,
        Roots,
        *SYSTEM_PAYLOADS,
    }
)
"""Payloads that no client sends with a call of a tool."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """A listener, asked with one of the payloads that it takes, as a tool."""

    name: str
    listener: Listener
    codec: Codec[Any]
    several: bool

    def definition(self) -> types.Tool:
        """Return the tool as clients are told of it."""
        about = self.listener.description
        more = (self.codec.cls.__doc__ or "").strip() if self.several else ""
        return types.Tool(
            name=self.name,
            description=f"{about}\n\n{more}" if more else about,
            input_schema=self.codec.json_schema(),
            output_schema=self.output_schema(),
        )

    def output_schema(self) -> dict[str, Any] | None:
        """Return the schema of its answers, where there is one."""
        classes = [each for each in self.listener.outputs if each is not ToolError]
        if len(classes) != 1 or classes[0] in (RawPayload, McpResult):
            return None
        return codec_of(classes[0]).json_schema()


def is_exposed(listener: Listener) -> bool:
    """Tell whether MCP clients see a listener."""
    return FACE in listener.expose


def tools(listeners: Iterable[Listener]) -> Mapping[str, Exposed]:
    """Return all tools, by name: a listener's own, with that of the payload if it takes several."""
    found: dict[str, Exposed] = {}
    for listener in filter(is_exposed, listeners):
        codecs = [each for each in listener.codecs.values() if each.cls not in NO_TOOLS]
        for codec in codecs:
            several = len(codecs) > 1
            name = f"{listener.name}.{codec.tag}" if several else listener.name
            found[name] = Exposed(name, listener, codec, several)
    return found
