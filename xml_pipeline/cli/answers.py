"""Answers as they are shown: the payload, taken out of its envelope."""

from __future__ import annotations

from lxml import etree

from xml_pipeline.steps.xml import strict_parser


def payload_of(envelope: bytes, *, indented: bool = False) -> str:
    """Return the payload in an envelope as text.

    ``indented`` is for people: of a payload that is one text they get that text, as they may
    write it, and of any other a line for each field.
    """
    payload = etree.fromstring(envelope, strict_parser())[1]
    alone = etree.fromstring(etree.tostring(payload, method="c14n", exclusive=True))
    if not indented:
        return etree.tostring(alone, encoding="unicode")
    if len(alone) == 1 and not len(alone[0]):
        return (alone[0].text or "").strip("\n")
    etree.indent(alone)
    return etree.tostring(alone, encoding="unicode")
