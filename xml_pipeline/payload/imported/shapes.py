"""Finds, for each part of a JSON Schema, a kind that takes whatever the part accepts.

Rule: a kind may accept more than its schema, never less, for the schema itself is checked too.
The one exception is ``format``: a date, a date-time and a uuid are taken at their word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID

from xml_pipeline.payload.as_json.scalars import load_scalar
from xml_pipeline.payload.faults import FAULTS
from xml_pipeline.payload.imported.names import attribute_name, class_name, element_name, free
from xml_pipeline.payload.imported.places import at, place_of, step
from xml_pipeline.payload.imported.safety import SafeSchema
from xml_pipeline.payload.model.kinds import (
    Constant,
    Either,
    Items,
    JsonText,
    Kind,
    Member,
    Model,
    Nested,
    Nullable,
    Record,
    Scalar,
    Table,
    reachable,
)
from xml_pipeline.payload.model.narrow import narrow
from xml_pipeline.payload.model.options import literal_options
from xml_pipeline.payload.raw import ABSENT
from xml_pipeline.payload.scalars import SCALARS

Schema = Mapping[str, Any]
_TEXT = Scalar(SCALARS[str])
_FORMATS: Mapping[object, type] = MappingProxyType(
    {"date": date, "date-time": datetime, "uuid": UUID}
)
_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "minimum": "ge",
        "exclusiveMinimum": "gt",
        "maximum": "le",
        "exclusiveMaximum": "lt",
        "minLength": "min_length",
        "maxLength": "max_length",
        "minItems": "min_length",
        "maxItems": "max_length",
        "minProperties": "min_length",
        "maxProperties": "max_length",
        "pattern": "pattern",
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """The key of a record: a JSON pointer within one schema."""

    owner: object
    pointer: str


class Shapes:
    """Collects a record for each object within one schema."""

    def __init__(self, name: str, safe: SafeSchema) -> None:
        self._name = name
        self._safe = safe
        self._records: dict[Place, Record] = {}
        self._tags: dict[Place, str] = {}
        self._type_names: set[str] = set()
        self._following: set[str] = set()
        self._options: set[Place] = set()

    def model(self) -> Model:
        """Return the model of the whole schema."""
        root = self._record("#", self._safe.root)
        self._options.add(root)
        records: dict[object, Record] = {
            key: self._checked(key, record) for key, record in self._records.items()
        }
        records[root] = replace(records[root], schema=self._safe.whole)
        return reachable(Model(root, records))

    def _checked(self, key: Place, record: Record) -> Record:
        if key not in self._options:
            return record
        return replace(record, check=self._safe.check(at(self._safe.root, key.pointer)))

    def _record(self, pointer: str, schema: Schema) -> Place:
        """Make the record for an object, unless it is there or being made."""
        key = Place(self._safe, pointer)
        if key not in self._tags:
            last = pointer.rpartition("/")[2]
            tag = self._name if pointer == "#" else class_name(str(schema.get("title") or last))
            whole = tag if pointer == "#" else f"{self._name}.{tag}"
            type_name = free(whole, self._type_names)
            self._type_names.add(type_name)
            self._tags[key] = tag
            members = self._members(pointer, schema)
            doc = str(schema.get("description", ""))
            self._records[key] = Record(_class(tag, members), tag, type_name, doc, members)
        return key

    def _members(self, pointer: str, schema: Schema) -> tuple[Member, ...]:
        required = schema.get("required", ())
        members: list[Member] = []
        for key, each in schema.get("properties", {}).items():
            kind = self.kind(f"{pointer}/properties/{step(key)}", each)
            members.append(
                Member(
                    name=attribute_name(key, [member.name for member in members]),
                    element=element_name(key),
                    key=key,
                    kind=kind,
                    default=None if key in required else Constant(ABSENT),
                    doc=_doc(each),
                    examples=_examples(kind, each),
                )
            )
        value = self._additional(pointer, schema)
        return (*members, *([] if value is None else [_rest(members, value)]))

    def _additional(self, pointer: str, schema: Schema) -> Kind | None:
        """Return the kind of additional properties, or nothing where there cannot be any."""
        additional = schema.get("additionalProperties", True)
        if schema.get("patternProperties"):
            return JsonText()
        if additional is False:
            return None
        return self.kind(f"{pointer}/additionalProperties", additional)

    def kind(self, pointer: str, schema: Any) -> Kind:
        """Return the kind for a subschema."""
        if not isinstance(schema, dict):
            return JsonText()
        if "$ref" in schema:
            return self._referred(schema["$ref"])
        for keyword in ("const", "enum"):
            if keyword in schema:
                return _choice(schema[keyword] if keyword == "enum" else [schema[keyword]])
        if "type" in schema:
            return self._typed(pointer, schema)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._union(f"{pointer}/{keyword}", schema[keyword])
        return JsonText()

    def _referred(self, reference: str) -> Kind:
        pointer = place_of(reference)
        if pointer is None:
            return JsonText()
        if (known := Place(self._safe, pointer)) in self._tags:
            return Nested(known)
        if pointer in self._following:
            return JsonText()
        self._following.add(pointer)
        kind = self.kind(pointer, at(self._safe.root, pointer))
        self._following.discard(pointer)
        return kind

    def _typed(self, pointer: str, schema: Schema) -> Kind:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        others = [each for each in types if each != "null"]
        if len(others) != 1:
            return JsonText()
        try:
            kind = self._of_type(others[0], pointer, schema)
        except ValueError:  # limits that nothing can satisfy have no XSD
            return JsonText()
        return kind if len(types) == 1 else _nullable(kind)

    def _of_type(self, type_: str, pointer: str, schema: Schema) -> Kind:
        match type_:
            case "string":
                format_ = _FORMATS.get(schema.get("format"))
                plain = not {"minLength", "maxLength", "pattern"} & schema.keys()
                if format_ and plain:
                    return Scalar(SCALARS[format_])
                return _limited(_TEXT, schema, "minLength", "maxLength", "pattern")
            case "integer" | "number":
                bounds = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
                number = Scalar(SCALARS[int if type_ == "integer" else float])
                return _limited(number, schema, *bounds)
            case "boolean":
                return Scalar(SCALARS[bool])
            case "array":
                items = {} if "prefixItems" in schema else schema.get("items", {})
                item = self.kind(f"{pointer}/items", items)
                return _limited(Items(item), schema, "minItems", "maxItems")
            case "object":
                return self._object(pointer, schema)
        return JsonText()

    def _object(self, pointer: str, schema: Schema) -> Kind:
        value = self._additional(pointer, schema)
        if value is None or schema.get("properties"):
            return Nested(self._record(pointer, schema))
        return _limited(Table(_TEXT, value), schema, "minProperties", "maxProperties")

    def _union(self, pointer: str, options: list[Any]) -> Kind:
        some = [n for n, each in enumerate(options) if not _is_null(each)]
        kinds = [self.kind(f"{pointer}/{n}", options[n]) for n in some]
        if len(kinds) == 1:
            kind = kinds[0]
        else:
            kind = self._either([each.key for each in kinds if isinstance(each, Nested)], kinds)
        return kind if len(some) == len(options) else _nullable(kind)

    def _either(self, keys: list[Any], kinds: list[Kind]) -> Kind:
        tags = {self._tags[key] for key in keys}
        if len(keys) < len(kinds) or len(tags) < len(keys) or not keys:
            return JsonText()
        self._options.update(keys)
        return Either(tuple(keys), tagged=False)


def _class(name: str, members: Iterable[Member]) -> type[Any]:
    fields: list[tuple[str, Any, Any]] = [
        (each.name, Any, dataclasses.field())
        if each.required
        else (each.name, Any, dataclasses.field(default=ABSENT))
        for each in members
    ]
    return dataclasses.make_dataclass(name, fields, frozen=True, slots=True, kw_only=True)


def _rest(members: list[Member], value: Kind) -> Member:
    name = "additional_properties"
    return Member(
        name=attribute_name(name, [member.name for member in members]),
        element=free(name, [member.element for member in members]),
        key=free(name, [member.key for member in members]),
        kind=Table(_TEXT, value),
        default=Constant(ABSENT),
        doc="Whatever else.",
        rest=True,
    )


def _limited(kind: Kind, schema: Schema, *keywords: str) -> Kind:
    limits = {_LIMITS[each]: schema[each] for each in keywords if each in schema}
    for name in ("min_length", "max_length"):
        if name in limits:
            limits[name] = int(limits[name])
    return narrow(kind, [SimpleNamespace(**limits)])


def _choice(values: list[Any]) -> Kind:
    if not all(value is None or isinstance(value, str | int) for value in values):
        return JsonText()
    try:
        return literal_options(values)
    except (TypeError, ValueError):  # they look alike, or XML cannot carry one
        return JsonText()


def _nullable(kind: Kind) -> Kind:
    return kind if isinstance(kind, Nullable | JsonText) else Nullable(kind)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _doc(schema: Any) -> str:
    return str(schema.get("description", "")) if isinstance(schema, dict) else ""


def _examples(kind: Kind, schema: Any) -> tuple[object, ...]:
    """Return the first example, or else the default, that the kind takes."""
    if not isinstance(schema, dict) or not isinstance(kind, Scalar):
        return ()
    for example in [*schema.get("examples", ()), schema.get("default")]:
        try:
            return (load_scalar(kind, example),)
        except FAULTS:
            continue
    return ()
