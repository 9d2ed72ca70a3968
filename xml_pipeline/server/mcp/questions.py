"""What listeners ask of the client that called, as MCP has it, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from mcp import MCPError, types
from mcp.server import ServerRequestContext
from mcp.shared.message import ServerMessageMetadata
from pydantic import ValidationError

from xml_pipeline.errors import InvalidPayload, PayloadDefinitionError
from xml_pipeline.mcp.payloads import Elicit, Elicited, ListRoots, Root, Roots, Sample, Sampled
from xml_pipeline.payload.imported.safety import SafeSchema
from xml_pipeline.payload.text import carried

Asked = Elicit | Sample | ListRoots
Request = types.ElicitRequest | types.CreateMessageRequest | types.ListRootsRequest
Response = Elicited | Sampled | Roots

_RESULTS: Mapping[type, type[Any]] = {
    types.ElicitRequest: types.ElicitResult,
    types.CreateMessageRequest: types.CreateMessageResult,
    types.ListRootsRequest: types.ListRootsResult,
}
_NEEDED: Mapping[type, types.ClientCapabilities] = {
    types.ElicitRequest: types.ClientCapabilities(elicitation=types.ElicitationCapability()),
    types.CreateMessageRequest: types.ClientCapabilities(sampling=types.SamplingCapability()),
    types.ListRootsRequest: types.ClientCapabilities(roots=types.RootsCapability()),
}
_NOTHING: Mapping[type, Response] = {
    types.ElicitRequest: Elicited("cancel"),
    types.CreateMessageRequest: Sampled(),
    types.ListRootsRequest: Roots(),
}


@dataclass(frozen=True, slots=True)
class Question:
    """Something asked of the client, and the thread on which the answer is owed.

    ``check`` raises InvalidPayload for what does not fill in its form.
    """

    thread_id: str
    key: str
    request: Request
    required: bool
    check: Callable[[Any], None] | None


def question_of(thread_id: str, asked: Asked, taken: Collection[str]) -> Question:
    """Return a question as it is put to a client, ValueError where it is none.

    ``taken`` are the keys of those that were put before it in the same call.
    """
    key = stem = asked.key or "question"
    number = 1
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    request = _request(asked)
    check = _check(asked.schema) if isinstance(asked, Elicit) and not asked.url else None
    return Question(thread_id, key, request, asked.required, check)


def _check(form: Any) -> Callable[[Any], None]:
    try:
        return SafeSchema(form).check(form)
    except PayloadDefinitionError as error:
        raise ValueError(str(error)) from None


def _request(asked: Asked) -> Request:
    if isinstance(asked, Elicit) and asked.url:
        where = {"message": asked.message, "url": asked.url, "elicitationId": uuid4().hex}
        return types.ElicitRequest(params=types.ElicitRequestURLParams.model_validate(where))
    if isinstance(asked, Elicit):
        form = {"message": asked.message, "requestedSchema": asked.schema}
        return types.ElicitRequest(params=types.ElicitRequestFormParams.model_validate(form))
    if isinstance(asked, ListRoots):
        return types.ListRootsRequest()
    said = {
        "messages": asked.messages,
        "maxTokens": asked.max_tokens,
        "systemPrompt": asked.system_prompt,
    }
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams.model_validate(said))


def response_of(question: Question, said: Any) -> Response | None:
    """Return what a client answered; None where that is no answer to this."""
    if not isinstance(said, _RESULTS[type(question.request)]):
        return None
    if isinstance(said, types.ElicitResult):
        return _filled_in(question, said)
    if isinstance(said, types.ListRootsResult):
        return Roots(tuple(Root(carried(f"{each.uri}"), each.name or "") for each in said.roots))
    text = said.content.text if isinstance(said.content, types.TextContent) else ""
    return Sampled(carried(text), carried(said.model))


def _filled_in(question: Question, said: types.ElicitResult) -> Elicited | None:
    if said.action != "accept":
        return Elicited(said.action)
    filled: Any = said.content or {}
    try:
        if question.check is not None:
            question.check(filled)
    except InvalidPayload:
        return None
    return Elicited(said.action, filled)


def read_response(question: Question, said: Any) -> Response | None:
    """Return what a client answered, as it is on the wire; None where that is no answer to this."""
    kind = _RESULTS[type(question.request)]
    try:
        return response_of(question, kind.model_validate(said, by_name=False))
    except ValidationError:
        return None


def none_of(request: Request) -> Response:
    """Return the answer of a client that gives none."""
    return _NOTHING[type(request)]


def is_able(context: ServerRequestContext[Any, Any], request: Request) -> bool:
    """Tell whether the client says that it can be asked this."""
    if not context.session.check_client_capability(_NEEDED[type(request)]):
        return False
    able = context.session.client_capabilities
    modes = able.elicitation if able is not None else None
    if modes is None or not isinstance(request, types.ElicitRequest):
        return True
    # Who names neither of the two has forms.
    return modes.url is not None if _is_address(request) else bool(modes.form or not modes.url)


def unable(request: Request) -> MCPError:
    """Return why a client that cannot be asked this cannot have what it asked for either."""
    needed = _needed(request).model_dump(by_alias=True, exclude_none=True)
    words = f"This needs a client that can be asked: {', '.join(needed)}."
    about = {"requiredCapabilities": needed}
    return MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, words, about)


def _needed(request: Request) -> types.ClientCapabilities:
    if isinstance(request, types.ElicitRequest) and _is_address(request):
        return types.ClientCapabilities(
            elicitation=types.ElicitationCapability(url=types.UrlElicitationCapability())
        )
    return _NEEDED[type(request)]


def _is_address(request: types.ElicitRequest) -> bool:
    return isinstance(request.params, types.ElicitRequestURLParams)


async def put(context: ServerRequestContext[Any, Any], question: Question) -> Response:
    """Ask the client, on the wire on which it can be asked at any time."""
    about = ServerMessageMetadata(related_request_id=context.request_id)
    request = question.request
    try:
        said = await context.session.send_request(request, _RESULTS[type(request)], metadata=about)
    except (MCPError, ValidationError):
        return none_of(request)
    return response_of(question, said) or none_of(request)
