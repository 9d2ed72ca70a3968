"""Payload to bytes: what a handler returns re-enters as a canonical envelope."""

from __future__ import annotations

from typing import Any

from lxml import etree

from xml_pipeline.errors import Rejected
from xml_pipeline.message import ENVELOPE_NAMESPACE
from xml_pipeline.payload import Codec
from xml_pipeline.payload.text import escape
from xml_pipeline.steps.xml import strict_parser

_PARSER = strict_parser()
_OPENING = f'<message xmlns="{ENVELOPE_NAMESPACE}"><meta><from>'


def check_name(name: object) -> None:
    """Refuse an addressee that no listener could be called; absent names pass here."""
    if not (isinstance(name, str) and name.isprintable()) or any(char in name for char in "<>&"):
        raise Rejected("routing", f"{name!r} is no name")


def seal(codec: Codec[Any], payload: Any, sender: str, to: str | None, thread_id: str) -> bytes:
    """Write a payload object into an envelope, in exclusive C14N.

    ``sender``, ``to`` and ``thread_id`` are written as they are: names of listeners and
    principals hold no character that XML would mind.

    Raises InvalidPayload where the payload holds what XML cannot carry.
    """
    body = codec.write_embedded(payload)
    if to is None:
        return (
            f"{_OPENING}{sender}</from><thread>{thread_id}</thread></meta>{body}</message>"
        ).encode()
    return (
        f"{_OPENING}{sender}</from><to>{to}</to><thread>{thread_id}</thread></meta>{body}</message>"
    ).encode()


def envelope_bytes(payload: bytes, sender: str, to: str | None, thread_id: str) -> bytes:
    """Write a payload that is XML already into an envelope, in exclusive C14N.

    Raises Rejected("validation") where the payload is not one well-formed element, or a name
    holds what XML cannot carry.
    """
    try:
        element = etree.fromstring(payload, _PARSER)
        body = etree.tostring(element, method="c14n", exclusive=True, with_comments=False).decode()
        words = "".join(
            f"<{name}>{escape(text)}</{name}>"
            for name, text in (("from", sender), ("to", to), ("thread", thread_id))
            if text is not None
        )
    except (etree.LxmlError, ValueError) as error:
        raise Rejected("validation", f"XML: {error}") from None
    if element.tag[0] != "{":
        # Appended to a tree, an element in no namespace would be written into the envelope's.
        body = f'<{element.tag} xmlns=""{body[len(element.tag) + 1 :]}'
    return f'<message xmlns="{ENVELOPE_NAMESPACE}"><meta>{words}</meta>{body}</message>'.encode()
