"""What the annotations of a dataclass say, once names and type variables are filled in."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

from xml_pipeline.errors import PayloadDefinitionError

TypeVars = Mapping[Any, Any]
Field = dataclasses.Field


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """Names that annotations of one module may use beyond those of the module itself.

    Where a class stands in a function, they are that function's; another module's annotations
    must not find them, for they may mean something else there.
    """

    module: str
    names: Mapping[str, Any]

    def names_for(self, owner: type[Any]) -> dict[str, Any]:
        """Return everything that an annotation in the body of a class may name."""
        module = sys.modules.get(owner.__module__)
        own = self.names if owner.__module__ == self.module else {}
        variables = {str(each.__name__): each for each in parameters_of(owner)}
        return {**(vars(module) if module else {}), **own, owner.__name__: owner, **variables}


def class_of(key: object) -> type[Any]:
    """Return the class itself for a class or for ``Box[int]``."""
    cls = get_origin(key) or key
    if not isinstance(cls, type):
        raise PayloadDefinitionError(f"{key!r} is not a class")
    return cls


def name_of(key: object) -> str:
    """Return the class's name, ``Box.int`` for ``Box[int]``."""
    parts = [class_of(key).__name__, *(_argument(each) for each in get_args(key))]
    return ".".join(parts)


def _argument(hint: Any) -> str:
    if get_origin(hint) is None:
        return str(getattr(hint, "__name__", "any"))
    name = getattr(get_origin(hint), "__name__", "any")
    return ".".join([name, *(_argument(each) for each in get_args(hint))])


def parameters_of(cls: type[Any]) -> tuple[Any, ...]:
    """Return the type variables that a class leaves open."""
    parameters: tuple[Any, ...] = getattr(cls, "__parameters__", ())
    return parameters


def hints_of(key: object, scope: Scope) -> Iterator[tuple[Field[Any], Any]]:
    """Yield each field that ``__init__`` takes, with its type.

    Fields with ``init=False`` are the class's own business: neither written nor read.

    Raises:
        NameError: an annotation names what is not there (yet).
    """
    cls = class_of(key)
    bound = dict(_bound(key, {}))
    for field in dataclasses.fields(cls):
        if field.init:
            owner = _owner(cls, field)
            try:
                hint = _evaluate(field.type, {**scope.names_for(owner), cls.__name__: cls})
            except NameError as error:
                raise NameError(f"{name_of(key)}.{field.name}: {error}") from error
            yield field, fill(hint, bound.get(owner, {}))


def init_only(cls: type[Any]) -> list[str]:
    """Return the names of the ``InitVar`` pseudo-fields, which leave nothing to write."""
    fields: Mapping[str, Field[Any]] = cls.__dataclass_fields__
    return [name for name, field in fields.items() if _is_init_var(field)]


def _is_init_var(field: Field[Any]) -> bool:
    kind = getattr(field, "_field_type", None)
    return getattr(kind, "name", "") == "_FIELD_INITVAR"


def _owner(cls: type[Any], field: Field[Any]) -> type[Any]:
    """Return the class whose body declares the field: the farthest that has this very object."""
    return [
        base
        for base in cls.__mro__
        if base.__dict__.get("__dataclass_fields__", {}).get(field.name) is field
    ][-1]


def _evaluate(hint: Any, names: dict[str, Any]) -> Any:
    holder = type("Holder", (), {"__annotations__": {"hint": hint}})
    return typing.get_type_hints(holder, names, include_extras=True)["hint"]


def _bound(key: object, outer: TypeVars) -> Iterator[tuple[type[Any], TypeVars]]:
    """Yield, for a class and each of its bases, what its type variables stand for."""
    cls = class_of(key)
    arguments = (fill(argument, outer) for argument in get_args(key))
    own = dict(zip(parameters_of(cls), arguments, strict=False))
    yield cls, own
    for base in cls.__dict__.get("__orig_bases__", cls.__bases__):
        if get_origin(base) not in (typing.Generic, typing.Protocol) and base is not object:
            yield from _bound(base, own)


def fill(hint: Any, bound: TypeVars) -> Any:
    """Put types in the place of type variables.

    Raises:
        PayloadDefinitionError: a variable stands for nothing.
    """
    if isinstance(hint, TypeVar):
        if hint not in bound:
            raise PayloadDefinitionError(f"{hint} stands for no type here")
        return bound[hint]
    variables: tuple[Any, ...] = getattr(hint, "__parameters__", ())
    if isinstance(hint, type) or not variables:
        return hint
    return hint[tuple(fill(variable, bound) for variable in variables)]
