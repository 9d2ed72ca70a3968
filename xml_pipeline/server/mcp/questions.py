"""What listeners ask of the client that called, as MCP has it, and what it answers."""

from __future__ import annotations

from typing import Any

from mcp import MCPError, types
from mcp.server import ServerRequestContext
from mcp.shared.message import ServerMessageMetadata
from pydantic import ValidationError

from xml_pipeline.mcp.payloads import Elicit, Elicited, Sample, Sampled
from xml_pipeline.payload import ABSENT
from xml_pipeline.payload.text import carried

Request = types.ElicitRequest | types.CreateMessageRequest
Response = Elicited | Sampled


def request_of(payload: Elicit | Sample) -> Request:
    """Return a question as it is put to a client; ValueError where it is none."""
    if isinstance(payload, Elicit):
        form = {"message": payload.message, "requestedSchema": payload.schema}
        return types.ElicitRequest(params=types.ElicitRequestFormParams.model_validate(form))
    asked = {
        "messages": payload.messages,
        "maxTokens": payload.max_tokens,
        "systemPrompt": payload.system_prompt,
    }
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams.model_validate(asked))


def response_of(said: Any) -> Response:
    """Return what a client answered; what is no answer was not given."""
    if isinstance(said, types.ElicitResult):
        filled: Any = said.content
        return Elicited(said.action, ABSENT if filled is None else filled)
    if isinstance(said, types.CreateMessageResult):
        text = said.content.text if isinstance(said.content, types.TextContent) else ""
        return Sampled(carried(text), carried(said.model))
    return Elicited("cancel")


def none_of(request: Request) -> Response:
    """Return the answer of a client that gives none."""
    return Elicited("cancel") if isinstance(request, types.ElicitRequest) else Sampled()


def is_able(context: ServerRequestContext[Any, Any], request: Request) -> bool:
    """Tell whether the client says that it can be asked this."""
    needed = (
        types.ClientCapabilities(elicitation=types.ElicitationCapability())
        if isinstance(request, types.ElicitRequest)
        else types.ClientCapabilities(sampling=types.SamplingCapability())
    )
    return context.session.check_client_capability(needed)


async def put(context: ServerRequestContext[Any, Any], request: Request) -> Response:
    """Ask the client, on the wire on which it can be asked at any time."""
    kind: Any = (
        types.ElicitResult
        if isinstance(request, types.ElicitRequest)
        else types.CreateMessageResult
    )
    about = ServerMessageMetadata(related_request_id=context.request_id)
    try:
        return response_of(await context.session.send_request(request, kind, metadata=about))
    except (MCPError, ValidationError):
        return none_of(request)
