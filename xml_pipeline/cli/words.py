"""What people write for a payload: XML, JSON, or just the text of its one field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xml_pipeline.cli.client import JSON, XML, Client, Message, path
from xml_pipeline.cli.exits import Misused

Schemas = Mapping[str, Mapping[str, Any]]
"""The JSON Schema of each payload that a listener accepts, by tag."""


async def message(client: Client, to: str, text: str) -> Message:
    """Return a message with this payload for a listener.

    Raises Misused where nothing that the listener accepts can be meant.
    """
    stripped = text.strip()
    if stripped.startswith("<"):
        return Message(stripped.encode(), XML, to)
    shown = await client.show(path("listeners", to, "schema"))
    schemas = {tag: each["json_schema"] for tag, each in shown["payloads"].items()}
    if stripped.startswith("{"):
        payload = named(_json(stripped), schemas, to)
    else:
        payload = in_one_field(text, schemas, to)
    return Message(json.dumps({"to": to, "payload": payload}).encode(), JSON)


def _json(text: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise Misused(f"the payload is no JSON: {error}") from None
    return value


def named(payload: dict[str, Any], schemas: Schemas, to: str) -> dict[str, Any]:
    """Return ``{tag: fields}`` for fields that may lack their tag: the first that they fit."""
    tag = next(iter(payload), "")
    if len(payload) == 1 and tag in schemas and isinstance(payload[tag], dict):
        return payload
    for tag, schema in schemas.items():
        fields = schema.get("properties", {})
        if set(schema.get("required", ())) <= payload.keys() <= fields.keys():
            return {tag: payload}
    raise Misused(f"{to} accepts {_listed(schemas)}; these fields fit none of them")


def in_one_field(text: str, schemas: Schemas, to: str) -> dict[str, Any]:
    """Return ``{tag: {field: text}}`` for the first payload that is one text."""
    for tag, schema in schemas.items():
        fields = schema.get("properties", {})
        needed = schema.get("required") or list(fields)
        if len(needed) == 1 and fields[needed[0]].get("type") == "string":
            return {tag: {needed[0]: text}}
    raise Misused(
        f"{to} accepts {_listed(schemas)}: no payload of one text; write XML or JSON,"
        f" `xml-pipeline schema payload {to} --example` shows how"
    )


def _listed(schemas: Schemas) -> str:
    return ", ".join(schemas) or "XML only"
