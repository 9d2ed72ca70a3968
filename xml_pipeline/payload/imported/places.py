"""Where schemas stand within a schema, as JSON pointers that begin with ``#`` (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

_ONE = (
    "items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties",
    "unevaluatedProperties", "propertyNames", "not", "if", "then", "else", "contentSchema",
)  # fmt: skip
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED = (
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies",
)  # fmt: skip


def subschemas(root: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every schema within a schema, itself first, each with its place."""
    pending: list[tuple[str, Any]] = [("#", root)]
    while pending:
        place, schema = pending.pop()
        if isinstance(schema, dict | bool):
            yield place, schema
        if isinstance(schema, dict):
            pending += _below(place, schema)


def _below(place: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what stands where a schema may stand."""
    for keyword in _ONE:
        yield f"{place}/{keyword}", schema.get(keyword)
    for keyword in _MANY:
        if isinstance(members := schema.get(keyword), list):
            yield from ((f"{place}/{keyword}/{n}", each) for n, each in enumerate(members))
    for keyword in _NAMED:
        if isinstance(named := schema.get(keyword), dict):
            yield from ((f"{place}/{keyword}/{step(key)}", named[key]) for key in named)


def step(key: str) -> str:
    """Return a key as one step of a pointer."""
    return str(key).replace("~", "~0").replace("/", "~1")


def at(root: Any, pointer: str) -> Any:
    """Return what stands at a place."""
    for each in pointer.split("/")[1:]:
        key = each.replace("~1", "/").replace("~0", "~")
        root = root[int(key)] if isinstance(root, list) else root[key]
    return root


def place_of(reference: str) -> str | None:
    """Return the place that a ``$ref`` leads to, or nothing if it names an anchor."""
    if reference == "#" or reference.startswith("#/"):
        return unquote(reference)
    return None
