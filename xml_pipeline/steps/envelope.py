"""Bytes to envelope: strict parse, exclusive C14N, the envelope's schema, one bare payload."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from lxml import etree

from xml_pipeline.errors import Rejected
from xml_pipeline.message import ENVELOPE_NAMESPACE, META_NAMESPACE, Envelope, Wire
from xml_pipeline.steps.limits import XmlLimits, check_limits
from xml_pipeline.steps.xml import strict_parser

_TO = f"{{{ENVELOPE_NAMESPACE}}}to"
_STAMPED = f"{{{META_NAMESPACE}}}"


def envelope_schema() -> etree.XMLSchema:
    """Return the compiled schema of the envelope."""
    source = files("xml_pipeline").joinpath("schemas/envelope.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(source, strict_parser()))


class ReadEnvelope:
    """The step from wire to envelope.

    Bytes from outside are checked against ``limits`` and canonicalised before anything else
    looks at them, so that what is validated is what is signed. Our own writer emits
    canonical XML, and its bytes skip those two.

    Raises Rejected("validation") for whatever is not exactly one envelope around exactly one
    payload element in no namespace.
    """

    __slots__ = ("_fits", "_parser", "_schema", "limits")

    def __init__(self, limits: XmlLimits) -> None:
        self.limits = limits
        self._parser = strict_parser()
        self._schema: Any = envelope_schema()
        self._fits = self._schema.validate

    def __call__(self, wire: Wire) -> Envelope:
        if wire.origin == "sealed":
            root = etree.fromstring(wire.raw, self._parser)
        else:
            root = self._parse_strange(wire.raw)
        if not self._fits(root):
            raise Rejected("validation", f"envelope: {self._schema.error_log.last_error}")
        if len(root) != 2:
            raise Rejected("validation", "envelope: there is no payload")
        if wire.made is not None and wire.thread is not None:
            return Envelope(wire, wire.to, wire.thread.id, wire.made.tag, root[1])
        meta, payload = root
        tag = payload.tag
        if tag[0] == "{":
            raise Rejected("validation", f"envelope: payload {tag} is in a namespace")
        second = meta[1]
        notes = wire.repairs if wire.origin == "sealed" else _notes(wire, meta)
        if second.tag == _TO:
            return Envelope(wire, second.text or "", meta[2].text or "", tag, payload, notes)
        return Envelope(wire, None, second.text or "", tag, payload, notes)

    def _parse_strange(self, raw: bytes) -> Any:
        check_limits(raw, self.limits)
        try:
            root = etree.fromstring(raw, self._parser)
            canonical = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
            return etree.fromstring(canonical, self._parser)
        except (etree.LxmlError, ValueError) as error:
            raise Rejected("validation", f"XML: {error}") from None


def _notes(wire: Wire, meta: Any) -> tuple[str, ...]:
    """Record what the bytes claim and only the channel and the pump may say."""
    notes = wire.repairs
    claimed = meta[0].text or ""
    if claimed != wire.sender:
        notes = (*notes, f"it said it came from {claimed[:100]!r}")
    for each in meta:
        if each.tag.startswith(_STAMPED):
            notes = (*notes, f"it stamped its own {each.tag[len(_STAMPED) :][:100]}")
    return notes
