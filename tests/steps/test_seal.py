"""What becomes of a payload that is XML already."""

from __future__ import annotations

import pytest
from lxml import etree

from xml_pipeline.errors import Rejected
from xml_pipeline.steps.seal import envelope_bytes


def canonical(document: bytes) -> bytes:
    return etree.tostring(etree.fromstring(document), method="c14n", exclusive=True)


@pytest.mark.parametrize(
    "payload",
    [b"<a/>", b'<a b="1"><c/>x</a>', b'<a><c xmlns="urn:x"><d xmlns=""/></c></a>', b"<a>\r\n</a>"],
)
def test_a_payload_in_no_namespace_stays_in_none(payload: bytes) -> None:
    sealed = envelope_bytes(payload, "me", "you", "t")
    _, inside = etree.fromstring(sealed)
    alone = etree.tostring(inside, method="c14n", exclusive=True, with_tail=False)
    assert alone == canonical(payload)
    assert sealed == canonical(sealed)


def test_the_words_of_the_envelope_are_escaped() -> None:
    meta, _ = etree.fromstring(envelope_bytes(b"<a/>", "me", "a<b>&c", "t"))
    assert [word.text for word in meta] == ["me", "a<b>&c", "t"]


@pytest.mark.parametrize("payload", [b"", b"<a>", b"<a/><b/>", b"<a b:c='1'/>"])
def test_what_is_not_one_element_is_refused(payload: bytes) -> None:
    with pytest.raises(Rejected):
        envelope_bytes(payload, "me", None, "t")


def test_a_name_that_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(Rejected):
        envelope_bytes(b"<a/>", "me", "\x00", "t")
