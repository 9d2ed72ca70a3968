"""The ways to speak to an A2A server, and what is heard over each, in the same form.

What is heard is a row of events: ``("task", state)``, ``("status", state)``, ``("artifact", parts,
append, last)`` and ``("message", texts)``. A part is ``("text", …)``, ``("data", …)`` or ``("file",
name, media type, bytes or url)``.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator, Iterable
from typing import Any

from a2a.client.card_resolver import A2ACardResolver
from a2a.client.client import Client, ClientConfig
from a2a.client.client_factory import ClientFactory
from a2a.types.a2a_pb2 import Message, SendMessageRequest
from a2a.utils.constants import TransportProtocol
from google.protobuf.json_format import MessageToDict, ParseDict

from tests.a2a.house import Visitor

Event = tuple[Any, ...]

WAYS = ("client", "client over REST", "raw 1.0", "raw 0.3")

_OLDER = {"SendMessage": "message/send", "SendStreamingMessage": "message/stream"}


async def connected(visitor: Visitor, way: str, *, streaming: bool) -> Client:
    """Return the SDK's client."""
    rest = way == "client over REST"
    bindings = [TransportProtocol.HTTP_JSON if rest else TransportProtocol.JSONRPC]
    config = ClientConfig(
        streaming=streaming, httpx_client=visitor.http, supported_protocol_bindings=[*bindings]
    )
    card = await A2ACardResolver(visitor.http, visitor.url).get_agent_card()
    return ClientFactory(config).create(card)


async def heard(
    visitor: Visitor, way: str, said: dict[str, Any], *, streaming: bool = False
) -> list[Event]:
    """Send a message, and return all that is heard of it."""
    return [event async for event in hearing(visitor, way, said, streaming=streaming)]


async def hearing(
    visitor: Visitor, way: str, said: dict[str, Any], *, streaming: bool
) -> AsyncIterator[Event]:
    """Send a message, and yield what is heard of it as it comes."""
    method = "SendStreamingMessage" if streaming else "SendMessage"
    if way.startswith("client"):
        client = await connected(visitor, way, streaming=streaming)
        request = SendMessageRequest(message=ParseDict(said, Message()))
        async for response in client.send_message(request):
            for event in _newer(MessageToDict(response)):
                yield event
        return
    older = way == "raw 0.3"
    call, body = (_OLDER[method], as_older(said)) if older else (method, said)
    read = _older if older else _newer
    if not streaming:
        for event in read(await visitor.ask("/a2a", call, message=body)):
            yield event
        return
    async for piece in visitor.stream("/a2a", call, message=body):
        for event in read(piece):
            yield event


def as_older(said: dict[str, Any]) -> dict[str, Any]:
    """Return a message as 0.3 has it."""
    parts = [{"kind": next(iter(each)), **each} for each in said["parts"]]
    return said | {"role": "user", "parts": parts, "kind": "message"}


def _newer(said: dict[str, Any]) -> Iterable[Event]:
    if "task" in said:
        yield "task", _state(said["task"])
        for artifact in said["task"].get("artifacts", ()):
            yield "artifact", [*map(_part, artifact["parts"])], False, True
    elif "message" in said:
        yield "message", [each["text"] for each in said["message"]["parts"]]
    elif "statusUpdate" in said:
        yield "status", _state(said["statusUpdate"])
    else:
        update = said["artifactUpdate"]
        parts = [*map(_part, update["artifact"]["parts"])]
        yield "artifact", parts, update.get("append", False), update.get("lastChunk", False)


def _older(said: dict[str, Any]) -> Iterable[Event]:
    if said["kind"] == "task":
        yield "task", said["status"]["state"]
        for artifact in said.get("artifacts", ()):
            yield "artifact", [*map(_older_part, artifact["parts"])], False, True
    elif said["kind"] == "message":
        yield "message", [each["text"] for each in said["parts"]]
    elif said["kind"] == "status-update":
        yield "status", said["status"]["state"]
    else:
        parts = [*map(_older_part, said["artifact"]["parts"])]
        yield "artifact", parts, said.get("append", False), said.get("lastChunk", False)


def _state(said: dict[str, Any]) -> str:
    """Return a state under the name that 0.3 has for it."""
    name = said["status"]["state"]
    return str(name).removeprefix("TASK_STATE_").lower().replace("_", "-")


def _part(said: dict[str, Any]) -> tuple[Any, ...]:
    if "text" in said:
        return "text", said["text"]
    if "data" in said:
        return "data", said["data"]
    content = said["url"] if "url" in said else b64decode(said["raw"])
    return "file", said["filename"], said["mediaType"], content


def _older_part(said: dict[str, Any]) -> tuple[Any, ...]:
    if said["kind"] == "file":
        file = said["file"]
        content = file["uri"] if "uri" in file else b64decode(file["bytes"])
        return "file", file["name"], file["mimeType"], content
    return said["kind"], said[said["kind"]]
