"""The agent that the scenarios of the compatibility kit describe: it does what an id says.

``python -m tests.a2a.tck 9999`` serves it, for the kit itself to be run against, on loopback and
for whoever comes: some requests of the kit bear no token. How, and what came of it: docs/a2a.md.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from xml_pipeline import HandlerMetadata, HandlerResponse, Organism
from xml_pipeline.a2a.speech import ClientMessage, Declined, Said
from xml_pipeline.agents.payloads import Answer
from xml_pipeline.events import AgentText
from xml_pipeline.mcp.payloads import Elicit, Elicited, McpResult, Resource
from xml_pipeline.server import application

FILE = """
organism: {name: kit}
allow_imports: [tests, xml_pipeline]
a2a: {push_networks: [127.0.0.0/8]}
listeners:
  - name: kit
    description: Does what a message's id says.
    handler: tests.a2a.tck:act
    payload_class:
      [xml_pipeline.a2a.speech:ClientMessage, xml_pipeline.mcp.payloads:Elicited]
    expose: a2a
    peers: client
    prompt: "PAUSE"
  - {name: client, description: Who called., handler: "mcp:client"}
"""

TEXT = "text/plain"
URL = "https://example.com/output.txt"

ANSWERS: dict[str, object] = {
    "tck-complete-task": Said("Hello from TCK", of_task=True),
    "tck-artifact-text": Answer("Generated text content"),
    "tck-artifact-file": McpResult(resources=(Resource("", TEXT, "output.txt", data=b"file"),)),
    "tck-artifact-file-url": McpResult(resources=(Resource(URL, TEXT, "output.txt"),)),
    "tck-artifact-data": McpResult(structured={"key": "value", "count": 42}),
    "tck-message-response": Said("Direct message response"),
    "tck-reject-task": Declined("rejected"),
    "tck-stream-001": Answer("Stream hello from TCK"),
    "tck-stream-002": Said("", of_task=True),
    "tck-stream-003": Answer("Stream task lifecycle"),
    "tck-stream-ordering-001": Answer("Ordered output"),
    "tck-stream-artifact-text": Answer("Streamed text content"),
    "tck-stream-artifact-file": McpResult(
        resources=(Resource("", TEXT, "output.txt", data=b"file"),)
    ),
    "tck-stream-artifact-chunked": Answer("chunk-1 chunk-2"),
}

CHUNKED, INPUT, LONG = "tck-stream-artifact-chunked", "tck-input-required", "test-resubscribe"
DELAYED, AUTH = "tck-delayed-complete", "tck-auth-required"

DONE: dict[str, object] = {
    LONG: Answer("Thank you"),
    DELAYED: Said("Done after delay", of_task=True),
}
"""What comes of what takes long."""


def _longest_first() -> Iterator[str]:
    """Yield the prefixes so that none is hidden by another that it begins with."""
    yield from sorted(ANSWERS, key=len, reverse=True)


async def act(payload: ClientMessage | Elicited, metadata: HandlerMetadata) -> HandlerResponse:
    """Do what a message's id says; what it says nothing of is a task that is complete."""
    if isinstance(payload, Elicited):
        return HandlerResponse.respond(Answer("Thank you"))
    if metadata.is_self_call and payload.id in DONE:
        return HandlerResponse.respond(DONE[payload.id])
    if payload.id.startswith((INPUT, AUTH)):
        return HandlerResponse(_question(payload.id), to="client")
    if payload.id.startswith((LONG, DELAYED)):
        return _take_long(LONG if payload.id.startswith(LONG) else DELAYED, metadata)
    prefix = next((each for each in _longest_first() if payload.id.startswith(each)), None)
    if prefix == CHUNKED:
        whose = metadata.own_name, metadata.thread_id, metadata.conversation_id
        metadata.tell(AgentText(*whose, "text", "chunk-1 "))
    return HandlerResponse.respond(ANSWERS[prefix or "tck-complete-task"])


def _question(id: str) -> Elicit:
    if id.startswith(AUTH):
        return Elicit("Log in.", {}, url="https://example.com/login")
    form: Any = {
        "type": "object",
        "properties": {"more": {"type": "string"}},
        "required": ["more"],
    }
    return Elicit("What more?", form)


def _take_long(id: str, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer in so many seconds, if there are some; else when somebody gives the answer."""
    if not metadata.prompt:
        return HandlerResponse.defer(within=60)
    again = ClientMessage(id, "", [])
    return HandlerResponse(again, to=metadata.own_name).after(float(metadata.prompt))


class _Open:
    """Gives the token to whoever has none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = {name for name, _ in scope.get("headers", ())}
        if scope["type"] == "http" and b"authorization" not in named:
            scope = dict(scope, headers=[*scope["headers"], (b"authorization", b"Bearer tck")])
        await self._app(scope, receive, send)


async def main() -> None:
    """Serve the agent until somebody interrupts it; the kit is for 1.0, and knows no other."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "organism.yaml"
        text = FILE.replace("PAUSE", "4").replace("a2a: {", "a2a: {older: false, ")
        file.write_text(text, encoding="utf-8")
        async with Organism.load(file) as running:
            app = _Open(application(running, token="tck"))
            await uvicorn.Server(uvicorn.Config(app, port=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    asyncio.run(main())
