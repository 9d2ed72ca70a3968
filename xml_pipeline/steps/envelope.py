"""Bytes to envelope: strict parse, exclusive C14N, the envelope's schema, one bare payload."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from lxml import etree

from xml_pipeline.audit.trail import Trail
from xml_pipeline.errors import Rejected, SignatureRefused
from xml_pipeline.message import (
    ENVELOPE_NAMESPACE,
    META_NAMESPACE,
    SIGNATURE_NAMESPACE,
    Envelope,
    Wire,
)
from xml_pipeline.payload import Codec
from xml_pipeline.steps.limits import XmlLimits, check_limits
from xml_pipeline.steps.xml import strict_parser

_TO = f"{{{ENVELOPE_NAMESPACE}}}to"
_THREAD = f"{{{ENVELOPE_NAMESPACE}}}thread"
_STAMPED = f"{{{META_NAMESPACE}}}"
_TRACEPARENT = f"{_STAMPED}traceparent"
_SIGNED = (f"{{{SIGNATURE_NAMESPACE}}}", "{http://www.w3.org/2000/09/xmldsig#}")

_OPENING, _IMPORT = b'elementFormDefault="qualified">', b'<xs:import schemaLocation="payload"/>'
_ANY_PAYLOAD = b'<xs:any namespace="##any" processContents="lax" minOccurs="0" maxOccurs="1"/>'

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""A ``traceparent`` of W3C Trace Context, version 00."""

Authenticate = Callable[[Any, Wire], Wire]
"""Takes a canonical envelope from outside and its wire; returns the wire with its real sender."""


def refuse_signed(root: Any, wire: Wire) -> Wire:
    """Take the word of the channel, and refuse what is signed: no key is known to check it."""
    meta = root[0]
    if meta[-1].tag != _THREAD and any(each.tag.startswith(_SIGNED) for each in meta):
        raise SignatureRefused("no key is known")
    return wire


def envelope_schema() -> etree.XMLSchema:
    """Return the compiled schema of the envelope."""
    return etree.XMLSchema(etree.fromstring(_source(), strict_parser()))


def enclosing(codec: Codec[Any]) -> Callable[[Any], bool]:
    """Return what validates an envelope around just this payload: both checks in one.

    It is the envelope's schema with the payload's own element in the place of any.
    """
    payload = f'<xs:element xmlns="" ref="{codec.tag}"/>'.encode()
    schema = _source().replace(_ANY_PAYLOAD, payload)
    return codec.enclose(schema.replace(_OPENING, _OPENING + _IMPORT))


def _source() -> bytes:
    return files("xml_pipeline").joinpath("schemas/envelope.xsd").read_bytes()


class ReadEnvelope:
    """The step from wire to envelope.

    Bytes from outside are checked against ``limits`` and canonicalised before anything else
    looks at them, so that what is validated is what is signed. Our own writer emits
    canonical XML, and its bytes skip those two. ``authenticate`` says who sent what comes
    from outside: the channel, or whoever signed it.

    What a payload's own codec wrote is validated whole, payload included, by one schema: that
    takes two thirds of the time. Where it does not fit, the two schemas say which part.

    Raises Rejected("validation") for whatever is not exactly one envelope around exactly one
    payload element in no namespace.
    """

    __slots__ = ("_audit", "_fits", "_parser", "_schema", "authenticate", "limits")

    def __init__(self, limits: XmlLimits, audit: Trail | None = None) -> None:
        self.limits = limits
        self._audit = audit if audit is not None else Trail()
        self.authenticate: Authenticate = refuse_signed
        self._parser = strict_parser()
        self._schema: Any = envelope_schema()
        self._fits = self._schema.validate

    def __call__(self, wire: Wire) -> Envelope:
        made = wire.made
        if wire.origin == "sealed":
            root = etree.fromstring(wire.raw, self._parser)
            if made is not None and (made.encloses or enclosing(made))(root):
                home = wire.thread or wire.conversation
                return Envelope(wire, wire.to, home.id, made.tag, root[1], (), made)
        else:
            root = self._parse_strange(wire.raw)
        self._check(root)
        meta, payload = root
        tag, second = payload.tag, meta[1]
        if wire.origin == "sealed":
            notes = wire.repairs
        else:
            if wire.kind == "inject" and wire.origin != "signed":
                wire = self.authenticate(root, wire)
                if self._audit.on:
                    self._note_pretence(wire, meta)
            if wire.kind == "inject":
                home = wire.conversation
                home.traceparent = _traceparent(meta) or home.traceparent
            notes = _notes(wire, meta)
        if second.tag == _TO:
            return Envelope(wire, second.text or "", meta[2].text or "", tag, payload, notes)
        return Envelope(wire, None, second.text or "", tag, payload, notes)

    def document(self, raw: bytes) -> Any:
        """Return the canonical tree of an envelope from outside, whoever it is from.

        Raises Rejected("validation").
        """
        root = self._parse_strange(raw)
        self._check(root)
        return root

    def _note_pretence(self, wire: Wire, meta: Any) -> None:
        """Write down whose name somebody used; AuditFailed, and it goes no further."""
        claimed = meta[0].text or ""
        if claimed != wire.sender:
            thread = wire.conversation.id
            self._audit.note(wire.sender, "sender_overwritten", claimed=claimed, thread=thread)

    def is_document(self, raw: bytes) -> bool:
        """Tell whether bytes from outside are an envelope at all, whoever they are from."""
        try:
            self.document(raw)
        except Rejected:
            return False
        return True

    def _check(self, root: Any) -> None:
        if not self._fits(root):
            raise Rejected("validation", f"envelope: {self._schema.error_log.last_error}")
        if len(root) != 2:
            raise Rejected("validation", "envelope: there is no payload")
        if root[1].tag[0] == "{":
            raise Rejected("validation", f"envelope: payload {root[1].tag} is in a namespace")

    def _parse_strange(self, raw: bytes) -> Any:
        check_limits(raw, self.limits)
        try:
            root = etree.fromstring(raw, self._parser)
            canonical = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
            return etree.fromstring(canonical, self._parser)
        except (etree.LxmlError, ValueError) as error:
            raise Rejected("validation", f"XML: {error}") from None


def _traceparent(meta: Any) -> str:
    """Return the work outside that a message is said to be a part of, "" for none."""
    said = meta.findtext(_TRACEPARENT) or ""
    return said if TRACEPARENT.fullmatch(said) else ""


def _notes(wire: Wire, meta: Any) -> tuple[str, ...]:
    """Record what the bytes claim and only the channel and the pump may say."""
    notes = wire.repairs
    claimed = meta[0].text or ""
    if claimed != wire.sender:
        notes = (*notes, f"it said it came from {claimed[:100]!r}")
    for each in meta:
        if each.tag.startswith(_STAMPED) and each.tag != _TRACEPARENT:
            notes = (*notes, f"it stamped its own {each.tag[len(_STAMPED) :][:100]}")
    return notes
