"""A class that cannot be bound is refused where it stands, with the name of its field."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest
from annotated_types import Ge, Gt, Len, Lt, MaxLen, MinLen, MultipleOf, Predicate
from pydantic import Field, StringConstraints

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload import Pattern, codec_of, xmlify


class Empty(Enum):
    """Has nothing to choose from."""


class Twins(Enum):
    """Two members whose texts are the same, were they to go by value."""

    ONE = "1"
    OTHER = 1


class Unwritable(Enum):
    NUL = "\0"


@dataclass
class Stranger:
    x: complex


def refusal_of(hint: Any) -> str:
    """Return what is said about a class whose only field is of this type."""
    cls = dataclasses.make_dataclass("Subject", [("field", hint)])
    with pytest.raises(PayloadDefinitionError) as caught:
        xmlify(cls)
    assert isinstance(caught.value, TypeError)
    return str(caught.value)


@pytest.mark.parametrize(
    "hint",
    [
        complex,
        object,
        Any,
        list,
        dict,
        set[int],
        frozenset[str],
        type[int],
        None,
        dict[int, str],
        int | str,
        list[int] | str,
        list[complex],
        dict[str, complex],
        tuple[int, complex],
        Optional[complex],  # noqa: UP045
        Literal[b"bytes"],
        Literal[1, "1"],
        Literal[None],
        Literal["\x00"],
        Empty,
        Unwritable,
        Stranger,
        Annotated[str, Ge(1)],
        Annotated[int, MinLen(1)],
        Annotated[bool, Ge(0)],
        Annotated[date, Ge(date(2026, 1, 1))],
        Annotated[datetime, MaxLen(3)],
        Annotated[int, Pattern("^1")],
        Annotated[list[int], Gt(3)],
        Annotated[int, MultipleOf(2)],
        Annotated[Decimal, Field(decimal_places=2)],
        Annotated[str, StringConstraints(strip_whitespace=True)],
        Annotated[int, Predicate(bool)],
        Annotated[int, Gt(1), Lt(2)],
        Annotated[float, Gt(1), Lt(1)],
        Annotated[float, Ge(float("nan"))],
        Annotated[str, Len(3, 2)],
        Annotated[str, Pattern("^a"), Pattern("b$")],
        Annotated[str, re.compile("a", re.IGNORECASE)],
        Annotated[str, Pattern("(?=a)")],
        Annotated[str, Pattern("(a")],
        Annotated[str, Pattern("^[a-z]{3000}$")],
    ],
    ids=str,
)
def test_a_type_without_an_xml_form_is_refused_by_its_fields_name(hint: Any) -> None:
    assert refusal_of(hint).startswith("Subject.field: ")


def test_a_member_that_goes_by_name_may_share_its_value() -> None:
    cls: Any = xmlify(dataclasses.make_dataclass("Chosen", [("twin", Twins)]))
    assert codec_of(cls).write(cls(Twins.OTHER)) == "<Chosen><twin>OTHER</twin></Chosen>"


def test_a_field_of_a_nested_class_is_named_with_the_way_to_it() -> None:
    assert refusal_of(list[Stranger]).startswith("Subject.field: Stranger.x: ")


def test_what_is_no_dataclass_is_refused() -> None:
    class Plain:
        pass

    with pytest.raises(PayloadDefinitionError, match="@dataclass"):
        xmlify(Plain)


def test_an_init_only_field_is_refused() -> None:
    with pytest.raises(PayloadDefinitionError, match=r"Subject\.seed: an InitVar"):

        @xmlify
        @dataclass
        class Subject:
            seed: InitVar[int]


def test_a_class_that_would_have_to_hold_itself_for_ever_is_refused() -> None:
    with pytest.raises(PayloadDefinitionError, match=r"Endless\.next: .* for ever"):

        @xmlify
        @dataclass
        class Endless:
            next: Endless
            some: Annotated[list[Endless], MinLen(1)] = field(default_factory=list)


@pytest.mark.parametrize("name", ["Größe", "名前", "_private"])
def test_a_name_outside_ascii_is_a_name(name: str) -> None:
    cls: Any = xmlify(dataclasses.make_dataclass(name, [(name.lower(), int)]))
    assert codec_of(cls).from_xml(codec_of(cls).to_xml(cls(3))) == cls(3)


def test_a_name_that_is_no_element_name_is_refused() -> None:
    identifier = "a\u2054b"
    with pytest.raises(PayloadDefinitionError, match=rf"Fine\.{identifier}: .* of an element"):
        xmlify(dataclasses.make_dataclass("Fine", [(identifier, int)]))
    with pytest.raises(PayloadDefinitionError, match="name of an element"):
        xmlify(type("Not: fine", (), {"__dataclass_fields__": {}}))


def test_two_payloads_of_one_name_make_no_union() -> None:
    one = dataclasses.make_dataclass("Same", [("x", int)])
    other = dataclasses.make_dataclass("Same", [("y", int)])
    assert "same name" in refusal_of(one | other)
