#!/usr/bin/env python
"""Writes the schemas that are published, here and in the package, from the code that they are of.

Run it after a change to a built-in payload or to the configuration; a test compares the files
with what it would write. `envelope.xsd` and `signature.xsd` are written by hand, in the package,
and copied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xml_pipeline import primitives
from xml_pipeline.config import SCHEMA_FILE, config_json_schema
from xml_pipeline.payload import Codec, codec_of
from xml_pipeline.system import SYSTEM_PAYLOADS

PUBLISHED = Path(__file__).parent
SHIPPED = PUBLISHED.parent / "xml_pipeline" / "schemas"
BY_HAND = ("envelope.xsd", "signature.xsd")


def schemas() -> Mapping[str, str]:
    """Return the text of every generated schema, by its path below the folder of schemas."""
    found = {SCHEMA_FILE: _as_text(config_json_schema())}
    for codec in built_in_payloads():
        found[f"payloads/{codec.tag}.xsd"] = codec.xsd.decode().strip() + "\n"
        found[f"payloads/{codec.tag}.schema.json"] = _as_text(codec.json_schema())
    return found


def built_in_payloads() -> tuple[Codec[Any], ...]:
    """Return the codecs of the payloads of the system listeners and of the pump itself."""
    of_primitives = [getattr(primitives, name) for name in primitives.__all__ if name[0].isupper()]
    classes = sorted({*SYSTEM_PAYLOADS, *of_primitives}, key=lambda cls: str(cls.__name__))
    return tuple(codec_of(cls) for cls in classes)


def write(folder: Path) -> None:
    """Write every generated schema below a folder, and remove those of payloads that are gone."""
    texts = schemas()
    (folder / "payloads").mkdir(exist_ok=True)
    for file in (folder / "payloads").iterdir():
        if f"payloads/{file.name}" not in texts:
            file.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _as_text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    for each in (PUBLISHED, SHIPPED):
        write(each)
    for by_hand in BY_HAND:
        (PUBLISHED / by_hand).write_bytes((SHIPPED / by_hand).read_bytes())
