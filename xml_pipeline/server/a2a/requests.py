"""What A2A clients say, as payloads.

The rule this file guards: what a message says is not guessed at. What does not fit is refused with
words that tell what would.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from a2a.types.a2a_pb2 import Message, Part
from a2a.utils.errors import ContentTypeNotSupportedError, InvalidParamsError
from google.protobuf.json_format import MessageToDict

from xml_pipeline.a2a.speech import ClientMessage
from xml_pipeline.agents.payloads import Attachment, Task
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.server.a2a.exposed import DATA, Exposed

BYTES = "application/octet-stream"
"""What bytes are that do not say what they are."""


def payload_of(message: Message, agent: Exposed) -> Any:
    """Return what an agent is asked with; an A2AError where a message says nothing to it."""
    kinds = [_kind(part, agent) for part in message.parts]
    if agent.takes_all:
        return _as_it_came(message)
    if agent.takes_attachments:
        return _task(message)
    if kinds == ["data"]:
        return _from_data(data_of(message.parts[0]), agent)
    if agent.in_words is None or set(kinds) != {"text"}:
        raise ContentTypeNotSupportedError(_wanted(agent))
    return _fitted({agent.field: words_of(message)}, agent.in_words, agent)


def words_of(message: Message) -> str:
    """Return all words of a message."""
    return "\n".join(part.text for part in message.parts if part.WhichOneof("content") == "text")


def data_of(part: Part) -> Any:
    """Return the data of a part; whole numbers are whole again, which the wire does not tell."""
    return _whole(MessageToDict(part)["data"])


def _kind(part: Part, agent: Exposed) -> str:
    """Return what a part holds; ContentTypeNotSupportedError where the agent cannot take it."""
    kind = part.WhichOneof("content")
    if kind is None:
        raise InvalidParamsError("A part holds text, data or raw bytes; this one holds nothing.")
    if kind == "url":
        raise ContentTypeNotSupportedError("Nothing is fetched from a url: send the bytes, `raw`.")
    media = _media(part)
    if media and not any(fnmatchcase(media, mode) for mode in agent.modes):
        raise ContentTypeNotSupportedError(f"{media:.100} is none of {', '.join(agent.modes)}.")
    return str(kind)


def _media(part: Part) -> str:
    """Return the media type that a part says it has, if it says so."""
    return str(part.media_type.partition(";")[0].strip().lower())


def _as_it_came(message: Message) -> ClientMessage:
    said = MessageToDict(message)
    parts, metadata = said.get("parts", []), said.get("metadata", {})
    return ClientMessage(message.message_id, words_of(message), _whole(parts), _whole(metadata))


def _task(message: Message) -> Task:
    """Return a task: words, and all else with it."""
    attached = tuple(_attachment(each) for each in message.parts if not each.HasField("text"))
    return Task(words_of(message), attached, session=True)


def _attachment(part: Part) -> Attachment:
    if part.HasField("data"):
        return Attachment(DATA, json.dumps(data_of(part), ensure_ascii=False).encode())
    return Attachment(_media(part) or BYTES, part.raw)


def _from_data(data: Any, agent: Exposed) -> Any:
    """Return a payload of one of the classes that an agent can be asked with.

    ``{"Greeting": {…}}`` says its class; where there is only one, its fields will do.
    """
    if not isinstance(data, dict):
        raise InvalidParamsError(f"Data is an object. {_wanted(agent)}")
    tag = next(iter(data)) if len(data) == 1 else ""
    if tag in agent.requests and isinstance(data[tag], dict) and not _is_field(tag, agent):
        return _fitted(data[tag], agent.requests[tag], agent)
    if len(agent.requests) == 1:
        return _fitted(data, next(iter(agent.requests.values())), agent)
    raise InvalidParamsError(f"Say which it is: {{NAME: {{…}}}}. {_wanted(agent)}")


def _is_field(tag: str, agent: Exposed) -> bool:
    codecs = tuple(agent.requests.values())
    return len(codecs) == 1 and tag in codecs[0].json_schema().get("properties", {})


def _fitted(fields: dict[str, Any], codec: Any, agent: Exposed) -> Any:
    try:
        return codec.from_json(fields)
    except InvalidPayload as error:
        raise InvalidParamsError(f"This does not fit: {error}. {_wanted(agent)}") from None


def _wanted(agent: Exposed) -> str:
    """Say what an agent is asked with."""
    ways = ["words"] if agent.in_words is not None else []
    ways += [f"data that fits {tag}" for tag in agent.requests]
    return f"{agent.name} takes {' or '.join(ways)}: its card has the schemas."


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    return value
