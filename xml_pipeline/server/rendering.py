"""Events and answers as the outside sees them: JSON objects, and envelopes that say their ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from xml_pipeline.errors import PayloadDefinitionError, Rejected
from xml_pipeline.events import Event
from xml_pipeline.message import META_NAMESPACE, Delivery
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.spent import told
from xml_pipeline.steps.seal import envelope_bytes
from xml_pipeline.steps.xml import strict_parser

_UNTOLD = frozenset({"detail"})
"""Fields of events that are for the log only."""

_PARSER = strict_parser()
_META: Any = {"m": META_NAMESPACE}
_FOLDERS = re.compile(r"^[^:\n]*[/\\](?=[^:/\\]+:)")


def event_members(event: Event) -> dict[str, Any]:
    """Return an event as a JSON object: its fields, payloads as XML text."""
    said: dict[str, Any] = {
        each.name: getattr(event, each.name) for each in fields(event) if each.name not in _UNTOLD
    }
    if "payload" in said:
        said["payload"] = payload_text(said["payload"])
    if "problems" in said:
        said["problems"] = [without_folders(each) for each in said["problems"]]
    return said


def payload_text(payload: Any) -> str | None:
    """Return a payload as XML; None where a step has replaced it by what cannot be written."""
    try:
        return _payload_xml(payload).decode()
    except (Rejected, PayloadDefinitionError):
        return None


def _payload_xml(payload: Any) -> bytes:
    return (
        payload.xml if isinstance(payload, RawPayload) else codec_of(type(payload)).to_xml(payload)
    )


def without_folders(problem: str) -> str:
    """Cut a problem's ``folders/file:line:column`` down to ``file:line:column``."""
    return _FOLDERS.sub("", problem)


def answer_members(answer: Delivery) -> dict[str, Any]:
    """Return an answer that has left the organism as a JSON object."""
    payload = answer.payload
    said: dict[str, Any] = {
        "thread": answer.conversation.id,
        "id": _message_id(answer, answer.id),
        "in_reply_to": _message_id(answer, answer.in_reply_to),
        "hops": answer.hops,
        "from": answer.sender,
    }
    if answer.spent is not None:
        said["spent"] = told(answer.spent)
    if isinstance(payload, RawPayload):
        return said | {"type": payload.tag, "xml": payload.xml.decode()}
    codec = codec_of(type(payload))
    try:
        return said | {"type": codec.tag, "payload": codec.to_json(payload)}
    except Rejected:  # XML has what JSON has not: infinity, and what is not a number.
        return said | {"type": codec.tag, "xml": codec.to_xml(payload).decode()}


def answer_envelope(answer: Delivery, sign: Callable[[bytes], bytes] | None = None) -> bytes:
    """Return an answer as an envelope in exclusive C14N, with what the pump knows of it.

    ``sign`` signs it; where it raises there is no envelope.
    """
    conversation = answer.conversation
    raw = envelope_bytes(
        _payload_xml(answer.payload), answer.sender, conversation.principal, conversation.id
    )
    message = etree.fromstring(raw, _PARSER)
    stamps = {
        "id": _message_id(answer, answer.id),
        "in-reply-to": _message_id(answer, answer.in_reply_to),
        "hops": str(answer.hops),
    }
    for name, text in stamps.items():
        if text:
            etree.SubElement(message[0], f"{{{META_NAMESPACE}}}{name}", None, _META).text = text
    envelope: bytes = etree.tostring(message, method="c14n", exclusive=True)
    return sign(envelope) if sign is not None else envelope


def _message_id(answer: Delivery, number: int | str) -> str:
    """Return a message's id; one that its sender chose stays as it is, none is empty."""
    if isinstance(number, str):
        return number
    return f"{answer.conversation.id}.{number}" if number else ""


def stamp(seconds: float) -> str:
    """Return a time as text: universal, in milliseconds."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
