"""What listeners answer, as A2A clients are told it: a state, words, and parts of an artifact."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from a2a.types.a2a_pb2 import Part, TaskState
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from xml_pipeline.a2a.payloads import A2aAnswer
from xml_pipeline.a2a.speech import Declined, Said
from xml_pipeline.agents.payloads import Answer
from xml_pipeline.errors import BudgetExhausted, InvalidPayload, NoReply, Unanswered
from xml_pipeline.mcp.payloads import McpResult, Resource
from xml_pipeline.payload import ABSENT, Codec, RawPayload, codec_of
from xml_pipeline.server.a2a.exposed import DATA, TEXT
from xml_pipeline.tool_error import ToolError

_NEED_NOT_BE_DECLARED: tuple[type, ...] = (Answer, Declined, McpResult, Said, ToolError)
_UNDECLARED: Mapping[str, Codec[Any]] = MappingProxyType(
    {codec_of(each).tag: codec_of(each) for each in _NEED_NOT_BE_DECLARED}
)

REFUSED_AT_THE_DOOR = frozenset({"routing", "validation", "overload"})


class Outcome(NamedTuple):
    """How a task ended. ``words`` go with its state, ``parts`` make up its artifact.

    ``is_reply`` says that the words are all there is, and that there was no work.
    """

    state: TaskState
    words: str = ""
    parts: tuple[Part, ...] = ()
    is_reply: bool = False


def outcome_of(payload: Any) -> Outcome:
    """Return the outcome of a task that was answered."""
    if isinstance(payload, RawPayload):
        payload = _known(payload)
    if isinstance(payload, ToolError):
        return Outcome(TaskState.TASK_STATE_FAILED, payload.message)
    if isinstance(payload, Declined):
        return Outcome(TaskState.TASK_STATE_REJECTED, payload.reason)
    if isinstance(payload, Said):
        done = TaskState.TASK_STATE_COMPLETED
        return Outcome(done, payload.text, is_reply=not payload.of_task)
    return Outcome(TaskState.TASK_STATE_COMPLETED, parts=tuple(_parts(payload)))


def unanswered(error: Unanswered, *, reached: bool) -> Outcome:
    """Return the outcome of a task without an answer; ``reached`` is whether it came to anybody."""
    if isinstance(error, NoReply):
        return Outcome(TaskState.TASK_STATE_COMPLETED)
    about = ", ".join(filter(None, (error.code, error.id)))
    words = f"{error} ({about})" if about else str(error)
    refused = not reached and error.code in REFUSED_AT_THE_DOOR
    is_no = refused and not isinstance(error, BudgetExhausted)
    return Outcome(TaskState.TASK_STATE_REJECTED if is_no else TaskState.TASK_STATE_FAILED, words)


def fit_for(parts: tuple[Part, ...], modes: Collection[str]) -> tuple[Part, ...]:
    """Return those parts that a client takes; all of them where that would leave nothing."""
    kinds = {TEXT: "text", DATA: "data"}
    left = {kind for mode, kind in kinds.items() if mode not in modes} if modes else set()
    return tuple(each for each in parts if each.WhichOneof("content") not in left) or parts


def text_part(text: str, media_type: str = "") -> Part:
    """Return a part of text."""
    return Part(text=text, media_type=media_type)


def data_part(said: Any) -> Part:
    """Return a part of data."""
    return Part(data=ParseDict(said, Value()), media_type=DATA)


def _known(payload: RawPayload) -> Any:
    """Return an answer that a listener need not declare, as what it is.

    That is told by its name where it is read again: its class was known to who gave it only.
    """
    codec = _UNDECLARED.get(payload.tag)
    if codec is None:
        return payload
    try:
        return codec.from_xml(payload.xml)
    except InvalidPayload:
        return payload


def _parts(payload: Any) -> Iterator[Part]:
    if isinstance(payload, RawPayload):
        yield text_part(payload.xml.decode(), "application/xml")
    elif isinstance(payload, McpResult):
        yield from _passed_on(payload)
    elif isinstance(payload, A2aAnswer):
        yield from _of_another(payload)
    elif isinstance(payload, Answer):
        yield text_part(payload.text)
    else:
        yield from _fields(payload)


def _fields(payload: Any) -> Iterator[Part]:
    """Yield an answer in words, where it has some, and as data, where that says more."""
    try:
        said = codec_of(type(payload)).to_json(payload)
    except InvalidPayload:  # XML has what JSON has not: infinity, and what is not a number.
        yield text_part(payload.to_xml().decode(), "application/xml")
        return
    text = said.get("text") if "text" in said else next(iter(said.values()), None)
    in_words = isinstance(text, str) and ("text" in said or len(said) == 1)
    if in_words:
        yield text_part(str(text))
    if not in_words or len(said) > 1:
        yield data_part(said)


def _passed_on(result: McpResult) -> Iterator[Part]:
    if result.text:
        yield text_part(result.text)
    if result.structured is not ABSENT:
        yield data_part(result.structured)
    for medium in result.media:
        yield Part(raw=medium.data, media_type=medium.media_type)
    yield from map(_resource, result.resources)


def _of_another(answer: A2aAnswer) -> Iterator[Part]:
    """Yield what an agent elsewhere has answered, as it was before."""
    if answer.text:
        yield text_part(answer.text)
    data = answer.data if isinstance(answer.data, list) else []
    yield from map(data_part, data)
    for file in answer.files:
        yield _file(file.name, file.media_type, file.data, file.url)


def _resource(resource: Resource) -> Part:
    text = resource.text.encode() if resource.text is not None else None
    data = resource.data if resource.data is not None else text
    return _file(resource.name, resource.media_type, data, resource.uri)


def _file(name: str, media_type: str, data: bytes | None, url: str) -> Part:
    """Return a file as a part: what is in it, or else where it is."""
    if data is not None:
        return Part(raw=data, filename=name, media_type=media_type)
    return Part(url=url, filename=name, media_type=media_type)
