"""The OpenAPI 3.1 document, drawn from the table of routes."""

from __future__ import annotations

from typing import Any

from xml_pipeline.server.operation import JSON, PROBLEM, Operation, Parameter
from xml_pipeline.server.operations import OPERATIONS

_EVERYWHERE = {401: "The token is missing or wrong.", 403: "Another host or origin was meant."}

_PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457. `code` and `id` are those of a fault; the log has more under `id`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "id": {"type": "string"},
        "spent": {"type": "object", "additionalProperties": {"type": "number"}},
    },
    "required": ["type", "title", "status", "detail"],
}

_REQUEST_SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string"},
        "payload": {"type": "object"},
        "thread": {"type": "string", "format": "uuid"},
    },
    "required": ["payload"],
    "additionalProperties": False,
}

_DECISION_SCHEMA = {
    "type": "object",
    "properties": {
        "decision": {"enum": ["allow", "deny", "always_allow", "always_deny"]},
        "reason": {"type": "string"},
        "arguments": {"type": ["array", "null"], "items": {"type": "string"}},
    },
    "required": ["decision"],
    "additionalProperties": False,
}

_ANSWERS_SCHEMA = {
    "type": "object",
    "properties": {"answers": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
    "required": ["answers"],
    "additionalProperties": False,
}


def document() -> dict[str, Any]:
    """Return the document as a JSON object."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "xml-pipeline", "version": "1"},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Problem": _PROBLEM_SCHEMA,
                "Request": _REQUEST_SCHEMA,
                "Decision": _DECISION_SCHEMA,
                "Answers": _ANSWERS_SCHEMA,
                "Mcp": {"type": "object", "description": "JSON-RPC 2.0, as MCP has it."},
                "A2a": {"type": "object", "description": "JSON, or JSON-RPC 2.0, as A2A has it."},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    refusals = {} if operation.open else _EVERYWHERE
    answers = sorted({**operation.answers, **refusals}.items())
    said: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.meaning,
        "responses": {str(status): _answer(operation, status, what) for status, what in answers},
    }
    if operation.parameters:
        said["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.consumes:
        said["requestBody"] = {
            "required": True,
            "content": {media: _content(media, operation.body) for media in operation.consumes},
        }
    return said | ({"security": []} if operation.open else {})


def _answer(operation: Operation, status: int, meaning: str) -> dict[str, Any]:
    if status >= 400:
        content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        return {"description": meaning, "content": content}
    if status in (101, 204, 304):
        return {"description": meaning}
    return {"description": meaning, "content": {media: {} for media in operation.produces}}


def _content(media: str, body: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{body}"}} if media == JSON else {}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.where == "path",
        "description": parameter.meaning,
        "schema": {"type": parameter.kind},
    }
