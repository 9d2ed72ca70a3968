"""Answers as they are shown: the payload, taken out of its envelope."""

from __future__ import annotations

from lxml import etree

from xml_pipeline.steps.xml import strict_parser


def payload_of(envelope: bytes, *, indented: bool = False) -> str:
    """Return the payload in an envelope as text; ``indented`` is for people only."""
    payload = etree.fromstring(envelope, strict_parser())[1]
    alone = etree.fromstring(etree.tostring(payload, method="c14n", exclusive=True))
    if indented:
        etree.indent(alone)
    return etree.tostring(alone, encoding="unicode")
