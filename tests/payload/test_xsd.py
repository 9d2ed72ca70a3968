"""The XSD stands alone, stays flat, and says what the class says."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
from annotated_types import Ge, Len
from lxml import etree
from pydantic import Field

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload import codec_of, compile_schema, xmlify

XS = "{http://www.w3.org/2001/XMLSchema}"


@xmlify
@dataclass(frozen=True, slots=True)
class Crew:
    """Those on board: a < b & c."""

    names: Annotated[list[str], Len(1, 1_000)]
    ages: dict[str, Annotated[int, Ge(0)]]
    ship: Annotated[str, Field(description="What they sail.")] = "Nautilus"
    watches: list[list[Annotated[list[int], Len(0, 1_000)]]] = field(default_factory=list)


EXPECTED = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="Crew" type="Crew"/>
  <xs:complexType name="Crew">
    <xs:annotation><xs:documentation>
      Those on board: a &lt; b &amp; c.
    </xs:documentation></xs:annotation>
    <xs:sequence>
      <xs:element name="names">
        <xs:complexType><xs:sequence>
          <xs:element name="item" type="py.str" minOccurs="1" maxOccurs="1000"/>
        </xs:sequence></xs:complexType>
      </xs:element>
      <xs:element name="ages">
        <xs:complexType><xs:sequence>
          <xs:element name="item" minOccurs="0" maxOccurs="unbounded">\
<xs:complexType><xs:sequence>
            <xs:element name="key" type="py.str"/>
            <xs:element name="value">
              <xs:simpleType><xs:restriction base="xs:integer">
                <xs:totalDigits value="4300"/>
                <xs:minInclusive value="0"/>
              </xs:restriction></xs:simpleType>
            </xs:element>
          </xs:sequence></xs:complexType></xs:element>
        </xs:sequence></xs:complexType>
        <xs:unique name="each-key-once.1">
          <xs:selector xpath="item"/>
          <xs:field xpath="key"/>
        </xs:unique>
      </xs:element>
      <xs:element name="ship" type="py.str" minOccurs="0">
        <xs:annotation><xs:documentation>
          What they sail.
        </xs:documentation></xs:annotation>
      </xs:element>
"""


def test_the_xsd_is_written_for_people_to_read() -> None:
    assert codec_of(Crew).xsd.decode().startswith(EXPECTED)


def test_nothing_is_counted_twice_in_one_content_model() -> None:
    # libxml2 wrongly refuses 5,000 valid items where maxOccurs stands within maxOccurs.
    schema = etree.fromstring(codec_of(Crew).xsd)
    for model in (*schema.iter(f"{XS}sequence"), *schema.iter(f"{XS}choice")):
        assert not model.attrib
        assert all(child.tag in (f"{XS}element", f"{XS}any") for child in model)


def test_many_items_within_many_items_are_accepted() -> None:
    value = Crew(["a"] * 1_000, {}, watches=[[[1] * 1_000] * 3] * 3)
    assert codec_of(Crew).from_xml(codec_of(Crew).to_xml(value)) == value


@pytest.mark.parametrize("how", ["include", "import", "redefine"])
def test_a_schema_may_load_nothing(tmp_path: Path, how: str) -> None:
    other = tmp_path / "other.xsd"
    other.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
    xsd = (
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:{how} '
        f'schemaLocation="{other.as_uri()}"/><xs:element name="x" type="xs:int"/></xs:schema>'
    )
    with pytest.raises(PayloadDefinitionError):
        compile_schema(xsd.encode())


def test_what_is_no_schema_is_refused() -> None:
    for xsd in (b"", b"<x/>", b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><x/>'):
        with pytest.raises(PayloadDefinitionError, match="not a schema"):
            compile_schema(xsd)


def test_the_room_has_no_names_but_its_own() -> None:
    room = importlib.import_module("xml_pipeline.payload")
    assert all(hasattr(room, name) for name in room.__all__)
    assert not hasattr(room, "payload_from_jason_schema")
