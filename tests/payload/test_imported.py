"""A payload class made from a JSON Schema holds to all of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.cpu_time import cpu_time_of
from xml_pipeline.errors import InvalidPayload, PayloadDefinitionError
from xml_pipeline.payload import ABSENT, codec_of, payload_from_json_schema, xmlify
from xml_pipeline.payload.codec import Codec
from xml_pipeline.payload.imported.safety import MAX_SCHEMAS

SEARCH: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "title": "A search",
    "description": "Looks for something.",
    "properties": {
        "query": {"type": "string", "minLength": 1, "description": "What to look for."},
        "max-results": {"type": "integer", "minimum": 1, "maximum": 50, "default": 10},
        "class": {"enum": ["a", "b", None]},
        "$since": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "id": {"type": "string", "format": "uuid"},
        "even": {"type": "integer", "multipleOf": 2},
        "ratio": {"type": ["number", "null"]},
        "tree": {"$ref": "#/definitions/tree"},
        "shape": {
            "oneOf": [
                {"$ref": "#/definitions/circle"},
                {
                    "type": "object",
                    "title": "square box",
                    "properties": {"side": {"type": "number"}, "unit": {"const": "cm"}},
                    "required": ["side"],
                },
            ]
        },
        "labels": {"type": "object", "additionalProperties": {"type": "integer"}},
        "closed": {"type": "object", "additionalProperties": False},
        "mixed": {"type": "array", "items": {"type": ["string", "integer"]}, "uniqueItems": True},
        "slug": {"type": "string", "pattern": "^[a-z]+[0-9a-z]*-$"},
    },
    "required": ["query"],
    "definitions": {
        "tree": {
            "type": "object",
            "properties": {
                "leaf": {"type": "boolean"},
                "branches": {"type": "array", "items": {"$ref": "#/definitions/tree"}},
            },
            "required": ["leaf"],
            "additionalProperties": False,
        },
        "circle": {
            "type": "object",
            "properties": {"radius": {"type": "number", "exclusiveMinimum": 0}},
            "required": ["radius"],
            "additionalProperties": False,
        },
    },
}
Search = payload_from_json_schema("Search", SEARCH)
FULL: dict[str, Any] = {
    "query": "x",
    "max-results": 3,
    "class": None,
    "$since": "2026-01-31",
    "at": "2026-01-31T12:00:00Z",
    "id": "123e4567-e89b-42d3-a456-426614174000",
    "even": 4,
    "ratio": None,
    "tree": {"leaf": False, "branches": [{"leaf": True}]},
    "shape": {"side": 2.5, "colour": "red"},
    "labels": {"one": 1},
    "closed": {},
    "mixed": ["a", 1],
    "slug": "a1-",
    "anything else": {"x": [1]},
}


def codec() -> Codec[Any]:
    return codec_of(Search)


def test_every_part_survives_json_and_xml() -> None:
    payload = codec().from_json(FULL)
    assert codec().to_json(payload) == FULL
    assert codec().from_xml(codec().to_xml(payload)) == payload


def test_the_fields_are_typed() -> None:
    payload = codec().from_json(FULL)
    assert payload.max_results == 3
    assert payload.class_ is None
    assert payload.since == date(2026, 1, 31)
    assert payload.at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert payload.id == UUID(FULL["id"])
    assert payload.tree.branches[0].leaf is True
    assert type(payload.shape).__name__ == "SquareBox"
    assert payload.shape.side == 2.5
    assert payload.additional_properties == {"anything else": {"x": [1]}}


def test_what_is_left_out_is_absent_and_stays_so() -> None:
    payload = Search(query="x")
    assert payload.max_results is ABSENT
    assert codec().to_json(payload) == {"query": "x"}
    assert codec().write(payload) == "<Search><query>x</query></Search>"
    assert codec().from_json({"query": "x"}) == payload


def test_null_and_absence_differ() -> None:
    null, absent = (
        codec().from_json({"query": "", "ratio": None} | {"query": "x"}),
        Search(query="x"),
    )
    assert null.ratio is None
    assert absent.ratio is ABSENT
    assert codec().from_xml(codec().to_xml(null)) == null


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"query": ""}, "query"),
        ({"query": None}, "query"),
        ({"max-results": 51}, "max-results"),
        ({"max-results": None}, "max-results"),
        ({"class": "c"}, "class"),
        ({"even": 3}, "even"),
        ({"tree": {"leaf": True, "branches": [{}]}}, "tree.branches[0]"),
        ({"tree": {"leaf": True, "other": 1}}, "tree.other"),
        ({"shape": {"radius": 0}}, "shape"),
        ({"shape": {"side": 1, "unit": "m"}}, "shape"),
        ({"labels": {"one": "1"}}, "labels.one"),
        ({"closed": {"a": 1}}, "closed.a"),
        ({"mixed": [1, 1]}, "mixed"),
        ({"mixed": [1.5]}, "mixed[0]"),
        ({"slug": "a"}, "slug"),
        ({"$since": "yesterday"}, "$since"),
    ],
    ids=str,
)
def test_what_the_schema_refuses_is_refused_in_json_and_in_xml(
    change: dict[str, Any], place: str
) -> None:
    with pytest.raises(InvalidPayload) as caught:
        codec().from_json({**FULL, **change})
    assert caught.value.field == place


def test_rules_that_xsd_cannot_state_hold_for_xml_too() -> None:
    for document in (
        "<Search><query>x</query><even>3</even></Search>",
        "<Search><query>x</query><mixed><item>1</item><item>1</item></mixed></Search>",
        "<Search><query>x</query><slug>nope</slug></Search>",
        "<Search><query>x</query><additional_properties><item><key>query</key><value>1</value>"
        "</item></additional_properties></Search>",
    ):
        assert codec().schema.validate(etree.fromstring(document))
        with pytest.raises(InvalidPayload):
            codec().from_xml(document.encode())


def test_the_schema_comes_back_as_it_was() -> None:
    assert codec().json_schema() == SEARCH
    codec().json_schema()["properties"].clear()
    assert codec().json_schema() == SEARCH


def test_the_example_is_accepted() -> None:
    example = codec().example()
    assert codec().from_xml(codec().example_xml()) == example
    assert codec().from_json(codec().to_json(example)) == example
    assert example.max_results == 10, "the schema's own default is the best example"
    assert example.even is ABSENT, "no example of ours is a multiple"


def test_an_example_is_found_where_one_of_several_fields_is_needed() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    either = codec_of(payload_from_json_schema("OneOfTwo", schema))
    assert len(either.to_json(either.example())) == 1


def test_no_example_at_all_is_told() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "not": {}}
    never = codec_of(payload_from_json_schema("Never", schema))
    with pytest.raises(PayloadDefinitionError, match="Never refuses its example"):
        never.example()


def test_a_made_class_is_a_field_like_any_other() -> None:
    @xmlify
    @dataclass(frozen=True)
    class Holder:
        search: Search  # type: ignore[valid-type]
        more: tuple[Search, ...] = ()  # type: ignore[valid-type]

    holder = codec_of(Holder)
    value = Holder(codec().from_json(FULL), (Search(query="y"),))
    assert holder.from_xml(holder.to_xml(value)) == value
    assert holder.from_json(holder.to_json(value)) == value
    with pytest.raises(InvalidPayload):
        holder.from_json({"search": {"query": "x", "even": 3}})
    with pytest.raises(InvalidPayload):
        holder.from_xml(b"<Holder><search><query>x</query><even>3</even></search></Holder>")
    assert holder.json_schema()["$defs"]["Search"]["$id"] == "urn:payload:Search"


@given(st.dictionaries(st.text(max_size=5), st.sampled_from(["string", "integer"]), max_size=6))
def test_any_property_names_map_there_and_back(properties: dict[str, str]) -> None:
    schema = {
        "type": "object",
        "properties": {name: {"type": type_} for name, type_ in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }
    value = {name: "text" if type_ == "string" else 3 for name, type_ in properties.items()}
    made = codec_of(payload_from_json_schema("Names", schema))
    payload = made.from_json(value)
    assert made.to_json(payload) == value
    assert made.from_xml(made.to_xml(payload)) == payload


def test_a_property_may_be_called_like_our_own_names() -> None:
    names = [
        "additional_properties",
        "self",
        "cls",
        "to_xml",
        "__class__",
        "__slots__",
        "field",
        "*",
    ]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    made = codec_of(payload_from_json_schema("Odd", schema))
    value = {**{name: name for name in names}, "more": 1}
    assert made.to_json(made.from_xml(made.to_xml(made.from_json(value)))) == value


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"in": schema}}
    return schema


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({}, "type object"),
        ({"type": "array"}, "type object"),
        ({"type": ["object", "null"]}, "type object"),
        ({"type": "object", "properties": {"a": {"type": "no such"}}}, "not a JSON Schema"),
        ({"type": "object", "properties": {"a": {"$ref": "https://x.org/s"}}}, "leads elsewhere"),
        (
            {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
            "leads elsewhere",
        ),
        ({"type": "object", "properties": {"a": {"$ref": 5}}}, "not a JSON Schema"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}}, "leads nowhere"),
        ({"type": "object", "properties": {"a": {"$id": "x"}}}, "within a schema"),
        (
            {"type": "object", "properties": {"a": {"$ref": "#/x"}}, "x": {"pattern": "(a+)+$"}},
            "not a schema",
        ),
        (
            {"type": "object", "properties": {"a": {"$schema": "x", "pattern": "(a+)+$"}}},
            "within a schema",
        ),
        ({"type": "object", "$schema": "https://x.org/own"}, "dialect"),
        ({"type": "object", "properties": {"a": {"pattern": "(?=a)"}}}, "pattern"),
        ({"type": "object", "patternProperties": {"\\1": {}}}, "pattern"),
        (
            {"type": "object", "patternProperties": {"a": {}}, "unevaluatedProperties": False},
            "beside patternProperties",
        ),
        ({"type": "object", "anyOf": [{}] * (MAX_SCHEMAS + 1)}, "more than"),
        (deep(2_000), "deep"),
    ],
    ids=lambda case: case[:20] if isinstance(case, str) else "",
)
def test_a_schema_that_we_could_not_hold_to_is_refused(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(PayloadDefinitionError, match=reason):
        payload_from_json_schema("Refused", schema)


def test_a_name_that_is_no_class_name_is_refused() -> None:
    with pytest.raises(PayloadDefinitionError, match="name of a class"):
        payload_from_json_schema("not a name", {"type": "object"})


def test_a_hostile_pattern_costs_little_wherever_it_stands() -> None:
    pattern = "^(([a-z])+.)+[A-Z]([a-z])+$"
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "a": {"type": "string", "pattern": pattern},
            "b": {"allOf": [{"pattern": pattern}]},
        },
        "propertyNames": {"not": {"pattern": pattern}},
        "patternProperties": {pattern: False},
        "additionalProperties": True,
    }
    hostile = codec_of(payload_from_json_schema("Hostile", schema))
    for value in ({"a": "a" * 60_000}, {"b": "a" * 60_000}):
        with pytest.raises(InvalidPayload, match="does not match"):
            hostile.from_json(value)
    assert hostile.from_json({"a" * 60_000: 1})


def test_a_schema_that_loops_without_an_object_is_json_text() -> None:
    schema = {
        "type": "object",
        "properties": {"list": {"$ref": "#/$defs/list"}},
        "$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}},
    }
    loop = codec_of(payload_from_json_schema("Loop", schema))
    value: dict[str, Any] = {"list": [[], [[]]]}
    payload = loop.from_json(value)
    assert loop.from_xml(loop.to_xml(payload)) == payload
    with pytest.raises(InvalidPayload):
        loop.from_json({"list": [1]})
    with pytest.raises(InvalidPayload, match="deep"):
        loop.from_json(json.loads('{"list": ' + "[" * 900 + "]" * 900 + "}"))


def test_limits_that_nothing_can_satisfy_refuse_everything() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "minLength": 3, "maxLength": 2}},
    }
    never = codec_of(payload_from_json_schema("Contradiction", schema))
    assert never.from_json({})
    with pytest.raises(InvalidPayload):
        never.from_json({"a": "abc"})


def test_a_reference_may_lead_through_names_that_need_escaping() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/50%25~1~0%22"}, "b": {"$ref": "#/$defs/yes"}},
        "$defs": {'50%/~"': {"type": "integer"}, "yes": True},
        "additionalProperties": False,
    }
    made = codec_of(payload_from_json_schema("Escaped", schema))
    assert made.from_json({"a": 1, "b": None}).a == 1
    with pytest.raises(InvalidPayload):
        made.from_json({"a": "1"})


def test_many_items_are_told_apart_in_linear_time() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}
    made = codec_of(payload_from_json_schema("Unique", schema))
    items: list[Any] = [[n, {"x": [n]}] for n in range(20_000)] + [1, True, "1", [1], {"1": 1}]
    assert made.from_json({"a": items}).a == items
    assert cpu_time_of(lambda: made.from_json({"a": items}), within=2) < 2
    for twins in ([1, 1.0], [{"a": 1, "b": [True]}, {"b": [True], "a": 1}]):
        with pytest.raises(InvalidPayload, match="twice"):
            made.from_json({"a": twins})


def test_a_description_that_xml_cannot_carry_is_mended_in_the_xsd() -> None:
    schema = {
        "type": "object",
        "description": "a\0b",
        "properties": {"a": {"type": "string", "description": "<\ud800>"}},
    }
    made = codec_of(payload_from_json_schema("Described", schema))
    assert "a\ufffdb" in made.xsd.decode()
    assert made.schema.validate(etree.fromstring("<Described/>"))
