"""What a model refuses, in the words of the file instead of Python's."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from xml_pipeline.config.document import Finding
from xml_pipeline.config.organism import OrganismConfig
from xml_pipeline.config.source import KeyPath, Source
from xml_pipeline.names import did_you_mean, most_like

EXPECTED: Mapping[str, str] = {
    "bool_type": "true or false",
    "dict_type": "a section of `key: value` lines",
    "float_type": "a number",
    "int_type": "a whole number",
    "mapping_type": "a section of `key: value` lines",
    "model_type": "a section of `key: value` lines",
    "string_type": "text",
    "tuple_type": "a list",
}
"""What should have stood there, by the type of pydantic's error."""

BOUNDS: Mapping[str, str] = {
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "missing": "is missing",
}
"""What a value has to be, by the type of pydantic's error; filled in from its context."""

KINDS: Mapping[type, str] = {
    bool: "true or false",
    dict: "a section",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "text",
    type(None): "nothing",
}
"""What stood there, in words."""


def reworded(error: ErrorDetails, source: Source) -> Finding:
    """Return what one of pydantic's errors says."""
    path: KeyPath = error["loc"]
    if error["type"] == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), keys_of(path[:-1]))
        return Finding(path, "unknown key", hint, at_key=True)
    return Finding(path, _text(error), _hint(error, source))


def meant(unknown: KeyPath) -> str | None:
    """Return the key that an unknown one is most likely a slip of, if any."""
    return most_like(str(unknown[-1]), keys_of(unknown[:-1]))


def keys_of(path: KeyPath) -> tuple[str, ...]:
    """Return the keys that a section of an organism file may have."""
    section: type[BaseModel] | None = OrganismConfig
    for part in path:
        if isinstance(part, str) and section is not None:
            field = section.model_fields.get(part)
            section = _section_in(field.annotation) if field else None
    return tuple(section.model_fields) if section else ()


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as ``tuple[ListenerConfig, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_in(each) for each in get_args(annotation))
    return next(filter(None, inner), None)


def _text(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in EXPECTED:
        return f"must be {EXPECTED[kind]}, not {KINDS.get(type(error['input']), 'this')}"
    if kind in BOUNDS:
        return BOUNDS[kind].format(**context)
    return str(context.get("error", error["msg"]))


def _hint(error: ErrorDetails, source: Source) -> str:
    written = source.unquoted.get(error["loc"])
    if error["type"] == "string_type" and written is not None:
        return f'put it in quotes: "{written}"'
    if error["type"] in ("int_type", "float_type") and isinstance(error["input"], str):
        return _number_meant(error["input"])
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        return did_you_mean(error["input"], error["ctx"]["expected"].split("'")[1::2])
    return ""


def _number_meant(text: str) -> str:
    """Return how to write a number that YAML takes for text: ``"5"``, ``1e3``."""
    try:
        number = float(text)
    except ValueError:
        return ""
    return f"write {number:g}" if isfinite(number) else ""
