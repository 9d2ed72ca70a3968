"""A shelf of books, and others who ask their client something, or tell it, meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify
from xml_pipeline.events import ResourceChanged, ToolLog
from xml_pipeline.mcp.payloads import (
    Complete,
    Completions,
    Elicit,
    Elicited,
    GetPrompt,
    ListPrompts,
    ListResources,
    ListRoots,
    McpResult,
    ReadResource,
    Resource,
    Roots,
    Sample,
    Sampled,
)
from xml_pipeline.tool_error import ToolError

LANGUAGES = ["english", "esperanto", "german"]
NAME: Any = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@xmlify
@dataclass(frozen=True, slots=True)
class Begin:
    """Begin."""


async def talk(payload: Begin, metadata: HandlerMetadata) -> HandlerResponse:
    """Say something at several levels."""
    about = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
    metadata.tell(ToolLog(*about, "debug", "looking"))
    metadata.tell(ToolLog(*about, "info", "found"))
    metadata.tell(ToolLog("somebody", *about[1:], "error", "of no concern to a client"))
    metadata.tell(ToolLog(*about, "error", "lost"))
    return HandlerResponse.respond(McpResult("Said."))


async def chat(payload: Begin, metadata: HandlerMetadata) -> HandlerResponse:
    """Say more at once than anybody hears."""
    about = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
    for number in range(1_500):
        metadata.tell(ToolLog(*about, "info", f"{number}"))
    return HandlerResponse.respond(McpResult("Said."))


async def introduce(payload: Begin | Elicited | Sampled | Roots, metadata: HandlerMetadata) -> Any:
    """Ask three things at once, and tell what was answered."""
    if isinstance(payload, Begin):
        metadata.state["heard"] = []
        hello: Any = [{"role": "user", "content": {"type": "text", "text": "Say hello."}}]
        asked = (Elicit("Who are you?", NAME, key="name"), Sample(hello), ListRoots())
        return [HandlerResponse(each, to="client") for each in asked]
    heard = metadata.state["heard"] = [*metadata.state["heard"], _words(payload)]
    return HandlerResponse.respond(McpResult("; ".join(heard))) if len(heard) == 3 else None


def _words(answer: Elicited | Sampled | Roots) -> str:
    if isinstance(answer, Elicited):
        content: Any = answer.content
        return f"{answer.action} {content['name']}" if content else answer.action
    if isinstance(answer, Sampled):
        return answer.text or "silence"
    return " ".join(f"{each.uri} {each.name}" for each in answer.roots) or "nowhere"


async def need(payload: Begin | Sampled, metadata: HandlerMetadata) -> HandlerResponse:
    """Ask what no client can do without."""
    if isinstance(payload, Sampled):
        return HandlerResponse.respond(McpResult(payload.text))
    hello: Any = [{"role": "user", "content": {"type": "text", "text": "Say hello."}}]
    return HandlerResponse(Sample(hello, required=True), to="client")


async def muddle(payload: Begin | Elicited, metadata: HandlerMetadata) -> HandlerResponse:
    """Ask for what is no form."""
    return HandlerResponse(Elicit("What?", {"type": "object", "required": 5}), to="client")


async def send_to(payload: Begin | Elicited, metadata: HandlerMetadata) -> HandlerResponse:
    """Send the person behind the client somewhere."""
    if isinstance(payload, Elicited):
        return HandlerResponse.respond(McpResult(payload.action))
    return HandlerResponse(Elicit("Log in.", {}, url="https://shelf.example/"), to="client")


async def refuse(
    payload: ListPrompts | GetPrompt | Elicited, metadata: HandlerMetadata
) -> HandlerResponse:
    """List prompts once it has been asked which, and have none of them."""
    if isinstance(payload, ListPrompts):
        return HandlerResponse(Elicit("Which?", NAME), to="client")
    if isinstance(payload, GetPrompt):
        return HandlerResponse.respond(ToolError("It is lost."))
    listed: Any = [{"name": payload.action}, {"no": "name"}, "nothing"]
    return HandlerResponse.respond(McpResult("Some.", structured=listed))


async def break_down(payload: ListPrompts | GetPrompt, metadata: HandlerMetadata) -> None:
    """Have no list, for a reason that is nobody's business."""
    raise ValueError("a secret")


async def prompt(
    payload: ListPrompts | GetPrompt | Elicited, metadata: HandlerMetadata
) -> HandlerResponse:
    """Have a prompt that asks whom it is for."""
    if isinstance(payload, ListPrompts):
        language = {"name": "language", "enum": LANGUAGES}
        listed: Any = [{"name": "praise", "arguments": [language]}]
        return HandlerResponse.respond(McpResult("One.", structured=listed))
    if isinstance(payload, GetPrompt):
        return HandlerResponse(Elicit("Whom shall it praise?", NAME), to="client")
    text = {"type": "text", "text": f"Praise {_words(payload)}."}
    said: Any = [{"role": "user", "content": text}]
    return HandlerResponse.respond(McpResult("Praise.", structured=said))


async def keep(
    payload: ListResources | ReadResource | Complete, metadata: HandlerMetadata
) -> HandlerResponse:
    """Have books."""
    if isinstance(payload, ListResources):
        listed: Any = [
            {"uri": "book://one", "name": "one"},
            {"uriTemplate": "book://{title}", "name": "book"},
        ]
        return HandlerResponse.respond(McpResult("Some.", structured=listed))
    if isinstance(payload, Complete):
        titles = tuple(f"{payload.value}{number}" for number in range(101))
        return HandlerResponse.respond(Completions(titles, total=500))
    if payload.uri == "book://none":
        return HandlerResponse.respond(ToolError("There is no such book."))
    return HandlerResponse.respond(McpResult(resources=(Resource(payload.uri, text="A book."),)))


async def write(payload: Begin, metadata: HandlerMetadata) -> HandlerResponse:
    """Change a book."""
    about = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
    metadata.tell(ResourceChanged(*about, "book://two"))
    metadata.tell(ResourceChanged(*about, "book://one"))
    return HandlerResponse.respond(McpResult("Written."))
