"""What a field may hold, as data: every projection of a payload is drawn from these.

A payload class is resolved once into a `Model`: one `Record` per class that it reaches, each a
row of `Member`s, each with a `Kind`. The XSD, the JSON Schema, the generated reader and writer,
the JSON reader and writer and the example all come from the model alone, so they agree.

How each kind looks as the content of an element:

========  =======================================================================================
Scalar    its text
Options   the text of one of them
Nullable  None is the element left out; where that means something else, ``xsi:nil="true"``
Items     ``<item>`` for each, so ``[]``, ``[[]]`` and absence all differ
Row       ``<item1>``, ``<item2>`` … of a tuple whose members differ in kind
Table     ``<item><key/><value/></item>`` for each entry, each key once (``xs:unique``)
Nested    the fields of the payload
Either    the one payload, under its own tag
Markup    any well-formed XML
JsonText  JSON text
========  =======================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from xml_pipeline.payload.model.facets import FREE, MAX_TEXT, Facets
from xml_pipeline.payload.raw import ABSENT
from xml_pipeline.payload.scalars import ScalarType

MODEL = "__payload_model__"
"""The attribute of a class that holds its model, once that is known."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One piece of text: a string, a number, a date …"""

    type: ScalarType
    facets: Facets = FREE
    limits: Facets = field(init=False, repr=False, compare=False)
    """The facets, with the greatest length that holds where none is given."""

    def __post_init__(self) -> None:
        limits = self.facets
        if self.type.takes == "length" and limits.max_length is None:
            limits = replace(limits, max_length=max(MAX_TEXT, limits.min_length))
        object.__setattr__(self, "limits", limits)


@dataclass(frozen=True, slots=True)
class Option:
    """One value out of a few: its text in XML, its value in JSON and in Python."""

    text: str
    json: str | int | bool
    value: object


@dataclass(frozen=True, slots=True)
class Options:
    """An Enum or a Literal."""

    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Nullable:
    """The inner kind, or None."""

    inner: Kind


@dataclass(frozen=True, slots=True)
class Items:
    """A list, or a tuple of any length."""

    item: Kind
    into: type[list[Any]] | type[tuple[Any, ...]] = list
    facets: Facets = FREE


@dataclass(frozen=True, slots=True)
class Row:
    """A tuple whose members are declared one by one."""

    items: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A dictionary with keys of text."""

    key: Scalar
    value: Kind
    facets: Facets = FREE


@dataclass(frozen=True, slots=True)
class Nested:
    """Another payload; ``key`` finds its record in the model."""

    key: object


@dataclass(frozen=True, slots=True)
class Either:
    """One of several payloads.

    In JSON each stands below its tag, as in XML; where ``tagged`` is false, bare.
    """

    keys: tuple[object, ...]
    tagged: bool = True


@dataclass(frozen=True, slots=True)
class Markup:
    """Any well-formed XML, as `RawXml`."""


@dataclass(frozen=True, slots=True)
class JsonText:
    """Any JSON value."""


Kind: TypeAlias = (
    Scalar | Options | Nullable | Items | Row | Table | Nested | Either | Markup | JsonText
)


@dataclass(frozen=True, slots=True)
class Constant:
    """An absent element means this value."""

    value: object


@dataclass(frozen=True, slots=True)
class Fresh:
    """An absent element means whatever this makes."""

    make: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Member:
    """One field: its attribute, its element, its JSON key, and what its absence means.

    A member that is the ``rest`` is a `Table` of the JSON keys that no other member has.
    """

    name: str
    element: str
    key: str
    kind: Kind
    default: Constant | Fresh | None = None
    doc: str = ""
    examples: tuple[object, ...] = ()
    rest: bool = False

    @property
    def required(self) -> bool:
        """Whether the element must be there."""
        return self.default is None

    @property
    def omitted(self) -> object:
        """The one value that is written by leaving the element out; the member if there is none.

        Only None and ABSENT are: any other default is written, so that a later change of the
        default does not change what a message meant.
        """
        match self.default:
            case Constant(value) if value is None or value is ABSENT:
                return value
        return self

    @property
    def nillable(self) -> bool:
        """Whether None needs an element of its own, because absence means something else."""
        return isinstance(self.kind, Nullable) and self.omitted is not None


@dataclass(frozen=True, slots=True)
class Record:
    """One payload class: its tag, its name among types, its members in order of declaration.

    A record that was made from a JSON Schema has that ``schema``, and a ``check`` that holds the
    JSON form of a payload against it, for the rules that no member can state.
    """

    cls: type[Any]
    tag: str
    type_name: str
    doc: str
    members: tuple[Member, ...]
    schema: Mapping[str, Any] | None = None
    check: Callable[[Any], None] | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A payload class and every class that it reaches, itself first."""

    root: object
    records: Mapping[object, Record]

    def type_name(self, key: object) -> str:
        """Return the name of a record's type in schemas."""
        return self.records[key].type_name

    def tag(self, key: object) -> str:
        """Return the name of a record's element where it stands for itself."""
        return self.records[key].tag


def keys_within(kind: Kind) -> Iterator[object]:
    """Yield the key of each record that a value of the kind may directly hold."""
    match kind:
        case Nested(key):
            yield key
        case Either(keys):
            yield from keys
        case Nullable(inner) | Items(inner) | Table(value=inner):
            yield from keys_within(inner)
        case Row(items):
            for item in items:
                yield from keys_within(item)


def reachable(model: Model) -> Model:
    """Return the model without the records that its root does not reach."""
    found = [model.root]
    for key in found:
        for member in model.records[key].members:
            found += (each for each in keys_within(member.kind) if each not in found)
    return Model(model.root, {key: model.records[key] for key in found})


def model_on(cls: object) -> Model | None:
    """Return the model that a class carries, if it does."""
    found = vars(cls).get(MODEL) if isinstance(cls, type) else None
    return found if isinstance(found, Model) else None
