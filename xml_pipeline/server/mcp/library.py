"""Prompts and resources of listeners that are exposed and take the payloads for those.

The listeners that stand for parts of other MCP servers are such; anybody's may be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from mcp import MCPError, types
from pydantic import BaseModel, TypeAdapter, ValidationError

from xml_pipeline.listener import Listener
from xml_pipeline.mcp.payloads import (
    Complete,
    Completions,
    ListPrompts,
    ListResources,
    McpResult,
    ReadResource,
)
from xml_pipeline.message import Delivery
from xml_pipeline.payload import ABSENT, codec_of
from xml_pipeline.server.mcp.answers import contents
from xml_pipeline.server.mcp.calls import answered
from xml_pipeline.server.mcp.completion import values_listed
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

    async def prompt(self, name: str) -> tuple[Listener, types.Prompt]:
        """Return a prompt, and who has it; MCPError where there is none."""
        for listener, prompt in await self._prompts():
            if prompt.name == name:
                return listener, prompt
        raise MCPError(types.INVALID_PARAMS, f"There is no prompt {name!r}.")

    async def resources(self) -> list[types.Resource]:
        """Return every resource that has an address of its own."""
        return [each for found in await self._resources() for each in _read(types.Resource, found)]

    async def templates(self) -> list[types.ResourceTemplate]:
        """Return every pattern of addresses."""
        kind = types.ResourceTemplate
        return [each for found in await self._resources() for each in _read(kind, found)]

    def readers(self) -> list[Listener]:
        """Return who may have a resource."""
        return self._taking(ReadResource)

    async def completions(self, about: Complete) -> Completions:
        """Return how an argument may go on, as those know who may have the thing itself."""
        known = codec_of(Complete).tag
        for listener, listed in await self._owners(about):
            if known not in listener.codecs:
                return values_listed(about, listed)
            answer = await self._ask(listener, about)
            if isinstance(answer, Completions):
                return answer
        return Completions()

    async def _owners(self, about: Complete) -> list[tuple[Listener, dict[str, Any]]]:
        """Return who has a prompt, and how it is listed; or all who may have a resource."""
        if about.kind == "resource":
            return [(each, {}) for each in self._taking(ReadResource)]
        return [
            (each, said)
            for each, found in await self._prompt_lists()
            for said in _listed(found)
            if said.get("name") == about.name
        ]

    def _taking(self, payload: type) -> list[Listener]:
        tag = codec_of(payload).tag
        return [each for each in self._listeners() if is_exposed(each) and tag in each.codecs]

    async def _prompts(self) -> list[tuple[Listener, types.Prompt]]:
        asked = await self._prompt_lists()
        return [(who, each) for who, found in asked for each in _read(types.Prompt, found)]

    async def _prompt_lists(self) -> list[tuple[Listener, Any]]:
        return [(each, await self._ask(each, ListPrompts())) for each in self._taking(ListPrompts)]

    async def _resources(self) -> list[Any]:
        return [await self._ask(each, ListResources()) for each in self._taking(ListResources)]


def _read(kind: type[Any], answer: object) -> list[Any]:
    """Return the things of one kind in a list; what is of another kind is passed over."""
    return [each for said in _listed(answer) if (each := _one(kind, said))]


def _listed(answer: object) -> list[dict[str, Any]]:
    listed: Any = answer.structured if isinstance(answer, McpResult) else ABSENT
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _one(kind: type[BaseModel], said: object) -> BaseModel | None:
    try:
        return kind.model_validate(said)
    except ValidationError:
        return None


def filled(prompt: types.Prompt, answer: asyncio.Future[Delivery]) -> types.GetPromptResult:
    """Return a prompt as a listener has filled it in; MCPError where it could not."""
    said = answered(answer)
    try:
        read = _MESSAGES.validate_python(said.structured if isinstance(said, McpResult) else 0)
    except ValidationError:
        words = f"The prompt {prompt.name!r}: {getattr(said, 'message', '')}"
        raise MCPError(types.INVALID_PARAMS, words) from None
    return types.GetPromptResult(description=prompt.description, messages=read)


def read(answer: asyncio.Future[Delivery]) -> types.ReadResourceResult | None:
    """Return what is in a resource; None where a listener has no such one."""
    said = answered(answer)
    if isinstance(said, McpResult):
        return types.ReadResourceResult(contents=list(map(contents, said.resources)))
    return None


def no_resource(uri: str) -> MCPError:
    """Return why there is nothing to read."""
    return MCPError(types.INVALID_PARAMS, f"There is no resource {uri!r}.", {"uri": uri})
