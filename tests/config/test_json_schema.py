"""The schema that editors check an organism file with accepts what the models accept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.config.files import listener, listeners, load, problems_of
from xml_pipeline.config import SCHEMA_FILE, YAML_HEADER, config_json_schema

RIGHT = [
    "organism: {name: a}",
    "budget: {tokens: 5, seconds: 1.5, usd: null}",
    "thread_scheduling: depth-first",
    "trusted_keys: {ada: ada.pem}",
    "allow_imports: [a.b]",
    listeners(listener()),
    listeners(listener(payload_class="[handlers.a:B, handlers.a:C]", peers='"*"')),
    listeners(listener(peers='["*", system.todo]', retry="{base_delay: 2}")),
]
WRONG = [
    "organsim: {}",
    "budget: {tokens: 0}",
    "budget: {tokens: '5'}",
    "thread_scheduling: width-first",
    "server: {port: 70000}",
    "listeners: {}",
    "listeners: [{name: a}]",
    "trusted_keys: {ada: 5}",
    listeners(listener(name="a b")),
    listeners(listener(name="a" * 101)),
    listeners(listener(agent="5")),
]


def is_valid(text: str) -> bool:
    return jsonschema.Draft202012Validator(config_json_schema()).is_valid(yaml.safe_load(text))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(config_json_schema())
    assert config_json_schema()["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_passes_both(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).warnings == ()
    assert is_valid(text)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_passes_neither(tmp_path: Path, text: str) -> None:
    assert problems_of(tmp_path, text)
    assert not is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "max_concurrent_handlers: ${N:-5}",
        "thread_scheduling: ${HOW:-depth-first}",
        "process_pool:\n  enabled: ${POOL:-true}",
        "budget:\n  usd: ${USD:-0.5}",
        "server:\n  port: ${PORT:-80}",
    ],
)
def test_a_reference_to_the_environment_passes_both(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).warnings == ()
    assert is_valid(text)


def test_every_key_explains_itself() -> None:
    schema = config_json_schema()
    for section in (schema, *schema["$defs"].values()):
        assert section["description"]
        assert [key for key, value in section["properties"].items() if not explained(value)] == []


def explained(value: dict[str, Any]) -> bool:
    return "description" in value or "$ref" in value


def test_the_header_names_the_schema_as_it_is_published() -> None:
    assert YAML_HEADER.endswith(f"$schema={SCHEMA_FILE}")
