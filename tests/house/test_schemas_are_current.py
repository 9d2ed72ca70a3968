"""The published schemas are those that the running package uses."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path

from lxml import etree

from tests.house.source import ROOT
from xml_pipeline.payload import compile_schema
from xml_pipeline.system import SYSTEM_PAYLOADS

PUBLISHED = ROOT / "schemas"
SHIPPED = ROOT / "xml_pipeline" / "schemas"


def files(folder: Path) -> dict[str, str]:
    """Return the text of every schema in a folder, by its path below it."""
    found = [path for pattern in ("*.xsd", "*.json") for path in folder.rglob(pattern)]
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in found}


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the names of the files that are not the same on both sides."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def generated() -> Mapping[str, str]:
    """Return what `schemas/generate.py` would write."""
    texts: Mapping[str, str] = runpy.run_path(str(PUBLISHED / "generate.py"))["schemas"]()
    return texts


def test_what_is_shipped_is_what_is_published() -> None:
    assert "envelope.xsd" in files(SHIPPED)
    assert differences(files(SHIPPED), files(PUBLISHED)) == []


def test_every_schema_but_those_around_the_payload_is_generated_from_the_code() -> None:
    assert differences(files(PUBLISHED), generated()) == ["envelope.xsd", "signature.xsd"]


def test_every_payload_of_the_pump_and_of_its_primitives_has_both_schemas() -> None:
    names = generated()
    for tag in (*(cls.__name__ for cls in SYSTEM_PAYLOADS), "SequenceStart", "TimerError"):
        assert {f"payloads/{tag}.xsd", f"payloads/{tag}.schema.json"} <= names.keys()


def test_a_published_payload_schema_is_a_schema_of_that_payload() -> None:
    schema = compile_schema(files(PUBLISHED)["payloads/Boot.xsd"].encode())
    assert schema.validate(etree.XML(BOOT))
    assert not schema.validate(etree.XML(BOOT.replace(">3<", ">three<")))


BOOT = (
    "<Boot><organism_name>x</organism_name><timestamp>now</timestamp>"
    "<listener_count>3</listener_count></Boot>"
)


def test_the_generator_writes_what_is_missing_and_removes_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "payloads").mkdir()
    (tmp_path / "payloads" / "Gone.xsd").write_text("<gone/>")
    (tmp_path / "payloads" / "Boot.xsd").write_text("<stale/>")
    runpy.run_path(str(PUBLISHED / "generate.py"))["write"](tmp_path)
    assert differences(files(tmp_path), generated()) == []


def test_a_stale_or_missing_schema_is_found() -> None:
    shipped = {"same": "1", "changed": "2", "missing": "3"}
    assert differences(shipped, {"same": "1", "changed": "1", "other": "4"}) == [
        "changed",
        "missing",
        "other",
    ]
