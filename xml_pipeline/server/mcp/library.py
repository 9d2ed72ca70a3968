"""Prompts and resources of listeners that are exposed and take the payloads for those.

The listeners that stand for parts of other MCP servers are such; anybody's may be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from mcp import MCPError, types
from pydantic import BaseModel, TypeAdapter, ValidationError

from xml_pipeline.listener import Listener
from xml_pipeline.mcp.payloads import (
    GetPrompt,
    ListPrompts,
    ListResources,
    McpResult,
    ReadResource,
)
from xml_pipeline.payload import ABSENT, codec_of
from xml_pipeline.server.mcp.answers import contents
from xml_pipeline.server.mcp.exposed import is_exposed

Ask = Callable[[Listener, Any], Awaitable[Any]]
"""Asks a listener something, as whoever is asking; Unanswered where there is no answer."""

_MESSAGES = TypeAdapter(list[types.PromptMessage])


class Library:
    """What is there to be read."""

    def __init__(self, listeners: Callable[[], Iterable[Listener]], ask: Ask) -> None:
        self._listeners = listeners
        self._ask = ask

    def has(self, payload: type) -> bool:
        """Tell whether anybody is exposed who takes a payload."""
        return bool(self._taking(payload))

    async def prompts(self) -> list[types.Prompt]:
        """Return every prompt."""
        return [prompt for _, prompt in await self._prompts()]

    async def prompt(self, name: str, arguments: dict[str, str]) -> types.GetPromptResult:
        """Return a prompt, filled in; MCPError where there is none."""
        for listener, prompt in await self._prompts():
            if prompt.name == name:
                read = await self._ask(listener, GetPrompt(name, arguments))
                return types.GetPromptResult(
                    description=prompt.description, messages=_messages(name, read)
                )
        raise MCPError(types.INVALID_PARAMS, f"There is no prompt {name!r}.")

    async def resources(self) -> list[types.Resource]:
        """Return every resource that has an address of its own."""
        return [each for found in await self._resources() for each in _read(types.Resource, found)]

    async def templates(self) -> list[types.ResourceTemplate]:
        """Return every pattern of addresses."""
        kind = types.ResourceTemplate
        return [each for found in await self._resources() for each in _read(kind, found)]

    async def resource(self, uri: str) -> types.ReadResourceResult:
        """Return what is in a resource; MCPError where there is none."""
        for listener in self._taking(ReadResource):
            read = await self._ask(listener, ReadResource(uri))
            if isinstance(read, McpResult):
                return types.ReadResourceResult(contents=list(map(contents, read.resources)))
        raise MCPError(types.INVALID_PARAMS, f"There is no resource {uri!r}.", {"uri": uri})

    def _taking(self, payload: type) -> list[Listener]:
        tag = codec_of(payload).tag
        return [each for each in self._listeners() if is_exposed(each) and tag in each.codecs]

    async def _prompts(self) -> list[tuple[Listener, types.Prompt]]:
        asked = [(each, await self._ask(each, ListPrompts())) for each in self._taking(ListPrompts)]
        return [(who, each) for who, found in asked for each in _read(types.Prompt, found)]

    async def _resources(self) -> list[Any]:
        return [await self._ask(each, ListResources()) for each in self._taking(ListResources)]


def _read(kind: type[Any], answer: object) -> list[Any]:
    """Return the things of one kind in a list; what is of another kind is passed over."""
    listed = answer.structured if isinstance(answer, McpResult) else ABSENT
    return (
        [each for said in listed if (each := _one(kind, said))] if isinstance(listed, list) else []
    )


def _one(kind: type[BaseModel], said: object) -> BaseModel | None:
    try:
        return kind.model_validate(said)
    except ValidationError:
        return None


def _messages(name: str, answer: object) -> list[types.PromptMessage]:
    try:
        return _MESSAGES.validate_python(answer.structured if isinstance(answer, McpResult) else 0)
    except ValidationError:
        words = getattr(answer, "message", "")
        raise MCPError(types.INVALID_PARAMS, f"The prompt {name!r}: {words}") from None
