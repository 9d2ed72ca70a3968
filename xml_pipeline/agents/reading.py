"""What an agent is told, as a model can read it: requests as messages, answers as results."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from xml_pipeline.a2a.payloads import A2aAnswer
from xml_pipeline.agents.payloads import Answer, Attachment, Task
from xml_pipeline.agents.sampling import sampling_blocks
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.llm.base import Audio, Block, Image, Message, Text
from xml_pipeline.mcp.payloads import McpResult, Media, Sample
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.payload.raw import parse_xml
from xml_pipeline.spent import Spent, total
from xml_pipeline.system import Huh, SystemError, ThreadEnded
from xml_pipeline.tool_error import ToolError

_ANSWER, _TOOL_ERROR = codec_of(Answer), codec_of(ToolError)
_MCP_RESULT, _A2A_ANSWER = codec_of(McpResult), codec_of(A2aAnswer)

ASKED = "[It has not finished: it asks this first. Call it again with what it asks for.]"
"""What a model is told of an agent elsewhere that asks for more."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer to a call: what it says, whether that is an error, and what it took.

    ``members`` are the answers that it is made from, where a squad has given it; ``media`` are the
    pictures and sounds in it, which ``text`` names in brackets.
    """

    text: str
    is_error: bool = False
    spent: Spent | None = None
    members: tuple[Heard, ...] = ()
    media: tuple[Image | Audio, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Tell whether nobody has failed."""
        return not self.is_error and all(each.succeeded for each in self.members)


def request_message(payload: Any) -> Message:
    """Return what somebody asks as a message to the model.

    Raises InvalidPayload where something is attached that no model can be shown.
    """
    if isinstance(payload, Task):
        attached = map(_attached, payload.attachments)
        return Message("user", (*attached, Text(payload.text)))
    if isinstance(payload, Sample):
        return Message("user", tuple(sampling_blocks(payload)))
    codec = codec_of(type(payload))
    return Message("user", (Text(f"{codec.tag}: {_fields(payload)}"),))


def heard(payload: Any) -> Heard:
    """Return what an answer to a call says."""
    if isinstance(payload, SystemError):
        again = " It may be tried again." if payload.retry_allowed else ""
        words = f"{payload.message}{again} ({payload.code}, {payload.id})"
        return Heard(words, is_error=True, spent=payload.spent)
    if isinstance(payload, ThreadEnded):
        return Heard(f"{payload.listener} ended without an answer.", is_error=True)
    if isinstance(payload, Huh):
        return Heard(f"What you wrote could not be read: {payload.error}", is_error=True)
    if isinstance(payload, RawPayload):
        return _heard_xml(payload)
    return Heard(_fields(payload))


def heard_squad(payload: Any) -> Heard:
    """Return what ``system.squad`` says: a section for each member, or why there is none."""
    if not hasattr(payload, "results"):
        return Heard(payload.error, is_error=True)
    members = tuple(map(_member, payload.results))
    named = zip(payload.results, members, strict=True)
    sections = (f"=== Agent: {each.name} ===\n{member.text}" for each, member in named)
    spent = total(each.spent for each in members if each.spent is not None)
    return Heard("\n\n".join(sections), spent=spent, members=members)


def _member(result: Any) -> Heard:
    if not result.success:
        return Heard(f"Error: {result.result}", is_error=True, spent=result.spent)
    xml = result.result.encode()
    said = _heard_xml(RawPayload(str(parse_xml(xml).tag), xml))
    return said if result.spent is None else replace(said, spent=result.spent)


def _heard_xml(payload: RawPayload) -> Heard:
    if payload.tag == _ANSWER.tag:
        try:
            answer = _ANSWER.from_xml(payload.xml)
        except InvalidPayload:  # Somebody else's <Answer>.
            return Heard(xml_text(payload.xml))
        return Heard(answer.text, spent=answer.spent)
    if payload.tag == _MCP_RESULT.tag:
        return _heard_result(payload)
    if payload.tag == _A2A_ANSWER.tag:
        return _heard_elsewhere(payload)
    return Heard(xml_text(payload.xml), is_error=payload.tag == _TOOL_ERROR.tag)


def _heard_result(payload: RawPayload) -> Heard:
    try:
        result = _MCP_RESULT.from_xml(payload.xml)
        return Heard(result.text, media=tuple(_shown(result.media)))
    except InvalidPayload:  # Somebody else's <McpResult>.
        return Heard(xml_text(payload.xml))


def _heard_elsewhere(payload: RawPayload) -> Heard:
    try:
        answer = _A2A_ANSWER.from_xml(payload.xml)
    except InvalidPayload:  # Somebody else's <A2aAnswer>.
        return Heard(xml_text(payload.xml))
    return Heard(answer.text if answer.state == "completed" else f"{answer.text}\n\n{ASKED}")


def xml_text(xml: bytes) -> str:
    """Return the words of a document of one text, or the document as it is."""
    root = parse_xml(xml)
    if len(root) == 0:
        return root.text or ""
    [*others] = root
    if len(others) == 1 and len(others[0]) == 0 and not others[0].attrib:
        return others[0].text or ""
    return xml.decode()


def _fields(payload: Any) -> str:
    """Return the fields of a payload: as they are where it is one text, else as JSON."""
    try:
        fields = codec_of(type(payload)).to_json(payload)
    except InvalidPayload:  # XML has what JSON has not: infinity, and what is not a number.
        return str(payload.to_xml().decode())
    [*values] = fields.values()
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return json.dumps(fields, ensure_ascii=False)


def _shown(media: Iterable[Media]) -> Iterator[Image | Audio]:
    """Yield what can be seen or heard; the rest is words in brackets only."""
    for each in media:
        block = _medium(each.media_type, each.data)
        if block is not None:
            yield block


def _medium(media_type: str, data: bytes) -> Image | Audio | None:
    kind, _, form = media_type.partition("/")
    if kind == "image" and form:
        return Image(media_type, b64encode(data).decode())
    if kind == "audio" and form:
        return Audio(form, b64encode(data).decode())
    return None


def _attached(attachment: Attachment) -> Block:
    block = _medium(attachment.media_type, attachment.data)
    if block is not None:
        return block
    try:
        return Text(attachment.data.decode())
    except UnicodeDecodeError:
        words = "is no image/…, no audio/…, and no text in UTF-8"
        raise InvalidPayload(f"what is attached as {attachment.media_type!r} {words}") from None
