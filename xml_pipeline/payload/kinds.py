"""What a field may hold, as data: every projection of a payload is drawn from these.

A payload class is resolved once into a `Model`: one `Record` per class that it reaches, each a
row of `Member`s, each with a `Kind`. The XSD, the JSON Schema, the generated reader and writer,
the JSON codec and the example are written from the model alone, which is why they agree.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from xml_pipeline.payload.facets import Facets
from xml_pipeline.payload.scalars import ScalarType


@dataclass(frozen=True, slots=True)
class Scalar:
    """One piece of text: a string, a number, a date …"""

    type: ScalarType
    facets: Facets


@dataclass(frozen=True, slots=True)
class Nullable:
    """The inner kind, or None."""

    inner: Kind


@dataclass(frozen=True, slots=True)
class Items:
    """A list or a tuple of any length: one ``<item>`` each."""

    item: Kind
    into: type[list[Any]] | type[tuple[Any, ...]]
    facets: Facets


@dataclass(frozen=True, slots=True)
class Nested:
    """Another payload; ``key`` finds its record in the model."""

    key: Hashable


Kind: TypeAlias = Scalar | Nullable | Items | Nested


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
    """One field: its attribute, its element, its JSON key, and what its absence means."""

    name: str
    element: str
    key: str
    kind: Kind
    doc: str = ""
    default: Constant | Fresh | None = None

    @property
    def required(self) -> bool:
        """Whether the element must be there."""
        return self.default is None

    @property
    def nillable(self) -> bool:
        """Whether None needs an element of its own, because absence means something else."""
        return isinstance(self.kind, Nullable) and not (
            isinstance(self.default, Constant) and self.default.value is None
        )


@dataclass(frozen=True, slots=True)
class Record:
    """One payload class: its tag and its members in the order of declaration."""

    cls: type[Any]
    tag: str
    doc: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A payload class and every class that it reaches, itself first."""

    root: Hashable
    records: Mapping[Hashable, Record]
