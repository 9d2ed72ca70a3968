"""The JSON Schema of an organism file, for editors."""

from __future__ import annotations

from typing import Any

from xml_pipeline.config.organism import OrganismConfig

SCHEMA_FILE = "organism.schema.json"
"""The name under which the schema is published."""

YAML_HEADER = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""First line of an organism file with the schema beside it: editors check and complete it."""

REFERENCE = {"type": "string", "pattern": r"\$\{"}
"""What may stand for any number or truth value: a text with a ``${NAME}`` in it."""


def config_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an organism file."""
    schema = OrganismConfig.model_json_schema()
    sections = [schema, *schema["$defs"].values()]
    for section in sections:
        section["properties"] = {
            key: _or_reference(value) for key, value in section["properties"].items()
        }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _or_reference(value: dict[str, Any]) -> dict[str, Any]:
    """Let a ``${NAME}`` stand where a number, a truth value or one of a few words belongs."""
    kinds = {each.get("type") for each in value.get("anyOf", [value])}
    if not kinds & {"integer", "number", "boolean"} and "enum" not in value:
        return value
    about: dict[str, Any] = {
        key: value[key] for key in ("default", "description", "title") if key in value
    }
    kind = {key: each for key, each in value.items() if key not in about}
    return {**about, "anyOf": [*kind.get("anyOf", [kind]), REFERENCE]}
