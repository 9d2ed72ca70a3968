"""Writes the JSON Schema (draft 2020-12) of a payload.

It accepts exactly what `JsonForm.load` accepts, but for three rules that JSON Schema cannot
state: that `RawXml` is well-formed, that a number is within reach of a double, and what a class
checks in its own ``__post_init__``.
"""

from __future__ import annotations

from copy import deepcopy
from functools import singledispatchmethod
from typing import Any

from xml_pipeline.payload.as_json.form import JsonForm
from xml_pipeline.payload.as_json.scalars import scalar_schema
from xml_pipeline.payload.model.kinds import (
    Constant,
    Either,
    Fresh,
    Items,
    JsonText,
    Kind,
    Markup,
    Member,
    Model,
    Nested,
    Nullable,
    Options,
    Record,
    Row,
    Scalar,
    Table,
)
from xml_pipeline.payload.raw import ABSENT

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def write_json_schema(model: Model) -> dict[str, Any]:
    """Return the schema of the root, every other record below ``$defs``."""
    root = model.records[model.root]
    if root.schema is not None:
        return deepcopy(dict(root.schema))
    return _Schemas(model).whole(root)


class _Schemas:
    """Writes the schema of each record and kind of one model."""

    # Without room for weak references: functools of 3.13 would keep each one for ever.
    __slots__ = ("_form", "_model", "_referred")

    def __init__(self, model: Model) -> None:
        self._model = model
        self._form = JsonForm(model)
        self._referred: list[object] = []

    def whole(self, root: Record) -> dict[str, Any]:
        """Return the schema of the root, with every record that it refers to."""
        schema = {"$schema": DIALECT, **self._record(root)}
        definitions: dict[str, Any] = {}
        while len(definitions) < len(self._referred):
            key = self._referred[len(definitions)]
            record = self._model.records[key]
            definitions[record.type_name] = self._definition(record)
        return {**schema, "$defs": definitions} if definitions else schema

    def _definition(self, record: Record) -> dict[str, Any]:
        if record.schema is None:
            return self._record(record)
        # Its own references begin at itself.
        return {**deepcopy(dict(record.schema)), "$id": f"urn:payload:{record.type_name}"}

    def _record(self, record: Record) -> dict[str, Any]:
        schema: dict[str, Any] = {"title": record.tag}
        if record.doc:
            schema["description"] = record.doc
        schema |= {
            "type": "object",
            "properties": {member.key: self._member(member) for member in record.members},
            "required": [member.key for member in record.members if member.required],
            "additionalProperties": False,
        }
        return schema

    def _member(self, member: Member) -> dict[str, Any]:
        schema = self._kind(member.kind)
        if member.doc:
            schema["description"] = member.doc
        match member.default:
            case Constant(value) if value is not None and value is not ABSENT:
                schema["default"] = self._form.dump_kind(member.kind, value)
            case Fresh(make) if make in (list, dict, tuple):
                schema["default"] = self._form.dump_kind(member.kind, make())
        return schema

    @singledispatchmethod
    def _kind(self, kind: Kind) -> dict[str, Any]:
        raise TypeError(f"no such kind: {kind!r}")

    @_kind.register
    def _(self, kind: Scalar) -> dict[str, Any]:
        return scalar_schema(kind)

    @_kind.register
    def _(self, kind: Options) -> dict[str, Any]:
        return {"enum": [option.json for option in kind.options]}

    @_kind.register
    def _(self, kind: Nullable) -> dict[str, Any]:
        return {"anyOf": [self._kind(kind.inner), {"type": "null"}]}

    @_kind.register
    def _(self, kind: Items) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "array", "items": self._kind(kind.item)}
        if kind.facets.min_length:
            schema["minItems"] = kind.facets.min_length
        if kind.facets.max_length is not None:
            schema["maxItems"] = kind.facets.max_length
        return schema

    @_kind.register
    def _(self, kind: Row) -> dict[str, Any]:
        if not kind.items:
            return {"type": "array", "maxItems": 0}
        items = [self._kind(item) for item in kind.items]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}

    @_kind.register
    def _(self, kind: Table) -> dict[str, Any]:
        schema: dict[str, Any] = {
            "type": "object",
            "propertyNames": self._kind(kind.key),
            "additionalProperties": self._kind(kind.value),
        }
        if kind.facets.min_length:
            schema["minProperties"] = kind.facets.min_length
        if kind.facets.max_length is not None:
            schema["maxProperties"] = kind.facets.max_length
        return schema

    @_kind.register
    def _(self, kind: Nested) -> dict[str, Any]:
        if kind.key == self._model.root:
            return {"$ref": "#"}
        if kind.key not in self._referred:
            self._referred.append(kind.key)
        return {"$ref": f"#/$defs/{self._model.type_name(kind.key)}"}

    @_kind.register
    def _(self, kind: Either) -> dict[str, Any]:
        return {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {self._model.tag(key): self._kind(Nested(key))},
                    "required": [self._model.tag(key)],
                    "additionalProperties": False,
                }
                for key in kind.keys
            ]
        }

    @_kind.register
    def _(self, kind: Markup) -> dict[str, Any]:
        return {"type": "string", "contentMediaType": "application/xml"}

    @_kind.register
    def _(self, kind: JsonText) -> dict[str, Any]:
        return {}
