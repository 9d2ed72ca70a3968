"""Looks a stranger's JSON Schema over, and makes a validator that it cannot harm.

Rule: nothing is fetched, nothing is matched by backtracking, and nothing that we would not
enforce is accepted. What cannot be had on these terms is refused with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
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
from xml_pipeline.payload.imported.glance import glance_of
from xml_pipeline.payload.imported.keywords import Keywords
from xml_pipeline.payload.imported.places import place_of, subschemas
from xml_pipeline.payload.regex.automaton import Automaton
from xml_pipeline.payload.regex.syntax import parse

MAX_SCHEMAS = 5_000
"""The most subschemas of one schema."""

_DIALECTS = (Draft202012Validator, Draft201909Validator, Draft7Validator, Draft6Validator)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class SafeSchema:
    """A schema that has been looked over: ``whole`` as it came, ``root`` without its dialect."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.whole = schema
        # For each schema with a $schema, jsonschema would turn to a validator that is not ours.
        self.root = {key: value for key, value in schema.items() if key != "$schema"}
        places = dict(islice(subschemas(self.root), MAX_SCHEMAS + 1))
        if len(places) > MAX_SCHEMAS:
            raise PayloadDefinitionError(f"a schema of more than {MAX_SCHEMAS} parts")
        dialect = _dialect(schema)
        _check_form(dialect, self.root)
        automata: dict[str, Automaton] = {}
        for place, each in places.items():
            if isinstance(each, dict):
                _check_keywords(place, each)
                automata |= _automata(place, each)
        _check_references(self.root, places)
        extended: Any = extend(dialect, Keywords(automata).by_name())  # type: ignore[no-untyped-call]
        self._validator: Validator = extended(self.root, registry=Registry())

    def check(self, schema: Mapping[str, Any]) -> Callable[[Any], None]:
        """Return a function that raises InvalidPayload unless a value fits the subschema."""
        validator, fits = self._validator.evolve(schema=schema), glance_of(schema)

        def check(value: Any) -> None:
            if fits is not None and fits(value):
                return
            try:
                error = next(iter(validator.iter_errors(value)), None)
            except RecursionError as cause:
                raise InvalidPayload("nested too deeply") from cause
            if error is not None:
                raise InvalidPayload(error.message, _path(error))

        return check


def _dialect(schema: Mapping[str, Any]) -> type[Validator]:
    name = str(schema.get("$schema", DIALECT)).removesuffix("#")
    for dialect in _DIALECTS:
        if name == str(dialect.META_SCHEMA["$id"]).removesuffix("#"):
            return dialect
    raise PayloadDefinitionError(f"the dialect {name!r} is not known")


def _check_form(dialect: type[Validator], schema: Mapping[str, Any]) -> None:
    try:
        error = next(iter(dialect(dialect.META_SCHEMA).iter_errors(schema)), None)
    except RecursionError as cause:
        raise PayloadDefinitionError("a schema nested too deeply") from cause
    if error is not None:
        raise PayloadDefinitionError(f"not a JSON Schema: {error.message}") from error


def _check_keywords(place: str, schema: Mapping[str, Any]) -> None:
    for keyword in _REFERENCES:
        if not str(schema.get(keyword, "#")).startswith("#"):
            raise PayloadDefinitionError(f"{place}: {keyword} leads elsewhere: {schema[keyword]!r}")
    for keyword in ("$id", "$schema"):
        if keyword in schema and place != "#":
            raise PayloadDefinitionError(f"{place}: {keyword} within a schema is refused")
    if "patternProperties" in schema and "unevaluatedProperties" in schema:
        # jsonschema would match these patterns in its own way.
        raise PayloadDefinitionError(f"{place}: unevaluatedProperties beside patternProperties")


def _automata(place: str, schema: Mapping[str, Any]) -> dict[str, Automaton]:
    """Compile every pattern of one subschema."""
    patterns = [*schema.get("patternProperties", ())]
    patterns += [schema["pattern"]] if "pattern" in schema else []
    try:
        return {pattern: Automaton(parse(pattern)) for pattern in patterns}
    except ValueError as error:
        raise PayloadDefinitionError(f"{place}: {error}") from error


def _check_references(root: Mapping[str, Any], places: Mapping[str, Any]) -> None:
    """Refuse a reference to anything that is not a schema, for that has not been looked over."""
    registry: SchemaRegistry = Registry()
    resource: Resource[Any] = DRAFT202012.create_resource(root)
    resolver = registry.with_resource("", resource).resolver()
    for place, schema in places.items():
        for keyword in _REFERENCES if isinstance(schema, dict) else ():
            reference = schema.get(keyword, "#")
            try:
                resolver.lookup(reference)
            except Unresolvable as error:
                raise PayloadDefinitionError(
                    f"{place}: {keyword} leads nowhere: {reference!r}"
                ) from error
            target = place_of(reference)
            if target is not None and target not in places:
                raise PayloadDefinitionError(f"{place}: {reference!r} is not a schema")


def _path(error: ValidationError) -> str:
    """Return the place of an error as in ``crew[2].name``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "".join(steps).removeprefix(".")
