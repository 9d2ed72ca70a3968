"""The XSD accepts exactly what the reader accepts.

`from_xml` asks the XSD first, so one half holds by construction: what it reads, the XSD accepts.
Here is the other half: whatever the XSD accepts is read, and is still the same when it has been
written and read again.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.payload.shapes import NESTED, SCALARS, Drawn, Shape, drawn
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload import codec_of, xmlify
from xml_pipeline.payload.codec import Codec

XSI = "http://www.w3.org/2001/XMLSchema-instance"
PIECES = st.sampled_from(
    [*"0123456789+-.:eETZINFaNbctruefals/= \n\t", "00", "24:00:00", "INF", "NaN", "true", "é", "٣"]
)
EDGES = {
    int: ["+7", "-0", " 007\n", "1_0", "0x1", "", "9" * 4300, "9" * 4301, "0" * 5000 + "1"],
    float: ["1e", "1E+", ".5", "5.", "+INF", "INF", "-INF", "NaN", "nan", "1e999", "-1e-999", "."],
    bool: ["1", "0", " true ", "TRUE", "True", ""],
    bytes: ["", " ", "QQ==", "QR==", "Q Q = =", "QUJD\nQUJD", "QQ=", "====", "QUI="],
    str: ["", " ", "a\n", "\t", "]]>"],
}


def single(shape: Shape) -> Codec[Any]:
    """Return the codec of a class with this one field."""
    return codec_of(xmlify(dataclasses.make_dataclass("Single", [("field", shape.hint)])))


def assert_judged_alike(codec: Codec[Any], document: etree._Element) -> None:
    """Hold the XSD's verdict, which comes after comments are gone, against the reader's."""
    stripped = etree.fromstring(etree.tostring(document), etree.XMLParser(remove_comments=True))
    if not codec.schema.validate(stripped):
        with pytest.raises(InvalidPayload):
            codec.from_xml(document)
        return
    written = codec.to_xml(codec.from_xml(document))
    assert codec.to_xml(codec.from_xml(written)) == written


CODECS = [pytest.param(shape, single(shape), id=str(shape.hint)) for shape in SCALARS]


@pytest.mark.parametrize(("shape", "codec"), CODECS)
@given(data=st.data())
def test_any_text_that_the_xsd_accepts_is_read(
    shape: Shape, codec: Codec[Any], data: st.DataObject
) -> None:
    good = etree.fromstring(codec.to_xml(codec.cls(data.draw(shape.values))))[0].text or ""
    cut = data.draw(st.integers(0, len(good)))
    drop = data.draw(st.integers(0, 3))
    text = good[:cut] + "".join(data.draw(st.lists(PIECES, max_size=3))) + good[cut + drop :]
    document = etree.Element("Single")
    etree.SubElement(document, "field").text = text
    assert_judged_alike(codec, document)


@pytest.mark.parametrize(
    ("hint", "text"), [(hint, text) for hint, texts in EDGES.items() for text in texts]
)
def test_texts_on_the_edge_are_judged_alike(hint: type, text: str) -> None:
    document = etree.Element("Single")
    etree.SubElement(document, "field").text = text
    assert_judged_alike(single(Shape(hint, st.nothing())), document)


def remove(element: etree._Element, data: st.DataObject) -> None:
    if (parent := element.getparent()) is not None:
        parent.remove(element)


def double(element: etree._Element, data: st.DataObject) -> None:
    if (parent := element.getparent()) is not None:
        parent.append(etree.fromstring(etree.tostring(element, with_tail=False)))


def reorder(element: etree._Element, data: st.DataObject) -> None:
    if len(element) > 1:
        element.insert(0, element[-1])


def rename(element: etree._Element, data: st.DataObject) -> None:
    element.tag = data.draw(st.sampled_from(["item", "field0", "key", "Circle", "other"]))


def mark(element: etree._Element, data: st.DataObject) -> None:
    marks = [("nil", "true"), ("nil", "0"), ("type", "Circle"), ("schemaLocation", "a b")]
    name, value = data.draw(st.sampled_from(marks))
    element.set(f"{{{XSI}}}{name}", value)


def say(element: etree._Element, data: st.DataObject) -> None:
    element.text = data.draw(st.sampled_from([" \n", "7", "a", None]))


def empty(element: etree._Element, data: st.DataObject) -> None:
    for child in list(element):
        element.remove(child)


def comment(element: etree._Element, data: st.DataObject) -> None:
    element.insert(0, etree.Comment("said aside"))


MUTATIONS = st.sampled_from([remove, double, reorder, rename, mark, say, empty, comment])


@given(case=drawn(SCALARS + NESTED), data=st.data())
def test_any_changed_document_that_the_xsd_accepts_is_read(
    case: Drawn, data: st.DataObject
) -> None:
    document = etree.fromstring(case.codec.to_xml(case.value))
    for _ in range(data.draw(st.integers(1, 3))):
        element = data.draw(st.sampled_from(list(document.iter(etree.Element))))
        data.draw(MUTATIONS)(element, data)
    assert_judged_alike(case.codec, document)
