"""Turns a dataclass into a model, or refuses with the name of the field it cannot bind."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum
from functools import reduce
from keyword import iskeyword
from operator import or_
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.model.annotations import Scope, class_of, hints_of, init_only, name_of
from xml_pipeline.payload.model.finite import check_finite
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
    Record,
    Row,
    Scalar,
    Table,
    model_on,
)
from xml_pipeline.payload.model.narrow import narrow
from xml_pipeline.payload.model.options import enum_options, literal_options
from xml_pipeline.payload.raw import ABSENT, Absent, JsonMark, RawXml
from xml_pipeline.payload.scalars import SCALARS
from xml_pipeline.payload.text import is_name

_UNIONS = (Union, types.UnionType)


def resolve(key: object, names: Mapping[str, Any]) -> Model:
    """Return the model of a payload class, or of a ``Box[int]``.

    ``names`` is where annotations may find what their module does not have.

    Raises:
        PayloadDefinitionError: a field cannot be bound; the message begins with its name.
        NameError: an annotation names what is not there (yet).
    """
    if known := model_on(key):
        return known
    cls = class_of(key)
    resolver = _Resolver(Scope(cls.__module__, {**names, cls.__name__: cls}))
    resolver.visit(key)
    model = Model(key, types.MappingProxyType(resolver.records()))
    check_finite(model)
    return model


class _Resolver:
    """Visits a class and every class that it reaches."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._order: list[object] = []
        self._found: dict[object, Record] = {}
        self._type_names: set[str] = set()

    def records(self) -> dict[object, Record]:
        """Return what was found, in the order in which it was first met."""
        return {key: self._found[key] for key in self._order}

    def visit(self, key: object) -> None:
        """Resolve a class unless it is known."""
        if key in self._order:
            return
        self._order.append(key)
        cls, tag = class_of(key), name_of(key)
        if not dataclasses.is_dataclass(cls):
            raise PayloadDefinitionError(f"{tag} is not a dataclass")
        if not is_name(tag):
            raise PayloadDefinitionError(f"{tag} cannot be the name of an element")
        if names := init_only(cls):
            raise PayloadDefinitionError(f"{tag}.{names[0]}: an InitVar leaves nothing to write")
        type_name = self._free_name(tag)
        members = tuple(
            self._member(key, field, hint) for field, hint in hints_of(key, self._scope)
        )
        self._found[key] = Record(cls, tag, type_name, _doc(cls), members)

    def _adopt(self, model: Model) -> None:
        """Take over the records of a model, under names that are free here."""
        for key, record in model.records.items():
            if key not in self._order:
                self._order.append(key)
                type_name = self._free_name(record.type_name)
                self._found[key] = replace(record, type_name=type_name)

    def _free_name(self, tag: str) -> str:
        """Return a name for the type: two classes of one name are told apart by a number."""
        name, number = tag, 1
        while name in self._type_names:
            number += 1
            name = f"{tag}.{number}"
        self._type_names.add(name)
        return name

    def _member(self, key: object, field: dataclasses.Field[Any], hint: Any) -> Member:
        place = f"{name_of(key)}.{field.name}"
        if not field.name.isidentifier() or iskeyword(field.name) or not is_name(field.name):
            raise PayloadDefinitionError(f"{place}: cannot be the name of an element")
        try:
            hint, may_be_absent = _without_absent(hint)
            kind = self._kind(hint, key)
        except (PayloadDefinitionError, ValueError) as error:
            raise PayloadDefinitionError(f"{place}: {error}") from error
        default = _default(field)
        if default is None and may_be_absent:
            default = Constant(ABSENT)
        elif default is None and isinstance(kind, Nullable):
            default = Constant(None)
        name, metadata = field.name, _metadata(hint)
        doc = _field_doc(field, metadata)
        return Member(name, name, name, kind, default, doc, _examples(metadata))

    def _kind(self, hint: Any, key: object) -> Kind:
        """Return the kind for a type; ``key`` is the class that the type stands in."""
        if hint is typing.Any or hint is object:
            raise PayloadDefinitionError("a value of any type has no schema: say Json")
        hint = _unwrapped(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            if JsonMark.JSON in arguments[1:]:
                return JsonText()
            return narrow(self._kind(arguments[0], key), arguments[1:])
        if origin in _UNIONS:
            return self._union(arguments, key)
        if origin is Literal:
            return literal_options(arguments)
        if origin in (list, tuple, dict):
            return self._collection(origin, arguments, key)
        return self._class(hint, key)

    def _class(self, hint: Any, key: object) -> Kind:
        if hint in SCALARS:
            return narrow(Scalar(SCALARS[hint]), ())
        if hint is RawXml:
            return Markup()
        if isinstance(hint, type) and issubclass(hint, Enum):
            return enum_options(hint)
        if hint is getattr(typing, "Self", None):
            return Nested(key)
        if known := model_on(hint):
            self._adopt(known)
            return Nested(known.root)
        if dataclasses.is_dataclass(get_origin(hint) or hint):
            self.visit(hint)
            return Nested(hint)
        raise PayloadDefinitionError(f"{_name(hint)} has no XML form")

    def _collection(self, origin: Any, arguments: tuple[Any, ...], key: object) -> Kind:
        if origin is list:
            return Items(self._kind(arguments[0], key))
        if origin is tuple and arguments[1:] == (...,):
            return Items(self._kind(arguments[0], key), tuple)
        if origin is tuple:
            return Row(tuple(self._kind(each, key) for each in arguments))
        table_key, value = self._kind(arguments[0], key), self._kind(arguments[1], key)
        if not isinstance(table_key, Scalar) or table_key.type.python is not str:
            raise PayloadDefinitionError("the keys of a dictionary must be str")
        return Table(table_key, value)

    def _union(self, arguments: Iterable[Any], key: object) -> Kind:
        inner = [each for each in arguments if each is not type(None)]
        kinds = [self._kind(each, key) for each in inner]
        if len(kinds) == 1:
            return Nullable(kinds[0])
        keys = tuple(kind.key for kind in kinds if isinstance(kind, Nested))
        if len(keys) < len(kinds):
            raise PayloadDefinitionError("a union must be of payloads, or of one type and None")
        if len({class_of(each) for each in inner}) < len(keys):
            raise PayloadDefinitionError("two payloads of a union are of the same class")
        if len({name_of(each) for each in inner}) < len(keys):
            raise PayloadDefinitionError("two payloads of a union have the same name")
        either = Either(keys)
        return either if len(kinds) == len(list(arguments)) else Nullable(either)


def _unwrapped(hint: Any) -> Any:
    """Return what a NewType or a ``type Alias = …`` stands for."""
    while isinstance(hint, NewType) or hasattr(hint, "__value__"):
        hint = hint.__supertype__ if isinstance(hint, NewType) else hint.__value__
    return hint


def _without_absent(hint: Any) -> tuple[Any, bool]:
    """Split ``T | Absent`` into T and whether Absent was there."""
    arguments = get_args(hint)
    if get_origin(hint) not in _UNIONS or Absent not in arguments:
        return hint, False
    return reduce(or_, (each for each in arguments if each is not Absent)), True


def _default(field: dataclasses.Field[Any]) -> Constant | Fresh | None:
    if field.default is not dataclasses.MISSING:
        return Constant(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return Fresh(field.default_factory)
    return None


def _metadata(hint: Any) -> tuple[object, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _field_doc(field: dataclasses.Field[Any], metadata: tuple[object, ...]) -> str:
    """Return what is said of a field by ``Doc``, by pydantic's ``Field``, or by ``field``."""
    for each in metadata:
        for name in ("documentation", "description"):
            if isinstance(doc := getattr(each, name, None), str):
                return inspect.cleandoc(doc)
    doc = getattr(field, "doc", None) or field.metadata.get("description", "")
    return inspect.cleandoc(str(doc))


def _examples(metadata: tuple[object, ...]) -> tuple[object, ...]:
    for each in metadata:
        examples = getattr(each, "examples", None)
        if isinstance(examples, list | tuple):
            return tuple(examples)
    return ()


def _doc(cls: type[Any]) -> str:
    """Return the class's docstring, unless it is the signature that ``dataclass`` put there."""
    doc = cls.__doc__ or ""
    return "" if doc.startswith(f"{cls.__name__}(") else inspect.cleandoc(doc)


def _name(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) else str(hint)
