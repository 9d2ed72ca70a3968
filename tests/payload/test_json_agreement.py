"""The JSON Schema accepts exactly what `from_json` accepts."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.payload.shapes import JSON_VALUES, NESTED, SCALARS, Drawn, Shape, drawn
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload import codec_of, xmlify
from xml_pipeline.payload.codec import Codec

PIECES = st.sampled_from([*"0123456789+-.:TZ=abc\n ", "02-29", "02-30", "+14:00", "+14:01", "24:"])


def single(shape: Shape) -> Codec[Any]:
    """Return the codec of a class with this one field."""
    return codec_of(xmlify(dataclasses.make_dataclass("Single", [("field", shape.hint)])))


def assert_judged_alike(codec: Codec[Any], validator: Draft202012Validator, value: Any) -> None:
    """Hold the schema's verdict against the reader's."""
    if validator.is_valid(value):
        loaded = codec.from_json(value)
        assert codec.from_json(json.loads(json.dumps(codec.to_json(loaded)))) == loaded
    else:
        with pytest.raises(InvalidPayload):
            codec.from_json(value)


CASES = [
    pytest.param(shape, codec, Draft202012Validator(codec.json_schema()), id=str(shape.hint))
    for shape in SCALARS
    for codec in [single(shape)]
]


@pytest.mark.parametrize(("shape", "codec", "validator"), CASES)
@given(data=st.data())
def test_a_changed_value_is_judged_alike(
    shape: Shape, codec: Codec[Any], validator: Draft202012Validator, data: st.DataObject
) -> None:
    good = codec.to_json(codec.cls(data.draw(shape.values)))["field"]
    if isinstance(good, str) and data.draw(st.booleans()):
        cut, drop = data.draw(st.integers(0, len(good))), data.draw(st.integers(0, 3))
        inserted = "".join(data.draw(st.lists(PIECES, max_size=3)))
        value: Any = good[:cut] + inserted + good[cut + drop :]
    else:
        value = data.draw(st.just(good) | JSON_VALUES | st.integers(-5, 12).map(float))
    assert_judged_alike(codec, validator, {"field": value})


def places(value: Any) -> list[Any]:
    """Return every array and object in a JSON value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [value] if isinstance(value, dict | list) else []
    return [*found, *(place for each in inner for place in places(each))]


def mutate(data: st.DataObject, value: Any) -> None:
    """Change one thing somewhere in the value."""
    place = data.draw(st.sampled_from(places(value)))
    new = data.draw(JSON_VALUES)
    keys = st.sampled_from(["field0", "field1", "radius", "leaf", "Circle", "other"])
    match data.draw(st.integers(0, 2)):
        case 0 if isinstance(place, dict):
            place[data.draw(keys)] = new
        case 0:
            place.append(new)
        case 1 if place:
            at = st.sampled_from(list(place) if isinstance(place, dict) else range(len(place)))
            place[data.draw(at)] = new
        case _ if place:
            at = st.sampled_from(list(place) if isinstance(place, dict) else range(len(place)))
            del place[data.draw(at)]


@given(case=drawn(SCALARS + NESTED), data=st.data())
def test_a_changed_object_is_judged_alike(case: Drawn, data: st.DataObject) -> None:
    value = copy.deepcopy(case.codec.to_json(case.value))
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(data, value)
    assert_judged_alike(case.codec, Draft202012Validator(case.codec.json_schema()), value)


@given(drawn())
def test_the_schema_is_one_and_accepts_what_is_dumped(case: Drawn) -> None:
    schema = case.codec.json_schema()
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(case.codec.to_json(case.value))
