"""The published schemas are those that the running package uses."""

from __future__ import annotations

from pathlib import Path

from tests.house.source import ROOT

PUBLISHED = ROOT / "schemas"
SHIPPED = ROOT / "xml_pipeline" / "schemas"


def stale(shipped: Path, published: Path) -> list[str]:
    """Return the names of shipped schemas that are published differently or not at all."""
    schemas = sorted(path for pattern in ("*.xsd", "*.json") for path in shipped.glob(pattern))
    return [
        schema.name
        for schema in schemas
        if not (twin := published / schema.name).is_file()
        or twin.read_bytes() != schema.read_bytes()
    ]


def test_every_shipped_schema_is_published_as_it_is() -> None:
    assert (SHIPPED / "envelope.xsd").is_file()
    assert stale(SHIPPED, PUBLISHED) == []


def test_a_stale_or_missing_schema_is_found(tmp_path: Path) -> None:
    shipped, published = tmp_path / "shipped", tmp_path / "published"
    for folder, schemas in (
        (shipped, {"same": "1", "changed": "2", "missing": "3"}),
        (published, {"same": "1", "changed": "1", "other": "4"}),
    ):
        folder.mkdir()
        for name, text in schemas.items():
            (folder / f"{name}.xsd").write_text(text)
    assert stale(shipped, published) == ["changed.xsd", "missing.xsd"]
