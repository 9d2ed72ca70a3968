"""Constraints hold in XML and in JSON alike, wherever they come from."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, NewType

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen
from hypothesis import given
from jsonschema import Draft202012Validator
from pydantic import Field, PositiveInt, StringConstraints, conlist

from tests.payload.shapes import NESTED, SCALARS, Drawn, drawn
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload import Pattern, codec_of, xmlify
from xml_pipeline.payload.codec import Codec

Code = NewType("Code", Annotated[str, Pattern("^[A-Z]{3}$")])
Short = Annotated[str, MaxLen(3)]


def codec(hint: Any) -> Codec[Any]:
    return codec_of(xmlify(dataclasses.make_dataclass("Single", [("field", hint)])))


def accepts(hint: Any, value: Any) -> bool:
    """Return the one verdict of the XSD, the reader, the JSON Schema and the JSON reader."""
    single = codec(hint)
    payload = single.cls(value)
    document, value = single.to_xml(payload), single.to_json(payload)
    verdicts = {
        survives(lambda: single.from_xml(document), payload),
        survives(lambda: single.from_json(value), payload),
        Draft202012Validator(single.json_schema()).is_valid(value),
    }
    [verdict] = verdicts
    return verdict


def survives(read: Callable[[], Any], payload: Any) -> bool:
    """Tell whether the payload is read; if it is refused, then for its field."""
    try:
        return bool(read() == payload)
    except InvalidPayload as refusal:
        return not refusal.field.startswith("field")


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (Annotated[int, Ge(3), Le(5)], [3, 5], [2, 6]),
        (Annotated[int, Gt(3), Lt(6)], [4, 5], [3, 6]),
        (Annotated[int, Ge(0.5), Lt(2.0)], [1], [0, 2]),
        (Annotated[int, Interval(gt=1, le=3)], [2, 3], [1, 4]),
        (Annotated[int, Field(ge=3, lt=5)], [3, 4], [2, 5]),
        (Annotated[int, Ge(1), Ge(3), Gt(3)], [4], [3]),
        (PositiveInt, [1], [0, -1]),
        (Annotated[int | None, Ge(3)], [3, None], [2]),
        (Annotated[float, Gt(0), Le(1)], [1e-300, 1.0, 1], [0.0, -1.0, 1.0000000000000002]),
        (Annotated[float, Ge(-1e300)], [-1e300, 1e308], [-1.1e300]),
        (Annotated[Decimal, Ge(Decimal("0.1"))], [Decimal("0.1"), Decimal(1)], [Decimal("0.09")]),
        (Annotated[Decimal, Lt(0.3)], [Decimal("0.29")], [Decimal("0.3")]),
        (Annotated[str, MinLen(1), MaxLen(2)], ["a", "😀😀", " \n"], ["", "abc"]),
        (Annotated[str, Len(2, 2)], ["ab"], ["a", "abc"]),
        (Annotated[str, Field(min_length=2)], ["ab"], ["a"]),
        (Annotated[str, StringConstraints(max_length=2, pattern="^a")], ["a", "ab"], ["b", "abc"]),
        (Annotated[str, MaxLen(70_000)], ["a" * 70_000], ["a" * 70_001]),
        (Annotated[str, re.compile(r"^\d+$")], ["1"], ["", "a", "1\n", "٣"]),
        (Annotated[str, Pattern("b")], ["abc"], ["ac"]),
        (Annotated[str, Pattern(r"^[^@]+@[^@]+\.[a-z]+$")], ["a@b.c"], ["a@b", "@b.c"]),
        (Annotated[Short, MinLen(1)], ["abc"], ["", "abcd"]),
        (Code, ["ABC"], ["AB", "abc"]),
        (list[Code], [["ABC"], []], [["AB"]]),
        (Annotated[bytes, Len(2, 3)], [b"ab", b"abc"], [b"a", b"abcd"]),
        (Annotated[list[int], Len(1, 2)], [[1], [1, 2]], [[], [1, 2, 3]]),
        (conlist(int, min_length=2), [[1, 2]], [[1]]),
        (Annotated[tuple[int, ...], MaxLen(1)], [(), (1,)], [(1, 2)]),
        (Annotated[dict[str, int], MinLen(1)], [{"a": 1}], [{}]),
        (dict[Short, int], [{"abc": 1}], [{"abcd": 1}]),
        (list[Annotated[int, Ge(3)]], [[3]], [[3, 2]]),
        (str, ["a" * 65_536], ["a" * 65_537]),
        (bytes, [b"a" * 65_536], [b"a" * 65_537]),
    ],
    ids=str,
)
def test_a_constraint_parts_the_good_from_the_bad(
    hint: Any, good: list[Any], bad: list[Any]
) -> None:
    assert [value for value in good if not accepts(hint, value)] == []
    assert [value for value in bad if accepts(hint, value)] == []


def test_a_bounded_float_is_never_not_a_number() -> None:
    for hint in (Annotated[float, Ge(0)], Annotated[float, Le(0)]):
        with pytest.raises(InvalidPayload):
            codec(hint).from_xml(b"<Single><field>NaN</field></Single>")
    assert codec(Annotated[float, Ge(0)]).from_xml(b"<Single><field>INF</field></Single>")


def test_a_key_twice_is_refused() -> None:
    entry = "<item><key>a</key><value>1</value></item>"
    with pytest.raises(InvalidPayload):
        codec(dict[str, int]).from_xml(f"<Single><field>{entry * 2}</field></Single>".encode())


def test_an_ambiguous_pattern_is_left_to_the_reader() -> None:
    hint = Annotated[str, Pattern("^[a-z]+[0-9a-z]*-$")]
    assert b"xs:pattern" not in codec(hint).xsd
    assert b"xs:pattern" in codec(Annotated[str, Pattern("^[a-z]+-$")]).xsd
    document = f"<Single><field>{'a' * 65_000}</field></Single>".encode()
    with pytest.raises(InvalidPayload, match="pattern"):
        codec(hint).from_xml(document)


@given(drawn(SCALARS + NESTED))
def test_the_example_is_accepted_everywhere(case: Drawn) -> None:
    example = case.codec.example()
    assert case.codec.from_xml(case.codec.example_xml()) == example
    assert case.codec.from_json(case.codec.to_json(example)) == example


@pytest.mark.parametrize(
    "hint",
    [
        Annotated[float, Gt(0), Lt(5e-324 * 2)],
        Annotated[float, Gt(1e300)],
        Annotated[Decimal, Gt(0), Lt(1)],
        Annotated[int, Lt(-5)],
        Annotated[str, Pattern("^[^\\sa-z0]{3}(x|yy)+$"), MinLen(6)],
        Annotated[str, MinLen(70_000)],
        Annotated[bytes, MinLen(10)],
        Annotated[dict[str, int], MinLen(12)],
        Annotated[dict[Annotated[str, Pattern("^a+$")], int], Len(3, 3)],
        dict[Annotated[str, MaxLen(1)], int],
        Annotated[list[int], MaxLen(0)],
        Annotated[str, MaxLen(0)],
    ],
    ids=str,
)
def test_the_example_keeps_to_narrow_constraints(hint: Any) -> None:
    assert accepts(hint, codec(hint).example().field)


def test_an_example_may_be_given() -> None:
    hint = Annotated[str, Field(examples=["this one"])]
    assert codec(hint).example().field == "this one"
