"""Enum and Literal as a few texts."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.model.kinds import Kind, Nullable, Option, Options
from xml_pipeline.payload.text import escape


def enum_options(cls: type[Enum]) -> Options:
    """Return the members of an Enum: by value if all are text or all are whole numbers.

    Otherwise they go by name.
    """
    members = list(cls)
    values = [member.value for member in members]
    by_value = any(all(type(value) is kind for value in values) for kind in (str, int))
    shown = values if by_value else [member.name for member in members]
    pairs = zip(shown, members, strict=True)
    return _options(Option(_text(json), json, member) for json, member in pairs)


def literal_options(values: Iterable[object]) -> Kind:
    """Return the values of a Literal, whose None makes it nullable."""
    values = list(values)
    some = [value for value in values if value is not None]
    if not some:
        raise PayloadDefinitionError("None alone says nothing")
    options = _options(_literal(value) for value in some)
    return options if len(some) == len(values) else Nullable(options)


def _literal(value: object) -> Option:
    if isinstance(value, Enum):
        [option] = (each for each in enum_options(type(value)).options if each.value is value)
        return option
    if not isinstance(value, str | int):
        raise PayloadDefinitionError(f"the literal {value!r} has no XML form")
    return Option(_text(value), value, value)


def _text(value: str | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    escape(text)
    return text


def _options(options: Iterable[Option]) -> Options:
    found = tuple(options)
    if not found:
        raise PayloadDefinitionError("there is nothing to choose from")
    if len({each.text for each in found}) < len(found) or len({e.value for e in found}) < len(
        found
    ):
        raise PayloadDefinitionError("two of the choices look the same")
    return Options(found)
