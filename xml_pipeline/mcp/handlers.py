"""Handlers of the listeners that stand for a tool, the prompts or the resources of a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp import Client, MCPError, types

from xml_pipeline.errors import Retryable
from xml_pipeline.events import LogLevel, ResourceChanged, ToolLog, ToolProgress
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.mcp.completing import completions
from xml_pipeline.mcp.connections import Connections
from xml_pipeline.mcp.definitions import Definition
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.hearing import LONGEST_WORDS, Meanwhile
from xml_pipeline.mcp.payloads import (
    Complete,
    Completions,
    GetPrompt,
    ListPrompts,
    ListResources,
    McpResult,
    ReadResource,
    SubscribeResource,
    UnsubscribeResource,
)
from xml_pipeline.mcp.questions import Ask
from xml_pipeline.mcp.results import answer_of, failed, fitting, prompt_of, read_of
from xml_pipeline.payload import codec_of
from xml_pipeline.payload.text import carried
from xml_pipeline.tool_error import ToolError

ATTEMPTS = 3
"""How often a server is tried that is not there; the last time, whoever asked is told."""

DELAYS = (0.5, 5.0)
"""Seconds between the attempts; the pump waits them, and nobody is held up."""

MOST_LISTED = 1_000
"""Prompts or resources that a list tells of."""

Answer = McpResult | ToolError | Completions


@dataclass(frozen=True, slots=True)
class ToolHandler:
    """Calls a tool; ``most`` is how many bytes a message may have."""

    connections: Connections
    tool: Definition
    most: int

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        """Call it with the fields of the payload."""
        return await answered(lambda: self.call(payload, metadata), metadata)

    async def call(self, payload: Any, metadata: HandlerMetadata, ask: Ask | None = None) -> Answer:
        """Return what it answers; ``ask`` puts what its server asks meanwhile."""
        arguments = codec_of(type(payload)).to_json(payload)
        async with self.connections.lent(metadata, alone=ask is not None) as connection:
            result = await connection.call(self.tool, arguments, _meanwhile(metadata, ask))
        return answer_of(result, self.most)


@dataclass(frozen=True, slots=True)
class PromptsHandler:
    """Lists the prompts of a server, and gets one."""

    connections: Connections
    most: int

    async def __call__(
        self, payload: ListPrompts | GetPrompt | Complete, metadata: HandlerMetadata
    ) -> HandlerResponse:
        """Do what is asked."""
        return await answered(lambda: self.call(payload, metadata), metadata)

    async def call(self, payload: Any, metadata: HandlerMetadata, ask: Ask | None = None) -> Answer:
        """Return what the server answers; ``ask`` puts what it asks meanwhile."""

        async def get(client: Client) -> Answer:
            if isinstance(payload, Complete):
                return await completions(client.session, payload)
            if isinstance(payload, GetPrompt):
                return prompt_of(await client.get_prompt(payload.name, dict(payload.arguments)))
            found = await _all(lambda page: client.session.list_prompts(params=page), "prompts")
            return _listed("prompts", found)

        may_ask = ask if isinstance(payload, GetPrompt) else None
        async with self.connections.lent(metadata, alone=may_ask is not None) as connection:
            return fitting(await connection.ask(get, _meanwhile(metadata, may_ask)), self.most)


@dataclass(frozen=True, slots=True)
class ResourcesHandler:
    """Lists the resources of a server, reads one, and tells when it changes."""

    connections: Connections
    most: int

    async def __call__(
        self,
        payload: ListResources | ReadResource | Complete | SubscribeResource | UnsubscribeResource,
        metadata: HandlerMetadata,
    ) -> HandlerResponse:
        """Do what is asked."""
        return await answered(lambda: self.call(payload, metadata), metadata)

    async def call(self, payload: Any, metadata: HandlerMetadata, ask: Ask | None = None) -> Answer:
        """Return what the server answers; ``ask`` puts what it asks meanwhile."""

        async def get(client: Client) -> Answer:
            if isinstance(payload, Complete):
                return await completions(client.session, payload)
            if isinstance(payload, ReadResource):
                return read_of(await client.read_resource(payload.uri))
            wire = client.session
            found = await _all(lambda page: wire.list_resources(params=page), "resources")
            patterns = await _all(
                lambda page: wire.list_resource_templates(params=page), "resource_templates"
            )
            return _listed("resources", found + patterns)

        if isinstance(payload, SubscribeResource | UnsubscribeResource):
            return await self._follow(payload, metadata)
        may_ask = ask if isinstance(payload, ReadResource) else None
        async with self.connections.lent(metadata, alone=may_ask is not None) as connection:
            return fitting(await connection.ask(get, _meanwhile(metadata, may_ask)), self.most)

    async def _follow(
        self, payload: SubscribeResource | UnsubscribeResource, metadata: HandlerMetadata
    ) -> McpResult:
        uri = payload.uri

        def changed() -> None:
            metadata.tell(ResourceChanged(*_about(metadata), uri))

        if isinstance(payload, SubscribeResource):
            await self.connections.follow(metadata, uri, changed)
            return McpResult("It is told when that changes.")
        await self.connections.unfollow(metadata, uri)
        return McpResult("It is told no more when that changes.")


async def answered(
    call: Callable[[], Awaitable[Answer]], metadata: HandlerMetadata, *, again: bool = True
) -> HandlerResponse:
    """Answer with what a call gives; try again later where the server was not there."""
    try:
        return HandlerResponse.respond(await call())
    except ServerFailed as error:
        if again and error.unsent and metadata.attempt < ATTEMPTS:
            raise Retryable(str(error)) from None
        return HandlerResponse.respond(failed(str(error)))


async def _all(
    ask: Callable[[types.PaginatedRequestParams], Awaitable[Any]], key: str
) -> list[Any]:
    """Return the first things of a list, and of its further pages."""
    found: list[Any] = []
    cursor: str | None = None
    while len(found) < MOST_LISTED:
        try:
            page = await ask(types.PaginatedRequestParams(cursor=cursor))
        except MCPError as error:
            if error.code == types.METHOD_NOT_FOUND:
                break
            raise
        found += getattr(page, key)
        cursor = page.next_cursor
        if cursor is None or not getattr(page, key):
            break
    return found[:MOST_LISTED]


def _listed(key: str, found: list[Any]) -> McpResult:
    """Return a list as lines for who reads, and whole for programs."""
    plain = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in found]
    lines = (_line(each) for each in plain)
    return McpResult(carried("\n".join(lines) or f"It has no {key}."), structured=plain)


def _line(thing: dict[str, Any]) -> str:
    where = thing.get("uri") or thing.get("uriTemplate")
    arguments = ", ".join(each["name"] for each in thing.get("arguments", ()))
    name = f"{where} ({thing['name']})" if where else f"{thing['name']}({arguments})"
    about = " ".join(thing.get("description", "").split())
    return f"{name}: {about}" if about else name


def _meanwhile(metadata: HandlerMetadata, ask: Ask | None) -> Meanwhile:
    """Tell those who watch of what a server says of a call, and have put what it asks."""

    def say(level: LogLevel, words: str) -> None:
        if metadata.watched:
            metadata.tell(ToolLog(*_about(metadata), level, words))

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        if metadata.watched:
            words = carried(message or "")[:LONGEST_WORDS]
            metadata.tell(ToolProgress(*_about(metadata), progress, total, words))

    return Meanwhile(ask, say, tell)


def _about(metadata: HandlerMetadata) -> tuple[str, str, str]:
    return metadata.own_name, metadata.thread_id, metadata.conversation_id
