"""Any value of any supported type survives, in XML and in JSON."""

from __future__ import annotations

import json

from hypothesis import given
from lxml import etree

from tests.payload.shapes import Drawn, drawn


@given(drawn())
def test_an_object_survives_xml(case: Drawn) -> None:
    document = case.codec.to_xml(case.value)
    assert case.codec.from_xml(document) == case.value


@given(drawn())
def test_the_document_is_its_own_exclusive_canonical_form(case: Drawn) -> None:
    document = case.codec.to_xml(case.value)
    tree = etree.fromstring(document)
    assert etree.tostring(tree, method="c14n", exclusive=True, with_comments=False) == document


@given(drawn())
def test_a_document_below_a_default_namespace_is_canonical_there(case: Drawn) -> None:
    envelope = f'<e xmlns="urn:e">{case.codec.write_embedded(case.value)}</e>'.encode()
    tree = etree.fromstring(envelope)
    assert etree.tostring(tree, method="c14n", exclusive=True, with_comments=False) == envelope
    [payload] = tree
    assert case.codec.schema.validate(payload)
    assert case.codec.read(payload) == case.value


@given(drawn())
def test_an_object_survives_json(case: Drawn) -> None:
    text = json.dumps(case.codec.to_json(case.value), allow_nan=False)
    assert case.codec.from_json(json.loads(text)) == case.value
