"""GET /openapi.json: the document tells every route, and tells it rightly."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator

from tests.server.house import TOKEN, everybody, running
from xml_pipeline.organism import Organism
from xml_pipeline.server import application
from xml_pipeline.server.openapi import document

# The parts of the schema of OpenAPI 3.1 (https://spec.openapis.org/oas/3.1/schema/2022-10-07)
# that this document uses.
SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["openapi", "info", "paths"],
    "properties": {
        "openapi": {"pattern": r"^3\.1\.\d+$"},
        "info": {"type": "object", "required": ["title", "version"]},
        "paths": {
            "patternProperties": {"^/": {"additionalProperties": {"$ref": "#/$defs/operation"}}},
            "additionalProperties": False,
        },
    },
    "additionalProperties": {"$comment": "security, components"},
    "$defs": {
        "operation": {
            "type": "object",
            "required": ["operationId", "summary", "responses"],
            "properties": {
                "operationId": {"type": "string"},
                "summary": {"type": "string"},
                "security": {"const": []},
                "parameters": {"type": "array", "items": {"$ref": "#/$defs/parameter"}},
                "requestBody": {"type": "object", "required": ["content"]},
                "responses": {
                    "patternProperties": {
                        r"^[1-5]\d\d$": {"type": "object", "required": ["description"]}
                    },
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            },
            "additionalProperties": False,
        },
        "parameter": {
            "type": "object",
            "required": ["name", "in", "schema"],
            "properties": {"in": {"enum": ["path", "query", "header"]}},
            "if": {"properties": {"in": {"const": "path"}}},
            "then": {"properties": {"required": {"const": True}}},
        },
    },
}

METHODS = {"get", "post", "delete"}


def test_the_document_has_the_shape_of_openapi() -> None:
    Draft202012Validator.check_schema(SHAPE)
    assert list(Draft202012Validator(SHAPE).iter_errors(document())) == []


def test_every_name_of_an_operation_is_its_own() -> None:
    operations = [each for path in document()["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    said = document()
    references = set(re.findall(r"'\$ref': '#/([^']+)'", repr(said)))
    assert references
    for reference in references:
        at: Any = said
        for step in reference.split("/"):
            at = at[step]
        assert Draft202012Validator.check_schema(at) is None


def test_every_parameter_of_a_path_is_described() -> None:
    for path, operations in document()["paths"].items():
        wanted = set(re.findall(r"\{(\w+)\}", path))
        for operation in operations.values():
            given = {each["name"] for each in operation.get("parameters", ()) if each["required"]}
            assert given == wanted, path


async def test_the_document_and_the_application_have_the_same_routes() -> None:
    async with Organism(everybody()) as organism:
        app = application(organism, token=TOKEN)
        app.state.desk.close()
    served = {  # A slash behind an address is for clients that cannot do without.
        (getattr(route, "path", "").removesuffix("/"), method.lower())
        for route in app.routes
        for method in (getattr(route, "methods", None) or ("GET",))
        if method != "HEAD"
    }
    told = {
        (path, method) for path, operations in document()["paths"].items() for method in operations
    }
    assert served == told
    assert {method for _, method in told} <= METHODS


async def test_every_route_answers_with_a_status_that_is_told() -> None:
    async with running() as visitor:
        said = (await visitor.http.get("/openapi.json")).json()
        assert said == document()
        for path, operations in said["paths"].items():
            for method, operation in operations.items():
                if "101" in operation["responses"] or "text/event-stream" in str(operation):
                    continue
                url = path.replace("{id}", "x").replace("{name}", "greeter")
                response = await visitor.http.request(method, url)
                assert str(response.status_code) in operation["responses"], path


async def test_a_method_that_is_not_there_is_told_as_a_problem() -> None:
    async with running() as visitor:
        response = await visitor.http.put("/v1/threads")
    assert (response.status_code, response.json()["status"]) == (405, 405)
    assert "GET" in response.headers["allow"]


async def test_a_path_with_a_slash_too_many_is_another_path() -> None:
    async with running() as visitor:
        response = await visitor.http.get("/v1/threads/")
    assert response.status_code == 404
