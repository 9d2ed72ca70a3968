"""Strategies for payload classes of every shape, with values to fill them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from annotated_types import Ge, Gt, Le, Len, Lt, MaxLen, MinLen
from hypothesis import strategies as st

from xml_pipeline.payload import Json, Pattern, RawXml, codec_of, xmlify
from xml_pipeline.payload.codec import Codec

XML_CHARS = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
    lambda char: char >= " " or char in "\t\n\r"
)
"""Any character that XML can carry."""

TEXT = st.text(XML_CHARS | st.sampled_from("&<>\r\n\t \"']"), max_size=20)
FLOATS = st.floats(allow_nan=False)
JSON_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
OFFSETS: st.SearchStrategy[tzinfo] = st.integers(-23 * 3600, 23 * 3600).map(
    lambda seconds: timezone(timedelta(seconds=seconds))
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | JSON_FLOATS | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


class Colour(Enum):
    """Goes by value."""

    RED = "red"
    SEA_GREEN = " sea\tgreen "


class Step(Enum):
    """Goes by value too."""

    UP = 1
    DOWN = -1


class Unit(Enum):
    """Goes by name."""

    HALF = 0.5
    PAIR = (1, 2)


@xmlify
@dataclasses.dataclass(frozen=True, slots=True)
class Circle:
    """A payload within payloads."""

    radius: float
    label: str = ""


@xmlify
@dataclasses.dataclass(slots=True)
class Tree:
    """A payload that holds itself."""

    leaf: str | None
    branches: list[Tree] = dataclasses.field(default_factory=list)


class Shape(NamedTuple):
    """A type and the values that it takes."""

    hint: Any
    values: st.SearchStrategy[Any]


DATETIMES = st.builds(
    lambda moment, zone: moment.replace(tzinfo=zone),
    # An offset of seconds is written in UTC, which must have the day.
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),
    st.none() | st.just(UTC) | OFFSETS,
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda value: abs(value.adjusted()) < 300
)
CIRCLES = st.builds(Circle, JSON_FLOATS, TEXT)
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.builds(Tree, st.none() | TEXT),
    lambda trees: st.builds(Tree, TEXT, st.lists(trees, max_size=2)),
    max_leaves=4,
)

SCALARS = (
    Shape(str, TEXT),
    Shape(int, st.integers()),
    Shape(float, JSON_FLOATS),
    Shape(bool, st.booleans()),
    Shape(Decimal, DECIMALS),
    Shape(date, st.dates()),
    Shape(datetime, DATETIMES),
    Shape(bytes, st.binary(max_size=20)),
    Shape(UUID, st.uuids()),
    Shape(Colour, st.sampled_from(Colour)),
    Shape(Step, st.sampled_from(Step)),
    Shape(Unit, st.sampled_from(Unit)),
    Shape(Literal["a", "b c", 7, True], st.sampled_from(["a", "b c", 7, True])),
    Shape(Annotated[str, MinLen(2), MaxLen(4)], st.text("ab ", min_size=2, max_size=4)),
    Shape(Annotated[str, Pattern("^[a-c]+(-[0-9]{2})?$")], st.sampled_from(["a", "cab-42"])),
    Shape(Annotated[int, Ge(-3), Lt(4)], st.integers(-3, 3)),
    Shape(Annotated[float, Gt(0.25), Le(8)], st.floats(0.25, 8, exclude_min=True)),
    Shape(Annotated[Decimal, Ge(0), Lt(10)], st.integers(0, 999).map(lambda n: Decimal(n) / 100)),
    Shape(Annotated[bytes, Len(2, 4)], st.binary(min_size=2, max_size=4)),
)
NESTED = (
    Shape(Circle, CIRCLES),
    Shape(Tree, TREES),
    Shape(Circle | Tree, CIRCLES | TREES),
)
FREE = (
    Shape(Json, JSON_VALUES),
    Shape(
        RawXml,
        st.sampled_from(["", "a<b c='1'/>d", "<p:x xmlns:p='urn:x'>&amp;</p:x>"]).map(RawXml),
    ),
)


def _optional(shape: Shape) -> Shape:
    return Shape(shape.hint | None, st.none() | shape.values)


def _lists(shape: Shape) -> Shape:
    return Shape(list[shape.hint], st.lists(shape.values, max_size=3))  # type: ignore[name-defined]


def _tuples(shape: Shape) -> Shape:
    values = st.lists(shape.values, max_size=3).map(tuple)
    return Shape(tuple[shape.hint, ...], values)  # type: ignore[name-defined]


def _pairs(shape: Shape) -> Shape:
    values = st.tuples(shape.values, st.integers())
    return Shape(tuple[shape.hint, int], values)  # type: ignore[name-defined]


def _tables(shape: Shape) -> Shape:
    values = st.dictionaries(TEXT, shape.values, max_size=3)
    return Shape(dict[str, shape.hint], values)  # type: ignore[name-defined]


def _sized(shape: Shape) -> Shape:
    values = st.lists(shape.values, min_size=1, max_size=2)
    return Shape(Annotated[list[shape.hint], Len(1, 2)], values)  # type: ignore[name-defined]


_WRAPPERS: tuple[Callable[[Shape], Shape], ...] = (
    _optional, _lists, _tuples, _pairs, _tables, _sized,
)  # fmt: skip


@st.composite
def shapes(draw: st.DrawFn, leaves: tuple[Shape, ...]) -> Shape:
    """Return a leaf in up to three wrappings."""
    shape: Shape = draw(st.sampled_from(leaves))
    for wrap in draw(st.lists(st.sampled_from(_WRAPPERS), max_size=3)):
        shape = wrap(shape)
    return shape


class Drawn(NamedTuple):
    """A payload class made up on the spot, its codec, and one of its values."""

    codec: Codec[Any]
    value: Any


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


@st.composite
def drawn(draw: st.DrawFn, leaves: tuple[Shape, ...] = SCALARS + NESTED + FREE) -> Drawn:
    """Return a class with up to five fields, some with defaults, and a value of it."""
    chosen = draw(st.lists(shapes(leaves), max_size=5))
    fields: list[Any] = []
    values: dict[str, Any] = {}
    for number, shape in enumerate(chosen):
        name = f"field{number}"
        values[name] = draw(shape.values)
        default = draw(st.none() | st.just(values[name]) | shape.values)
        if default is None and draw(st.booleans()):
            fields.append((name, shape.hint))
        else:
            made = draw(shape.values) if default is None else default
            fields.append((name, shape.hint, dataclasses.field(default_factory=_always(made))))
    cls = dataclasses.make_dataclass(
        "Drawn",
        fields,
        frozen=draw(st.booleans()),
        slots=draw(st.booleans()),
        kw_only=True,
    )
    return Drawn(codec_of(xmlify(cls)), cls(**values))
