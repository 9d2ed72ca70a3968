"""Those keywords of JSON Schema for which jsonschema's own way could be made to hang.

Patterns are matched by automata, in linear time, and items compared by hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import ValidationError

from xml_pipeline.payload.regex.automaton import Automaton

Schema = Mapping[str, Any]
Errors = Iterator[ValidationError]


class Keywords:
    """The keywords, for the patterns of one schema."""

    def __init__(self, automata: Mapping[str, Automaton]) -> None:
        self._automata = automata

    def by_name(self) -> dict[str, Any]:
        """Return what `jsonschema.validators.extend` wants."""
        return {
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional_properties,
            "uniqueItems": _unique_items,
        }

    def _pattern(self, validator: Any, pattern: str, instance: Any, schema: Schema) -> Errors:
        if isinstance(instance, str) and not self._automata[pattern].matches(instance):
            yield ValidationError(f"does not match {pattern!r}")

    def _pattern_properties(
        self, validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Schema
    ) -> Errors:
        if isinstance(instance, dict):
            for pattern, subschema in patterns.items():
                for key, value in instance.items():
                    if self._automata[pattern].matches(key):
                        yield from _descend(validator, key, value, subschema)

    def _additional_properties(
        self, validator: Any, additional: Any, instance: Any, schema: Schema
    ) -> Errors:
        if not isinstance(instance, dict):
            return
        declared = schema.get("properties", ())
        automata = [self._automata[pattern] for pattern in schema.get("patternProperties", ())]
        for key, value in instance.items():
            if key not in declared and not any(each.matches(key) for each in automata):
                yield from _descend(validator, key, value, additional)


def _descend(validator: Any, key: str, value: Any, schema: Any) -> Errors:
    if schema is False:  # of which jsonschema would not tell the place
        yield ValidationError("there is no such property", path=[key])
    else:
        yield from validator.descend(value, schema, path=key)


def _unique_items(validator: Any, unique: bool, instance: Any, schema: Schema) -> Errors:
    items = instance if unique and isinstance(instance, list) else []
    if len(set(map(_hashable, items))) < len(items):
        yield ValidationError("has the same item twice")


def _hashable(value: Any) -> object:
    """Return what is equal for equal JSON values: 1 is 1.0, but not true."""
    if isinstance(value, dict):
        return frozenset((key, _hashable(each)) for key, each in value.items())
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return (bool, value) if isinstance(value, bool) else value
