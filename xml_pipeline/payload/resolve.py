"""Turns a dataclass into a model, or refuses with the name of the field it cannot bind."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Hashable
from typing import Any, Union, get_args, get_origin

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.facets import MAX_TEXT, Facets
from xml_pipeline.payload.kinds import Constant, Fresh, Items, Kind, Member, Model, Nested, Nullable, Record, Scalar
from xml_pipeline.payload.scalars import SCALARS


class _Holder:
    """Something that `typing.get_type_hints` may look at."""

    def __init__(self, hint: object) -> None:
        self.__annotations__ = {"hint": hint}


class Resolver:
    def __init__(self) -> None:
        self.records: dict[Hashable, Record] = {}
        self._open: set[Hashable] = set()

    def model(self, cls: type[Any]) -> Model:
        self.visit(cls)
        return Model(cls, dict(sorted(self.records.items(), key=lambda kv: kv[0] is not cls)))

    def visit(self, cls: type[Any]) -> None:
        if cls in self._open:
            return
        self._open.add(cls)
        members = tuple(self.member(cls, f) for f in dataclasses.fields(cls) if f.init)
        doc = cls.__doc__ or ""
        doc = "" if doc.startswith(f"{cls.__name__}(") else doc.strip()
        self.records[cls] = Record(cls, cls.__name__, doc, members)

    def member(self, cls: type[Any], field: dataclasses.Field[Any]) -> Member:
        namespace = {**vars(sys.modules[cls.__module__]), cls.__name__: cls}
        hint = typing.get_type_hints(
            _Holder(field.type), namespace, include_extras=True  # type: ignore[arg-type]
        )["hint"]
        try:
            kind = self.kind(hint)
        except PayloadDefinitionError as error:
            raise PayloadDefinitionError(f"{cls.__name__}.{field.name}: {error}") from error
        default = self.default(field)
        if isinstance(kind, Nullable) and default is None:
            default = Constant(None)
        return Member(field.name, field.name, field.name, kind, "", default)

    @staticmethod
    def default(field: dataclasses.Field[Any]) -> Constant | Fresh | None:
        if field.default is not dataclasses.MISSING:
            return Constant(field.default)
        if field.default_factory is not dataclasses.MISSING:
            return Fresh(field.default_factory)
        return None

    def kind(self, hint: Any) -> Kind:
        for scalar in SCALARS:
            if hint is scalar.python:
                return Scalar(scalar, Facets(max_length=MAX_TEXT) if hint is str else Facets())
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType) and len(arguments) == 2 and type(None) in arguments:
            [inner] = [each for each in arguments if each is not type(None)]
            return Nullable(self.kind(inner))
        if origin is list:
            return Items(self.kind(arguments[0]), list, Facets())
        if origin is tuple and arguments[1:] == (...,):
            return Items(self.kind(arguments[0]), tuple, Facets())
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            self.visit(hint)
            return Nested(hint)
        raise PayloadDefinitionError(f"cannot bind {hint!r}")
