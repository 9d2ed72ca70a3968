"""The agent that the scenarios of the compatibility kit describe: it does what an id says.

``python -m tests.a2a.tck 9999`` serves it, for the kit itself to be run against.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xml_pipeline import HandlerMetadata, HandlerResponse, Organism
from xml_pipeline.a2a.speech import ClientMessage, Declined, Said
from xml_pipeline.agents.payloads import Answer
from xml_pipeline.events import AgentText
from xml_pipeline.mcp.payloads import Elicit, Elicited, McpResult, Resource
from xml_pipeline.server import serve

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


def _longest_first() -> Iterator[str]:
    """Yield the prefixes so that none is hidden by another that it begins with."""
    yield from sorted(ANSWERS, key=len, reverse=True)


async def act(payload: ClientMessage | Elicited, metadata: HandlerMetadata) -> HandlerResponse:
    """Do what a message's id says; what it says nothing of is a task that is complete."""
    if isinstance(payload, Elicited) or (metadata.is_self_call and payload.id == LONG):
        return HandlerResponse.respond(Answer("Thank you"))
    if payload.id.startswith(INPUT):
        form: Any = {
            "type": "object",
            "properties": {"more": {"type": "string"}},
            "required": ["more"],
        }
        return HandlerResponse(Elicit("What more?", form), to="client")
    if payload.id.startswith(LONG):
        return _take_long(metadata)
    prefix = next((each for each in _longest_first() if payload.id.startswith(each)), None)
    if prefix == CHUNKED:
        whose = metadata.own_name, metadata.thread_id, metadata.conversation_id
        metadata.tell(AgentText(*whose, "text", "chunk-1 "))
    return HandlerResponse.respond(ANSWERS[prefix or "tck-complete-task"])


def _take_long(metadata: HandlerMetadata) -> HandlerResponse:
    """Answer in so many seconds, if there are some; else when somebody gives the answer."""
    if not metadata.prompt:
        return HandlerResponse.defer(within=60)
    again = ClientMessage(LONG, "", [])
    return HandlerResponse(again, to=metadata.own_name).after(float(metadata.prompt))


@asynccontextmanager
async def served(port: int) -> AsyncIterator[str]:
    """Serve the agent, and give where."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "organism.yaml"
        file.write_text(FILE.replace("PAUSE", "4"), encoding="utf-8")
        running = Organism.load(file)
        config = running.config.server.model_copy(update={"port": port})
        async with running, serve(running, config, "tck") as address:
            yield address.url


async def main() -> None:
    async with served(int(sys.argv[1])) as url:
        sys.stderr.write(f"{url}; the token is `tck`\n")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
