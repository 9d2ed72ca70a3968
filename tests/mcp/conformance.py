"""The fixtures that the official conformance suite asks of a server, as listeners of an organism.

``python -m tests.mcp.conformance PORT`` serves them; the suite sends no token, so what is in front
of the server here adds one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.mcp.conformance_rounds import ANSWERS as ANSWERS_OF_CLIENTS
from tests.mcp.conformance_rounds import ROUNDS, AskingPrompt, Rounds, form, sample
from tests.mcp.conformance_tasks import working
from tests.mcp.house import listening
from xml_pipeline import HandlerMetadata, HandlerResponse, Listener, Organism
from xml_pipeline.events import ToolLog, ToolProgress
from xml_pipeline.mcp.client import ask_client
from xml_pipeline.mcp.payloads import (
    Elicit,
    Elicited,
    GetPrompt,
    ListPrompts,
    ListResources,
    ListRoots,
    McpResult,
    Media,
    ReadResource,
    Resource,
    Sample,
    Sampled,
)
from xml_pipeline.payload import payload_from_json_schema
from xml_pipeline.server import application
from xml_pipeline.tool_error import ToolError

PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00" + bytes(20)
NOTHING = {"type": "object", "properties": {}}
TEXT = {"type": "string"}
STRICT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": TEXT, "city": TEXT},
        }
    },
    "properties": {
        "name": TEXT,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": TEXT,
        "email": TEXT,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
ROUTED = {"type": "object", "properties": {"region": {**TEXT, "x-mcp-header": "Region"}}}
PROMPTS: dict[str, list[str]] = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": ["arg1", "arg2"],
    "test_prompt_with_embedded_resource": ["resourceUri"],
    "test_prompt_with_image": [],
}
ASKING_PROMPT, ASKING_PROMPTS = "test_input_required_result_prompt", AskingPrompt()

RESOURCES: dict[str, Resource] = {
    "test://static-text": Resource(
        "test://static-text", "text/plain", text="This is the content of the static text resource."
    ),
    "test://static-binary": Resource("test://static-binary", "image/png", data=PNG),
    "test://watched-resource": Resource("test://watched-resource", "text/plain", text="Watched."),
}
JSON = "application/json"
ANSWERS: dict[str, McpResult | ToolError] = {
    "test_simple_text": McpResult("This is a simple text response for testing."),
    "test_image_content": McpResult(media=(Media("image/png", PNG),)),
    "test_audio_content": McpResult(media=(Media("audio/wav", WAV),)),
    "test_embedded_resource": McpResult(
        resources=(
            Resource(
                "test://embedded-resource",
                "text/plain",
                text="This is an embedded resource content.",
            ),
        )
    ),
    "test_multiple_content_types": McpResult(
        "Multiple content types test:",
        media=(Media("image/png", PNG),),
        resources=(
            Resource("test://mixed-content-resource", JSON, text='{"test":"data","value":123}'),
        ),
    ),
    "test_error_handling": ToolError("This tool intentionally returns an error for testing"),
}

Handler = Callable[[Any, HandlerMetadata], Awaitable[HandlerResponse]]


def answering(answer: object) -> Handler:
    async def answered(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(answer)

    return answered


async def progressing(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
    for done in (0, 50, 100):
        about = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
        metadata.tell(ToolProgress(*about, done, 100))
    return HandlerResponse.respond(McpResult("Done."))


class Asking:
    """Asks the client something, and tells what it answered."""

    def __init__(self, question: Callable[[Any], Elicit | Sample]) -> None:
        self._question = question

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Elicited):
            content = json.dumps(payload.content or {})
            words = f"Elicitation completed: action={payload.action}, content={content}"
            return HandlerResponse.respond(McpResult(words))
        if isinstance(payload, Sampled):
            return HandlerResponse.respond(McpResult(f"LLM response: {payload.text}"))
        return HandlerResponse(self._question(payload), to="client")


async def logging(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        about = (metadata.own_name, metadata.thread_id, metadata.conversation_id)
        metadata.tell(ToolLog(*about, "info", words))
    return HandlerResponse.respond(McpResult("Done."))


PERSON = form(username={"type": "string"}, email={"type": "string"})
DEFAULTS = form(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
TITLED = [
    {"const": "value1", "title": "First Option"},
    {"const": "value2", "title": "Second Option"},
    {"const": "value3", "title": "Third Option"},
]
ENUMS = form(
    untitledSingle={"type": "string", "enum": ["option1", "option2", "option3"]},
    titledSingle={"type": "string", "oneOf": TITLED},
    legacyEnum={
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    untitledMulti={"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}},
    titledMulti={"type": "array", "items": {"anyOf": TITLED}},
)
WANTED = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}
PROMPTED = {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}
ASKING: dict[str, tuple[Any, Callable[[Any], Elicit | Sample]]] = {
    "test_sampling": (PROMPTED, lambda asked: sample(asked.prompt)),
    "test_elicitation": (WANTED, lambda asked: Elicit(asked.message, PERSON)),
    "test_elicitation_sep1034_defaults": (NOTHING, lambda _: Elicit("Fill in.", DEFAULTS)),
    "test_elicitation_sep1330_enums": (NOTHING, lambda _: Elicit("Choose.", ENUMS)),
}


async def prompting(payload: Any, metadata: HandlerMetadata) -> Any:
    if isinstance(payload, Elicited) or getattr(payload, "name", "") == ASKING_PROMPT:
        return await ASKING_PROMPTS(payload, metadata)
    if isinstance(payload, ListPrompts):
        known: Any = [
            {
                "name": name,
                "description": f"The prompt {name}.",
                "arguments": [{"name": each, "required": True} for each in arguments],
            }
            for name, arguments in {**PROMPTS, ASKING_PROMPT: []}.items()
        ]
        return HandlerResponse.respond(McpResult("Some.", structured=known))
    contents: list[Any] = [_words(payload)]
    if payload.name == "test_prompt_with_embedded_resource":
        text = "Embedded resource content for testing."
        about = {"uri": payload.arguments["resourceUri"], "mimeType": "text/plain", "text": text}
        contents.insert(0, {"type": "resource", "resource": about})
    if payload.name == "test_prompt_with_image":
        picture = "iVBORw0KGgo="
        contents.insert(0, {"type": "image", "data": picture, "mimeType": "image/png"})
    said: Any = [{"role": "user", "content": each} for each in contents]
    return HandlerResponse.respond(McpResult("A prompt.", structured=said))


def _words(payload: GetPrompt) -> dict[str, str]:
    given = ", ".join(f"{key}='{value}'" for key, value in payload.arguments.items())
    text = f"Prompt with arguments: {given}" if given else "This is a simple prompt for testing."
    return {"type": "text", "text": text}


async def reading(
    payload: ReadResource | ListResources, metadata: HandlerMetadata
) -> HandlerResponse:
    if isinstance(payload, ListResources):
        known: Any = [
            {"uri": uri, "name": uri[7:], "description": uri, "mimeType": each.media_type}
            for uri, each in RESOURCES.items()
        ]
        known.append({"uriTemplate": "test://template/{id}/data", "name": "template"})
        return HandlerResponse.respond(McpResult("Some.", structured=known))
    found = RESOURCES.get(payload.uri)
    parts = payload.uri.removeprefix("test://template/").split("/")
    if payload.uri.startswith("test://template/") and parts[1:] == ["data"]:
        about = {"id": parts[0], "templateTest": True, "data": f"Data for ID: {parts[0]}"}
        found = Resource(payload.uri, JSON, text=json.dumps(about))
    if found is None:
        return HandlerResponse.respond(ToolError("There is no such resource."))
    return HandlerResponse.respond(McpResult("A resource.", resources=(found,)))


def listener(name: str, accepts: Any, handler: Handler) -> Listener:
    return Listener(
        name,
        accepts,
        handler,
        description=f"{name} of the conformance suite.",
        output=(McpResult, ToolError),
        peers=("client",),
        expose=("mcp",),
    )


def listeners() -> list[Listener]:
    """Return all fixtures."""
    tools = {**{name: answering(each) for name, each in ANSWERS.items()}}
    tools["test_tool_with_progress"] = progressing
    tools["test_tool_with_logging"] = tools["test_logging_tool"] = logging
    found = [
        listener(name, payload_from_json_schema(name, NOTHING), each)
        for name, each in tools.items()
    ]
    for name, (schema, question) in ASKING.items():
        takes = (payload_from_json_schema(name, schema), Elicited, Sampled)
        found.append(listener(name, takes, Asking(question)))
    for name, rounds in ROUNDS.items():
        asks = (payload_from_json_schema(name, NOTHING), *ANSWERS_OF_CLIENTS)
        found.append(listener(name, asks, Rounds(*rounds)))
    for name, schema in (("json_schema_2020_12_tool", STRICT), ("test_routed_tool", ROUTED)):
        fits = payload_from_json_schema(name, schema)
        found.append(listener(name, fits, answering(McpResult("Fits."))))
    return [
        *found,
        *working(),
        Listener("client", (Elicit, Sample, ListRoots), ask_client, description="Who called."),
        listener("prompts", (GetPrompt, ListPrompts, Elicited), prompting),
        listener("resources", (ReadResource, ListResources), reading),
    ]


def triggers(organism: Organism) -> list[Listener]:
    """Return those fixtures that put a listener in place, and take it out again."""

    def swapping(other: Listener) -> Handler:
        async def swap(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
            if other.name in {each.name for each in organism.listeners}:
                organism.unregister(other.name)
            else:
                organism.register(other)
            return HandlerResponse.respond(McpResult("Done."))

        return swap

    payload = payload_from_json_schema("nothing", NOTHING)
    prompts = listener("more_prompts", (GetPrompt, ListPrompts), prompting)
    tool = listener("one_more", payload, answering(McpResult("One more.")))
    return [
        listener("test_trigger_prompt_change", payload, swapping(prompts)),
        listener("test_trigger_tool_change", payload, swapping(tool)),
    ]


def trusting(app: ASGIApp, token: str) -> ASGIApp:
    """Add the token to every request."""

    async def trusted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            bearer = (b"authorization", f"Bearer {token}".encode())
            scope = {**scope, "headers": [*scope["headers"], bearer]}
        await app(scope, receive, send)

    return trusted


@asynccontextmanager
async def serving(port: int = 0) -> AsyncIterator[str]:
    """Serve the fixtures on a port of this machine, and give the address; port 0 is a free one."""
    async with Organism(listeners()) as organism:
        for each in triggers(organism):
            organism.register(each)
        app = trusting(application(organism, token="conformance"), "conformance")
        async with listening(app, port) as url:
            yield url


async def main(port: int) -> None:
    """Serve the fixtures until somebody ends it."""
    async with serving(port) as url:
        sys.stdout.write(f"{url}/mcp\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1])))
