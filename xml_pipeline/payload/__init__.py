"""Payloads: a dataclass that is also an XML element, an XSD, a JSON Schema and an example."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from xml_pipeline.payload.codec import Codec
from xml_pipeline.payload.decorate import codec_of, xmlify
from xml_pipeline.payload.raw import ABSENT, Absent, Json, JsonValue, RawPayload, RawXml
from xml_pipeline.payload.regex.syntax import Pattern
from xml_pipeline.payload.xsd import compile_schema

if TYPE_CHECKING:
    from xml_pipeline.payload.imported import payload_from_json_schema

__all__ = [
    "ABSENT",
    "Absent",
    "Codec",
    "Json",
    "JsonValue",
    "Pattern",
    "RawPayload",
    "RawXml",
    "codec_of",
    "compile_schema",
    "payload_from_json_schema",
    "xmlify",
]

if not TYPE_CHECKING:  # else every misspelt name would pass for an `object`

    def __getattr__(name: str) -> object:
        """Import ``payload_from_json_schema``, and with it jsonschema, when it is first used."""
        if name != "payload_from_json_schema":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.imported"), name)
        globals()[name] = value
        return value
