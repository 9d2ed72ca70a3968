"""The official JSON Schema test suite: what we accept, we judge as it does.

Two readings of the suite: its schemas of type object as they are, and every schema of it as the
schema of one property. The JSON of each accepted instance must also survive as XML.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from xml_pipeline.errors import InvalidPayload, PayloadDefinitionError
from xml_pipeline.payload import codec_of, payload_from_json_schema
from xml_pipeline.payload.codec import Codec

SUITE = Path(__file__).parents[3] / "shared/corpora/json-schema-test-suite/tests/draft2020-12"
# Optional parts that assert what the specification lets a validator leave alone.
ASSERTIONS = ("format", "content", "cross-draft", "dependencies-compatibility", "no-schema")
FILES = [
    path
    for path in sorted(SUITE.rglob("*.json"))
    if not any(part in path.as_posix() for part in ASSERTIONS)
]


class Case(NamedTuple):
    """A schema with its instances and the suite's verdicts on them."""

    name: str
    schema: dict[str, Any]
    verdicts: list[tuple[Any, bool]]


def as_they_are(path: Path) -> Iterator[Case]:
    for group in json.loads(path.read_text(encoding="utf-8")):
        schema = group["schema"]
        if isinstance(schema, dict) and schema.get("type") == "object":
            verdicts = [(each["data"], each["valid"]) for each in group["tests"]]
            yield Case(group["description"], schema, verdicts)


def as_a_property(path: Path) -> Iterator[Case]:
    for group in json.loads(path.read_text(encoding="utf-8")):
        if "$dynamicRef" in json.dumps(group["schema"]):
            continue  # its meaning changes with the place
        schema = {
            "type": "object",
            "properties": {"value": moved(group["schema"])},
            "required": ["value"],
        }
        verdicts = [({"value": each["data"]}, each["valid"]) for each in group["tests"]]
        yield Case(group["description"], schema, verdicts)


def moved(schema: Any) -> Any:
    """Return the schema with its references led to where it now stands."""
    if isinstance(schema, list):
        return [moved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {
        key: value if key in ("const", "enum") else moved(value)
        for key, value in schema.items()
        if key != "$schema"
    }
    if isinstance(reference := inner.get("$ref"), str) and reference[:2] in ("#", "#/"):
        inner["$ref"] = f"#/properties/value{reference[1:]}"
    return inner


def codec_for(case: Case) -> Codec[Any] | None:
    try:
        return codec_of(payload_from_json_schema("Case", case.schema))
    except PayloadDefinitionError:
        return None


def same(one: Any, other: Any) -> bool:
    """Compare two JSON values, their numbers as the doubles that most readers take them for."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return float(one) == float(other)
    return bool(one == other)


def verdict(codec: Codec[Any], instance: Any) -> bool:
    """Return whether we accept an instance, having made sure that it survives if we do."""
    try:
        payload = codec.from_json(instance)
    except InvalidPayload:
        return False
    assert same(codec.to_json(payload), instance)
    try:
        document = codec.to_xml(payload)
    except InvalidPayload as refusal:
        # The only excuse: a key with characters that XML does not have.
        assert "XML cannot carry" in str(refusal)  # noqa: PT017
    else:
        assert codec.from_xml(document) == payload
    return True


def test_the_suite_is_there() -> None:
    if not FILES:
        pytest.skip(f"THE JSON SCHEMA TEST SUITE IS NOT HERE: {SUITE}")
    accepted = {
        reading.__name__: [codec_for(case) is not None for path in FILES for case in reading(path)]
        for reading in (as_they_are, as_a_property)
    }
    for name, verdicts in accepted.items():
        sys.stderr.write(f"\nJSON Schema test suite, {name}: {sum(verdicts)} of {len(verdicts)}\n")
    assert sum(accepted["as_they_are"]) >= 9
    assert sum(accepted["as_a_property"]) >= 310


@pytest.mark.parametrize("reading", [as_they_are, as_a_property])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_our_verdict_is_the_suites(path: Path, reading: Any) -> None:
    for case in reading(path):
        if codec := codec_for(case):
            ours = [(instance, verdict(codec, instance)) for instance, _ in case.verdicts]
            assert ours == case.verdicts, case.name
