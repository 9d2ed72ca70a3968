"""The smallest listener there is: one payload in, one payload out."""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify


@xmlify
@dataclass(frozen=True, slots=True)
class Greeting:
    """Somebody to greet."""

    name: str


@xmlify
@dataclass(frozen=True, slots=True)
class Greeted:
    """A finished greeting."""

    text: str


async def greet(payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer the caller, whoever that is."""
    return HandlerResponse.respond(Greeted(f"Hello, {payload.name}!"))
