"""Listeners to be shown to MCP clients."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify
from xml_pipeline.events import ToolProgress
from xml_pipeline.mcp.payloads import Elicit, Elicited
from xml_pipeline.tool_error import ToolError


@xmlify
@dataclass(frozen=True, slots=True)
class Greet:
    """Somebody to greet."""

    name: str


@xmlify
@dataclass(frozen=True, slots=True)
class Greeted:
    """A greeting, and how many letters it has."""

    text: str
    letters: int


@xmlify
@dataclass(frozen=True, slots=True)
class Count:
    """How far to count."""

    to: int


async def greet(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    text = f"Hello, {payload.name}, says {metadata.from_id}!"
    return HandlerResponse.respond(Greeted(text, len(text)))


async def refuse(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(ToolError("I do not know you."))


async def fail(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    raise ValueError("a secret")


async def count(payload: Count, metadata: HandlerMetadata) -> HandlerResponse:
    for number in range(1, payload.to + 1):
        metadata.tell(
            ToolProgress(
                metadata.own_name, metadata.thread_id, metadata.conversation_id, number, payload.to
            )
        )
    return HandlerResponse.respond(Greet(str(payload.to)))


async def order(payload: Count | Elicited, metadata: HandlerMetadata) -> HandlerResponse:
    if isinstance(payload, Elicited):
        return HandlerResponse.respond(Greet(f"{payload.action} {payload.content or 'nothing'}"))
    form: Any = {"type": "object", "properties": {"size": {"type": "string"}}, "required": ["size"]}
    return HandlerResponse(Elicit("Which size?", form), to="client")


async def count_and_owe(payload: Count, metadata: HandlerMetadata) -> HandlerResponse:
    about = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
    metadata.tell(ToolProgress(*about, payload.to, payload.to, "counted"))
    return HandlerResponse.defer(within=60)


async def owe(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.defer(within=60)


@xmlify
@dataclass(frozen=True, slots=True)
class Hold:
    """A file that is written as soon as the work is stopped."""

    file: str


async def hold(payload: Hold, metadata: HandlerMetadata) -> None:
    about = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
    metadata.tell(ToolProgress(*about, 1))
    try:
        await asyncio.Event().wait()
    finally:
        leave(payload.file)


def leave(file: str) -> None:
    Path(file).touch()


async def never(payload: Count, metadata: HandlerMetadata) -> None:
    await asyncio.Event().wait()
