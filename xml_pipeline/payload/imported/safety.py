"""Looks a stranger's JSON Schema over, and makes a validator that it cannot harm.

Rule: nothing is fetched, nothing is matched by backtracking, and nothing that we would not
enforce is accepted. What cannot be had on these terms is refused with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import (
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
    ValidationError,
)
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, SchemaRegistry

from xml_pipeline.errors import InvalidPayload, PayloadDefinitionError
from xml_pipeline.payload.as_json.schema import DIALECT
from xml_pipeline.payload.regex.automaton import Automaton
from xml_pipeline.payload.regex.syntax import parse

MAX_SCHEMAS = 5_000
"""The most subschemas of one schema."""

_DIALECTS = (Draft202012Validator, Draft201909Validator, Draft7Validator, Draft6Validator)
_ONE = (
    "items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties",
    "unevaluatedProperties", "propertyNames", "not", "if", "then", "else", "contentSchema",
)  # fmt: skip
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED = (
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies",
)  # fmt: skip
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class SafeSchema:
    """A schema that has been looked over, with its patterns compiled to automata."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.whole = schema
        # For each schema with a $schema, jsonschema would turn to a validator that is not ours.
        self.root = {key: value for key, value in schema.items() if key != "$schema"}
        self._automata: dict[str, Automaton] = {}
        cls = _dialect(schema)
        for number, (place, each) in enumerate(_subschemas("#", self.root)):
            if number == MAX_SCHEMAS:
                raise PayloadDefinitionError(f"a schema of more than {MAX_SCHEMAS} parts")
            self._look_over(place, each)
        self._check_form(cls)
        keywords: dict[str, Any] = {
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional_properties,
        }
        registry: SchemaRegistry = Registry()
        extended: Any = extend(cls, keywords)  # type: ignore[no-untyped-call]
        self._validator: Validator = extended(self.root, registry=registry)
        self._check_references(registry)

    def check(self, schema: Mapping[str, Any]) -> Callable[[Any], None]:
        """Return a function that raises InvalidPayload unless a value fits the subschema."""
        validator = self._validator.evolve(schema=schema)

        def check(value: Any) -> None:
            try:
                error = next(iter(validator.iter_errors(value)), None)
            except RecursionError as cause:
                raise InvalidPayload("nested too deeply") from cause
            if error is not None:
                raise InvalidPayload(error.message, _path(error))

        return check

    def target(self, reference: str) -> tuple[str, Any]:
        """Return where a ``$ref`` points, as a JSON pointer below the root, and what is there."""
        found: Any = self.root
        for step in reference.removeprefix("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            found = found[int(step)] if isinstance(found, list) else found[step]
        return reference, found

    def automaton(self, pattern: str) -> Automaton:
        """Return the automaton of a pattern of this schema."""
        return self._automata[pattern]

    def _look_over(self, place: str, schema: Mapping[str, Any]) -> None:
        for keyword in _REFERENCES:
            reference = schema.get(keyword, "#")
            if not isinstance(reference, str) or not reference.startswith("#"):
                raise PayloadDefinitionError(f"{place}: {keyword} leads elsewhere: {reference!r}")
        for keyword in ("$id", "$schema"):
            if keyword in schema and place != "#":
                raise PayloadDefinitionError(f"{place}: {keyword} within a schema is refused")
        patterns = schema.get("patternProperties", {})
        if patterns and "unevaluatedProperties" in schema:
            raise PayloadDefinitionError(
                f"{place}: unevaluatedProperties beside patternProperties is refused"
            )
        for pattern in [schema.get("pattern"), *patterns]:
            if isinstance(pattern, str):
                self._compile(place, pattern)

    def _compile(self, place: str, pattern: str) -> None:
        try:
            self._automata.setdefault(pattern, Automaton(parse(pattern)))
        except ValueError as error:
            raise PayloadDefinitionError(f"{place}: {error}") from error

    def _check_form(self, cls: type[Validator]) -> None:
        try:
            error = next(iter(cls(cls.META_SCHEMA).iter_errors(self.root)), None)
        except RecursionError as cause:
            raise PayloadDefinitionError("a schema nested too deeply") from cause
        if error is not None:
            raise PayloadDefinitionError(f"not a JSON Schema: {error.message}") from error

    def _check_references(self, registry: SchemaRegistry) -> None:
        resource: Resource[Any] = DRAFT202012.create_resource(self.root)
        resolver = registry.with_resource("", resource).resolver()
        for place, schema in _subschemas("#", self.root):
            for keyword in _REFERENCES:
                if keyword in schema:
                    try:
                        resolver.lookup(schema[keyword])
                    except Unresolvable as error:
                        raise PayloadDefinitionError(
                            f"{place}: {keyword} leads nowhere: {schema[keyword]!r}"
                        ) from error

    def _pattern(
        self, validator: Validator, pattern: str, instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not self._automata[pattern].matches(instance):
            yield ValidationError(f"does not match {pattern!r}")

    def _pattern_properties(
        self,
        validator: Any,
        patterns: Mapping[str, Any],
        instance: Any,
        schema: Mapping[str, Any],
    ) -> Iterator[ValidationError]:
        if isinstance(instance, dict):
            for pattern, subschema in patterns.items():
                for key, value in instance.items():
                    if self._automata[pattern].matches(key):
                        yield from validator.descend(
                            value, subschema, path=key, schema_path=pattern
                        )

    def _additional_properties(
        self, validator: Any, additional: Any, instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        if not isinstance(instance, dict):
            return
        automata = [self._automata[pattern] for pattern in schema.get("patternProperties", ())]
        for key, value in instance.items():
            if key not in schema.get("properties", ()) and not any(
                automaton.matches(key) for automaton in automata
            ):
                if additional is False:  # of which jsonschema would not tell the place
                    yield ValidationError("there is no such property", path=[key])
                else:
                    yield from validator.descend(value, additional, path=key)


def _dialect(schema: Mapping[str, Any]) -> type[Validator]:
    name = str(schema.get("$schema", DIALECT)).removesuffix("#")
    for dialect in _DIALECTS:
        if name == str(dialect.META_SCHEMA["$id"]).removesuffix("#"):
            return dialect
    raise PayloadDefinitionError(f"the dialect {name!r} is not known")


def _subschemas(place: str, schema: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every schema within a schema, itself first, each with its JSON pointer."""
    pending: list[tuple[str, Any]] = [(place, schema)]
    while pending:
        place, schema = pending.pop()
        if not isinstance(schema, dict):
            continue
        yield place, schema
        for keyword in _ONE:
            pending.append((f"{place}/{keyword}", schema.get(keyword)))
        for keyword in _MANY:
            if isinstance(members := schema.get(keyword), list):
                pending += ((f"{place}/{keyword}/{n}", each) for n, each in enumerate(members))
        for keyword in _NAMED:
            if isinstance(named := schema.get(keyword), dict):
                pending += ((f"{place}/{keyword}/{step(key)}", named[key]) for key in named)


def step(key: str) -> str:
    """Return a key as one step of a JSON pointer."""
    return str(key).replace("~", "~0").replace("/", "~1")


def _path(error: ValidationError) -> str:
    """Return the place of an error as in ``crew[2].name``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "".join(steps).removeprefix(".")
