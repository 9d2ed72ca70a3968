"""Dataclasses of every make become payloads, and stay what they were."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import KW_ONLY, dataclass, field
from datetime import date
from typing import Any, ClassVar, Generic, NewType, TypeVar

import pytest

from xml_pipeline.errors import InvalidPayload, PayloadDefinitionError
from xml_pipeline.payload import ABSENT, Absent, Codec, codec_of, xmlify

T = TypeVar("T")
Name = NewType("Name", str)


@xmlify
@dataclass(frozen=True, slots=True)
class Point:
    """Where something is."""

    x: int
    y: int = 0


@xmlify
@dataclass(frozen=True, slots=True)
class Named(Point):
    label: str = ""


@xmlify
@dataclass(frozen=True)
class Loose:
    x: int


@xmlify
@dataclass
class Mutable:
    x: int
    _: KW_ONLY
    y: int
    kind: ClassVar[str] = "none"
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        self.twice = 2 * self.x


@xmlify
@dataclass(frozen=True, slots=True)
class Even:
    n: int

    def __post_init__(self) -> None:
        if self.n % 2:
            raise ValueError("odd")


@xmlify
@dataclass(frozen=True, slots=True)
class Shouting:
    word: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "word", self.word.upper())


@xmlify
@dataclass(frozen=True, slots=True)
class OwnConstructor:
    x: int

    def __init__(self, x: int) -> None:
        object.__setattr__(self, "x", x + 0)


@xmlify
@dataclass(frozen=True, slots=True)
class Defaulted:
    a: str = "a"
    b: int | None = None
    c: int | None = 7
    d: list[int] = field(default_factory=lambda: [1])
    e: int | Absent = ABSENT
    f: int | Absent | None = ABSENT


@xmlify
@dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    content: T
    more: list[T] = field(default_factory=list)


@xmlify
@dataclass(frozen=True, slots=True)
class DateBox(Box[date]):
    note: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class Shelf:
    numbers: Box[int]
    names: Box[Name]
    boxes: Box[Box[int]]


@xmlify
@dataclass(frozen=True, slots=True)
class Chicken:
    eggs: list[Egg]


@xmlify
@dataclass(frozen=True, slots=True)
class Egg:
    inside: Chicken | None


@xmlify
@dataclass(frozen=True, slots=True)
class Nothing:
    """Says it all."""


VALUES: list[Any] = [
    Point(1, 2),
    Named(1, 2, "three"),
    Loose(1),
    Mutable(1, y=2),
    Even(2),
    Shouting("hey"),
    OwnConstructor(3),
    Defaulted(),
    Defaulted("", None, None, [], 3, None),
    DateBox(date(2026, 1, 1), [date(1, 1, 1)], "old"),
    Shelf(Box(1, [2]), Box(Name("n")), Box(Box(3))),
    Chicken([Egg(Chicken([])), Egg(None)]),
    Nothing(),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_survives_whatever_its_class(value: Any) -> None:
    codec = codec_of(type(value))
    assert codec.from_xml(codec.to_xml(value)) == value
    assert codec.from_json(codec.to_json(value)) == value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_is_read_is_an_object_like_any_other(value: Any) -> None:
    read = codec_of(type(value)).from_xml(codec_of(type(value)).to_xml(value))
    assert type(read) is type(value)
    assert copy.deepcopy(read) == value
    assert repr(read) == repr(value)
    assert dataclasses.replace(read) == value


def test_a_frozen_object_that_is_read_is_frozen() -> None:
    read = codec_of(Point).from_xml(b"<Point><x>1</x></Point>")
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.x = 2  # type: ignore[misc]


def test_the_decorator_adds_the_methods() -> None:
    cls: Any = Point
    assert cls(1).to_xml() == b"<Point><x>1</x><y>0</y></Point>"
    assert cls.from_xml(b"<Point><x> +1 </x></Point>") == Point(1)
    assert cls.xsd() == codec_of(Point).xsd
    assert cls.json_schema()["properties"].keys() == {"x", "y"}
    assert cls.from_xml(cls.example()) == codec_of(Point).example()


def test_a_field_may_be_called_like_a_method_of_ours() -> None:
    @xmlify
    @dataclass(frozen=True, slots=True)
    class Clash:
        example: str
        xsd: int

    value = Clash("for instance", 3)
    assert (value.example, value.xsd) == ("for instance", 3)
    assert codec_of(Clash).from_xml(codec_of(Clash).to_xml(value)) == value


def test_post_init_refuses_what_is_read() -> None:
    codec = codec_of(Even)
    with pytest.raises(InvalidPayload, match="odd"):
        codec.from_xml(b"<Even><n>3</n></Even>")
    with pytest.raises(InvalidPayload, match="odd"):
        codec.from_json({"n": 3})


def test_an_absent_element_means_the_default() -> None:
    assert codec_of(Defaulted).from_xml(b"<Defaulted></Defaulted>") == Defaulted()
    assert codec_of(Defaulted).from_json({}) == Defaulted()


def test_a_default_is_made_anew_for_each_object() -> None:
    codec = codec_of(Defaulted)
    one, other = codec.from_xml(b"<Defaulted/>"), codec.from_xml(b"<Defaulted/>")
    assert one.d == other.d
    assert one.d is not other.d


def test_none_is_absence_unless_absence_means_something_else() -> None:
    text = codec_of(Defaulted).write(Defaulted(b=None, c=None, f=None))
    assert "<b" not in text
    assert "<e" not in text
    assert text.count('xsi:nil="true"') == 2


def test_absent_is_false_and_says_its_name() -> None:
    assert not ABSENT
    assert repr(ABSENT) == "ABSENT"


def test_a_value_of_a_subclass_is_refused_for_it_would_lose_fields() -> None:
    with pytest.raises(InvalidPayload, match="Point"):
        codec_of(Point).write(Named(1, 2, "three"))
    with pytest.raises(InvalidPayload, match="Point"):
        codec_of(Point).to_json(Named(1, 2, "three"))


def test_a_generic_class_has_a_codec_for_each_choice_of_types() -> None:
    box: Any = codec_of(Box[int])
    assert box.tag == "Box.int"
    assert box.from_xml(b"<Box.int><content>1</content></Box.int>") == Box(1)
    assert codec_of(Box[int]) is box
    with pytest.raises(PayloadDefinitionError, match="leaves a type open"):
        codec_of(Box)


def test_a_class_that_is_not_decorated_has_no_codec() -> None:
    class Plain:
        pass

    @dataclass(frozen=True)
    class Child(Point):
        pass

    for cls in (Plain, Child):
        with pytest.raises(PayloadDefinitionError, match="not decorated"):
            codec_of(cls)


def test_classes_within_a_function_find_each_other() -> None:
    @dataclass(frozen=True)
    class Leaf:
        value: int

    @xmlify
    @dataclass(frozen=True)
    class Branch:
        leaf: Leaf
        later: Later | None = None

    @xmlify
    @dataclass(frozen=True)
    class Later:
        leaves: tuple[Leaf, ...]

    value = Branch(Leaf(1), Later((Leaf(2),)))
    assert codec_of(Branch).from_xml(codec_of(Branch).to_xml(value)) == value


def test_a_name_that_is_never_defined_is_told_at_first_use() -> None:
    @xmlify
    @dataclass
    class Waiting:
        godot: Godot  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(PayloadDefinitionError, match=r"^Waiting\.godot: name 'Godot'"):
        codec_of(Waiting)


def test_two_classes_of_one_name_live_in_one_schema() -> None:
    other = dataclasses.make_dataclass("Point", [("angle", float)])
    both = dataclasses.make_dataclass("Both", [("here", Point), ("there", other)])
    value = both(Point(1), other(0.5))
    codec: Codec[Any] = codec_of(xmlify(both))
    assert codec.from_xml(codec.to_xml(value)) == value
    assert codec.from_json(codec.to_json(value)) == value
    assert codec.json_schema()["$defs"].keys() == {"Point", "Point.2"}


def test_a_codec_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        codec_of(Point).tag = "Other"
    assert "Point" in repr(codec_of(Point))


def test_tracebacks_show_the_generated_source() -> None:
    with pytest.raises(InvalidPayload) as caught:
        codec_of(Point).write(Point("1"))  # type: ignore[arg-type]
    assert "value.x" in str(caught.getrepr())
