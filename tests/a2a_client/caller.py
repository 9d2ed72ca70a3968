"""A listener that has a conversation with an agent elsewhere, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify
from xml_pipeline.a2a.payloads import A2aAnswer, A2aMessage
from xml_pipeline.tool_error import ToolError


@xmlify
@dataclass(frozen=True, slots=True)
class Lines:
    """What is said, one line after the other."""

    lines: tuple[str, ...]


@xmlify
@dataclass(frozen=True, slots=True)
class Replies:
    """What was answered to each line."""

    texts: tuple[str, ...]


async def talk(
    payload: Lines | A2aAnswer | ToolError, metadata: HandlerMetadata
) -> HandlerResponse:
    """Say each line once the one before was answered."""
    state = metadata.state
    if isinstance(payload, Lines):
        state["lines"], state["texts"] = list(payload.lines), []
    elif isinstance(payload, ToolError):
        state["texts"].append(f"error: {payload.message}")
    else:
        state["texts"].append(f"{payload.state}: {payload.text}")
    if state["lines"]:
        return HandlerResponse(A2aMessage(state["lines"].pop(0)), to="parrot")
    return HandlerResponse.respond(Replies(tuple(state["texts"])))


CALLER = {
    "name": "caller",
    "description": "Talks with the parrot.",
    "handler": "tests.a2a_client.caller:talk",
    "peers": ["parrot"],
}
