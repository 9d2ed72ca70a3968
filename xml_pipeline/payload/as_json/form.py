"""Turns a payload into a JSON value and back, strictly.

Where XML has an element's tag, JSON has the key: a union of payloads is an object with one key,
the tag. Nothing is coerced, and no key is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import singledispatchmethod
from typing import Any, TypeVar, cast

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload.as_json.rest import gathered, spread
from xml_pipeline.payload.as_json.scalars import dump_scalar, load_scalar
from xml_pipeline.payload.faults import FAULTS, refusal
from xml_pipeline.payload.model.kinds import (
    Either,
    Items,
    JsonText,
    Kind,
    Markup,
    Model,
    Nested,
    Nullable,
    Options,
    Record,
    Row,
    Scalar,
    Table,
)
from xml_pipeline.payload.raw import JsonValue, RawXml, write_json

T = TypeVar("T")


class JsonForm:
    """Loads and dumps the payloads of one model."""

    # Without room for weak references: functools of 3.13 would keep each one for ever.
    __slots__ = ("_model",)

    def __init__(self, model: Model) -> None:
        self._model = model

    def load(self, value: object) -> Any:
        """Return the payload for a JSON value.

        Raises:
            InvalidPayload: it does not fit; ``field`` is the path, as in ``crew[2].name``.
        """
        return self._load_record(self._model.root, value)

    def dump(self, payload: object) -> dict[str, Any]:
        """Return the JSON object for a payload. Raises InvalidPayload for what JSON has not."""
        return self._dump_record(self._model.root, payload)

    def dump_kind(self, kind: Kind, value: object) -> JsonValue:
        """Return the JSON value for the value of one field."""
        return cast(JsonValue, self._dump(kind, value))

    def verify(self, key: object, payload: T) -> T:
        """Return the payload of a record if the record's own check lets its JSON form pass."""
        check = self._model.records[key].check
        if check is not None:
            check(self._dump_record(key, payload))
        return payload

    def _load_record(self, key: object, value: object) -> Any:
        record = self._model.records[key]
        if not isinstance(value, dict):
            raise InvalidPayload(f"not an object but {type(value).__name__}")
        if record.check is not None:
            record.check(value)
        value = gathered(record, value)
        if unknown := value.keys() - {member.key for member in record.members}:
            raise InvalidPayload("there is no such field", min(map(str, unknown)))
        arguments = self._arguments(record, value)
        try:
            return record.cls(**arguments)
        except FAULTS as error:
            raise refusal("", error) from error

    def _arguments(self, record: Record, value: Mapping[str, Any]) -> dict[str, Any]:
        arguments = {}
        for member in record.members:
            if member.key in value:
                arguments[member.name] = self._load_at(member.key, member.kind, value[member.key])
            elif member.required:
                raise InvalidPayload("is missing", member.key)
            elif member.omitted is not member:
                # The class itself need not have this default: the model may have added it.
                arguments[member.name] = member.omitted
        return arguments

    def _load_at(self, place: str, kind: Kind, value: object) -> Any:
        try:
            return self._load(kind, value)
        except FAULTS as error:
            raise refusal(place, error) from error

    def _load_bare(self, kind: Either, value: Any) -> Any:
        """Return the first payload of the union that the value fits."""
        for key in kind.keys:
            with suppress(InvalidPayload):
                return self._load_record(key, value)
        raise ValueError("fits none of the payloads")

    def _load(self, kind: Kind, value: Any) -> Any:
        return _loader_of(kind.__class__)(self, kind, value)

    @singledispatchmethod
    def _loaded(self, kind: Kind, value: Any) -> Any:
        raise TypeError(f"no such kind: {kind!r}")

    @_loaded.register
    def _(self, kind: Scalar, value: Any) -> Any:
        return load_scalar(kind, value)

    @_loaded.register
    def _(self, kind: Options, value: Any) -> Any:
        for option in kind.options:
            # In JSON, 1 is 1.0 but not true.
            if option.json == value and isinstance(option.json, bool) == isinstance(value, bool):
                return option.value
        raise ValueError("none of the choices")

    @_loaded.register
    def _(self, kind: Nullable, value: Any) -> Any:
        return None if value is None else self._load(kind.inner, value)

    @_loaded.register
    def _(self, kind: Items, value: Any) -> Any:
        _check_type(value, list, "an array")
        kind.facets.check_length(len(value))
        return kind.into(
            self._load_at(f"[{number}]", kind.item, item) for number, item in enumerate(value)
        )

    @_loaded.register
    def _(self, kind: Row, value: Any) -> Any:
        _check_type(value, list, "an array")
        if len(value) != len(kind.items):
            raise ValueError(f"must have a length of {len(kind.items)}")
        pairs = zip(kind.items, value, strict=True)
        return tuple(
            self._load_at(f"[{number}]", item, each) for number, (item, each) in enumerate(pairs)
        )

    @_loaded.register
    def _(self, kind: Table, value: Any) -> Any:
        _check_type(value, dict, "an object")
        kind.facets.check_length(len(value))
        return {
            self._load_at(name, kind.key, name): self._load_at(name, kind.value, each)
            for name, each in value.items()
        }

    @_loaded.register
    def _(self, kind: Nested, value: Any) -> Any:
        return self._load_record(kind.key, value)

    @_loaded.register
    def _(self, kind: Either, value: Any) -> Any:
        if not kind.tagged:
            return self._load_bare(kind, value)
        _check_type(value, dict, "an object")
        for key in kind.keys:
            tag = self._model.tag(key)
            if value.keys() == {tag}:
                return self._load_at(tag, Nested(key), value[tag])
        raise ValueError("must have one key, the name of one of the payloads")

    @_loaded.register
    def _(self, kind: Markup, value: Any) -> Any:
        _check_type(value, str, "a string")
        return RawXml(value)

    @_loaded.register
    def _(self, kind: JsonText, value: Any) -> Any:
        write_json(value)
        return value

    def _dump_record(self, key: object, payload: object) -> dict[str, Any]:
        record = self._model.records[key]
        if type(payload) is not record.cls:
            raise InvalidPayload(f"a {record.tag} expected, not a {type(payload).__name__}")
        dumped = {
            member.key: self._dump_at(member.key, member.kind, value)
            for member in record.members
            if (value := getattr(payload, member.name)) is not member.omitted
        }
        return spread(record, dumped)

    def _dump_at(self, place: str, kind: Kind, value: object) -> JsonValue:
        try:
            return self.dump_kind(kind, value)
        except FAULTS as error:
            raise refusal(place, error) from error

    def _dump(self, kind: Kind, value: Any) -> Any:
        return _dumper_of(kind.__class__)(self, kind, value)

    @singledispatchmethod
    def _dumped(self, kind: Kind, value: Any) -> Any:
        raise TypeError(f"no such kind: {kind!r}")

    @_dumped.register
    def _(self, kind: Scalar, value: Any) -> Any:
        return dump_scalar(kind, value)

    @_dumped.register
    def _(self, kind: Options, value: Any) -> Any:
        return {option.value: option.json for option in kind.options}[value]

    @_dumped.register
    def _(self, kind: Nullable, value: Any) -> Any:
        return None if value is None else self._dump(kind.inner, value)

    @_dumped.register
    def _(self, kind: Items, value: Any) -> Any:
        return [self._dump_at(f"[{n}]", kind.item, item) for n, item in enumerate(value)]

    @_dumped.register
    def _(self, kind: Row, value: Any) -> Any:
        pairs = zip(kind.items, value, strict=True)
        return [self._dump_at(f"[{n}]", item, each) for n, (item, each) in enumerate(pairs)]

    @_dumped.register
    def _(self, kind: Table, value: Any) -> Any:
        return {
            self._dump_at(name, kind.key, name): self._dump_at(name, kind.value, each)
            for name, each in value.items()
        }

    @_dumped.register
    def _(self, kind: Nested, value: Any) -> Any:
        return self._dump_record(kind.key, value)

    @_dumped.register
    def _(self, kind: Either, value: Any) -> Any:
        for key in kind.keys:
            record: Record = self._model.records[key]
            if type(value) is record.cls:
                dumped = self._dump_at(record.tag, Nested(key), value)
                return {record.tag: dumped} if kind.tagged else dumped
        raise TypeError(f"none of the union: {type(value).__name__}")

    @_dumped.register
    def _(self, kind: Markup, value: Any) -> Any:
        return str(RawXml(value))

    @_dumped.register
    def _(self, kind: JsonText, value: Any) -> Any:
        write_json(value)
        return value


# Such a method makes a function whenever it is looked up on an object, at several times the cost of
# the call; so it is asked for the plain one.
_loader_of = vars(JsonForm)["_loaded"].dispatcher.dispatch
_dumper_of = vars(JsonForm)["_dumped"].dispatcher.dispatch


def _check_type(value: object, python: type, name: str) -> None:
    if not isinstance(value, python):
        raise TypeError(f"not {name} but {type(value).__name__}")
