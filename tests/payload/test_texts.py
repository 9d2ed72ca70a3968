"""What XML can carry is carried; what it cannot is refused with the field's name."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload import Json, RawXml, codec_of, xmlify
from xml_pipeline.payload.text import encode_name, escape, escape_attribute, is_name


class Colour(str, Enum):  # noqa: UP042 - it formats itself as Colour.RED
    RED = "red"


@xmlify
@dataclass(frozen=True, slots=True)
class Note:
    text: str
    maybe: str | None = None
    many: tuple[str, ...] = ()


@xmlify
@dataclass(frozen=True, slots=True)
class Free:
    json: Json = None
    xml: RawXml = RawXml("")  # noqa: RUF009


def codec(hint: Any) -> Any:
    return codec_of(xmlify(dataclasses.make_dataclass("Single", [("field", hint)])))


@given(st.text())
def test_any_text_is_carried_whole_or_refused_by_name(text: str) -> None:
    note = Note(text, text, (text,))
    try:
        etree.Element("x").text = text
    except ValueError:
        with pytest.raises(InvalidPayload, match=r"^text: .* cannot carry"):
            codec_of(Note).to_xml(note)
    else:
        assert codec_of(Note).from_xml(codec_of(Note).to_xml(note)) == note


@pytest.mark.parametrize("char", ["\0", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_cannot_carry_is_refused_by_the_fields_name(char: str) -> None:
    for note in (Note(f"a{char}"), Note("", f"{char}\n"), Note("", None, ("fine", char))):
        with pytest.raises(InvalidPayload, match=f"U\\+{ord(char):04X}") as caught:
            codec_of(Note).write(note)
        assert caught.value.field in ("text", "maybe", "many")


def test_markup_within_a_text_is_text() -> None:
    note = Note("</text><text>&amp;]]><!-- -->\r\n", "<x/>")
    assert codec_of(Note).from_xml(codec_of(Note).to_xml(note)) == note


def test_a_subclass_of_str_is_written_as_the_text_it_is() -> None:
    assert codec_of(Note).write(Note(Colour.RED)).startswith("<Note><text>red</text>")


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (str, 5),
        (str, None),
        (str, b"bytes"),
        (str | None, 5),
        (int, "5</field><field>6"),
        (int, 1.5),
        (int, None),
        (float, "x"),
        (bool, "false"),
        (bool, []),
        (Decimal, "1"),
        (Decimal, Decimal("NaN")),
        (Decimal, Decimal("Infinity")),
        (Decimal, Decimal("1E+999999999")),
        (Decimal, Decimal("0E+999999999")),
        (bytes, "text"),
        (UUID, "x"),
        (datetime, "2026"),
        (list[int], "123"),
        (list[int], 5),
        (list[int], [None]),
        (tuple[int, int], (1,)),
        (dict[str, int], []),
        (dict[str, int], {1: 1}),
        (Note, Free()),
        (Note | Free, 5),
        (Literal["a"], "b"),
        (Literal["a"], []),
        (Colour, "red?"),
        (Json, {1, 2}),
        (Json, float("nan")),
        (RawXml, "<a>"),
        (RawXml, 5),
    ],
    ids=repr,
)
def test_a_value_of_another_type_is_refused_by_the_fields_name(hint: Any, value: Any) -> None:
    single = codec(hint)
    with pytest.raises(InvalidPayload) as caught:
        single.write(single.cls(value))
    assert caught.value.field.startswith("field")
    assert caught.value.code == "validation"


def test_the_path_of_a_refusal_leads_through_nested_payloads() -> None:
    single = codec(list[Note])
    with pytest.raises(InvalidPayload) as caught:
        single.write(single.cls([Note("\0")]))
    assert caught.value.field == "field.text"
    with pytest.raises(InvalidPayload) as caught:
        single.from_json({"field": [{"text": "a"}, {"text": 1}]})
    assert caught.value.field == "field[1].text"


@pytest.mark.parametrize("value", [math.inf, -math.inf, -0.0, 5e-324, 1e308])
def test_every_float_survives_xml(value: float) -> None:
    single = codec(float)
    assert repr(single.from_xml(single.to_xml(single.cls(value))).field) == repr(value)


def test_not_a_number_survives_xml_and_is_refused_in_json() -> None:
    single = codec(float)
    assert math.isnan(single.from_xml(single.to_xml(single.cls(math.nan))).field)
    for value in (math.nan, math.inf):
        with pytest.raises(InvalidPayload, match="JSON has no"):
            single.to_json(single.cls(value))
        with pytest.raises(InvalidPayload, match="JSON has no"):
            single.from_json({"field": value})
    with pytest.raises(InvalidPayload):
        single.from_json({"field": 10**400})


def test_a_decimal_is_exact_in_json_or_refused() -> None:
    single = codec(Decimal)
    for text in ("0.1", "12", "1E+3", "0.12345678901234567890123", "-1E-30", "1E+999"):
        value = single.cls(Decimal(text))
        assert single.from_json(single.to_json(value)) == value
    with pytest.raises(InvalidPayload):
        single.to_json(single.cls(Decimal("1E+4000")))


@pytest.mark.parametrize(
    "zone",
    [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-14)),
     timezone(timedelta(hours=23)), timezone(timedelta(seconds=53)), None],
)  # fmt: skip
def test_a_moment_survives_whatever_its_zone(zone: timezone | None) -> None:
    single = codec(datetime)
    value = single.cls(datetime(2026, 5, 4, 12, 30, 15, 120, zone))
    assert single.from_xml(single.to_xml(value)) == value
    assert single.from_json(single.to_json(value)) == value


@pytest.mark.parametrize(
    "content",
    ["", "text", "<a></a>", '<a b="1" c="2"></a>', "x<a>y</a>z", "&lt;&amp;",
     '<p:a xmlns:p="urn:p"><p:b></p:b></p:a>', '<a xmlns="urn:d"></a>'],
)  # fmt: skip
def test_canonical_xml_content_stays_as_it_is(content: str) -> None:
    assert RawXml(content) == content
    value = Free(xml=RawXml(content))
    embedded = f'<e xmlns="urn:e" xmlns:p="urn:other">{codec_of(Free).write_embedded(value)}</e>'
    [element] = etree.fromstring(embedded)
    assert codec_of(Free).read(element) == value


def test_xml_content_is_canonicalised() -> None:
    assert RawXml("<a c='2' b=\"1\"/><!-- aside --><![CDATA[<]]>") == '<a b="1" c="2"></a>&lt;'
    assert codec_of(Free).from_xml(b"<Free><xml>x<!-- a --><b/></xml></Free>").xml == "x<b></b>"


@pytest.mark.parametrize(
    "content",
    ["<a>", "</x><x>", "&nbsp;", "a & b", "<?pi x?>", "<!DOCTYPE x>", "<p:a/>", "\0", "\ud800"],
)
def test_what_is_no_xml_content_is_refused(content: str) -> None:
    with pytest.raises(InvalidPayload):
        RawXml(content)


@pytest.mark.parametrize("value", [None, "\0\ud800\ufffe", {"<&>": ["]]>", 1.5, None]}, [[[]]]])
def test_any_json_survives(value: Any) -> None:
    free = Free(json=value)
    assert codec_of(Free).from_xml(codec_of(Free).to_xml(free)) == free
    assert codec_of(Free).from_json(codec_of(Free).to_json(free)) == free


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a":1,"a":2}', "NaN", "-Infinity", "1e999", "01", "[" * 5_000, "9" * 5_000, "'a'"],
)
def test_bad_json_is_refused_by_the_fields_name(text: str) -> None:
    document = etree.Element("Free")
    etree.SubElement(document, "json").text = text
    with pytest.raises(InvalidPayload) as caught:
        codec_of(Free).from_xml(document)
    assert caught.value.field == "json"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"Note",
        b"<Note><text>a</text>",
        b"<Note><text>a</text></Note><Note/>",
        b"<!DOCTYPE Note><Note><text>a</text></Note>",
        b'<!DOCTYPE Note [<!ENTITY e "x">]><Note><text>&e;</text></Note>',
        b"<Note><text>a<?pi x?>b</text></Note>",
        b'<?xml version="1.0" encoding="latin-1"?><Note><text>a</text></Note>',
        "<Note><text>a</text></Note>".encode("utf-16"),
        b"<Note><text>\xff</text></Note>",
        b"<Other/>",
        b'<Note xmlns="urn:x"><text>a</text></Note>',
        b"<Note><text>a</text><text>b</text></Note>",
        b"<Note><maybe>b</maybe><text>a</text></Note>",
        b"<Note><text><b>a</b></text></Note>",
        b'<Note lang="en"><text>a</text></Note>',
        b"<Note>a</Note>",
        b"<Note><text>" + b"a" * 65_537 + b"</text></Note>",
    ],
)
def test_a_document_that_is_not_this_payload_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidPayload):
        codec_of(Note).from_xml(document)


def test_a_comment_splits_no_text() -> None:
    assert codec_of(Note).from_xml(b"<Note><text>ad<!-- -->min</text></Note>") == Note("admin")
    element = etree.fromstring(b"<Note><text>ad<!-- -->min</text></Note>")
    assert codec_of(Note).from_xml(element) == Note("admin")
    assert len(element[0]) == 1, "the caller's element stays as it was"


def test_an_element_with_an_instruction_in_it_is_refused() -> None:
    with pytest.raises(InvalidPayload, match="instructions"):
        codec_of(Note).from_xml(etree.fromstring(b"<Note><text>ad<?x?>min</text></Note>"))


def test_the_refusal_of_the_xsd_names_the_field() -> None:
    with pytest.raises(InvalidPayload) as caught:
        codec(Note).from_xml(
            b"<Single><field><text>a</text><maybe/><many>x</many></field></Single>"
        )
    assert caught.value.field == "field.many"


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    @xmlify
    @dataclass(slots=True)
    class Deep:
        inner: Deep | None = None

    value = Deep()
    for _ in range(10_000):
        value = Deep(value)
    for turn in (codec_of(Deep).write, codec_of(Deep).to_json):
        with pytest.raises(InvalidPayload, match="deep"):
            turn(value)


@given(st.text())
def test_any_text_makes_an_element_name_of_its_own(text: str) -> None:
    name = encode_name(text)
    assert is_name(name)
    if is_name(text) and "_x" not in text:
        assert name == text


@given(st.text(), st.text())
def test_two_texts_never_share_an_element_name(one: str, other: str) -> None:
    assert (encode_name(one) == encode_name(other)) == (one == other)


@pytest.mark.parametrize("text", ["_x0041_", "_x005F_x0041_", "A", "_", "_x_", "", "__x0041_"])
def test_a_text_that_looks_encoded_is_told_apart(text: str) -> None:
    others = {"_x0041_", "_x005F_x0041_", "A", "_", "_x_", "", "__x0041_"} - {text}
    assert encode_name(text) not in map(encode_name, others)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
def test_an_attribute_survives_parsing(text: str) -> None:
    text += '\t\n\r"<&>'
    element = etree.fromstring(f'<x a="{escape_attribute(text)}">{escape(text)}</x>')
    assert element.get("a") == text
    assert element.text == text
