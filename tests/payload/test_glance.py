"""What fits a plain JSON Schema is told at a glance; all else is left to jsonschema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from xml_pipeline.payload.imported.glance import glance_of

TYPES = ("string", "integer", "number", "boolean", "null")
NAMES = ("a", "b", "c")

leaves = st.fixed_dictionaries({"type": st.sampled_from(TYPES)}) | st.sampled_from(
    [True, {}, {"title": "Anything"}]
)


def wider(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from(NAMES), schemas)
    required = st.lists(st.sampled_from(NAMES), unique=True)
    objects = st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": properties,
            "required": required,
            "additionalProperties": schemas | st.booleans(),
        },
    )
    arrays = st.fixed_dictionaries({"type": st.just("array")}, optional={"items": schemas})
    either = st.fixed_dictionaries({"anyOf": st.lists(schemas, min_size=1, max_size=3)})
    return objects | arrays | either


plain = st.recursive(leaves, wider, max_leaves=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from((*NAMES, "d")), some),
    max_leaves=6,
)


@given(plain, values)
def test_what_a_glance_lets_pass_jsonschema_lets_pass(schema: Any, value: Any) -> None:
    fits = glance_of(schema)
    assert fits is not None
    assert not fits(value) or Draft202012Validator(schema).is_valid(value)


@given(plain, values)
def test_a_glance_misses_nothing_but_whole_numbers_with_a_point(schema: Any, value: Any) -> None:
    fits = glance_of(schema)
    assert fits is not None
    assert "integer" in str(schema) or fits(value) == Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    "said",
    [
        {"type": "string", "pattern": "^a$"},
        {"type": "string", "minLength": 1},
        {"type": "integer", "minimum": 0},
        {"type": ["string", "null"]},
        {"type": "array", "minItems": 1},
        {"type": "array", "items": {"const": 1}},
        {"type": "object", "properties": {"a": {"enum": [1]}}},
        {"type": "object", "additionalProperties": {"$ref": "#"}},
        {"type": "object", "patternProperties": {"^a$": True}},
        {"properties": {"a": True}},
        False,
    ],
    ids=str,
)
def test_a_schema_that_says_more_is_not_decided_at_a_glance(said: Any) -> None:
    assert glance_of(said) is None


def test_of_several_options_those_that_are_plain_are_enough_to_say_yes() -> None:
    fits = glance_of({"anyOf": [{"type": "string", "pattern": "^a$"}, {"type": "null"}]})
    assert fits is not None
    assert fits(None)
    assert not fits("a")
